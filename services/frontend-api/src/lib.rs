//! The shop's side: every storefront request, answered from local memory where it can be.
//!
//! A request for a product takes three steps: [`routes`] → `products::get` → the cache, and on a miss a fourth, the
//! query in `store::publication`; what the cache holds is answered before any routing (`products::shortcut`). The answers are finished documents: nothing is rendered here. Reads only; what the
//! merchant changes is authoring-api's matter.
//!
//! Modules in reading order: [`routes`], `products`, `answer`, `representations`, `conditional`, [`state`], `error`, [`openapi`].

mod answer;
mod conditional;
mod error;
pub mod openapi;
mod products;
mod representations;
pub mod routes;
pub mod state;

use actix_web::web::Data;
use host::Host;

use state::AppState;

/// Runs until the process is asked to stop.
///
/// # Errors
/// The port or the job server cannot be started, or the server ended by itself.
pub async fn run(host: Host) -> anyhow::Result<()> {
    let dependencies = handlers::Dependencies { database: host.database.clone(), push: host.push.clone() };
    host.start_job_server(handlers::registry(dependencies))?;
    let state = Data::new(AppState::new(&host));
    let observed = state.clone();
    host.metrics.observe(move |readings| readings.cache(&observed.cache_stats()));
    if let Some(interval) = host.settings.caching.staleness_check_interval {
        let (watched, stopping) = (state.clone(), host.lifecycle.stopping().clone());
        host.lifecycle.spawn(async move {
            stopping.run_until_cancelled(watched.watch_staleness(interval)).await;
        });
    }
    let (fresh, stopping) = (state.clone(), host.lifecycle.stopping().clone());
    host.lifecycle.spawn(async move {
        stopping.run_until_cancelled(fresh.keep_fresh()).await;
    });
    let document = openapi::document()?;
    let host = host.with_shortcut(routes::shortcut(state.clone()));
    host.serve(Some(document), move |config| routes::configure(config, state.clone())).await
}
