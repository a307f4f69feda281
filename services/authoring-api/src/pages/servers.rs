//! The servers that run jobs.

use actix_web::HttpResponse;
use actix_web::web::Data;
use host::problem::Problem;
use jobs::monitor;
use maud::html;

use super::layout;
use crate::accounts::connect::page_session::Visitor;
use crate::error::Error;
use crate::state::AppState;

pub(super) async fn show(visitor: Visitor, state: Data<AppState>) -> Result<HttpResponse, Problem> {
    let servers = monitor::servers(&state.database).await.map_err(Error::from)?;
    let content = html! {
        h1 { "Servers" }
        @if servers.is_empty() {
            div.banner role="alert" { strong { "No job server is alive." } " Jobs are enqueued and wait." }
        }
        div.cards { @for server in &servers {
            article.card {
                h2 { (server.id) }
                dl.facts {
                    dt { "Running" } dd { (server.running) " of " (server.worker_count) }
                    dt { "Queues" } dd { (server.queues.join(", ")) }
                    dt { "Started" } dd { (layout::moment_opt(server.started_at)) }
                    dt { "Heartbeat" } dd { (layout::moment(server.heartbeat_at)) ", " (server.silent_for.as_secs()) " s ago" }
                }
                @if server.handlers.is_empty() {
                    p.none { "It does not say what it runs: a server of .NET." }
                } @else {
                    details { summary { "Runs " (server.handlers.len()) (if server.handlers.len() == 1 { " kind of job" } else { " kinds of jobs" }) }
                        ul { @for handler in &server.handlers { li { code { (handler) } } } }
                    }
                }
            }
        } }
    };
    Ok(layout::page(&visitor, "Servers", &content))
}
