//! Everything that a merchant's request can reach.

use std::sync::Arc;

use host::Host;
use jobs::Client;
use sql::Database;
use tokio::sync::Semaphore;

use crate::accounts::Accounts;

/// Uploads that are received at the same time; each may hold `Imports:MaxUploadBytes` of memory. More are told to
/// come back.
pub const UPLOADS_AT_ONCE_MAX: usize = 4;

/// The one state of this service.
pub struct AppState {
    /// SQL Server.
    pub(crate) database: Database,
    /// Enqueues.
    pub(crate) jobs: Client,
    /// Signs in.
    pub(crate) accounts: Accounts,
    /// One permit for each upload that is being received.
    pub(crate) uploads: Arc<Semaphore>,
    /// Largest file of an import.
    pub(crate) max_upload_bytes: u64,
}

impl AppState {
    /// With the settings of this process.
    pub fn new(host: &Host, accounts: Accounts) -> Self {
        let max_upload_bytes = host.settings.imports.max_upload_bytes;
        Self::with(host.database.clone(), host.jobs.clone(), accounts, max_upload_bytes)
    }

    /// With these parts.
    pub fn with(database: Database, jobs: Client, accounts: Accounts, max_upload_bytes: u64) -> Self {
        let uploads = Arc::new(Semaphore::new(UPLOADS_AT_ONCE_MAX));
        Self { database, jobs, accounts, uploads, max_upload_bytes }
    }
}
