//! The merchant's side: accounts, stores, products, imports, notifications, and background jobs for operators.
//!
//! Every change is one transaction that carries the row, its audit entry, the feed rows that tell the frontends, and
//! the jobs it causes. The route table says which permission each address needs; handlers parse into domain types, act,
//! answer; what they write and read in SQL is in `store`, except for accounts, which are nobody else's.
//!
//! Modules in reading order: [`routes`], `products`, `imports`, `stores`, [`push_notifications`], `jobs`, [`pages`], [`accounts`], [`state`], `error`, [`openapi`].

pub mod accounts;
mod error;
mod id;
mod imports;
mod jobs;
pub mod openapi;
pub mod pages;
mod products;
pub mod push_notifications;
pub mod routes;
pub mod state;
mod stores;
mod text;
mod timestamp;
mod version;

use actix_web::web::{Data, ServiceConfig};
use host::{Host, Operations, Secret};

use accounts::Accounts;
use push_notifications::hub::NotificationHub;
use state::AppState;

/// What commands of this service do.
pub const OPERATIONS: Operations = Operations { rotate_signing_key: Some(accounts::rotate_signing_key) };

/// Runs until the process is asked to stop.
///
/// # Errors
/// The port or the job server cannot be started, or the server ended by itself.
pub async fn run(host: Host) -> anyhow::Result<()> {
    let dependencies = handlers::Dependencies { database: host.database.clone(), push: host.push.clone() };
    host.start_job_server(handlers::registry(dependencies))?;
    let accounts = Accounts::new(host.database.clone(), host.tokens.clone(), &host.settings).await?;
    accounts::bootstrap(&accounts, show).await?;
    let state = Data::new(AppState::new(&host, accounts));
    let hub = NotificationHub::start(&host.push, host.redis.as_ref(), &host.tokens, &host.settings)?;
    let hub_routes = hub.routes();
    host.while_draining(async move { hub.close().await });
    let document = openapi::document()?;
    let configure = move |config: &mut ServiceConfig| {
        routes::configure(config, state.clone());
        config.configure(hub_routes.clone());
    };
    host.serve(Some(document), configure).await
}

/// Tells whoever starts the process the password of the first user. Plain text on standard error and no line of the
/// log: logs are kept, and others read them.
fn show(password: &Secret) {
    eprintln!(
        "\nThere was no user yet. Sign in as `admin` with the password\n\n    {}\n\nIt is not shown again.\n",
        password.expose()
    );
}
