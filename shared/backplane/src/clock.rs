//! The clock of leases and deadlines: nanoseconds of `CLOCK_MONOTONIC_COARSE`.
//!
//! A cache hit reads it, so it must cost a few nanoseconds: the coarse clock is a memory read in the vDSO, no
//! serialising instruction, and no ticker thread that could stall and freeze a lease. Its price is that it
//! lags the exact clock by up to one kernel tick, which the lease subtracts ([`TICK_MAX`]).
//!
//! Time in which the whole machine is suspended is not counted.

use std::time::Duration;

/// A moment of this process' monotonic clock, in nanoseconds. Comparable only within one process.
pub type Nanos = u64;

/// The longest that the coarse clock lags: one tick at 100 Hz, the slowest rate Linux is built with.
pub const TICK_MAX: Duration = Duration::from_millis(10);

/// A duration in nanoseconds, as far as it fits.
pub(crate) fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Where the time comes from: the system, or a test's hand.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// `CLOCK_MONOTONIC_COARSE`.
    #[default]
    System,
    /// Moved by a test.
    #[cfg(feature = "testing")]
    Manual(std::sync::Arc<std::sync::atomic::AtomicU64>),
}

impl Clock {
    /// The time now.
    #[inline]
    pub fn now(&self) -> Nanos {
        match self {
            Clock::System => system_now(),
            #[cfg(feature = "testing")]
            Clock::Manual(now) => now.load(std::sync::atomic::Ordering::SeqCst),
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
#[inline]
fn system_now() -> Nanos {
    use rustix::time::{ClockId, clock_gettime};
    let now = clock_gettime(ClockId::MonotonicCoarse);
    (now.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec as u64)
}

/// Systems without a coarse clock pay for the exact one.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn system_now() -> Nanos {
    use rustix::time::{ClockId, clock_gettime};
    let now = clock_gettime(ClockId::Monotonic);
    (now.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_moves_forward() {
        let first = Clock::System.now();
        while Clock::System.now() == first {
            std::hint::spin_loop();
        }
        assert!(Clock::System.now() > first);
    }
}
