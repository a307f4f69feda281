//! Lists of jobs with search, and what can be done with those that are chosen or found.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use host::problem::Problem;
use jobs::monitor::{self, JobPage, SCAN_MAX};
use jobs::{Action, JobId};
use maud::{Markup, html};
use serde::Deserialize;

use super::submitted::Submitted;
use super::{ROOT, layout};
use crate::accounts::connect::page_session::Visitor;
use crate::error::{Error, invalid};
use crate::jobs::actions::{action_of, by_filter, on};
use crate::jobs::filter::{STATES, Wanted};
use crate::state::AppState;

/// Jobs on a page.
const LIMIT: u16 = 50;

/// Where the page begins, and what was done before.
#[derive(Deserialize)]
pub(super) struct Place {
    before: Option<i64>,
    done: Option<usize>,
    more: Option<String>,
}

pub(super) async fn show(
    visitor: Visitor,
    state: Data<AppState>,
    wanted: Query<Wanted>,
    place: Query<Place>,
) -> Result<HttpResponse, Problem> {
    let mut wrong = Vec::new();
    let filter = wanted.filter(&mut wrong);
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong).into());
    }
    let before = place.before.filter(|before| *before > 0).map(JobId);
    let page = monitor::list(&state.database, &filter, before, LIMIT).await.map_err(Error::from)?;
    let content = html! {
        h1 { @match &filter.state { Some(state) => (state), None => "All" } " jobs" }
        @if let Some(done) = place.done {
            p.done role="status" {
                "Done with " (done) (if done == 1 { " job." } else { " jobs." })
                @if place.more.is_some() { " There may be more: do it again." }
            }
        }
        nav.states aria-label="States" {
            a href=(link(&wanted, Some(""), None)) aria-current=[filter.state.is_none().then_some("true")] { "All" }
            @for state in STATES {
                a href=(link(&wanted, Some(state), None)) aria-current=[(filter.state.as_deref() == Some(state)).then_some("true")] { (state) }
            }
        }
        (search(&wanted))
        (list(&visitor, &wanted, &page))
    };
    Ok(layout::page(&visitor, "Jobs", &content))
}

/// The address of this list in another state, or further on.
fn link(wanted: &Wanted, state: Option<&str>, before: Option<i64>) -> String {
    let before = before.map(|before| before.to_string()).unwrap_or_default();
    let mut parameters = fields(wanted);
    if let Some(state) = state {
        parameters[0].1 = state;
    }
    parameters.push(("before", &before));
    layout::address("/jobs", &parameters)
}

fn fields(wanted: &Wanted) -> Vec<(&'static str, &str)> {
    fn of(text: &Option<String>) -> &str {
        text.as_deref().map(str::trim).unwrap_or_default()
    }
    vec![
        ("state", of(&wanted.state)),
        ("type", of(&wanted.job_type)),
        ("argument", of(&wanted.argument)),
        ("queue", of(&wanted.queue)),
        ("from", of(&wanted.from)),
        ("to", of(&wanted.to)),
    ]
}

fn search(wanted: &Wanted) -> Markup {
    let value = |text: &Option<String>| text.clone().unwrap_or_default();
    let is_used = fields(wanted).iter().skip(1).any(|(_, value)| !value.is_empty());
    html! {
        details.search open[is_used] {
            summary { "Search" }
            form method="get" action={ (ROOT) "/jobs" } {
                input type="hidden" name="state" value=(value(&wanted.state));
                label { "Type or method" input name="type" maxlength="200" value=(value(&wanted.job_type)); }
                label { "Argument" input name="argument" maxlength="200" value=(value(&wanted.argument)); }
                label { "Queue" input name="queue" maxlength="50" value=(value(&wanted.queue)); }
                label { "Created from (UTC)" input type="datetime-local" name="from" value=(value(&wanted.from)); }
                label { "to" input type="datetime-local" name="to" value=(value(&wanted.to)); }
                div.row { button { "Search" } a href=(layout::address("/jobs", &[("state", &value(&wanted.state))])) { "Clear" } }
            }
        }
    }
}

