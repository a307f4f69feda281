//! One job: what it is, where it stands, everything that happened to it, and what can be done.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use host::problem::Problem;
use jobs::JobId;
use jobs::monitor::{self, JobView, StateView};
use maud::{Markup, html};
use time::OffsetDateTime;

use super::submitted::Submitted;
use super::{ROOT, layout};
use crate::accounts::connect::page_session::Visitor;
use crate::error::{Error, invalid};
use crate::id;
use crate::jobs::actions::{action_of, on};
use crate::jobs::{NO_JOB, retry_count};
use crate::state::AppState;

pub(super) async fn show(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = id::parse(&id, NO_JOB)?;
    let job = monitor::job(&state.database, JobId(id)).await.map_err(Error::from)?.ok_or(NO_JOB)?;
    let name = layout::short_name(job.job_type.as_deref(), job.method.as_deref());
    let content = html! {
        h1 { (name) " " span.id { "#" (id) } " " (layout::badge(job.state.as_deref())) }
        @if let Some(reason) = &job.reason { p { (reason) } }
        @if let Some(handler) = &job.held_for {
            div.banner role="alert" { "It waits for " code { (handler) } ": a handler that no live server of its queue has, or a place under a limit." }
        }
        @if visitor.may_manage() { (buttons(&visitor, &job)) }
        (facts(&job))
        section { h2 { "Arguments" } pre { (readable(&job.arguments)) } }
        @if !job.parameters.is_empty() {
            section { h2 { "Parameters" } (table(&job.parameters)) }
        }
        section {
            h2 { "History" }
            ol.history { @for step in job.history.iter().rev() { (history_step(step)) } }
        }
    };
    Ok(layout::page(&visitor, "Jobs", &content))
}

fn buttons(visitor: &Visitor, job: &JobView) -> Markup {
    let state = job.state.as_deref().unwrap_or_default();
    html! {
        form.actions method="post" action={ (ROOT) "/jobs/" (job.id) } {
            (layout::token(visitor))
            @if matches!(state, "Scheduled" | "Awaiting") { button name="action" value="runNow" { "Run now" } }
            @if state != "Enqueued" { button name="action" value="requeue" { "Requeue" } }
            @if state != "Deleted" { button.danger name="action" value="delete" { "Delete" } }
            @if state == "Processing" { small { "It is running: either takes it away from its worker, whose outcome is refused." } }
        }
    }
}

fn facts(job: &JobView) -> Markup {
    html! {
        dl.facts {
            dt { "Type" } dd { code { (job.job_type.as_deref().unwrap_or("(cannot be read)")) } }
            dt { "Method" } dd { code { (job.method.as_deref().unwrap_or("–")) } }
            dt { "Queue" } dd { (job.queue.as_deref().unwrap_or("default")) }
            dt { "Created" } dd { (layout::moment(job.created_at)) }
            dt { "Kept until" } dd { (layout::moment_opt(job.expires_at)) }
            dt { "Retries so far" } dd { (retry_count(job)) }
        }
    }
}

fn history_step(step: &StateView) -> Markup {
    html! {
        li data-state=(step.name) {
            div { (layout::badge(Some(&step.name))) " " (layout::moment(step.created_at)) }
            @if let Some(reason) = &step.reason { p { (reason) } }
            @if let Some(details) = step.data.get("ExceptionDetails") { pre.exception { (details) } }
            @let rest: BTreeMap<String, String> = step.data.iter().filter(|(name, _)| *name != "ExceptionDetails")
                .map(|(name, value)| (name.clone(), as_time(name, value))).collect();
            @if !rest.is_empty() { (table(&rest)) }
        }
    }
}

/// Times of states are unix milliseconds.
fn as_time(name: &str, value: &str) -> String {
    let is_time = name.ends_with("At");
    let ms = value.parse::<i64>().ok().filter(|_| is_time);
    let at = ms.and_then(|ms| OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).ok());
    at.map_or_else(|| value.to_owned(), layout::moment_text)
}

fn table(values: &BTreeMap<String, String>) -> Markup {
    html! {
        div.scroll { table.values { tbody {
            @for (name, value) in values { tr { th scope="row" { (name) } td { code { (value) } } } }
        } } }
    }
}

/// Each argument as indented JSON, or the text as stored.
fn readable(arguments: &str) -> String {
    let texts: Vec<Option<String>> = match serde_json::from_str(arguments) {
        Ok(texts) => texts,
        Err(_) => return arguments.to_owned(),
    };
    let readable = |text: Option<String>| {
        let text = text.unwrap_or_else(|| "null".to_owned());
        let value = serde_json::from_str::<serde_json::Value>(&text).ok();
        value.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or(text)
    };
    texts.into_iter().map(readable).collect::<Vec<_>>().join(",\n")
}

pub(super) async fn act(
    submitted: Submitted,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = id::parse(&id, NO_JOB)?;
    let name = submitted.get("action");
    let action = action_of(name).ok_or_else(|| invalid("action", name, "is none of these buttons"))?;
    on(&state, submitted.principal(), action, &[JobId(id)]).await?;
    Ok(layout::go_to(&layout::address(&format!("/jobs/{id}"), &[])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_indented_where_they_are_json_and_shown_where_not() {
        assert_eq!(readable(r#"["{\"a\":1}",null]"#), "{\n  \"a\": 1\n},\nnull");
        assert_eq!(readable("oops"), "oops");
        assert_eq!(readable(r#"["<b>"]"#), "<b>");
    }

    #[test]
    fn times_of_a_state_are_readable() {
        assert_eq!(as_time("EnqueuedAt", "1772359200000"), "2026-03-01 10:00:00");
        assert_eq!(as_time("EnqueuedAt", "2026-03-01T10:00:00Z"), "2026-03-01T10:00:00Z");
        assert_eq!(as_time("Latency", "1772359200000"), "1772359200000");
    }
}
