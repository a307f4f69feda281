//! `/api/platform/jobs/recurring`: recurring jobs, whoever made them.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path, Query};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use host::auth::Principal;
use host::problem::{FieldError, Problem};
use jobs::recurring::{self, RECURRING_ID_MAX, RecurringView};
use jobs::{JobId, Misfire};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::audit::{self, Entry};
use utoipa::{IntoParams, ToSchema};

use crate::error::{Error, invalid};
use crate::state::AppState;
use crate::timestamp::Timestamp;

const NONE: Error = Error::NotFound("such recurring job");
/// Recurring jobs on a page unless the caller says how many.
const LIMIT_DEFAULT: u16 = 50;
/// Most of them.
const LIMIT_MAX: u16 = 200;

/// Which page is wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Place {
    /// Only those whose id contains this.
    #[param(nullable = false, max_length = 86)]
    search: Option<String>,
    /// Most of them on the page.
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50)]
    limit: Option<u16>,
    /// `nextCursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// A recurring job.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RecurringJob {
    /// Its id.
    id: String,
    /// Five fields, or six with seconds first, or a macro.
    cron: String,
    /// IANA's or Windows' name.
    time_zone: String,
    /// The queue of its jobs.
    queue: Option<String>,
    /// `Namespace.Type, Assembly`; `null` if what is stored cannot be read.
    #[serde(rename = "type")]
    job_type: Option<String>,
    /// The method.
    method: Option<String>,
    /// What happens to missed times: `relaxed` (one run), `strict` (all) or `ignorable` (none).
    misfire: &'static str,
    /// How much later a run may begin, s.
    jitter_secs: u64,
    /// Creation.
    created_at: Option<Timestamp>,
    /// The next run; `null`: paused, switched off by .NET, or never.
    next_at: Option<Timestamp>,
    /// The next runs.
    upcoming: Vec<Timestamp>,
    /// The last run.
    last_at: Option<Timestamp>,
    /// The job that it made.
    last_job_id: Option<i64>,
    /// Since when it rests.
    paused_at: Option<Timestamp>,
    /// Why it cannot be scheduled.
    error: Option<String>,
}

impl From<RecurringView> for RecurringJob {
    fn from(view: RecurringView) -> Self {
        Self {
            id: view.id,
            cron: view.cron,
            time_zone: view.time_zone,
            queue: view.queue,
            job_type: view.job_type,
            method: view.method,
            misfire: misfire_name(view.misfire),
            jitter_secs: view.jitter.as_secs(),
            created_at: view.created_at.map(Timestamp),
            next_at: view.next_at.map(Timestamp),
            upcoming: view.upcoming.into_iter().map(Timestamp).collect(),
            last_at: view.last_at.map(Timestamp),
            last_job_id: view.last_job.map(|job| job.0),
            paused_at: view.paused_at.map(Timestamp),
            error: view.error,
        }
    }
}

/// As JSON and forms have it.
pub(crate) fn misfire_name(misfire: Misfire) -> &'static str {
    match misfire {
        Misfire::Relaxed => "relaxed",
        Misfire::Strict => "strict",
        Misfire::Ignorable => "ignorable",
    }
}

/// A page of recurring jobs.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RecurringPage {
    /// In the order of their ids.
    items: Vec<RecurringJob>,
    /// `cursor` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_cursor: Option<String>,
}

/// Recurring jobs in the order of their ids.
#[utoipa::path(get, path = "/api/platform/jobs/recurring", tag = "jobs", operation_id = "list_recurring_jobs",
    params(Place),
    responses((status = 200, description = "The page", body = RecurringPage)),
    extensions(("x-problems" = json!(["validation_failed"]))))]