fn list(visitor: &Visitor, wanted: &Wanted, page: &JobPage) -> Markup {
    let may = visitor.may_manage();
    html! {
        form method="post" action=(link(wanted, None, None)) {
            (layout::token(visitor))
            @if may { (buttons(wanted)) }
            @if page.jobs.is_empty() {
                p.none {
                    @if page.next_before.is_some() { "Nothing among the " (SCAN_MAX) " newest; go on with older ones." }
                    @else { "No jobs." }
                }
            } @else {
                div.scroll { table {
                    thead { tr {
                        @if may { th.narrow { span.hidden { "Choose" } } }
                        th { "Job" } th { "State" } th { "Type" } th { "Queue" } th { "Arguments" } th { "Since" } th { "Created" }
                    } }
                    tbody { @for job in &page.jobs {
                        tr {
                            @if may { td.narrow { input type="checkbox" name="id" value=(job.id) aria-label={ "Job " (job.id) }; } }
                            td { a href={ (ROOT) "/jobs/" (job.id) } { "#" (job.id) } }
                            td { (layout::badge(job.state.as_deref())) @if let Some(reason) = &job.reason { small { (reason) } } @if job.held_for.is_some() { small.held { "set aside" } } }
                            td title=[job.job_type.as_deref()] { (layout::short_name(job.job_type.as_deref(), job.method.as_deref())) }
                            td { (job.queue.as_deref().unwrap_or("default")) }
                            td.arguments { code { (job.arguments) } }
                            td { (layout::moment_opt(job.since)) }
                            td { (layout::moment(job.created_at)) }
                        }
                    } }
                } }
            }
        }
        @if let Some(next) = page.next_before {
            p.pages { a href=(link(wanted, None, Some(next.0))) { "Older jobs" } }
        }
    }
}

fn buttons(wanted: &Wanted) -> Markup {
    let state = wanted.state.as_deref().unwrap_or_default();
    html! {
        div.actions {
            @for (name, value) in [("Requeue", "requeue"), ("Run now", "runNow"), ("Delete", "delete")] {
                @if value != "runNow" || matches!(state, "" | "Scheduled" | "Awaiting") {
                    button name="action" value=(value) { (name) }
                }
            }
            label {
                select name="which" {
                    option value="chosen" { "chosen jobs" }
                    @if !state.is_empty() { option value="found" { "all that are found" } }
                }
            }
        }
    }
}

pub(super) async fn act(
    submitted: Submitted,
    state: Data<AppState>,
    wanted: Query<Wanted>,
) -> Result<HttpResponse, Problem> {
    let name = submitted.get("action");
    let action = action_of(name).ok_or_else(|| invalid("action", name, "is none of these buttons"))?;
    let (done, more) = match submitted.get("which") {
        "found" => all_found(&state, &submitted, action, &wanted).await?,
        _ => {
            let ids: Vec<JobId> = submitted.all("id").filter_map(|id| id.parse().ok()).map(JobId).collect();
            (on(&state, submitted.principal(), action, &ids).await?, false)
        }
    };
    let done = done.to_string();
    let mut parameters = fields(&wanted);
    parameters.push(("done", &done));
    parameters.push(("more", if more { "yes" } else { "" }));
    Ok(layout::go_to(&layout::address("/jobs", &parameters)))
}

async fn all_found(
    state: &AppState,
    submitted: &Submitted,
    action: Action,
    wanted: &Wanted,
) -> Result<(usize, bool), Error> {
    let mut wrong = Vec::new();
    let filter = wanted.filter(&mut wrong);
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    if filter.state.is_none() {
        return Err(invalid("state", "", "is wanted: choose the state whose jobs are meant"));
    }
    let done = by_filter(state, submitted.principal(), action, &filter).await?;
    Ok((done.done, done.more))
}
