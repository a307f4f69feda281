//! Spans to a collector: OTLP as protobuf over HTTP.
//!
//! The SDK's batch processor sends from a thread of its own; a collector that is slow or away holds up nothing. What
//! does not fit into its queue, or cannot be sent, is dropped and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use opentelemetry::trace::{Link, SpanKind, TraceContextExt as _, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::SpanExporter as OtlpExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SamplingDecision, SamplingResult, SdkTracerProvider,
    ShouldSample, Span, SpanData, SpanExporter, SpanProcessor,
};

use crate::Service;

/// The SDK's own default.
const QUEUE_SPANS_MAX: usize = 2048;

static EXPORTED: AtomicU64 = AtomicU64::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Spans that the collector has taken, and spans that nobody will see.
pub(crate) fn counts() -> (u64, u64) {
    (EXPORTED.load(Relaxed), DROPPED.load(Relaxed))
}

/// Whether the standard variables name a collector.
///
/// # Errors
/// They ask for something that is not built in.
pub(super) fn wanted() -> Result<bool, String> {
    let value = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let is_disabled = value("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let exporter = value("OTEL_TRACES_EXPORTER").unwrap_or_else(|| "otlp".to_owned());
    if !matches!(exporter.as_str(), "otlp" | "none") {
        return Err(format!("OTEL_TRACES_EXPORTER = {exporter:?}: expected otlp or none"));
    }
    let endpoint =
        value("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| value("OTEL_EXPORTER_OTLP_ENDPOINT"));
    if is_disabled || exporter == "none" || endpoint.is_none() {
        return Ok(false);
    }
    let protocol =
        value("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL").or_else(|| value("OTEL_EXPORTER_OTLP_PROTOCOL"));
    match protocol.as_deref() {
        None | Some("http/protobuf") => Ok(true),
        Some(other) => Err(format!("OTEL_EXPORTER_OTLP_PROTOCOL = {other:?}: expected http/protobuf")),
    }
}

/// Batches, queue, address and headers come from the `OTEL_*` variables.
pub(super) fn provider(
    service: Service,
    sampler: Box<dyn ShouldSample>,
) -> Result<SdkTracerProvider, String> {
    let exporter = OtlpExporter::builder().with_http().build();
    let exporter = exporter.map_err(|error| format!("OTEL_EXPORTER_OTLP_ENDPOINT: {error}"))?;
    let queue_max = std::env::var("OTEL_BSP_MAX_QUEUE_SIZE").ok().and_then(|size| size.parse().ok());
    let queue_max = queue_max.unwrap_or(QUEUE_SPANS_MAX);
    let waiting = Arc::new(AtomicUsize::new(0));
    let exporter = Counted { exporter, waiting: Arc::clone(&waiting), is_failing: AtomicBool::new(false) };
    let batches = BatchConfigBuilder::default().with_max_queue_size(queue_max).build();
    let inner = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
    // `OTEL_SERVICE_NAME` wins.
    let mut resource = Resource::builder();
    if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name(service.name());
    }
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    Ok(SdkTracerProvider::builder()
        .with_sampler(Decided(sampler))
        .with_resource(resource.with_attribute(version).build())
        .with_span_processor(Bounded { inner, waiting, queue_max })
        .build())
}

/// A request has a span only because the sampler was asked before and said yes.
#[derive(Clone, Debug)]
struct Decided(Box<dyn ShouldSample>);

impl ShouldSample for Decided {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        if *kind != SpanKind::Server {
            return self.0.should_sample(parent, trace_id, name, kind, attributes, links);
        }
        let trace_state = parent.map(|parent| parent.span().span_context().trace_state().clone());
        SamplingResult {
            decision: SamplingDecision::RecordAndSample,
            attributes: Vec::new(),
            trace_state: trace_state.unwrap_or_default(),
        }
    }
}

/// Counts what the queue behind it has no room for: the SDK's own count is told only at the end.
#[derive(Debug)]
struct Bounded {
    inner: BatchSpanProcessor,
    waiting: Arc<AtomicUsize>,
    queue_max: usize,
}

impl SpanProcessor for Bounded {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.waiting.fetch_add(1, Relaxed) < self.queue_max {
            self.inner.on_end(span);
        } else {
            self.waiting.fetch_sub(1, Relaxed);
            DROPPED.fetch_add(1, Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Counts what became of each batch, and says so when the collector goes away or comes back.
#[derive(Debug)]
struct Counted {
    exporter: OtlpExporter,
    waiting: Arc<AtomicUsize>,
    is_failing: AtomicBool,
}

impl Counted {
    fn tell(&self, result: &OTelSdkResult) {
        let was_failing = self.is_failing.swap(result.is_err(), Relaxed);
        match result {
            Err(error) if !was_failing => {
                tracing::warn!(%error, "spans do not reach the collector and are dropped");
            }
            Ok(()) if was_failing => tracing::info!("spans reach the collector again"),
            _ => {}
        }
    }
}

impl SpanExporter for Counted {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        self.waiting.fetch_sub(spans, Relaxed);
        let counter = if result.is_ok() { &EXPORTED } else { &DROPPED };
        counter.fetch_add(spans as u64, Relaxed);
        self.tell(&result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
