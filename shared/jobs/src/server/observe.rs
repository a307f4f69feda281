//! When is another server dead? Pure: observations in, verdicts out.
//!
//! A server is dead if one observer read the *same* beat in at least three successful observations over at least
//! `dead_after` of its own uninterrupted connection. A failed observation starts over: in an outage nobody beats.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// Observations that must agree.
const OBSERVATIONS_MIN: u32 = 3;
/// A server may miss this many of the intervals that it promised.
const INTERVALS_MIN: u32 = 3;

/// One server as read from the storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) server: String,
    pub(super) beat: i64,
    /// The interval that it promised.
    pub(super) interval: Duration,
}

/// What one observer remembers.
#[derive(Debug)]
pub(super) struct Observer {
    dead_after: Duration,
    seen: HashMap<String, Seen>,
}

#[derive(Debug)]
struct Seen {
    beat: i64,
    since: Instant,
    observations: u32,
}

impl Observer {
    pub(super) fn new(dead_after: Duration) -> Self {
        Self { dead_after, seen: HashMap::new() }
    }

    /// An observation failed.
    pub(super) fn interrupted(&mut self) {
        self.seen.clear();
    }

    /// An observation succeeded at `now`. Returns the servers that are dead.
    pub(super) fn observed(&mut self, now: Instant, heard: &[Heard]) -> Vec<Heard> {
        let mut dead = Vec::new();
        let mut seen = HashMap::with_capacity(heard.len());
        for server in heard {
            let mut entry = match self.seen.remove(&server.server) {
                Some(entry) if entry.beat == server.beat => entry,
                _ => Seen { beat: server.beat, since: now, observations: 0 },
            };
            entry.observations += 1;
            let patience = self.dead_after.max(server.interval * INTERVALS_MIN);
            if entry.observations >= OBSERVATIONS_MIN && now.duration_since(entry.since) >= patience {
                dead.push(server.clone());
            }
            seen.insert(server.server.clone(), entry);
        }
        self.seen = seen;
        dead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn heard(beat: i64) -> Vec<Heard> {
        vec![Heard { server: "a".into(), beat, interval: 5 * SECOND }]
    }

    fn observer() -> (Observer, Instant) {
        (Observer::new(15 * SECOND), Instant::now())
    }

    #[test]
    fn a_server_is_dead_after_three_equal_beats_over_fifteen_seconds() {
        let (mut observer, start) = observer();
        for second in [0, 5, 10] {
            assert!(observer.observed(start + second * SECOND, &heard(7)).is_empty(), "{second}");
        }
        assert_eq!(observer.observed(start + 15 * SECOND, &heard(7)).len(), 1);
    }

    #[test]
    fn two_observations_are_not_enough_however_far_apart() {
        let (mut observer, start) = observer();
        assert!(observer.observed(start, &heard(7)).is_empty());
        assert!(observer.observed(start + 3600 * SECOND, &heard(7)).is_empty());
        assert_eq!(observer.observed(start + 3601 * SECOND, &heard(7)).len(), 1);
    }

    #[test]
    fn a_beat_in_between_starts_over() {
        let (mut observer, start) = observer();
        for second in 0..60 {
            let beat = i64::from(second / 14);
            assert!(observer.observed(start + second * SECOND, &heard(beat)).is_empty(), "{second}");
        }
    }

    #[test]
    fn an_outage_starts_over() {
        let (mut observer, start) = observer();
        observer.observed(start, &heard(7));
        observer.observed(start + 10 * SECOND, &heard(7));
        observer.interrupted();
        assert!(observer.observed(start + 20 * SECOND, &heard(7)).is_empty());
        assert!(observer.observed(start + 34 * SECOND, &heard(7)).is_empty());
        assert_eq!(observer.observed(start + 35 * SECOND, &heard(7)).len(), 1);
    }

    #[test]
    fn a_server_that_promised_a_longer_interval_gets_more_time() {
        let (mut observer, start) = observer();
        let slow = [Heard { server: "a".into(), beat: 1, interval: 30 * SECOND }];
        for second in (0..90).step_by(5) {
            assert!(observer.observed(start + second * SECOND, &slow).is_empty(), "{second}");
        }
        assert_eq!(observer.observed(start + 90 * SECOND, &slow).len(), 1);
    }
}
