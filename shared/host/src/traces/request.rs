//! The trace of one HTTP request. One that is not recorded costs two random numbers, no memory and no span.

use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::http::{Method, StatusCode};
use opentelemetry::trace::{SpanId, SpanKind, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::SamplingDecision;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::SAMPLER;
use super::context::{Ids, inside};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Where a request is in which trace, and its span if it is recorded.
#[derive(Debug)]
pub(crate) struct RequestTrace {
    ids: Ids,
    span: Option<Span>,
}

impl RequestTrace {
    /// In the trace that the request names, or in a new one.
    pub(crate) fn begin(headers: &HeaderMap, method: &Method) -> Self {
        let parent = headers.get(TRACEPARENT).and_then(|value| Ids::parse(value.to_str().ok()?));
        let trace = parent.map_or_else(|| TraceId::from(rand::random::<u128>()), |parent| parent.trace);
        if is_sampled(parent, trace) {
            return Self::recorded(headers, method, parent);
        }
        let flags = parent.map_or(TraceFlags::NOT_SAMPLED, |parent| parent.flags);
        Self { ids: Ids { trace, span: SpanId::from(rand::random::<u64>()), flags }, span: None }
    }

    fn recorded(headers: &HeaderMap, method: &Method, parent: Option<Ids>) -> Self {
        let span = tracing::info_span!(
            parent: None,
            "request",
            otel.name = method.as_str(),
            otel.kind = "server",
            otel.status_code = Empty,
            http.request.method = method.as_str(),
            http.route = Empty,
            http.response.status_code = Empty,
            error.type = Empty,
        );
        if let Some(parent) = parent {
            let state = headers.get(TRACESTATE).and_then(|value| value.to_str().ok());
            let state = state.and_then(|state| state.parse::<TraceState>().ok()).unwrap_or_default();
            // Fails only where no layer is there to tell.
            let _ = span.set_parent(parent.as_parent(state));
        }
        let ids = Ids::of(span.context().span().span_context());
        // Without a layer there are no ids.
        let ids = ids.unwrap_or(Ids {
            trace: TraceId::from(rand::random::<u128>()),
            span: SpanId::from(rand::random::<u64>()),
            flags: TraceFlags::NOT_SAMPLED,
        });
        Self { ids, span: Some(span) }
    }

    pub(crate) fn ids(&self) -> Ids {
        self.ids
    }

    /// Runs one poll of the request.
    pub(crate) fn inside<T>(&self, poll: impl FnOnce() -> T) -> T {
        match &self.span {
            Some(span) => span.in_scope(poll),
            None => inside(self.ids, poll),
        }
    }

    /// Tells the span how it went. `route` is asked for only if there is a span.
    pub(crate) fn end(&self, method: &Method, status: StatusCode, route: impl FnOnce() -> Option<String>) {
        let Some(span) = &self.span else { return };
        if let Some(route) = route() {
            // Through OpenTelemetry: a field would come too late, the span has begun.
            span.context().span().update_name(format!("{method} {route}"));
            span.record("http.route", route);
        }
        span.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", status.as_str());
        }
    }
}

/// What `OTEL_TRACES_SAMPLER` says of a request, asked before anything is made for it.
fn is_sampled(parent: Option<Ids>, trace: TraceId) -> bool {
    let Some(sampler) = SAMPLER.get() else { return false };
    let parent = parent.map(|parent| parent.as_parent(TraceState::NONE));
    let decision =
        sampler.should_sample(parent.as_ref(), trace, "request", &SpanKind::Server, &[], &[]).decision;
    decision == SamplingDecision::RecordAndSample
}
