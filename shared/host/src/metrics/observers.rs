//! Hears of statements and jobs as they end, for their durations.

use std::collections::BTreeMap;

use jobs::{RunOutcome, RunReport};
use parking_lot::Mutex;
use prometheus::HistogramVec;
use sql::{StatementObserver, StatementReport};

use super::Readings;
use super::definitions as is;

/// The server's number of a transaction that was chosen as the victim of a deadlock.
const DEADLOCK: &str = "1205";

/// Statements.
pub(crate) struct SqlMetrics {
    duration: HistogramVec,
    errors: Mutex<BTreeMap<&'static str, u64>>,
}

impl SqlMetrics {
    pub(super) fn new(duration: HistogramVec) -> Self {
        Self { duration, errors: Mutex::default() }
    }

    pub(super) fn read(&self, readings: &mut Readings) {
        let errors = self.errors.lock().clone();
        for error_type in ["timeout", "connection_lost", "deadlock", "server", "other"] {
            let count = errors.get(error_type).copied().unwrap_or_default();
            readings.count(&is::SQL_ERRORS, &[error_type], count);
        }
    }
}

impl StatementObserver for SqlMetrics {
    fn statement(&self, report: &StatementReport) {
        let labels = [report.operation, report.transaction];
        self.duration.with_label_values(&labels).observe(report.elapsed.as_secs_f64());
        if let Some(error_type) = &report.error {
            *self.errors.lock().entry(error_class(error_type)).or_default() += 1;
        }
    }
}

/// A server knows thousands of numbers: only what an operator acts upon has a label of its own.
fn error_class(error_type: &str) -> &'static str {
    match error_type {
        "timeout" => "timeout",
        "connection_lost" => "connection_lost",
        DEADLOCK => "deadlock",
        number if number.parse::<u32>().is_ok() => "server",
        _ => "other",
    }
}

/// Jobs.
pub(crate) struct JobMetrics {
    run: HistogramVec,
    wait: HistogramVec,
    enqueued: Mutex<BTreeMap<(String, String), Enqueued>>,
    backlog: Mutex<Option<jobs::monitor::Backlog>>,
}

#[derive(Clone, Copy, Default)]
struct Enqueued {
    all: u64,
    unexpected: u64,
}

impl JobMetrics {
    pub(super) fn new(run: HistogramVec, wait: HistogramVec) -> Self {
        Self { run, wait, enqueued: Mutex::default(), backlog: Mutex::default() }
    }

    /// `None`: the last answer is too old to be told.
    pub(crate) fn set_backlog(&self, backlog: Option<jobs::monitor::Backlog>) {
        *self.backlog.lock() = backlog;
    }

    pub(super) fn read(&self, readings: &mut Readings) {
        for ((queue, job), enqueued) in &*self.enqueued.lock() {
            readings.count(&is::JOBS_ENQUEUED, &[queue, job], enqueued.all);
            readings.count(&is::JOBS_UNEXPECTED, &[queue, job], enqueued.unexpected);
        }
        if let Some(backlog) = &*self.backlog.lock() {
            readings.backlog(backlog);
        }
    }

    pub(crate) fn enqueued(&self, handler: &str, queue: &str, jobs: usize, expected: bool) {
        let mut enqueued = self.enqueued.lock();
        let counts = enqueued.entry((queue.to_owned(), handler.to_owned())).or_default();
        counts.all += jobs as u64;
        if !expected {
            counts.unexpected += jobs as u64;
        }
    }

    pub(crate) fn ran(&self, report: &RunReport<'_>) {
        let outcome = match report.outcome {
            RunOutcome::Succeeded => "succeeded",
            RunOutcome::Failed => "failed",
            RunOutcome::Retried => "retried",
            RunOutcome::GivenBack => "given_back",
            RunOutcome::Lost => "lost",
        };
        let labels = [report.queue, report.handler, outcome];
        self.run.with_label_values(&labels).observe(report.elapsed.as_secs_f64());
        self.wait.with_label_values(&[report.queue]).observe(report.waited.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::error_class;

    #[test]
    fn an_unknown_number_of_the_server_makes_no_label_of_its_own() {
        assert_eq!(
            ["1205", "547", "timeout", "?"].map(error_class),
            ["deadlock", "server", "timeout", "other"]
        );
    }
}
