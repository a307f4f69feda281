//! `POST /api/platform/jobs/actions`, `DELETE /api/platform/jobs/{id}`, `POST …/{id}/{requeue,run}`: what people do with
//! jobs, one, several, or all that a filter finds. Each step and its audit row are one transaction.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use host::auth::Principal;
use host::problem::{FieldError, Problem};
use jobs::actions::ACTION_JOBS_MAX;
use jobs::monitor::{self, Filter, PAGE_MAX};
use jobs::{Action, JobId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::audit::{self, Entry};
use utoipa::ToSchema;

use super::NO_JOB;
use super::filter::Wanted;
use crate::error::Error;
use crate::id;
use crate::state::AppState;

/// Most pages of jobs that one request by filter goes through; what is left needs another.
const FILTER_PAGES_MAX: usize = 20;

/// What to do with which jobs.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = JobOrder)]
pub(crate) struct Order {
    /// `delete`, `requeue` or `runNow`.
    action: String,
    /// These jobs, at most 500.
    #[serde(default)]
    #[schema(nullable = false, max_items = 500)]
    ids: Option<Vec<i64>>,
    /// Or all that are found by this; it must name a state.
    #[serde(default)]
    #[schema(nullable = false)]
    filter: Option<Wanted>,
}

/// What was done.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = JobsDone)]
pub(crate) struct Done {
    /// Jobs it was done with; others were in a state that does not allow it, or are gone.
    pub(crate) done: usize,
    /// The filter may find more: ask again.
    pub(crate) more: bool,
}

/// The name of an action in JSON and forms.
pub(crate) fn action_of(name: &str) -> Option<Action> {
    match name {
        "delete" => Some(Action::Delete),
        "requeue" => Some(Action::Requeue),
        "runNow" => Some(Action::RunNow),
        _ => None,
    }
}

/// Deletes, requeues, or runs now what waits for later: several jobs, or all that a filter finds.
#[utoipa::path(post, path = "/api/platform/jobs/actions", tag = "jobs", operation_id = "act_on_jobs",
    request_body = Order,
    responses((status = 200, description = "It was done", body = Done)),
    extensions(("x-problems" = json!(["validation_failed"]))))]
pub(crate) async fn act(
    principal: Principal,
    state: Data<AppState>,
    order: Json<Order>,
) -> Result<HttpResponse, Problem> {
    let order = order.into_inner();
    let mut wrong = Vec::new();
    let action = action_of(&order.action);
    if action.is_none() {
        wrong.push(FieldError::new("action", "is none of delete, requeue, runNow").value(order.action));
    }
    let filter = order.filter.map(|wanted| wanted.filter(&mut wrong));
    match (&order.ids, &filter) {
        (Some(ids), None) if ids.len() > ACTION_JOBS_MAX => {
            wrong.push(FieldError::new("ids", format!("are more than {ACTION_JOBS_MAX}")));
        }
        (None, Some(filter)) if filter.state.is_none() => {
            wrong.push(FieldError::new("filter.state", "is missing: a filter for actions names a state"));
        }
        (Some(_), None) | (None, Some(_)) => {}
        _ => wrong.push(FieldError::new("ids", "either ids or filter is wanted")),
    }
    let Some(action) = action.filter(|_| wrong.is_empty()) else {
        return Err(Error::Invalid(wrong).into());
    };
    let done = match (order.ids, filter) {
        (_, Some(filter)) => by_filter(&state, &principal, action, &filter).await?,
        (ids, None) => {
            let ids: Vec<JobId> = ids.unwrap_or_default().into_iter().map(JobId).collect();
            Done { done: on(&state, &principal, action, &ids).await?, more: false }
        }
    };
    Ok(HttpResponse::Ok().json(done))
}

/// Deletes a job; a running one is cancelled, and what it writes is refused.
#[utoipa::path(delete, path = "/api/platform/jobs/{id}", tag = "jobs", operation_id = "delete_job",
    params(("id" = i64, Path, description = "The job", example = 1)),
    responses((status = 204, description = "It is deleted")),
    extensions(("x-problems" = json!(["not_found", "conflict"]))))]
