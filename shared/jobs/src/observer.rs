//! What a process may learn about its jobs, and how a trace goes from whoever enqueues to the run.
//!
//! The engine knows no exporter and no trace format: it keeps the W3C headers that it is given as a job parameter,
//! under the name and in the form of .NET's `OpenTelemetry.Instrumentation.Hangfire`, so that a trace also goes
//! through between .NET clients and our servers. Start at [`Observer`].

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::payload::JobId;

/// The job parameter that carries the trace.
pub(crate) const TRACE_PARAMETER: &str = "opentelemetry_activity_context";
/// Longer headers are not taken over from a job: W3C allows 55 characters and 512.
const HEADER_MAX: usize = 512;

/// The headers of W3C Trace Context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceContext {
    /// `00-{trace}-{span}-{flags}`.
    pub traceparent: String,
    /// What other vendors want to be handed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracestate: Option<String>,
}

impl TraceContext {
    /// Reads a job's parameter. What does not look right is no reason not to run the job.
    pub(crate) fn read(parameter: &str) -> Option<Self> {
        let context: Self = serde_json::from_str(parameter).ok()?;
        let short = |text: &str| text.len() <= HEADER_MAX;
        (short(&context.traceparent) && context.tracestate.as_deref().is_none_or(short)).then_some(context)
    }
}

/// What came of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOutcome {
    /// The handler returned without error.
    Succeeded,
    /// It failed for good.
    Failed,
    /// It failed and will be tried again.
    Retried,
    /// Nobody's failure: shutdown, an outage of the storage, a lease in doubt. The job is back in its queue.
    GivenBack,
    /// The job was not ours any more; nothing was written.
    Lost,
}

/// One run that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunReport<'a> {
    /// `{type}::{method}` as registered, empty if the stored job could not be read.
    pub handler: &'a str,
    /// The queue it was claimed from.
    pub queue: &'a str,
    /// What came of it.
    pub outcome: RunOutcome,
    /// How long the handler ran.
    pub elapsed: Duration,
    /// From the job's creation to this claim, by the database's clock.
    pub waited: Duration,
}

/// What the storage said to the outcome of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettlementReport {
    /// The job.
    pub job: JobId,
    /// Under which the outcome was sent: [`Context::fence`](crate::Context::fence) of the run.
    pub fence: i64,
    /// What was to be written.
    pub outcome: RunOutcome,
    /// Whether it was. If not, the job was not ours any more; or the same outcome was written already, by a batch
    /// whose answer was lost.
    pub accepted: bool,
}

/// Hears of jobs and knows the present trace. Every method must be quick; the defaults do nothing.
pub trait Observer: Send + Sync {
    /// `jobs` of one kind were committed into a queue. `expected`: a live server has announced that it runs them.
    fn enqueued(&self, _handler: &str, _queue: &str, _jobs: usize, _expected: bool) {}

    /// A run ended. Called inside of the run's span.
    fn ran(&self, _report: &RunReport<'_>) {}

    /// The storage accepted or refused an outcome. A run whose job was known to be lost sends none.
    fn settled(&self, _report: &SettlementReport) {}

    /// The trace that goes on in the jobs enqueued now.
    fn trace(&self) -> Option<TraceContext> {
        None
    }

    /// Makes `span`, which has not been entered yet, part of that trace.
    fn continue_trace(&self, _span: &tracing::Span, _trace: &TraceContext) {}
}

/// Nobody listens.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl Observer for NoObserver {}

/// [`NoObserver`], shared.
pub(crate) fn nobody() -> Arc<dyn Observer> {
    Arc::new(NoObserver)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_parameter_is_the_one_that_dotnet_writes_and_reads() {
        let mut context = TraceContext { traceparent: TRACEPARENT.into(), tracestate: None };
        let written = serde_json::to_string(&context).unwrap();
        assert_eq!(written, format!(r#"{{"traceparent":"{TRACEPARENT}"}}"#));
        assert_eq!(TraceContext::read(&written), Some(context.clone()));
        context.tracestate = Some("vendor=1".into());
        assert_eq!(TraceContext::read(&serde_json::to_string(&context).unwrap()), Some(context));
    }

    #[test]
    fn a_parameter_that_is_no_trace_is_ignored() {
        let long = format!(r#"{{"traceparent":"{}"}}"#, "0".repeat(600));
        for text in ["", "null", "[]", r#"{"tracestate":"a=1"}"#, &long] {
            assert_eq!(TraceContext::read(text), None, "{text}");
        }
    }
}
