//! What a recurring job that is due leads to. Pure: the hash and the time in, jobs and the next time out.

use std::time::Duration;

use time::OffsetDateTime;

use super::stored::{Call, Stored};
use super::{Misfire, timing};

/// Most runs that are made up for at a time; the rest follows at once.
const MISSED_MAX: usize = 100;
/// What cannot be read is looked at again after this time: it is never switched off for an error.
const ERROR_PAUSE_MS: i64 = 60_000;
/// Hangfire's mark of what is not scheduled.
pub(super) const NEVER: i64 = -1;

/// What is to be written about one recurring job.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Nominal times of the jobs to make, unix ms.
    pub(super) runs: Vec<i64>,
    pub(super) call: Option<Call>,
    /// Nominal time of what follows, unix ms; `None`: nothing ever.
    pub(super) next_ms: Option<i64>,
    /// When it is to be looked at next, unix s; [`NEVER`].
    pub(super) score: i64,
    /// What the hash is to say about the last run, unix ms.
    pub(super) last_ms: Option<i64>,
    pub(super) error: Option<String>,
}

/// The plan for `id`, which is due at `now_ms`.
pub(super) fn plan(id: &str, stored: &Stored, now_ms: i64, tolerance: Duration) -> Plan {
    let nothing =
        Plan { runs: Vec::new(), call: None, next_ms: None, score: NEVER, last_ms: None, error: None };
    if stored.paused_ms.is_some() {
        return nothing;
    }
    let parts = timing(&stored.cron, &stored.time_zone).map_err(|error| error.to_string());
    let (cron, zone, call) = match parts.and_then(|(cron, zone)| Ok((cron, zone, stored.call()?))) {
        Ok(parts) => parts,
        Err(problem) => {
            let score = (now_ms + ERROR_PAUSE_MS) / 1000;
            return Plan { score, error: Some(problem), ..nothing };
        }
    };
    let next_after = |ms: i64| cron.next_after(at(ms)?, &zone).map(unix_ms);
    // A .NET client of an older version leaves the time out: it is computed as that client's server would.
    let base_ms = stored.last_ms.or(stored.created_ms.map(|ms| ms - 1000)).unwrap_or(now_ms - 1000);
    let Some(first) = stored.next_ms.or_else(|| next_after(base_ms)) else { return nothing };
    let late = Duration::from_millis(u64::try_from(now_ms - first).unwrap_or(0));
    let jitter = Duration::from_secs(u64::try_from(stored.jitter_secs).unwrap_or(0));
    let runs = match stored.misfire {
        // Not yet: somebody else was faster, or the time was computed just now.
        _ if first > now_ms => Vec::new(),
        Misfire::Relaxed => vec![first],
        Misfire::Ignorable if late > tolerance + jitter => Vec::new(),
        Misfire::Ignorable => vec![first],
        Misfire::Strict => {
            let missed = std::iter::successors(Some(first), |ms| next_after(*ms));
            missed.take_while(|ms| *ms <= now_ms).take(MISSED_MAX).collect()
        }
    };
    let next_ms = match (stored.misfire, runs.last()) {
        _ if first > now_ms => Some(first),
        (Misfire::Strict, Some(last)) => next_after(*last),
        // Behind now, and behind the time that has its run: a clock may have been set back.
        _ => next_after(now_ms.max(first)),
    };
    let last_ms = match stored.misfire {
        Misfire::Strict => runs.last().copied(),
        _ => runs.last().map(|_| now_ms),
    };
    let call = Some(call).filter(|_| !runs.is_empty());
    Plan { runs, call, next_ms, score: score(id, next_ms, stored.jitter_secs), last_ms, error: None }
}

/// When what is to happen at `next_ms` is looked at, unix s.
pub(super) fn score(id: &str, next_ms: Option<i64>, jitter_secs: i64) -> i64 {
    let Some(next_ms) = next_ms else { return NEVER };
    next_ms / 1000 + delay_secs(id, next_ms, jitter_secs)
}

/// 0 to `jitter_secs`, by a hash of name and time: whoever computes it gets the same.
fn delay_secs(id: &str, next_ms: i64, jitter_secs: i64) -> i64 {
    let bytes = id.bytes().chain(next_ms.to_le_bytes());
    // FNV-1a.
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let span = u64::try_from(jitter_secs).unwrap_or(0) + 1;
    i64::try_from((hash >> 16) % span).unwrap_or(0)
}

/// The first time after `now_ms`, unix ms.
pub(super) fn first_after(cron: &crate::Cron, zone: &crate::Zone, now_ms: i64) -> Option<i64> {
    cron.next_after(at(now_ms)?, zone).map(unix_ms)
}

fn at(ms: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).ok()
}

