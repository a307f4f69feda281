//! The present trace: of the request or job that this thread is working on.

use std::cell::Cell;
use std::fmt;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::{OpenTelemetrySpanExt as _, get_otel_context};

/// `00-{trace}-{span}-{flags}`.
const TRACEPARENT_LENGTH: usize = 55;

/// Where in which trace something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    pub(crate) flags: TraceFlags,
}

impl Ids {
    /// Reads a `traceparent`; anything but a right one is as good as none.
    pub(crate) fn parse(traceparent: &str) -> Option<Self> {
        // A later version may be longer; version ff is none.
        let text = traceparent.get(..TRACEPARENT_LENGTH)?;
        let rest = traceparent.get(TRACEPARENT_LENGTH..)?;
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |part: &str, length| {
            part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_right = is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2);
        let is_known = version != "ff" && (rest.is_empty() || version != "00" && rest.starts_with('-'));
        if !is_right || !is_known {
            return None;
        }
        let ids = Self {
            trace: TraceId::from_hex(trace).ok()?,
            span: SpanId::from_hex(span).ok()?,
            flags: TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED,
        };
        (ids.trace != TraceId::INVALID && ids.span != SpanId::INVALID).then_some(ids)
    }

    pub(super) fn of(context: &SpanContext) -> Option<Self> {
        let ids = Self { trace: context.trace_id(), span: context.span_id(), flags: context.trace_flags() };
        context.is_valid().then_some(ids)
    }

    /// As the parent of spans of this process.
    pub(super) fn as_parent(&self, state: TraceState) -> Context {
        Context::new()
            .with_remote_span_context(SpanContext::new(self.trace, self.span, self.flags, true, state))
    }
}

impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace, self.span, self.flags.to_u8())
    }
}

thread_local!(static REQUEST: Cell<Option<Ids>> = const { Cell::new(None) });

/// Runs one poll of a request that has no span.
pub(super) fn inside<T>(ids: Ids, poll: impl FnOnce() -> T) -> T {
    /// Puts back what was there, also if the poll panics.
    struct Before(Option<Ids>);
    impl Drop for Before {
        fn drop(&mut self) {
            REQUEST.set(self.0);
        }
    }
    let _before = Before(REQUEST.replace(Some(ids)));
    poll()
}

/// Where this thread is: in a span, or in a request without one.
pub(crate) fn present() -> Option<Ids> {
    current().or_else(|| REQUEST.get())
}

/// The span that this thread is in.
fn current() -> Option<Ids> {
    tracing::dispatcher::get_default(|dispatch| {
        let span = dispatch.current_span();
        let context = get_otel_context(span.id()?, dispatch)?;
        Ids::of(context.span().span_context())
    })
}

/// What a job carries on.
pub(crate) fn carried() -> Option<jobs::TraceContext> {
    let state = Span::current().context().span().span_context().trace_state().header();
    present().map(|ids| jobs::TraceContext {
        traceparent: ids.to_string(),
        tracestate: Some(state).filter(|state| !state.is_empty()),
    })
}

/// Makes a span, not yet entered, part of a trace that came with a job.
pub(crate) fn continue_trace(span: &Span, trace: &jobs::TraceContext) {
    let Some(parent) = Ids::parse(&trace.traceparent) else { return };
    let state = trace.tracestate.as_deref().and_then(|state| state.parse().ok()).unwrap_or_default();
    // Fails only where no layer is there to tell.
    let _ = span.set_parent(parent.as_parent(state));
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_written_as_it_was_read() {
        assert_eq!(Ids::parse(RIGHT).unwrap().to_string(), RIGHT);
    }

    #[test]
    fn a_later_version_may_say_more() {
        let later = format!("01{}-and-more", &RIGHT[2..]);
        assert_eq!(Ids::parse(&later), Ids::parse(RIGHT));
    }

    #[test]
    fn what_is_no_traceparent_begins_a_new_trace() {
        for wrong in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736+00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-0",
        ] {
            assert_eq!(Ids::parse(wrong), None, "{wrong}");
        }
    }
}
