//! Traces: who asked for what is done here, in every log line and, where a collector is named, as spans.
//!
//! Every request and job belongs to a trace of W3C Trace Context: the one that its `traceparent` names, or a new one
//! ([`request`]). Spans of jobs and statements are those of the `tracing` crate; [`start`] joins them to
//! OpenTelemetry, whose standard variables decide where they go. Without `OTEL_EXPORTER_OTLP_ENDPOINT` nothing is
//! recorded, and a request has no span at all: its ids are two random numbers.

mod context;
mod export;
mod log_lines;
mod request;

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{Config, Sampler, SdkTracerProvider, ShouldSample, Tracer};

pub(crate) use context::{Ids, carried, continue_trace, present};
pub(crate) use export::counts;
pub(crate) use log_lines::WithTraceIds;
pub(crate) use request::RequestTrace;

use crate::Service;

/// How long an end may wait for the last spans to reach the collector.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();
/// Decides which requests are recorded; set while spans are exported.
static SAMPLER: OnceLock<Box<dyn ShouldSample>> = OnceLock::new();

/// The tracer of this process, exporting if the standard variables name a collector. Needs to be outside of a runtime.
///
/// # Errors
/// What is wrong with a variable.
pub(crate) fn start(service: Service) -> Result<Tracer, String> {
    let provider = match export::wanted()? {
        true => {
            let sampler = Config::default().sampler;
            let provider = export::provider(service, sampler.clone())?;
            // A second start in one process, in tests: the first sampler is as good.
            let _ = SAMPLER.set(sampler);
            provider
        }
        // Spans carry ids, for log lines and for the jobs that they enqueue, and are otherwise nothing.
        false => SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff).build(),
    };
    let tracer = provider.tracer("stoa");
    let _ = PROVIDER.set(provider);
    Ok(tracer)
}

/// Sends what is still in memory, for at most [`FLUSH_TIMEOUT`]; the collector may be away.
pub(crate) fn stop() {
    if let Some(provider) = PROVIDER.get()
        && let Err(error) = provider.shutdown_with_timeout(FLUSH_TIMEOUT)
    {
        tracing::warn!(%error, "the last spans did not reach the collector");
    }
}
