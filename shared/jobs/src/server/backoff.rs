//! Pauses between attempts while the storage is away.

use std::time::Duration;

/// Doubling, jittered, bounded pauses. A success starts over.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    pub(super) fn new(longest: Duration) -> Self {
        Self { first: Duration::from_millis(50).min(longest), longest, failures: 0 }
    }

    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The pause after one more failure: between half and all of the step.
    pub(super) fn next(&mut self) -> Duration {
        let step = self.first.saturating_mul(1 << self.failures.min(16)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        step.mul_f64(rand::random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound_and_start_over() {
        let longest = Duration::from_secs(2);
        let mut backoff = Backoff::new(longest);
        assert!(backoff.next() <= Duration::from_millis(50));
        for _ in 0..100 {
            assert!(backoff.next() <= longest);
        }
        assert!(backoff.next() >= longest / 2);
        backoff.reset();
        assert!(backoff.next() <= Duration::from_millis(50));
    }
}
