//! One run of one job: call the handler, and decide what came of it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::Shared;
use super::exchange::{Claimed, Fence, Outcome, Settlement};
use super::running::Run;
use crate::context::Context;
use crate::failure::{Failure, FailureKind};
use crate::observer::{RunOutcome, RunReport, TRACE_PARAMETER, TraceContext};
use crate::payload::JobId;

/// The reason that Hangfire writes.
const FAILED_REASON: &str = "An exception occurred during performance of the job.";

/// A run that ended. `None` = the job was taken from us: nothing is to be written.
#[derive(Debug)]
pub(super) struct Completion {
    pub(super) fence: Fence,
    pub(super) outcome: Option<Outcome>,
    /// The handler failed because the storage did; if the engine meets the same trouble, that is no failure of the job.
    pub(super) storage_trouble: bool,
}

impl Completion {
    pub(super) fn settlement(self) -> Option<Settlement> {
        self.outcome.map(|outcome| Settlement { fence: self.fence, outcome })
    }
}

/// How the handler's future ended.
enum End {
    Returned(Result<(), Failure>),
    /// It did not heed its token.
    Dropped,
}

/// Runs the job to its end, inside of its span, and reports it.
pub(super) async fn run(shared: Arc<Shared>, job: Claimed, run: Run, completions: mpsc::Sender<Completion>) {
    let handler = shared.registry.name_of(&job.invocation_data).unwrap_or_default().to_owned();
    let span = span(&shared, &job, &handler);
    run_inside(shared, job, handler, run, completions).instrument(span).await;
}

/// A child of whatever enqueued the job, also where that was another process.
fn span(shared: &Shared, job: &Claimed, handler: &str) -> Span {
    let attempt = retries_so_far(job) + 1;
    let span = tracing::info_span!(
        parent: None,
        "job",
        otel.name = format!("JOB {}", short_name(handler)),
        otel.kind = "consumer",
        otel.status_code = Empty,
        job.id = job.fence.job_id,
        job.handler = handler,
        job.queue = job.fence.queue,
        job.attempt = attempt,
        job.outcome = Empty,
    );
    if let Some(trace) = job.parameters.get(TRACE_PARAMETER).and_then(|text| TraceContext::read(text)) {
        shared.observer.continue_trace(&span, &trace);
    }
    span
}

/// `Namespace.Type, Assembly::Method` as `Type.Method`.
fn short_name(handler: &str) -> String {
    let (job_type, method) = handler.rsplit_once("::").unwrap_or((handler, ""));
    let full_name = job_type.split(',').next().unwrap_or_default();
    format!("{}.{method}", full_name.rsplit('.').next().unwrap_or_default())
}

async fn run_inside(
    shared: Arc<Shared>,
    job: Claimed,
    handler: String,
    run: Run,
    completions: mpsc::Sender<Completion>,
) {
    let started = Instant::now();
    let fence = job.fence.clone();
    let attempt = retries_so_far(&job) + 1;
    let waited = job.claimed_at - job.created_at;
    let latency_ms = waited.whole_milliseconds();
    let end = drive(&shared, job, attempt, &run).await;
    let storage_trouble = matches!(&end, End::Returned(Err(failure)) if failure.is_storage_trouble());
    let outcome = match end {
        _ if run.lost.is_cancelled() => None,
        End::Returned(Ok(())) => Some(Outcome::Succeeded {
            duration_ms: i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX),
            latency_ms: i64::try_from(latency_ms).unwrap_or(i64::MAX),
        }),
        End::Returned(Err(failure)) if failure.kind == FailureKind::Lost => None,
        End::Returned(Err(failure)) if storage_trouble && shared.health.failed_since(started) => {
            Some(storage_was_away(&failure))
        }
        End::Returned(Err(failure)) if failure.kind == FailureKind::Retry && run.cancel.is_cancelled() => {
            Some(given_back(&shared, &run))
        }
        End::Returned(Err(failure)) => Some(failed(&shared, failure, attempt, fence.job_id)),
        End::Dropped => Some(given_back(&shared, &run)),
    };
    report(&shared, &handler, &fence, outcome.as_ref(), started.elapsed(), waited);
    // Never fails while the dispatcher lives; never waits, the channel holds one completion for each worker.
    let _ = completions.send(Completion { fence, outcome, storage_trouble }).await;
}

