//! The merchant's side: stores, products, imports.
//!
//! Every change is one transaction that carries the row, its audit entry, the feed rows that tell the frontends, and
//! the jobs it causes. Handlers authorise (the guard around `/admin`), parse into domain types, act, answer; what
//! they write and read in SQL is in `store`.
//!
//! Modules in reading order: [`routes`], `products`, `imports`, `stores`, [`state`], `error`, [`openapi`].

mod error;
mod imports;
pub mod openapi;
mod products;
pub mod routes;
pub mod state;
mod stores;
mod timestamp;

use actix_web::web::Data;
use host::Host;

use state::AppState;

/// Runs until the process is asked to stop.
///
/// # Errors
/// The port or the job server cannot be started, or the server ended by itself.
pub async fn run(host: Host) -> anyhow::Result<()> {
    let dependencies = handlers::Dependencies { database: host.database.clone() };
    host.start_job_server(handlers::registry(dependencies))?;
    let state = Data::new(AppState::new(&host));
    let document = openapi::document()?;
    host.serve(Some(document), move |config| routes::configure(config, state.clone())).await
}