pub(crate) async fn list(state: Data<AppState>, place: Query<Place>) -> Result<HttpResponse, Problem> {
    let mut wrong = Vec::new();
    let limit = place.limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        wrong.push(
            FieldError::new("limit", format!("is not a number from 1 to {LIMIT_MAX}"))
                .value(limit.to_string()),
        );
    }
    let search = place.search.as_deref().unwrap_or_default().trim();
    if search.chars().count() > RECURRING_ID_MAX || search.chars().any(char::is_control) {
        wrong.push(FieldError::new(
            "search",
            format!("is not up to {RECURRING_ID_MAX} characters without control characters"),
        ));
    }
    let after = place.cursor.as_deref().map_or(Some(String::new()), decode).unwrap_or_else(|| {
        wrong.push(FieldError::new("cursor", "is not the nextCursor of a page"));
        String::new()
    });
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong).into());
    }

    let mut items = recurring::list(&state.database, &after, search, limit + 1).await.map_err(Error::from)?;
    let has_more = items.len() > usize::from(limit);
    items.truncate(limit.into());

    let next_cursor = items.last().filter(|_| has_more).map(|last| BASE64_URL_SAFE_NO_PAD.encode(&last.id));
    let items = items.into_iter().map(RecurringJob::from).collect();
    Ok(HttpResponse::Ok().json(RecurringPage { items, next_cursor }))
}

fn decode(cursor: &str) -> Option<String> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
    String::from_utf8(bytes).ok().filter(|id| !id.is_empty() && !id.chars().any(char::is_control))
}

/// One recurring job.
#[utoipa::path(get, path = "/api/platform/jobs/recurring/{id}", tag = "jobs", operation_id = "get_recurring_job",
    params(("id" = String, Path, description = "The recurring job", example = "nightly-report")),
    responses((status = 200, description = "The recurring job", body = RecurringJob)),
    extensions(("x-problems" = json!(["not_found"]))))]
pub(crate) async fn get(state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(RecurringJob::from(view(&state, &id).await?)))
}

/// One recurring job as it is now.
pub(crate) async fn view(state: &AppState, id: &str) -> Result<RecurringView, Error> {
    // An id that no recurring job can have names none.
    if id.chars().any(char::is_control) {
        return Err(NONE);
    }
    recurring::get(&state.database, id).await?.ok_or(NONE)
}

/// When and where a recurring job runs.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RecurringTiming)]
pub(crate) struct Timing {
    /// Five fields, or six with seconds first, or a macro; Cronos' rules.
    pub(crate) cron: String,
    /// IANA's or Windows' name; absent: UTC.
    #[serde(default)]
    pub(crate) time_zone: String,
    /// The queue of its jobs; absent: as it is.
    #[serde(default)]
    #[schema(nullable = false)]
    pub(crate) queue: Option<String>,
    /// What happens to missed times: `relaxed` (one run, the default), `strict` (all) or `ignorable` (none).
    #[serde(default)]
    #[schema(nullable = false)]
    pub(crate) misfire: Option<String>,
    /// How much later a run may begin, s.
    #[serde(default)]
    pub(crate) jitter_secs: u32,
}

/// Changes when and where a recurring job runs, at once.
#[utoipa::path(put, path = "/api/platform/jobs/recurring/{id}", tag = "jobs", operation_id = "change_recurring_job",
    params(("id" = String, Path, description = "The recurring job", example = "nightly-report")),
    request_body = Timing,
    responses((status = 200, description = "The recurring job as it is now", body = RecurringJob)),
    extensions(("x-problems" = json!(["not_found", "validation_failed", "conflict"]))))]
pub(crate) async fn change(
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
    timing: Json<Timing>,
) -> Result<HttpResponse, Problem> {
    set_timing(&state, &principal, &id, timing.into_inner()).await?;
    Ok(HttpResponse::Ok().json(RecurringJob::from(view(&state, &id).await?)))
}

/// Writes the timing of a recurring job that exists.
pub(crate) async fn set_timing(
    state: &AppState,
    principal: &Principal,
    id: &str,
    timing: Timing,
) -> Result<(), Error> {
    let misfire = match timing.misfire.as_deref() {
        None | Some("relaxed") => Misfire::Relaxed,
        Some("strict") => Misfire::Strict,
        Some("ignorable") => Misfire::Ignorable,
        Some(other) => return Err(invalid("misfire", other, "is none of relaxed, strict, ignorable")),
    };
    view(state, id).await?;
    let wanted = jobs::Recurring {
        id: id.to_owned(),
        cron: timing.cron.trim().to_owned(),
        time_zone: timing.time_zone.trim().to_owned(),
        queue: timing.queue.map(|queue| queue.trim().to_owned()).filter(|queue| !queue.is_empty()),
        misfire,
        jitter: Duration::from_secs(timing.jitter_secs.into()),
    };
    let detail = json!({
        "cron": wanted.cron, "timeZone": wanted.time_zone, "queue": wanted.queue, "misfire": misfire_name(misfire),
        "jitterSecs": timing.jitter_secs,
    });
    let (client, wanted, detail) = (&state.jobs, &wanted, &detail);
    let write = state.database.transaction("jobs.change_recurring", |tx| {
        Box::pin(async move {
            if !client.change_recurring(tx, wanted).await? {
                return Err(NONE);
            }
            record(tx, principal, "recurring_job.changed", id, detail.clone()).await
        })
    });
    write.await
}

