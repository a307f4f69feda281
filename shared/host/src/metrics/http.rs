//! Durations of requests, recorded for each of them: a cached read pays for a look-up in memory of its own thread and
//! a few additions.

use std::cell::RefCell;
use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use prometheus::{Histogram, HistogramVec};
use rustc_hash::FxHashMap;

/// Where no route matched, or none answered: cut off by the time limit, or a panic.
const NO_ROUTE: &str = "none";
/// Patterns that one thread keeps at hand; there are as many as there are routes.
const PATTERNS_MAX: usize = 256;

/// Durations by method, route and status. Of one thread, which keeps its histograms at hand.
pub(crate) struct HttpMetrics {
    duration: HistogramVec,
    at_hand: RefCell<FxHashMap<String, ByKey>>,
}

type ByKey = FxHashMap<(&'static str, u16), Histogram>;

impl HttpMetrics {
    pub(super) fn new(duration: HistogramVec) -> Self {
        Self { duration, at_hand: RefCell::default() }
    }

    /// `pattern` is `None` where no route answered.
    pub(crate) fn record(
        &self,
        pattern: Option<&str>,
        method: &Method,
        status: StatusCode,
        elapsed: Duration,
    ) {
        let route = pattern.unwrap_or(NO_ROUTE);
        let key = (known(method), status.as_u16());
        let mut at_hand = self.at_hand.borrow_mut();
        if let Some(histogram) = at_hand.get(route).and_then(|by_key| by_key.get(&key)) {
            histogram.observe(elapsed.as_secs_f64());
            return;
        }
        let histogram = self.duration.with_label_values(&[key.0, route, status.as_str()]);
        histogram.observe(elapsed.as_secs_f64());
        if at_hand.len() < PATTERNS_MAX {
            at_hand.entry(route.to_owned()).or_default().insert(key, histogram);
        }
    }
}

impl std::fmt::Debug for HttpMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpMetrics").finish_non_exhaustive()
    }
}

/// Anybody can send a method of their own invention: those are all `_OTHER`.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}
