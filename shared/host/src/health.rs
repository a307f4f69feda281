//! Is this process alive, should it get requests, how are its parts: `/health/live`, `/health/ready`, `/health`.
//!
//! *Live* answers as long as the process can answer at all: nothing that a restart would not mend may fail it.
//! *Ready* answers 503 while requests should go elsewhere. Redis away is never a reason: everything works without
//! it, later. SQL Server away is judged per service, see [`judge`]. `/health` shows the parts, always with 200.

use std::sync::OnceLock;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::Service;
use crate::lifecycle::Lifecycle;
use crate::problem::{Body, Problem};

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeedPart {
    /// The last change number that this process has applied.
    pub applied: i64,
    /// How long cached answers may still be given without asking again; 0: they may not.
    pub lease_remaining_ms: u64,
    /// Whether hints arrive through Redis.
    pub hints: bool,
}

/// The job server's part of `/health`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobServerPart {
    /// Jobs that run now.
    pub running: usize,
    /// Most jobs at a time.
    pub worker_count: usize,
    /// Whether the server is announced in the job storage; until then it claims nothing.
    pub registered: bool,
}

/// What a probe should conclude.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
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

/// Looks at the parts of the process; cheap, asks nobody.
pub type Look = Box<dyn Fn() -> Observed + Send + Sync>;

/// Answers the health routes of one process.
pub struct Health {
    service: Service,
    lifecycle: Lifecycle,
    fail_safe_max: Duration,
    look: OnceLock<Look>,
}

impl Health {
    /// Unready until [`set_look`](Self::set_look).
    pub fn new(service: Service, lifecycle: Lifecycle, fail_safe_max: Duration) -> Self {
        Self { service, lifecycle, fail_safe_max, look: OnceLock::new() }
    }

    /// From here on the parts are looked at. Only the first call counts.
    pub fn set_look(&self, look: Look) {
        let _ = self.look.set(look);
    }

    fn observe(&self) -> Observed {
        let nothing_yet = || Observed {
            stopping: false,
            sql: SqlState::Waiting,
            redis: None,
            feed: None,
            job_server: None,
        };
        let mut observed = self.look.get().map_or_else(nothing_yet, |look| look());
        observed.stopping |= self.lifecycle.is_stopping();
        observed
    }

    fn judge(&self) -> (Observed, Verdict, &'static str) {
        let observed = self.observe();
        let (verdict, reason) = judge(self.service, &observed, self.fail_safe_max);
        (observed, verdict, reason)
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

/// These routes in the API documents, and the schema of every error answer.
#[derive(OpenApi)]
#[openapi(
    paths(live, ready, detail),
    components(schemas(Body)),
    tags((name = "health", description = "For probes and operators"))
)]
pub(crate) struct Api;

/// One word.
#[derive(Serialize, ToSchema)]
struct Short {
    /// `live`, `ready` or `degraded`.
    status: &'static str,
}

/// Answers as long as the process can answer at all.
#[utoipa::path(get, path = "/health/live", tag = "health", operation_id = "get_live", security(()),
    responses((status = 200, description = "Alive", body = Short)))]
async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Short { status: "live" })
}

/// Whether this process should get requests.
#[utoipa::path(get, path = "/health/ready", tag = "health", operation_id = "get_ready", security(()),
    responses((status = 200, description = "Requests are welcome", body = Short)),
    extensions(("x-problems" = json!(["not_ready"]))))]
async fn ready(health: web::Data<Health>) -> Result<HttpResponse, Problem> {
    let (_, verdict, reason) = health.judge();
    match verdict {
        Verdict::Ready => Ok(HttpResponse::Ok().json(Short { status: "ready" })),
        Verdict::Degraded => Ok(HttpResponse::Ok().json(Short { status: "degraded" })),
        Verdict::Unready | Verdict::Stopping => {
            Err(Problem::unavailable(RETRY_AFTER_SECS, reason).code("not_ready").detail(reason))
        }
    }
}

/// The body of `/health`.
#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
#[serde(rename_all = "camelCase")]
struct Detail {
    /// What a probe should conclude.
    status: Verdict,
    /// Why.
    reason: &'static str,
    /// Which process this is.
    service: &'static str,
    /// Of the process.
    version: &'static str,
    /// `waiting`, `answering` or `away`.
    sql: &'static str,
    /// `not configured`, `connected` or `away`.
    redis: &'static str,
    /// `null` before the first connection to SQL Server.
    feed: Option<FeedPart>,
    /// `null`: this process runs no jobs.
    job_server: Option<JobServerPart>,
}

/// How the parts of this process are.
#[utoipa::path(get, path = "/health", tag = "health", operation_id = "get_health", security(()),
    responses((status = 200, description = "Whatever the state of the parts", body = Detail)))]
async fn detail(health: web::Data<Health>) -> HttpResponse {
    let (observed, status, reason) = health.judge();
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
