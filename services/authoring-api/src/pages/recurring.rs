//! Recurring jobs: next runs, pause, trigger, and another expression.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use host::problem::Problem;
use jobs::recurring::{self, RecurringView};
use maud::{Markup, html};
use serde::Deserialize;

use super::submitted::Submitted;
use super::{ROOT, layout};
use crate::accounts::connect::page_session::Visitor;
use crate::error::{Error, invalid};
use crate::jobs::recurring::{Order, Timing, misfire_name, order, set_timing, view};
use crate::state::AppState;

/// Recurring jobs on a page.
const LIMIT: u16 = 100;

/// Which of them.
#[derive(Deserialize)]
pub(super) struct Place {
    #[serde(default)]
    search: String,
    #[serde(default)]
    after: String,
    triggered: Option<i64>,
}

pub(super) async fn show(
    visitor: Visitor,
    state: Data<AppState>,
    place: Query<Place>,
) -> Result<HttpResponse, Problem> {
    if place.search.len() > 400 || place.after.len() > 400 {
        return Err(invalid("search", "", "is too long").into());
    }
    let mut found = recurring::list(&state.database, &place.after, place.search.trim(), LIMIT + 1)
        .await
        .map_err(Error::from)?;
    let has_more = found.len() > usize::from(LIMIT);
    found.truncate(LIMIT.into());
    let content = html! {
        h1 { "Recurring jobs" }
        @if let Some(job) = place.triggered {
            p.done role="status" { "Triggered: " a href={ (ROOT) "/jobs/" (job) } { "#" (job) } }
        }
        form.inline method="get" action={ (ROOT) "/recurring" } {
            label { "Name contains" input name="search" maxlength="86" value=(place.search); }
            button { "Search" }
        }
        @if found.is_empty() { p.none { "No recurring jobs." } }
        div.cards { @for job in &found { (card(&visitor, job)) } }
        @if let Some(last) = found.last().filter(|_| has_more) {
            p.pages { a href=(layout::address("/recurring", &[("search", &place.search), ("after", &last.id)])) { "More" } }
        }
    };
    Ok(layout::page(&visitor, "Recurring", &content))
}

fn card(visitor: &Visitor, job: &RecurringView) -> Markup {
    let status = match (&job.error, job.paused_at, job.next_at) {
        (Some(_), _, _) => "Failed",
        (None, Some(_), _) => "Paused",
        (None, None, Some(_)) => "Scheduled",
        (None, None, None) => "Off",
    };
    html! {
        article.card {
            h2 { (job.id) " " (layout::badge(Some(status))) }
            p {
                code { (job.cron) } " " span.zone { (if job.time_zone.is_empty() { "UTC" } else { &job.time_zone }) }
                " · " (layout::short_name(job.job_type.as_deref(), job.method.as_deref())) " → " (job.queue.as_deref().unwrap_or("default"))
                " · missed: " (misfire_name(job.misfire))
                @if !job.jitter.is_zero() { " · up to " (job.jitter.as_secs()) " s later" }
            }
            @if let Some(error) = &job.error { p.refused role="alert" { (error) } }
            @if !job.upcoming.is_empty() {
                p { "Next: " @for (number, at) in job.upcoming.iter().enumerate() { @if number > 0 { ", " } (layout::moment(*at)) } }
            }
            p {
                "Last: " (layout::moment_opt(job.last_at))
                @if let Some(last) = job.last_job { " " a href={ (ROOT) "/jobs/" (last) } { "#" (last) } }
            }
            @if visitor.may_manage() {
                form.actions method="post" action={ (ROOT) "/recurring" } {
                    (layout::token(visitor))
                    input type="hidden" name="id" value=(job.id);
                    button name="order" value="trigger" { "Trigger" }
                    @if job.next_at.is_some() { button name="order" value="pause" { "Pause" } }
                    @else { button name="order" value="resume" { "Resume" } }
                    a.button href=(layout::address("/recurring/edit", &[("id", &job.id)])) { "Edit" }
                    button.danger name="order" value="remove" { "Remove" }
                }
            }
        }
    }
}

pub(super) async fn act(submitted: Submitted, state: Data<AppState>) -> Result<HttpResponse, Problem> {
    let asked = match submitted.get("order") {
        "trigger" => Order::Trigger,
        "pause" => Order::Pause,
        "resume" => Order::Resume,
        "remove" => Order::Remove,
        other => return Err(invalid("order", other, "is none of these buttons").into()),
    };
    let job = order(&state, submitted.principal(), submitted.get("id"), asked).await?;
    let triggered = job.map(|job| job.to_string()).unwrap_or_default();
    Ok(layout::go_to(&layout::address("/recurring", &[("triggered", &triggered)])))
}

/// Which one.
#[derive(Deserialize)]
pub(super) struct Which {
    id: String,
}

pub(super) async fn edit(
    visitor: Visitor,
    state: Data<AppState>,
    which: Query<Which>,
) -> Result<HttpResponse, Problem> {
    let job = view(&state, &which.id).await?;
    let content = html! {
        h1 { "Edit " (job.id) }
        form.edit method="post" action=(layout::address("/recurring/edit", &[("id", &job.id)])) {
            (layout::token(&visitor))
            label { "Cron expression" input name="cron" required maxlength="200" value=(job.cron); }
            p.hint { "Five fields, or six with seconds first: minute, hour, day of month, month, day of week. " code { "L W # , - / *" } " and macros such as " code { "@daily" } "." }
            label { "Time zone" input name="timeZone" maxlength="100" value=(job.time_zone) placeholder="UTC"; }
            p.hint { "As IANA or Windows call it: Europe/Berlin, W. Europe Standard Time." }
            label { "Queue" input name="queue" maxlength="50" value=(job.queue.as_deref().unwrap_or_default()); }
            label { "Missed times"
                select name="misfire" {
                    @for (name, meaning) in [("relaxed", "one run for all of them"), ("strict", "one run for each"), ("ignorable", "none")] {
                        option value=(name) selected[name == misfire_name(job.misfire)] { (meaning) }
                    }
                }
            }
            label { "Begin up to so many seconds later" input type="number" name="jitterSecs" min="0" max="86400" value=(job.jitter.as_secs()); }
            div.row { button { "Save" } a href={ (ROOT) "/recurring" } { "Cancel" } }
        }
    };
    Ok(layout::page(&visitor, "Recurring", &content))
}

pub(super) async fn save(
    submitted: Submitted,
    state: Data<AppState>,
    which: Query<Which>,
) -> Result<HttpResponse, Problem> {
    let jitter = submitted.get("jitterSecs");
    let jitter_secs = if jitter.is_empty() { Ok(0) } else { jitter.parse() };
    let timing = Timing {
        cron: submitted.get("cron").to_owned(),
        time_zone: submitted.get("timeZone").to_owned(),
        queue: Some(submitted.get("queue").to_owned()),
        misfire: Some(submitted.get("misfire").to_owned()),
        jitter_secs: jitter_secs.map_err(|_| invalid("jitterSecs", jitter, "is no number of seconds"))?,
    };
    set_timing(&state, submitted.principal(), &which.id, timing).await?;
    Ok(layout::go_to(&layout::address("/recurring", &[("search", &which.id)])))
}