/// What can be done with a recurring job besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Pause,
    Resume,
    Trigger,
    Remove,
}

/// Does it. The job that a trigger made.
pub(crate) async fn order(
    state: &AppState,
    principal: &Principal,
    id: &str,
    order: Order,
) -> Result<Option<JobId>, Error> {
    view(state, id).await?;
    let client = &state.jobs;
    let write = state.database.transaction("jobs.order_recurring", |tx| {
        Box::pin(async move {
            let (exists, job, action) = match order {
                Order::Pause => (client.pause_recurring(tx, id).await?, None, "recurring_job.paused"),
                Order::Resume => (client.resume_recurring(tx, id).await?, None, "recurring_job.resumed"),
                Order::Remove => (client.remove_recurring(tx, id).await?, None, "recurring_job.removed"),
                Order::Trigger => {
                    let job = client.trigger_recurring(tx, id).await?;
                    (job.is_some(), job, "recurring_job.triggered")
                }
            };
            if !exists {
                return Err(NONE);
            }
            record(tx, principal, action, id, json!({ "job": job })).await?;
            Ok::<_, Error>(job)
        })
    });
    write.await
}

async fn record(
    tx: &mut sql::Transaction<'_>,
    principal: &Principal,
    action: &'static str,
    id: &str,
    detail: Value,
) -> Result<(), Error> {
    let entry = Entry { action, entity: "recurring_job", entity_id: id.into(), detail };
    audit::record(tx, &principal.name, &[entry]).await?;
    Ok(())
}

/// Removes a recurring job; jobs that it has made stay.
#[utoipa::path(delete, path = "/api/platform/jobs/recurring/{id}", tag = "jobs", operation_id = "remove_recurring_job",
    params(("id" = String, Path, description = "The recurring job", example = "nightly-report")),
    responses((status = 204, description = "It is gone")),
    extensions(("x-problems" = json!(["not_found", "conflict", "validation_failed"]))))]
pub(crate) async fn remove(
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    order(&state, &principal, &id, Order::Remove).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Lets a recurring job rest.
#[utoipa::path(post, path = "/api/platform/jobs/recurring/{id}/pause", tag = "jobs", operation_id = "pause_recurring_job",
    params(("id" = String, Path, description = "The recurring job", example = "nightly-report")),
    responses((status = 204, description = "It rests")),
    extensions(("x-problems" = json!(["not_found", "conflict", "validation_failed"]))))]
pub(crate) async fn pause(
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    order(&state, &principal, &id, Order::Pause).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Schedules a recurring job again that rests; what it missed is not made up for.
#[utoipa::path(post, path = "/api/platform/jobs/recurring/{id}/resume", tag = "jobs", operation_id = "resume_recurring_job",
    params(("id" = String, Path, description = "The recurring job", example = "nightly-report")),
    responses((status = 204, description = "It is scheduled")),
    extensions(("x-problems" = json!(["not_found", "conflict", "validation_failed"]))))]
pub(crate) async fn resume(
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    order(&state, &principal, &id, Order::Resume).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What a trigger made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TriggeredJob)]
struct Triggered {
    /// The job.
    job_id: Option<i64>,
}

/// Runs a recurring job once, now.
#[utoipa::path(post, path = "/api/platform/jobs/recurring/{id}/trigger", tag = "jobs", operation_id = "trigger_recurring_job",
    params(("id" = String, Path, description = "The recurring job", example = "nightly-report")),
    responses((status = 202, description = "Its job waits for a worker", body = Triggered)),
    extensions(("x-problems" = json!(["not_found", "conflict", "validation_failed"]))))]
pub(crate) async fn trigger(
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let job = order(&state, &principal, &id, Order::Trigger).await?;
    Ok(HttpResponse::Accepted().json(Triggered { job_id: job.map(|job| job.0) }))
}
