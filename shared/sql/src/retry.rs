//! Which errors are worth another attempt, and how long to wait before it.
//!
//! Facts: Microsoft's "Troubleshoot transient connection errors" for Azure SQL, and the error reference of
//! SQL Server for 1205, 1222 and 3960. Does not retry anything itself; see `transaction` and `outcome`.

use std::time::Duration;

use crate::error::{ConnectFailure, Error};

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// It would fail again.
    Never,
    /// Again, on any connection.
    Again,
    /// Again, but every pooled connection leads to a database that has moved or is gone.
    AfterDroppingPool,
}

/// Sorts an error.
pub(crate) fn class(error: &Error) -> Retry {
    match error {
        Error::RolledBack { cause, .. } => class(cause),
        Error::ConnectionLost { .. } | Error::Timeout { .. } | Error::PoolTimeout { .. } => Retry::Again,
        Error::Connect { reason, .. } => match reason.as_ref() {
            ConnectFailure::Network(_) | ConnectFailure::Timeout(_) => Retry::Again,
            ConnectFailure::Refused(error) => class_of_number(error.number),
            _ => Retry::Never,
        },
        Error::Server(error) => match class_of_number(error.number) {
            Retry::Never if error.class >= FATAL_CLASS => Retry::Again,
            retry => retry,
        },
        _ => Retry::Never,
    }
}

/// Severity from which the server ends the connection.
pub(crate) const FATAL_CLASS: u8 = 20;

fn class_of_number(number: u32) -> Retry {
    match number {
        // Deadlock victim, lock time-out, update conflict under snapshot.
        1205 | 1222 | 3960 => Retry::Again,
        // The database moves, is being throttled, or cannot be opened just now.
        40_613 | 40_197 | 40_501 | 49_918..=49_920 | 10_928 | 10_929 | 4060 => Retry::AfterDroppingPool,
        _ => Retry::Never,
    }
}

/// Growing, jittered pauses: attempt 1 waits up to `first`, each further one up to twice as long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
}

impl Backoff {
    /// The pause after failed attempt number `attempt` (from 1): between half and all of the step, so that
    /// those who collided once do not collide again.
    pub(crate) fn pause(&self, attempt: u32) -> Duration {
        let step = self.first.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(self.longest);
        step.mul_f64(rand::random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest_and_never_vanish() {
        let backoff = Backoff { first: Duration::from_millis(10), longest: Duration::from_millis(100) };
        for attempt in 1..40 {
            let step = Duration::from_millis((10u64 << (attempt - 1).min(10)).min(100));
            let pause = backoff.pause(attempt as u32);
            assert!(pause <= step && pause >= step / 2, "{attempt}: {pause:?}");
        }
    }

    #[test]
    fn the_named_numbers_are_retried_and_others_are_not() {
        for number in [1205, 1222, 3960] {
            assert_eq!(class_of_number(number), Retry::Again);
        }
        for number in [40613, 40197, 40501, 49918, 49919, 49920, 10928, 10929, 4060] {
            assert_eq!(class_of_number(number), Retry::AfterDroppingPool);
        }
        for number in [2627, 2601, 547, 8152, 18456, 40001] {
            assert_eq!(class_of_number(number), Retry::Never);
        }
    }
}
