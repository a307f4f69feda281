//! Logs: one JSON object a line on standard output, or plain text where that is a terminal.
//!
//! What is logged by whom is decided where the event is; this module sets up the writer, the filter and the panic
//! hook, and joins spans to `traces`. No value of type [`Secret`](crate::Secret) can appear: it does not print.

use std::io::IsTerminal;

use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::http::access_log;
use crate::{Service, traces};

/// Libraries that repeat what we log ourselves; tiberius warns of each connection without TLS.
const QUIET: &[&str] = &["tiberius=error", "actix_server=warn", "rustls=warn", "mio=warn"];

/// The crates whose spans are told to a collector.
const TRACED: &[&str] =
    &["host", "sql", "jobs", "backplane", "handlers", "store", "frontend_api", "authoring_api"];

/// Starts logging and tracing for this process; not inside of a runtime. `level` is the lowest level (`info`, `warn`, `off` …); the environment variable
/// `RUST_LOG` wins over it. A second call in the same process changes nothing.
///
/// # Errors
/// What is wrong with `RUST_LOG` or one of OpenTelemetry's variables.
pub fn start(service: Service, level: &str) -> Result<(), String> {
    let filter = filter(level, std::env::var("RUST_LOG").ok().as_deref())?;
    // A filter of its own: a log level that hides spans must not end traces.
    let spans = filter_fn(|metadata| metadata.is_span() && is_traced(metadata.target()));
    let layer = tracing_opentelemetry::layer()
        .with_tracer(traces::start(service)?)
        .with_context_activation(false)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false);
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(spans));
    let log = tracing_subscriber::fmt::layer();
    // An error means that a subscriber is already there: in tests, where several starts share a process.
    let _ = if std::io::stdout().is_terminal() {
        subscriber.with(log.compact().with_filter(filter)).try_init()
    } else {
        let json = format().json().flatten_event(true).with_current_span(true).with_span_list(false);
        let log = log.json().event_format(traces::WithTraceIds(json));
        let started = subscriber.with(log.with_filter(filter)).try_init();
        access_log::start();
        started
    };
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn is_traced(target: &str) -> bool {
    TRACED.contains(&target.split("::").next().unwrap_or_default())
}

/// Sends and writes what is still in memory; the last thing that a process does, after its runtime has ended.
pub fn stop() {
    traces::stop();
    access_log::stop();
}

fn filter(level: &str, rust_log: Option<&str>) -> Result<EnvFilter, String> {
    if let Some(directives) = rust_log.filter(|text| !text.trim().is_empty()) {
        let parsed = EnvFilter::try_new(directives);
        return parsed
            .map_err(|error| format!("RUST_LOG = {directives:?}: {error}; expected e.g. info,sql=debug"));
    }
    // `trace` and `debug` are asked for to see everything, `off` and `error` to see less than `warn`.
    let quiet = if level == "info" { QUIET } else { &[] };
    let directives = std::iter::once(level).chain(quiet.iter().copied()).collect::<Vec<_>>().join(",");
    EnvFilter::try_new(&directives).map_err(|error| error.to_string())
}

/// A panic is a log line like any other, so that it is found where logs are looked for.
fn log_panic(info: &std::panic::PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("(no message)");
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    tracing::error!(panic = message, location, thread = thread.name().unwrap_or_default(), "panicked");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_wins_over_the_configured_level() {
        assert_eq!(filter("info", Some("sql=trace")).unwrap().to_string(), "sql=trace");
        assert!(filter("info", None).unwrap().to_string().contains("tiberius=error"));
        assert_eq!(filter("off", Some(" ")).unwrap().to_string(), "off");
    }

    #[test]
    fn a_directive_that_cannot_be_read_is_named() {
        assert!(filter("info", Some("sql=loud")).unwrap_err().contains("sql=loud"));
    }
}
