//! `/api/platform/jobs/queues`: queues, and letting them rest.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use host::auth::Principal;
use host::problem::Problem;
use jobs::monitor;
use serde::Serialize;
use serde_json::json;
use store::audit::{self, Entry};
use utoipa::ToSchema;

use crate::error::{Error, invalid};
use crate::state::AppState;
use crate::timestamp::Timestamp;

/// A queue.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = JobQueue)]
struct Queue {
    /// Its name.
    name: String,
    /// Jobs that nobody has claimed, counted up to 10,000.
    waiting: i64,
    /// Jobs that are claimed, likewise.
    fetched: i64,
    /// Jobs that wait outside of it, for a handler or under a limit, likewise.
    shelved: i64,
    /// Live servers of ours that read it.
    servers: i64,
    /// Since when it rests.
    paused_at: Option<Timestamp>,
    /// Who said so.
    paused_by: Option<String>,
}

/// Queues that have jobs, are read by a server, or rest.
#[utoipa::path(get, path = "/api/platform/jobs/queues", tag = "jobs", operation_id = "list_job_queues",
    responses((status = 200, description = "The queues", body = [Queue])))]
pub(crate) async fn list(state: Data<AppState>) -> Result<HttpResponse, Problem> {
    let queues = monitor::queues(&state.database).await.map_err(Error::from)?;
    let queues: Vec<Queue> = queues
        .into_iter()
        .map(|queue| Queue {
            name: queue.name,
            waiting: queue.waiting,
            fetched: queue.fetched,
            shelved: queue.shelved,
            servers: queue.servers,
            paused_at: queue.paused_at.map(Timestamp),
            paused_by: queue.paused_by,
        })
        .collect();
    Ok(HttpResponse::Ok().json(queues))
}

/// Lets a queue rest: nothing is claimed from it from now on; what runs goes on, and enqueuing does too.
#[utoipa::path(post, path = "/api/platform/jobs/queues/{queue}/pause", tag = "jobs", operation_id = "pause_job_queue",
    params(("queue" = String, Path, description = "The queue", example = "default")),
    responses((status = 204, description = "It rests")),
    extensions(("x-problems" = json!(["validation_failed"]))))]
pub(crate) async fn pause(
    principal: Principal,
    state: Data<AppState>,
    queue: Path<String>,
) -> Result<HttpResponse, Problem> {
    set_paused(&state, &principal, &queue, true).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Lets a queue be read again.
#[utoipa::path(post, path = "/api/platform/jobs/queues/{queue}/resume", tag = "jobs", operation_id = "resume_job_queue",
    params(("queue" = String, Path, description = "The queue", example = "default")),
    responses((status = 204, description = "It is read")),
    extensions(("x-problems" = json!(["validation_failed"]))))]
pub(crate) async fn resume(
    principal: Principal,
    state: Data<AppState>,
    queue: Path<String>,
) -> Result<HttpResponse, Problem> {
    set_paused(&state, &principal, &queue, false).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Pauses or resumes, and says so in the audit log.
pub(crate) async fn set_paused(
    state: &AppState,
    principal: &Principal,
    queue: &str,
    paused: bool,
) -> Result<(), Error> {
    jobs::check_queue_name(queue).map_err(|error| invalid("queue", queue, error))?;
    let client = &state.jobs;
    let change = state.database.transaction("jobs.set_paused", |tx| {
        Box::pin(async move {
            let action = if paused {
                client.pause_queue(tx, queue, &principal.name).await?;
                "queue.paused"
            } else {
                client.resume_queue(tx, queue).await?;
                "queue.resumed"
            };
            let entry = Entry { action, entity: "queue", entity_id: queue.into(), detail: json!({}) };
            audit::record(tx, &principal.name, &[entry]).await?;
            Ok::<_, Error>(())
        })
    });
    change.await
}
