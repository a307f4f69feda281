//! What a process tells Prometheus: `GET /metrics`.
//!
//! Every metric is declared in [`definitions`] and nowhere else; `deploy/metrics.md` is that table for people, and a
//! test compares the two. Counters that other crates keep anyway are read when somebody scrapes ([`readings`]); only
//! durations are recorded as they happen ([`observers`], [`HttpMetrics`]). Labels are bounded: patterns of routes,
//! never their text, and names that are written in code.

mod definitions;
mod http;
mod observers;
mod readings;

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use parking_lot::RwLock;
use prometheus::core::{Collector, Desc};
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricFamily;
use prometheus::{HistogramVec, Registry, TextEncoder};

pub use definitions::documentation;
pub(crate) use http::HttpMetrics;
pub(crate) use observers::{JobMetrics, SqlMetrics};
pub use readings::Readings;

use crate::Service;
use definitions::Definition;

/// Adds what one part of the process knows now; cheap, asks nobody.
type Source = Box<dyn Fn(&mut Readings) + Send + Sync>;

/// The metrics of one process.
pub struct Metrics {
    registry: Registry,
    sources: Arc<RwLock<Vec<Source>>>,
    http: HistogramVec,
    pub(crate) sql: Arc<SqlMetrics>,
    pub(crate) jobs: Arc<JobMetrics>,
}

impl Metrics {
    /// With what every process has: HTTP, SQL and job durations, and the operating system's view of it.
    ///
    /// # Errors
    /// Two definitions have the same name.
    pub fn new(service: Service) -> anyhow::Result<Self> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let sources = Arc::new(RwLock::new(Vec::<Source>::new()));
        registry.register(Box::new(Scrape(Arc::clone(&sources))))?;
        let histogram = |definition: &'static Definition| -> anyhow::Result<HistogramVec> {
            let histogram = definition.histogram()?;
            registry.register(Box::new(histogram.clone()))?;
            Ok(histogram)
        };
        let http = histogram(&definitions::HTTP_REQUEST_DURATION)?;
        let sql = Arc::new(SqlMetrics::new(histogram(&definitions::SQL_OPERATION_DURATION)?));
        let run = histogram(&definitions::JOBS_RUN_DURATION)?;
        let jobs = Arc::new(JobMetrics::new(run, histogram(&definitions::JOBS_WAIT_DURATION)?));
        let metrics = Self { registry, sources, http, sql, jobs };
        metrics.observe(move |readings| readings.service(service));
        let (sql, jobs) = (Arc::clone(&metrics.sql), Arc::clone(&metrics.jobs));
        metrics.observe(move |readings| {
            sql.read(readings);
            jobs.read(readings);
            let (exported, dropped) = crate::traces::counts();
            readings.spans(exported, dropped);
        });
        Ok(metrics)
    }

    /// From here on `source` is asked at each scrape.
    pub fn observe(&self, source: impl Fn(&mut Readings) + Send + Sync + 'static) {
        self.sources.write().push(Box::new(source));
    }

    /// For one thread that answers requests.
    pub(crate) fn http(&self) -> HttpMetrics {
        HttpMetrics::new(self.http.clone())
    }

    /// Everything, in Prometheus' text format.
    ///
    /// # Errors
    /// A family cannot be written as text.
    pub fn text(&self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Asks the sources when the registry is gathered.
struct Scrape(Arc<RwLock<Vec<Source>>>);

impl Collector for Scrape {
    fn desc(&self) -> Vec<&Desc> {
        // Names are checked by the test of the document, not by the registry.
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut readings = Readings::default();
        for source in self.0.read().iter() {
            source(&mut readings);
        }
        readings.into_families()
    }
}

/// `/metrics`; needs [`Metrics`] in the app's data.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config.service(web::resource("/metrics").route(web::get().to(scrape)));
}

async fn scrape(metrics: web::Data<Metrics>) -> Result<HttpResponse, crate::Problem> {
    let text = metrics.text().map_err(|error| crate::Problem::internal(error.to_string()))?;
    Ok(HttpResponse::Ok().content_type(prometheus::TEXT_FORMAT).body(text))
}
