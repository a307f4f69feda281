//! What a service itself does for a command that is its own: work with an end, on the database alone.

use futures_util::future::BoxFuture;
use sql::Database;

use crate::configuration::Settings;

/// Does it, on a database whose schema is up to date. On an error the process ends with 1.
pub type Operation = fn(Settings, Database) -> BoxFuture<'static, anyhow::Result<()>>;

/// The operations of a service.
#[derive(Clone, Copy, Default)]
pub struct Operations {
    /// `rotate-signing-key` of authoring-api: for operators who are on the machine and not signed in.
    pub rotate_signing_key: Option<Operation>,
}
