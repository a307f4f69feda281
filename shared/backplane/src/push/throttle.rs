//! How often progress is told.

use std::time::Duration;

use tokio::time::Instant;

/// Lets one report through now and then: each is a row under the user's lock, and a message to each of their tabs.
#[derive(Debug)]
pub struct Throttle {
    interval: Duration,
    told_at: Option<Instant>,
}

impl Throttle {
    /// At most one report an `interval`.
    pub fn new(interval: Duration) -> Self {
        Self { interval, told_at: None }
    }

    /// Whether a report is due; the first one is. Ask before the transaction, [`told`](Self::told) after its commit:
    /// an attempt that is rolled back told nobody.
    pub fn is_due(&self, now: Instant) -> bool {
        self.told_at.is_none_or(|told| now - told >= self.interval)
    }

    /// A report went out.
    pub fn told(&mut self, now: Instant) {
        self.told_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_report_an_interval_is_due_and_the_first_at_once() {
        let (mut throttle, start) = (Throttle::new(Duration::from_secs(1)), Instant::now());
        assert!(throttle.is_due(start));
        assert!(throttle.is_due(start), "nobody was told yet");
        throttle.told(start);
        assert!(!throttle.is_due(start + Duration::from_millis(999)));
        assert!(throttle.is_due(start + Duration::from_secs(1)));
    }
}
