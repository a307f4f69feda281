//! When a failed job runs again. Pure; the schedule is Hangfire's, so that mixed fleets behave alike.

use std::time::Duration;

use crate::failure::{Exception, cut};

/// Longest part of the message inside a retry's reason: Hangfire's number.
const REASON_MESSAGE_MAX: usize = 50;
/// Longest reason: one less than the column, as Hangfire cuts it.
pub(crate) const REASON_MAX: usize = 99;
/// The random part of a delay is 0 to this many seconds, times the attempt.
const JITTER_MAX_SECS: u64 = 29;

/// How often and when a failed job is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts after the first one (Hangfire's `AutomaticRetryCount`). 0 = every failure is final. Default 10.
    pub attempts: u32,
    /// Pauses before retry 1, 2, 3 …, the last one repeated. Empty = Hangfire's schedule, seconds
    /// `(n - 1)^4 + 15 + random(0..=29) * n`: 15–44 s before the first, nearly two hours before the tenth.
    pub delays: Vec<Duration>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 10, delays: Vec::new() }
    }
}

impl RetryPolicy {
    /// The pause before retry number `retry` (from 1).
    pub(crate) fn delay(&self, retry: u32) -> Duration {
        let fixed = self.delays.get(retry.saturating_sub(1) as usize).or(self.delays.last());
        fixed.copied().unwrap_or_else(|| hangfire_delay(retry, rand::random_range(0..=JITTER_MAX_SECS)))
    }
}

/// Hangfire's delay before retry number `retry` (from 1) with `roll` from 0 to 29.
fn hangfire_delay(retry: u32, roll: u64) -> Duration {
    let retry = u64::from(retry.max(1));
    Duration::from_secs((retry - 1).saturating_pow(4).saturating_add(15 + roll * retry))
}

/// "Retry attempt n of N: message", as Hangfire words it.
pub(crate) fn retry_reason(retry: u32, attempts: u32, exception: &Exception) -> String {
    cut(
        &format!("Retry attempt {retry} of {attempts}: {}", cut(&exception.message, REASON_MESSAGE_MAX)),
        REASON_MAX,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_stay_within_hangfires_table() {
        let table = [
            (15, 44),
            (16, 74),
            (31, 118),
            (96, 212),
            (271, 416),
            (640, 814),
            (1311, 1514),
            (2416, 2648),
            (4111, 4372),
            (6576, 6866),
        ];
        for (index, (low, high)) in table.into_iter().enumerate() {
            let retry = index as u32 + 1;
            assert_eq!(hangfire_delay(retry, 0).as_secs(), low, "retry {retry}");
            assert_eq!(hangfire_delay(retry, 29).as_secs(), high, "retry {retry}");
        }
    }

    #[test]
    fn fixed_delays_repeat_their_last() {
        let second = Duration::from_secs(1);
        let policy = RetryPolicy { attempts: 5, delays: vec![second, second * 3] };
        assert_eq!(
            [1, 2, 3, 4].map(|retry| policy.delay(retry)),
            [second, second * 3, second * 3, second * 3]
        );
    }

    #[test]
    fn a_reason_fits_its_column() {
        let exception =
            Exception { type_name: String::new(), message: "ß".repeat(400), details: String::new() };
        let reason = retry_reason(10, 10, &exception);
        assert!(reason.starts_with("Retry attempt 10 of 10: ß") && reason.ends_with('…'));
        assert!(reason.chars().count() <= REASON_MAX);
    }
}
