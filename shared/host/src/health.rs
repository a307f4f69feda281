//! Is this process alive, should it get requests, how are its parts: `/health/live`, `/health/ready`, `/health`.
//!
//! *Live* answers as long as the process can answer at all: nothing that a restart would not mend may fail it.
//! *Ready* answers 503 while requests should go elsewhere. Redis away is never a reason: everything works without
//! it, later. SQL Server away is judged per service, see [`judge`]. `/health` shows the parts, always with 200.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use serde::Serialize;
use tokio::sync::Mutex;

use crate::Service;
use crate::lifecycle::Lifecycle;
use crate::problem::Problem;

/// A question to SQL Server that takes longer counts as no answer.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// An observation is good for this long: however many probes ask, SQL Server is asked once.
const OBSERVATION_FRESH: Duration = Duration::from_secs(1);
/// What a 503 of `/health/ready` tells clients.
const RETRY_AFTER_SECS: u32 = 1;

/// What is known about the parts of this process at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// A stop was asked for.
    pub stopping: bool,
    /// SQL Server.
    pub sql: SqlState,
    /// Redis: `None` if none is configured, else whether it is connected.
    pub redis: Option<bool>,
    /// The change feed; `None` before the first connection to SQL Server.
    pub feed: Option<FeedPart>,
    /// The job server: `None` if this process runs none, else the jobs that run now.
    pub job_server: Option<JobServerPart>,
}

/// SQL Server, seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqlState {
    /// The process has not yet reached it since its start.
    Waiting,
    /// It answers.
    Answering,
    /// It answered before and does not now.
    Away {
        /// For how long it has not answered.
        since: Duration,
    },
}

/// The change feed's part of `/health`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedPart {
    /// The last change number that this process has applied.
    pub applied: i64,
    /// How long cached answers may still be given without asking again; 0: they may not.
    pub lease_remaining_ms: u64,
}

/// The job server's part of `/health`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobServerPart {
    /// Jobs that run now.
    pub running: usize,
}

/// What a probe should conclude.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Requests are welcome.
    Ready,
    /// Requests are welcome; something is away and answers may be older or slower.
    Degraded,
    /// Requests should go elsewhere.
    Unready,
    /// The same, for good.
    Stopping,
}

/// The rule of readiness. `fail_safe_max` is how long old answers may be given.
///
/// | SQL Server away | |
/// |---|---|
/// | frontend-api | degraded while old answers may be given, then unready |
/// | authoring-api | unready: it can neither read nor change anything |
/// | job-worker | unready, and live: it waits |
pub fn judge(service: Service, observed: &Observed, fail_safe_max: Duration) -> (Verdict, &'static str) {
    if observed.stopping {
        return (Verdict::Stopping, "the process is stopping");
    }
    match (observed.sql, service) {
        (SqlState::Waiting, _) => (Verdict::Unready, "SQL Server has not been reached yet"),
        (SqlState::Away { since }, Service::FrontendApi) if since < fail_safe_max => {
            (Verdict::Degraded, "SQL Server is away; old answers are given, marked as such")
        }
        (SqlState::Away { .. }, _) => (Verdict::Unready, "SQL Server is away"),
        (SqlState::Answering, _) if observed.redis == Some(false) => {
            (Verdict::Degraded, "Redis is away; changes arrive later")
        }
        (SqlState::Answering, _) => (Verdict::Ready, "all parts answer"),
    }
}

/// The parts that can be asked; set once they exist.
pub(crate) trait Parts: Send + Sync {
    /// What can be told without asking anybody.
    fn look(&self) -> (Option<bool>, FeedPart, Option<JobServerPart>);
    /// Whether SQL Server answers a question.
    fn ping(&self) -> futures_util::future::BoxFuture<'_, bool>;
}