pub(crate) async fn delete(
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    on_one(&state, &principal, Action::Delete, &id).await
}

/// Puts a job into its queue once more.
#[utoipa::path(post, path = "/api/platform/jobs/{id}/requeue", tag = "jobs", operation_id = "requeue_job",
    params(("id" = i64, Path, description = "The job", example = 1)),
    responses((status = 204, description = "It waits")),
    extensions(("x-problems" = json!(["not_found", "conflict"]))))]
pub(crate) async fn requeue(
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    on_one(&state, &principal, Action::Requeue, &id).await
}

/// Lets a job run now that waits for a time or for another job.
#[utoipa::path(post, path = "/api/platform/jobs/{id}/run", tag = "jobs", operation_id = "run_job_now",
    params(("id" = i64, Path, description = "The job", example = 1)),
    responses((status = 204, description = "It waits for a worker")),
    extensions(("x-problems" = json!(["not_found", "conflict"]))))]
pub(crate) async fn run_now(
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    on_one(&state, &principal, Action::RunNow, &id).await
}

async fn on_one(
    state: &AppState,
    principal: &Principal,
    action: Action,
    id: &str,
) -> Result<HttpResponse, Problem> {
    let id = JobId(id::parse(id, NO_JOB)?);
    if on(state, principal, action, &[id]).await? == 0 {
        let job = monitor::job(&state.database, id).await.map_err(Error::from)?.ok_or(NO_JOB)?;
        let is = job.state.unwrap_or_else(|| "without a state".to_owned());
        return Err(Error::Conflict(format!("the job is {is}, which does not allow this")).into());
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Does it with these jobs, as far as their states allow it.
pub(crate) async fn on(
    state: &AppState,
    principal: &Principal,
    action: Action,
    ids: &[JobId],
) -> Result<usize, Error> {
    step(state, principal, action, ids, Value::Null).await
}

/// Does it with all jobs that are found, newest first, as far as one request goes.
pub(crate) async fn by_filter(
    state: &AppState,
    principal: &Principal,
    action: Action,
    filter: &Filter,
) -> Result<Done, Error> {
    let described = json!({
        "state": filter.state, "type": filter.job_type, "argument": filter.argument, "queue": filter.queue,
        "from": filter.from.map(|at| at.to_string()), "to": filter.to.map(|at| at.to_string()),
    });
    let mut done = Done::default();
    let mut before = None;
    for _ in 0..FILTER_PAGES_MAX {
        let page = monitor::list(&state.database, filter, before, PAGE_MAX).await?;
        let ids: Vec<JobId> = page.jobs.iter().map(|job| job.id).collect();
        done.done += step(state, principal, action, &ids, described.clone()).await?;
        before = page.next_before;
        if before.is_none() {
            return Ok(done);
        }
    }
    Ok(Done { more: true, ..done })
}

async fn step(
    state: &AppState,
    principal: &Principal,
    action: Action,
    ids: &[JobId],
    filter: Value,
) -> Result<usize, Error> {
    if ids.is_empty() {
        return Ok(0);
    }
    let (word, audited) = match action {
        Action::Delete => ("Deleted", "job.deleted"),
        Action::Requeue => ("Requeued", "job.requeued"),
        Action::RunNow => ("Run now", "job.run_now"),
    };
    let (reason, filter) = (&format!("{word} by {}", principal.name), &filter);
    let client = &state.jobs;
    let done = state.database.transaction("jobs.act", |tx| {
        Box::pin(async move {
            let done = client.act(tx, action, ids, reason).await?;
            let Some(first) = done.first() else { return Ok::<_, Error>(0) };
            let detail = json!({ "jobs": done, "filter": filter });
            let entry = Entry { action: audited, entity: "job", entity_id: first.to_string().into(), detail };
            audit::record(tx, &principal.name, &[entry]).await?;
            Ok(done.len())
        })
    });
    done.await
}
