//! `GET /api/platform/jobs?state=&type=&argument=&queue=&from=&to=&limit=&before=`: a page of jobs, newest first.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use host::problem::{FieldError, Problem};
use jobs::JobId;
use jobs::monitor::{self, JobLine, PAGE_MAX};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::filter::Wanted;
use crate::error::Error;
use crate::state::AppState;
use crate::timestamp::Timestamp;

/// Jobs on a page unless the caller says how many.
const LIMIT_DEFAULT: u16 = 50;

/// Which page is wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Place {
    /// Most jobs on the page.
    #[param(nullable = false, minimum = 1, maximum = 500, default = 50)]
    limit: Option<u16>,
    /// `nextBefore` of the page before.
    #[param(nullable = false, minimum = 1)]
    before: Option<i64>,
}

/// One job of a list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = JobLine)]
struct Line {
    /// The job.
    id: i64,
    /// Its state; `null` while a .NET client is between its two steps.
    state: Option<String>,
    /// Since when it is in that state.
    since: Option<Timestamp>,
    /// Why.
    reason: Option<String>,
    /// `Namespace.Type, Assembly`; `null` if the stored job cannot be read.
    #[serde(rename = "type")]
    job_type: Option<String>,
    /// The method.
    method: Option<String>,
    /// The queue that stays with the job.
    queue: Option<String>,
    /// The beginning of its arguments, as stored.
    arguments: String,
    /// Creation.
    created_at: Timestamp,
    /// What it waits for outside of its queue: a handler that no server of it has, or the key of a limit.
    held_for: Option<String>,
}

impl From<JobLine> for Line {
    fn from(line: JobLine) -> Self {
        Self {
            id: line.id.0,
            state: line.state,
            since: line.since.map(Timestamp),
            reason: line.reason,
            job_type: line.job_type,
            method: line.method,
            queue: line.queue,
            arguments: line.arguments,
            created_at: Timestamp(line.created_at),
            held_for: line.held_for,
        }
    }
}

/// A page of jobs.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct JobPage {
    /// Newest first.
    items: Vec<Line>,
    /// `before` of the next page; absent on the last one. A search may find nothing in the jobs of one page and go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_before: Option<i64>,
}

/// Jobs by state, type, arguments, queue and time of creation, newest first.
#[utoipa::path(get, path = "/api/platform/jobs", tag = "jobs", operation_id = "list_jobs",
    params(Wanted, Place),
    responses((status = 200, description = "The page", body = JobPage)),
    extensions(("x-problems" = json!(["validation_failed"]))))]
pub(crate) async fn list(
    state: Data<AppState>,
    wanted: Query<Wanted>,
    place: Query<Place>,
) -> Result<HttpResponse, Problem> {
    let mut wrong = Vec::new();
    let filter = wanted.filter(&mut wrong);
    let limit = place.limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=PAGE_MAX).contains(&limit) {
        wrong.push(
            FieldError::new("limit", format!("is not a number from 1 to {PAGE_MAX}"))
                .value(limit.to_string()),
        );
    }
    if place.before.is_some_and(|before| before < 1) {
        wrong.push(FieldError::new("before", "is not the nextBefore of a page"));
    }
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong).into());
    }

    let page = monitor::list(&state.database, &filter, place.before.map(JobId), limit).await;
    let page = page.map_err(Error::from)?;

    let items = page.jobs.into_iter().map(Line::from).collect();
    Ok(HttpResponse::Ok().json(JobPage { items, next_before: page.next_before.map(|job| job.0) }))
}
