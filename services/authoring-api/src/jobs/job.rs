//! `GET /api/platform/jobs/{id}`: one job with its history.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use host::problem::Problem;
use jobs::JobId;
use jobs::monitor::{self, JobView};
use serde::Serialize;
use utoipa::ToSchema;

use super::NO_JOB;
use crate::error::Error;
use crate::id;
use crate::state::AppState;
use crate::timestamp::Timestamp;

/// One job as it is now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Job {
    /// The job.
    id: i64,
    /// Its state; `null` while a .NET client is between its two steps.
    state: Option<String>,
    /// Why it is in that state.
    reason: Option<String>,
    /// `Namespace.Type, Assembly`; `null` if the stored job cannot be read.
    #[serde(rename = "type")]
    job_type: Option<String>,
    /// The method.
    method: Option<String>,
    /// The queue that stays with the job.
    queue: Option<String>,
    /// Its arguments, as stored.
    arguments: String,
    /// Creation.
    created_at: Timestamp,
    /// When its rows may be deleted; `null` = never.
    expires_at: Option<Timestamp>,
    /// What it waits for outside of its queue: a handler that no server of it has, or the key of a limit.
    held_for: Option<String>,
    /// How often it was tried again after a failure.
    retry_count: u32,
    /// Its parameters, values as JSON text.
    parameters: BTreeMap<String, String>,
    /// All its states, oldest first.
    history: Vec<Step>,
}

/// One step of a job's history.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = JobStep)]
struct Step {
    /// The state.
    state: String,
    /// Why.
    reason: Option<String>,
    /// When.
    created_at: Timestamp,
    /// The state's data, as stored; times in it are unix milliseconds, from older .NET clients ISO 8601.
    data: BTreeMap<String, String>,
}

impl From<JobView> for Job {
    fn from(job: JobView) -> Self {
        Self {
            id: job.id.0,
            retry_count: retry_count(&job),
            state: job.state,
            reason: job.reason,
            job_type: job.job_type,
            method: job.method,
            queue: job.queue,
            arguments: job.arguments,
            created_at: Timestamp(job.created_at),
            expires_at: job.expires_at.map(Timestamp),
            held_for: job.held_for,
            parameters: job.parameters,
            history: job
                .history
                .into_iter()
                .map(|step| Step {
                    state: step.name,
                    reason: step.reason,
                    created_at: Timestamp(step.created_at),
                    data: step.data,
                })
                .collect(),
        }
    }
}

/// Hangfire's job parameter.
pub(crate) fn retry_count(job: &JobView) -> u32 {
    job.parameters.get("RetryCount").and_then(|value| value.trim_matches('"').parse().ok()).unwrap_or(0)
}

/// One job with its parameters and its history.
#[utoipa::path(get, path = "/api/platform/jobs/{id}", tag = "jobs", operation_id = "get_job",
    params(("id" = i64, Path, description = "The job", example = 1)),
    responses((status = 200, description = "The job", body = Job)),
    extensions(("x-problems" = json!(["not_found"]))))]
pub(crate) async fn get(state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let id = id::parse(&id, NO_JOB)?;
    let job = monitor::job(&state.database, JobId(id)).await.map_err(Error::from)?.ok_or(NO_JOB)?;
    Ok(HttpResponse::Ok().json(Job::from(job)))
}
