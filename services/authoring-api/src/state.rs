//! Everything that a merchant's request can reach.

use std::sync::Arc;

use backplane::Push;
use host::Host;
use host::configuration::Imports;
use jobs::Client;
use sql::Database;
use tokio::sync::Semaphore;

use crate::accounts::Accounts;

/// The one state of this service.
pub struct AppState {
    /// SQL Server.
    pub(crate) database: Database,
    /// Enqueues.
    pub(crate) jobs: Client,
    /// Notifies.
    pub(crate) push: Push,
    /// Signs in.
    pub(crate) accounts: Accounts,
    /// One permit for each upload that may be received now; each may hold `max_upload_bytes` of memory.
    pub(crate) uploads: Arc<Semaphore>,
    /// Largest file of an import.
    pub(crate) max_upload_bytes: u64,
}

impl AppState {
    /// With the settings of this process.
    pub fn new(host: &Host, accounts: Accounts) -> Self {
        let (database, jobs, push) = (host.database.clone(), host.jobs.clone(), host.push.clone());
        Self::with(database, jobs, push, accounts, &host.settings.imports)
    }

    /// With these parts.
    pub fn with(database: Database, jobs: Client, push: Push, accounts: Accounts, imports: &Imports) -> Self {
        let uploads = Arc::new(Semaphore::new(imports.max_concurrent_uploads));
        Self { database, jobs, push, accounts, uploads, max_upload_bytes: imports.max_upload_bytes }
    }
}