fn report(
    shared: &Shared,
    handler: &str,
    fence: &Fence,
    outcome: Option<&Outcome>,
    elapsed: Duration,
    waited: time::Duration,
) {
    let outcome = outcome.map_or(RunOutcome::Lost, Outcome::report);
    let span = Span::current();
    span.record("job.outcome", tracing::field::debug(outcome));
    if matches!(outcome, RunOutcome::Failed | RunOutcome::Retried) {
        span.record("otel.status_code", "ERROR");
    }
    // A clock that was set back makes no wait of less than nothing.
    let waited = Duration::try_from(waited).unwrap_or_default();
    shared.observer.ran(&RunReport { handler, queue: &fence.queue, outcome, elapsed, waited });
}

/// `RetryCount` as .NET and we write it: a JSON number.
fn retries_so_far(job: &Claimed) -> u32 {
    job.parameters.get("RetryCount").and_then(|value| value.trim_matches('"').parse().ok()).unwrap_or(0)
}

async fn drive(shared: &Shared, job: Claimed, attempt: u32, run: &Run) -> End {
    if job.deaths >= shared.options.deaths_max {
        return End::Returned(Err(Failure::poisoned(job.deaths)));
    }
    let context = Context::new(
        JobId(job.fence.job_id),
        job.fence.state_id,
        attempt,
        job.parameters,
        run.cancel.clone(),
    );
    // The call itself may panic as well: a handler is any function that returns a future.
    let handler = async {
        match shared.registry.call(context, &job.invocation_data, &job.arguments) {
            Ok(handler) => handler.await,
            Err(unreadable) => Err(Failure::unreadable(&unreadable)),
        }
    };
    let out_of_patience = async {
        tokio::select! {
            () = run.lost.cancelled() => {}
            () = run.doubtful.cancelled() => {}
        }
        sleep(shared.options.abandon_after).await;
    };
    tokio::select! {
        result = AssertUnwindSafe(handler).catch_unwind() => {
            End::Returned(result.unwrap_or_else(|panic| Err(Failure::panicked(panic.as_ref()))))
        }
        () = run.abort.cancelled() => End::Dropped,
        () = out_of_patience => End::Dropped,
    }
}

fn failed(shared: &Shared, failure: Failure, attempt: u32, job: i64) -> Outcome {
    let policy = &shared.options.retry;
    let exception = *failure.exception;
    if failure.kind == FailureKind::Retry && attempt <= policy.attempts {
        let delay = policy.delay(attempt);
        tracing::warn!(
            job,
            attempt,
            error = exception.message,
            ?delay,
            "the job failed and will be tried again"
        );
        return Outcome::Retry { retry: attempt, attempts: policy.attempts, delay, exception };
    }
    tracing::error!(job, attempt, error = exception.message, "the job failed");
    let reason = match exception.type_name.as_str() {
        "jobs::UnreadablePayload" => format!("Can not read the job: {}", exception.message),
        "jobs::Poisoned" => exception.message.clone(),
        _ => FAILED_REASON.to_owned(),
    };
    Outcome::Failed { reason, exception }
}

fn given_back(shared: &Shared, run: &Run) -> Outcome {
    let why = if run.doubtful.is_cancelled() { "the lease ran out on" } else { "shutdown of" };
    Outcome::Requeue { reason: format!("Requeued: {why} server {}", shared.identity.server), died: false }
}

/// An outage is nobody's failed attempt.
pub(super) fn storage_was_away(cause: &dyn std::fmt::Display) -> Outcome {
    Outcome::Requeue { reason: format!("Requeued: the storage was away: {cause}"), died: false }
}
