//! `GET /api/platform/jobs/{overview,history,servers}`: the whole system at a glance.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use host::problem::Problem;
use jobs::monitor::{self, Period};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::{Error, invalid};
use crate::state::AppState;
use crate::timestamp::Timestamp;

/// Counters of the whole system.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = JobsOverview)]
struct Overview {
    /// Jobs by state, counted up to `countMax` each.
    by_state: BTreeMap<String, i64>,
    /// Where counting ends.
    count_max: i64,
    /// Jobs that wait for a handler that no server of their queue has.
    held: i64,
    /// Jobs that wait for a place under a limit.
    limited: i64,
    /// All that ever succeeded, those whose rows are gone included.
    succeeded_ever: i64,
    /// The same of deleted ones.
    deleted_ever: i64,
    /// Recurring jobs.
    recurring: i64,
    /// Failed jobs that will be tried again.
    retries: i64,
    /// Servers that announced themselves.
    servers: i64,
    /// Kinds of jobs that wait while no live server runs them.
    unexpected: Vec<Unexpected>,
}

/// Jobs that nobody runs.
#[derive(Serialize, ToSchema)]
#[schema(as = UnexpectedJobs)]
struct Unexpected {
    /// `Namespace.Type, Assembly::Method`.
    handler: String,
    /// How many.
    jobs: i64,
}

/// Counters, and what nobody runs.
#[utoipa::path(get, path = "/api/platform/jobs/overview", tag = "jobs", operation_id = "get_jobs_overview",
    responses((status = 200, description = "The counters", body = Overview)))]
pub(crate) async fn overview(state: Data<AppState>) -> Result<HttpResponse, Problem> {
    let now = monitor::overview(&state.database).await.map_err(Error::from)?;
    let unexpected = now
        .unexpected
        .into_iter()
        .map(|kind| Unexpected { handler: kind.handler, jobs: kind.jobs })
        .collect();
    Ok(HttpResponse::Ok().json(Overview {
        by_state: now.by_state,
        count_max: monitor::COUNT_MAX,
        held: now.held,
        limited: now.limited,
        succeeded_ever: now.succeeded_ever,
        deleted_ever: now.deleted_ever,
        recurring: now.recurring,
        retries: now.retries,
        servers: now.servers,
        unexpected,
    }))
}

/// Which history is wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Span {
    /// `day`: 24 hours; `week`: 7 days.
    #[param(nullable = false, default = "day")]
    period: Option<String>,
}

/// One hour or day.
#[derive(Serialize, ToSchema)]
#[schema(as = JobsInPeriod)]
struct Column {
    /// Where it begins.
    from: Timestamp,
    /// Jobs that succeeded.
    succeeded: i64,
    /// Jobs that failed for good.
    failed: i64,
    /// Jobs that were deleted.
    deleted: i64,
}

/// How many jobs succeeded, failed and were deleted in each hour of a day or each day of a week, oldest first.
#[utoipa::path(get, path = "/api/platform/jobs/history", tag = "jobs", operation_id = "get_jobs_history",
    params(Span),
    responses((status = 200, description = "The columns", body = [Column])),
    extensions(("x-problems" = json!(["validation_failed"]))))]
pub(crate) async fn history(state: Data<AppState>, span: Query<Span>) -> Result<HttpResponse, Problem> {
    let period = match span.period.as_deref() {
        None | Some("day") => Period::Day,
        Some("week") => Period::Week,
        Some(other) => return Err(invalid("period", other, "is neither day nor week").into()),
    };
    let columns = monitor::history(&state.database, period).await.map_err(Error::from)?;
    let columns: Vec<Column> = columns
        .into_iter()
        .map(|column| Column {
            from: Timestamp(column.from),
            succeeded: column.succeeded,
            failed: column.failed,
            deleted: column.deleted,
        })
        .collect();
    Ok(HttpResponse::Ok().json(columns))
}

/// A job server.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = JobServer)]
struct Server {
    /// `machine:process:guid`.
    id: String,
    /// When it started, as far as it says.
    started_at: Option<Timestamp>,
    /// Its last heartbeat.
    heartbeat_at: Timestamp,
    /// Most jobs at a time.
    worker_count: i64,
    /// The queues that it reads.
    queues: Vec<String>,
    /// Jobs that it runs now; 0 for .NET's servers.
    running: i64,
    /// Kinds of jobs that it runs; empty for .NET's servers.
    handlers: Vec<String>,
}

/// The servers that run jobs, .NET's included.
#[utoipa::path(get, path = "/api/platform/jobs/servers", tag = "jobs", operation_id = "list_job_servers",
    responses((status = 200, description = "The servers", body = [Server])))]
pub(crate) async fn servers(state: Data<AppState>) -> Result<HttpResponse, Problem> {
    let servers = monitor::servers(&state.database).await.map_err(Error::from)?;
    let servers: Vec<Server> = servers
        .into_iter()
        .map(|server| Server {
            id: server.id,
            started_at: server.started_at.map(Timestamp),
            heartbeat_at: Timestamp(server.heartbeat_at),
            worker_count: server.worker_count,
            queues: server.queues,
            running: server.running,
            handlers: server.handlers,
        })
        .collect();
    Ok(HttpResponse::Ok().json(servers))
}
