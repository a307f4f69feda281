//! Every limit and pace of a job server, with its default.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::queue::{QueueWeights, check_queue_name};
use crate::retry::RetryPolicy;

/// How a [`Server`](super::Server) works. `Default` is right for production; tests shorten the durations.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Most handlers at a time. Default: five per core, at most 20, as in Hangfire.
    pub worker_count: usize,
    /// Queues in order of precedence: a later one is read only for slots that the earlier ones left free.
    /// Default: `default`.
    pub queues: Vec<String>,
    /// Which of several queues is read first. Default: strictly in the order of `queues`.
    pub weights: QueueWeights,
    /// How long a claim holds without renewal (Hangfire's sliding invisibility time-out). Also judges how old another
    /// server's claim must be before it is taken over. Default 5 min; renewed every fifth of it.
    pub lease: Duration,
    /// Pause between looks whether running jobs are still ours (deleted or requeued from a dashboard). Default 5 s.
    pub watch_interval: Duration,
    /// Pause between heartbeats, and between observations of the other servers'. Default 5 s.
    pub heartbeat: Duration,
    /// A server whose heartbeat stood still for at least this long, and at least three of its own intervals, is dead.
    /// Default 15 s.
    pub dead_after: Duration,
    /// First pause after a claim that found nothing; doubles up to `poll_max`. Default 50 ms.
    /// Polling is one small read for waiting jobs, expired leases and due retries.
    pub poll_min: Duration,
    /// Longest pause between polls. Default 800 ms.
    pub poll_max: Duration,
    /// Hints within this time after a claim share the next one. Default 20 ms.
    pub hint_cooldown: Duration,
    /// How long an outcome may wait for others to share its batch. Default 5 ms.
    pub coalesce: Duration,
    /// Pause between looks for jobs that were claimed in our name while the answer was lost. Default 15 s.
    pub stray_interval: Duration,
    /// Longest pause between attempts while the storage is away. Default 5 s.
    pub backoff_max: Duration,
    /// Longest pause between looks at recurring jobs; what is due is found earlier. Default 5 s.
    pub recurring_interval: Duration,
    /// A run of a recurring job with [`Misfire::Ignorable`](crate::Misfire::Ignorable) that would be later than this is
    /// skipped. Default 30 s, as Hangfire's.
    pub misfire_tolerance: Duration,
    /// Pause between looks for jobs whose parent ended without starting them, as a .NET process that dies between its two
    /// steps leaves them. Default 15 s.
    pub sweep_interval: Duration,
    /// Retries of failed jobs.
    pub retry: RetryPolicy,
    /// After how many deaths of a lonely server process a job is parked as failed. Default 5.
    pub deaths_max: i32,
    /// How long a succeeded job's rows are kept. Default 1 day.
    pub keep_succeeded: Duration,
    /// Pause between rounds of cleaning: expired rows are deleted, counters summed. Default 1 min.
    pub cleanup_interval: Duration,
    /// Most jobs deleted in one transaction, with their history. Default 500: well below what makes SQL Server lock the
    /// whole table.
    pub cleanup_batch: i32,
    /// At shutdown, handlers may finish undisturbed for this long. Default 5 s.
    pub cancel_grace: Duration,
    /// At shutdown, handlers are dropped after this long. Default 15 s.
    pub shutdown_timeout: Duration,
    /// At shutdown, most time for the last outcomes after that, and again for taking the server off the list.
    /// Default 5 s: with `shutdown_timeout` 25 s in all.
    pub storage_grace: Duration,
    /// How long a handler may go on after its token was cancelled because the job is not ours any more; then it is
    /// dropped. Default 30 s.
    pub abandon_after: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            worker_count: (cores * 5).min(20),
            queues: vec!["default".to_owned()],
            weights: QueueWeights::Strict,
            lease: Duration::from_secs(300),
            watch_interval: Duration::from_secs(5),
            heartbeat: Duration::from_secs(5),
            dead_after: Duration::from_secs(15),
            poll_min: Duration::from_millis(50),
            poll_max: Duration::from_millis(800),
            hint_cooldown: Duration::from_millis(20),
            coalesce: Duration::from_millis(5),
            stray_interval: Duration::from_secs(15),
            backoff_max: Duration::from_secs(5),
            recurring_interval: Duration::from_secs(5),
            misfire_tolerance: Duration::from_secs(30),
            sweep_interval: Duration::from_secs(15),
            retry: RetryPolicy::default(),
            deaths_max: 5,
            keep_succeeded: Duration::from_secs(24 * 60 * 60),
            cleanup_interval: Duration::from_secs(60),
            cleanup_batch: 500,
            cancel_grace: Duration::from_secs(5),
            shutdown_timeout: Duration::from_secs(15),
            storage_grace: Duration::from_secs(5),
            abandon_after: Duration::from_secs(30),
        }
    }
}

/// Leases are renewed this many times within their duration.
const RENEWALS_PER_LEASE: u32 = 5;
/// Longest lease, a day: statements count it in milliseconds of an `int`.
const LEASE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// More rows in one statement may be escalated to a lock on the table (from 5,000, counting those of the history).
const CLEANUP_BATCH_MAX: i32 = 1_000;

impl ServerOptions {
    /// Pause between renewals.
    pub(super) fn renew_interval(&self) -> Duration {
        self.lease / RENEWALS_PER_LEASE
    }

    /// As statements count it.
    pub(super) fn lease_ms(&self) -> i32 {
        i32::try_from(self.lease.as_millis()).unwrap_or(i32::MAX)
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.worker_count == 0 {
            return Err(Error::Useless { missing: "worker" });
        }
        if self.queues.is_empty() {
            return Err(Error::Useless { missing: "queue" });
        }
        self.weights.check(self.queues.len())?;
        self.queues.iter().try_for_each(|name| check_queue_name(name))?;
        let must = |holds: bool, problem| if holds { Ok(()) } else { Err(Error::Options { problem }) };
        must(self.lease <= LEASE_MAX, "lease must not be longer than a day")?;
        must(self.lease >= Duration::from_millis(10), "lease must be at least 10 ms")?;
        must(
            !self.poll_min.is_zero() && self.poll_min <= self.poll_max,
            "poll_min must be above 0 and up to poll_max",
        )?;
        must(
            !self.heartbeat.is_zero() && !self.watch_interval.is_zero(),
            "heartbeat and watch_interval must be above 0",
        )?;
        must(
            (1..=CLEANUP_BATCH_MAX).contains(&self.cleanup_batch) && !self.cleanup_interval.is_zero(),
            "cleanup_batch must be 1 to 1000 and cleanup_interval above 0",
        )?;
        must(self.cancel_grace <= self.shutdown_timeout, "cancel_grace must not exceed shutdown_timeout")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_pass_and_contradictions_are_named() {
        assert!(ServerOptions::default().check().is_ok());
        let refused = |change: fn(&mut ServerOptions)| {
            let mut options = ServerOptions::default();
            change(&mut options);
            options.check().unwrap_err().to_string()
        };
        assert!(refused(|o| o.worker_count = 0).contains("worker"));
        assert!(refused(|o| o.queues.clear()).contains("queue"));
        assert!(refused(|o| o.queues = vec!["No".into()]).contains("No"));
        assert!(refused(|o| o.poll_min = Duration::from_secs(9)).contains("poll_min"));
        assert!(refused(|o| o.cancel_grace = Duration::from_secs(60)).contains("cancel_grace"));
    }
}
