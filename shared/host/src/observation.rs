//! Joins the parts of a process to its metrics and traces: the parts know observers, not exporters.

use std::sync::Arc;
use std::time::Duration;

use backplane::{Feed, Redis};
use sql::Database;

use crate::lifecycle::Lifecycle;
use crate::metrics::{JobMetrics, Metrics};
use crate::traces;
use crate::wiring::JobServer;

/// How often a process that runs jobs counts what waits. Every such process asks, and Prometheus is content with a
/// number this old.
const BACKLOG_EVERY: Duration = Duration::from_secs(15);

/// From here on the parts are read at each scrape, and the pool tells of its statements.
pub(crate) fn start(
    metrics: &Metrics,
    database: &Database,
    redis: &Option<Redis>,
    feed: &Arc<Feed>,
    job_server: &JobServer,
) {
    database.observe_statements(metrics.sql.clone());
    let (database, redis, feed) = (database.clone(), redis.clone(), Arc::clone(feed));
    let job_server = Arc::clone(job_server);
    metrics.observe(move |readings| {
        readings.sql(&database.metrics());
        readings.feed(&feed.status());
        if let Some(redis) = &redis {
            readings.redis(&redis.status());
        }
        if let Some(server) = job_server.lock().as_ref() {
            readings.job_server(&server.status());
        }
    });
}

/// Counts what waits until the process stops. While SQL Server is away there is no answer, and no old one instead.
pub(crate) fn watch_backlog(metrics: &Metrics, database: &Database, lifecycle: &Lifecycle) {
    let (jobs, database, stopping) = (metrics.jobs.clone(), database.clone(), lifecycle.stopping().clone());
    lifecycle.spawn(async move {
        let watch = async {
            loop {
                match jobs::monitor::backlog(&database).await {
                    Ok(backlog) => jobs.set_backlog(Some(backlog)),
                    Err(error) => {
                        tracing::debug!(%error, "cannot count the waiting jobs");
                        jobs.set_backlog(None);
                    }
                }
                tokio::time::sleep(BACKLOG_EVERY).await;
            }
        };
        tokio::select! {
            () = watch => {}
            () = stopping.cancelled() => {}
        }
    });
}

/// What the job engine tells, and asks.
pub(crate) struct JobObserver {
    metrics: Arc<JobMetrics>,
}

impl JobObserver {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self { metrics: metrics.jobs.clone() }
    }
}

impl jobs::Observer for JobObserver {
    fn enqueued(&self, handler: &str, queue: &str, jobs: usize, expected: bool) {
        self.metrics.enqueued(handler, queue, jobs, expected);
    }

    fn ran(&self, report: &jobs::RunReport<'_>) {
        self.metrics.ran(report);
    }

    fn trace(&self) -> Option<jobs::TraceContext> {
        traces::carried()
    }

    fn continue_trace(&self, span: &tracing::Span, trace: &jobs::TraceContext) {
        traces::continue_trace(span, trace);
    }
}