/// Answers the health routes of one process.
pub struct Health {
    service: Service,
    lifecycle: Lifecycle,
    fail_safe_max: Duration,
    parts: OnceLock<Box<dyn Parts>>,
    last_ping: Mutex<Ping>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Ping {
    asked_at: Option<Instant>,
    away_since: Option<Instant>,
}

impl Health {
    /// Unready until [`set_parts`](Self::set_parts).
    pub fn new(service: Service, lifecycle: Lifecycle, fail_safe_max: Duration) -> Self {
        let last_ping = Mutex::new(Ping::default());
        Self { service, lifecycle, fail_safe_max, parts: OnceLock::new(), last_ping }
    }

    /// From here on the parts are asked. Only the first call counts.
    pub(crate) fn set_parts(&self, parts: Box<dyn Parts>) {
        let _ = self.parts.set(parts);
    }

    async fn observe(&self) -> Observed {
        let stopping = self.lifecycle.is_stopping();
        let Some(parts) = self.parts.get() else {
            return Observed { stopping, sql: SqlState::Waiting, redis: None, feed: None, job_server: None };
        };
        let (redis, feed, job_server) = parts.look();
        // The feed asks SQL Server all the time: while its lease runs, nobody else need ask, and a pool that is
        // busy does not look like a server that is away.
        let away_since = if feed.lease_remaining_ms > 0 { None } else { self.away_since(&**parts).await };
        let sql = match away_since {
            None => SqlState::Answering,
            Some(since) => SqlState::Away { since: since.elapsed() },
        };
        Observed { stopping, sql, redis, feed: Some(feed), job_server }
    }

    async fn away_since(&self, parts: &dyn Parts) -> Option<Instant> {
        let mut last = self.last_ping.lock().await;
        if last.asked_at.is_none_or(|at| at.elapsed() >= OBSERVATION_FRESH) {
            let answers = tokio::time::timeout(PING_TIMEOUT, parts.ping()).await.unwrap_or(false);
            let now = Instant::now();
            let away_since = if answers { None } else { Some(last.away_since.unwrap_or(now)) };
            *last = Ping { asked_at: Some(now), away_since };
        }
        last.away_since
    }
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Health").field("service", &self.service).finish_non_exhaustive()
    }
}

/// The three routes; they need a [`Health`] in the app's data.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/health/live").route(web::get().to(live)))
        .service(web::resource("/health/ready").route(web::get().to(ready)))
        .service(web::resource("/health").route(web::get().to(detail)));
}

#[derive(Serialize)]
struct Short {
    status: &'static str,
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Short { status: "live" })
}

async fn ready(health: web::Data<Health>) -> Result<HttpResponse, Problem> {
    let (verdict, reason) = judge(health.service, &health.observe().await, health.fail_safe_max);
    match verdict {
        Verdict::Ready => Ok(HttpResponse::Ok().json(Short { status: "ready" })),
        Verdict::Degraded => Ok(HttpResponse::Ok().json(Short { status: "degraded" })),
        Verdict::Unready | Verdict::Stopping => {
            Err(Problem::unavailable(RETRY_AFTER_SECS, reason).code("not_ready").detail(reason))
        }
    }
}

/// The body of `/health`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    status: Verdict,
    reason: &'static str,
    service: &'static str,
    version: &'static str,
    sql: &'static str,
    redis: &'static str,
    feed: Option<FeedPart>,
    job_server: Option<JobServerPart>,
}

async fn detail(health: web::Data<Health>) -> HttpResponse {
    let observed = health.observe().await;
    let (status, reason) = judge(health.service, &observed, health.fail_safe_max);
    HttpResponse::Ok().json(Detail {
        status,
        reason,
        service: health.service.name(),
        version: env!("CARGO_PKG_VERSION"),
        sql: match observed.sql {
            SqlState::Waiting => "waiting",
            SqlState::Answering => "answering",
            SqlState::Away { .. } => "away",
        },
        redis: match observed.redis {
            None => "not configured",
            Some(true) => "connected",
            Some(false) => "away",
        },
        feed: observed.feed,
        job_server: observed.job_server,
    })
}