fn unix_ms(at: OffsetDateTime) -> i64 {
    at.unix_timestamp().saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const NOON: i64 = 1_767_268_800_000;
    const TOLERANCE: Duration = Duration::from_secs(30);

    /// Every ten minutes, last looked at before noon.
    fn every_ten(misfire: Misfire) -> Stored {
        Stored {
            cron: "*/10 * * * *".to_owned(),
            job: r#"{"t":"A","m":"Go"}"#.to_owned(),
            next_ms: Some(NOON),
            misfire,
            ..Stored::default()
        }
    }

    fn plan_at(stored: &Stored, now_ms: i64) -> Plan {
        plan("id", stored, now_ms, TOLERANCE)
    }

    #[test]
    fn in_time_every_mode_makes_one_run_and_goes_on() {
        for misfire in [Misfire::Relaxed, Misfire::Strict, Misfire::Ignorable] {
            let plan = plan_at(&every_ten(misfire), NOON + 400);
            assert_eq!((plan.runs, plan.next_ms), (vec![NOON], Some(NOON + 10 * MINUTE)), "{misfire:?}");
            assert_eq!(plan.score, NOON / 1000 + 600);
        }
    }

    #[test]
    fn late_relaxed_runs_once_strict_each_time_and_ignorable_not_at_all() {
        let late = NOON + 35 * MINUTE;
        let next = Some(NOON + 40 * MINUTE);
        let relaxed = plan_at(&every_ten(Misfire::Relaxed), late);
        assert_eq!((relaxed.runs.len(), relaxed.next_ms, relaxed.last_ms), (1, next, Some(late)));
        let strict = plan_at(&every_ten(Misfire::Strict), late);
        assert_eq!(strict.runs, [0, 10, 20, 30].map(|minutes| NOON + minutes * MINUTE));
        assert_eq!((strict.next_ms, strict.last_ms), (next, Some(NOON + 30 * MINUTE)));
        let ignorable = plan_at(&every_ten(Misfire::Ignorable), late);
        assert_eq!((ignorable.runs, ignorable.next_ms, ignorable.last_ms), (vec![], next, None));
    }

    #[test]
    fn a_long_absence_is_made_up_for_in_portions() {
        let plan = plan_at(&every_ten(Misfire::Strict), NOON + 5_000 * MINUTE);
        assert_eq!(plan.runs.len(), MISSED_MAX);
        assert_eq!(plan.next_ms, Some(NOON + 1_000 * MINUTE), "still due");
    }

    #[test]
    fn jitter_delays_within_its_bound_and_is_no_misfire() {
        let mut stored = every_ten(Misfire::Ignorable);
        stored.jitter_secs = 120;
        let delays: Vec<i64> = (0..50).map(|run| delay_secs("id", NOON + run * MINUTE, 120)).collect();
        assert!(delays.iter().all(|delay| (0..=120).contains(delay)), "{delays:?}");
        assert!(
            delays.iter().any(|delay| *delay > 60) && delays.iter().any(|delay| *delay < 60),
            "{delays:?}"
        );
        assert_eq!(plan_at(&stored, NOON + 2 * MINUTE).runs, [NOON]);
        assert_eq!(delay_secs("id", NOON, 0), 0);
    }

    #[test]
    fn what_cannot_be_read_is_said_and_looked_at_again() {
        for (cron, zone, job) in [
            ("?? * * * *", "", r#"{"t":"A","m":"Go"}"#),
            ("* * * * *", "Nowhere", r#"{"t":"A","m":"Go"}"#),
            ("* * * * *", "", "?"),
        ] {
            let stored = Stored {
                cron: cron.into(),
                time_zone: zone.into(),
                job: job.into(),
                ..every_ten(Misfire::Relaxed)
            };
            let plan = plan_at(&stored, NOON);
            assert!(plan.error.is_some() && plan.runs.is_empty(), "{cron} {zone} {job}");
            assert_eq!(plan.score, NOON / 1000 + 60);
        }
    }

    #[test]
    fn a_paused_job_makes_no_run_even_if_somebody_scheduled_it() {
        let stored = Stored { paused_ms: Some(1), ..every_ten(Misfire::Strict) };
        assert_eq!((plan_at(&stored, NOON).runs.len(), plan_at(&stored, NOON).score), (0, NEVER));
    }

    #[test]
    fn without_a_next_time_it_is_computed_from_the_last_run_or_the_creation() {
        let stored =
            Stored { next_ms: None, last_ms: Some(NOON - 10 * MINUTE), ..every_ten(Misfire::Relaxed) };
        assert_eq!(plan_at(&stored, NOON + 1).runs, [NOON]);
        let created = Stored { next_ms: None, created_ms: Some(NOON), ..every_ten(Misfire::Relaxed) };
        assert_eq!(plan_at(&created, NOON + 1).runs, [NOON], "a second before its creation counts");
        let fresh = Stored { next_ms: None, ..every_ten(Misfire::Relaxed) };
        assert_eq!(
            (plan_at(&fresh, NOON + MINUTE).runs.len(), plan_at(&fresh, NOON + MINUTE).next_ms),
            (0, Some(NOON + 10 * MINUTE))
        );
    }
}
