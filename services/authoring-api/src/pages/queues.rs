//! Queues, and letting them rest.

use actix_web::HttpResponse;
use actix_web::web::Data;
use host::problem::Problem;
use jobs::monitor;
use maud::html;

use super::submitted::Submitted;
use super::{ROOT, layout};
use crate::accounts::connect::page_session::Visitor;
use crate::error::Error;
use crate::jobs::queues::set_paused;
use crate::state::AppState;

pub(super) async fn show(visitor: Visitor, state: Data<AppState>) -> Result<HttpResponse, Problem> {
    let queues = monitor::queues(&state.database).await.map_err(Error::from)?;
    let content = html! {
        h1 { "Queues" }
        @if queues.is_empty() { p.none { "No queues." } }
        div.scroll { table {
            thead { tr { th { "Queue" } th { "Waiting" } th { "Claimed" } th { "Set aside" } th { "Servers" } th { "State" } th {} } }
            tbody { @for queue in &queues {
                tr {
                    td { a href=(layout::address("/jobs", &[("state", "Enqueued"), ("queue", &queue.name)])) { (queue.name) } }
                    td { (queue.waiting) } td { (queue.fetched) } td { (queue.shelved) }
                    td { (queue.servers) @if queue.servers == 0 { small.held { "nobody reads it" } } }
                    td {
                        @match queue.paused_at {
                            Some(at) => { (layout::badge(Some("Paused"))) small { "since " (layout::moment(at)) " by " (queue.paused_by.as_deref().unwrap_or("?")) } }
                            None => (layout::badge(Some("Read"))),
                        }
                    }
                    td {
                        @if visitor.may_manage() {
                            form method="post" action={ (ROOT) "/queues" } {
                                (layout::token(&visitor))
                                input type="hidden" name="queue" value=(queue.name);
                                @if queue.paused_at.is_some() { button name="order" value="resume" { "Resume" } }
                                @else { button name="order" value="pause" { "Pause" } }
                            }
                        }
                    }
                }
            } }
        } }
    };
    Ok(layout::page(&visitor, "Queues", &content))
}

pub(super) async fn act(submitted: Submitted, state: Data<AppState>) -> Result<HttpResponse, Problem> {
    let paused = submitted.get("order") == "pause";
    set_paused(&state, submitted.principal(), submitted.get("queue"), paused).await?;
    Ok(layout::go_to(&layout::address("/queues", &[])))
}
