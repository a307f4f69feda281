//! The first page: counters that stay fresh, a chart, and a banner for what nobody runs.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use host::problem::Problem;
use jobs::monitor::{self, COUNT_MAX, Overview, Period};
use maud::{Markup, html};
use serde::Deserialize;

use super::chart::chart;
use super::{ROOT, layout};
use crate::accounts::connect::page_session::Visitor;
use crate::error::Error;
use crate::jobs::filter::STATES;
use crate::state::AppState;

/// Which chart is wanted.
#[derive(Deserialize)]
pub(super) struct Span {
    period: Option<String>,
}

pub(super) async fn show(
    visitor: Visitor,
    state: Data<AppState>,
    span: Query<Span>,
) -> Result<HttpResponse, Problem> {
    let is_week = span.period.as_deref() == Some("week");
    let period = if is_week { Period::Week } else { Period::Day };
    let now = monitor::overview(&state.database).await.map_err(Error::from)?;
    let columns = monitor::history(&state.database, period).await.map_err(Error::from)?;
    let content = html! {
        h1 { "Overview" }
        div data-refresh={ (ROOT) "/counters" } { (live(&now)) }
        section {
            h2 {
                "History"
                span.tabs {
                    a href=(ROOT) aria-current=[(!is_week).then_some("true")] { "day" }
                    a href={ (ROOT) "?period=week" } aria-current=[is_week.then_some("true")] { "week" }
                }
            }
            (chart(&columns, period))
        }
    };
    Ok(layout::page(&visitor, "Overview", &content))
}

/// The part of the page that its script asks for again and again.
pub(super) async fn counters(_visitor: Visitor, state: Data<AppState>) -> Result<HttpResponse, Problem> {
    let now = monitor::overview(&state.database).await.map_err(Error::from)?;
    Ok(layout::answer(actix_web::http::StatusCode::OK, &live(&now)))
}

fn live(now: &Overview) -> Markup {
    html! {
        @if !now.unexpected.is_empty() {
            div.banner role="alert" {
                strong { "No live server runs these jobs; they wait:" }
                ul {
                    @for kind in &now.unexpected {
                        li { (kind.jobs) " × " code { (kind.handler) } }
                    }
                }
            }
        }
        @if now.servers == 0 {
            div.banner role="alert" { strong { "No job server is alive." } " Jobs are enqueued and wait." }
        }
        ul.counters {
            @for state in STATES {
                @let count = now.by_state.get(state).copied().unwrap_or(0);
                li data-state=(state) {
                    a href=(layout::address("/jobs", &[("state", state)])) { b { (number(count)) } span { (state) } }
                }
            }
            li { a href={ (ROOT) "/recurring" } { b { (now.recurring) } span { "Recurring" } } }
            li { b { (number(now.retries)) } span { "Retries" } }
            li { b { (now.held) } span { "Without a handler" } }
            li { b { (now.limited) } span { "Under a limit" } }
            li { a href={ (ROOT) "/servers" } { b { (now.servers) } span { "Servers" } } }
            li { b { (now.succeeded_ever) } span { "Succeeded ever" } }
        }
    }
}

fn number(count: i64) -> String {
    if count >= COUNT_MAX { format!("{COUNT_MAX}+") } else { count.to_string() }
}
