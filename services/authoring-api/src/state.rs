//! Everything that a merchant's request can reach.

use std::sync::Arc;

use host::Host;
use host::auth::BearerGuard;
use jobs::Client;
use sql::Database;
use tokio::sync::Semaphore;

/// Uploads that are received at the same time; each may hold `Imports:MaxUploadBytes` of memory. More are told to
/// come back.
pub const UPLOADS_AT_ONCE_MAX: usize = 4;

/// Who audit rows name until there are accounts: whoever has the token.
pub(crate) const ACTOR: &str = "token";

/// The one state of this service.
pub struct AppState {
    /// SQL Server.
    pub(crate) database: Database,
    /// Enqueues.
    pub(crate) jobs: Client,
    /// Stands before `/admin`.
    pub(crate) guard: BearerGuard,
    /// One permit for each upload that is being received.
    pub(crate) uploads: Arc<Semaphore>,
    /// Largest file of an import.
    pub(crate) max_upload_bytes: u64,
}

impl AppState {
    /// With the settings of this process.
    pub fn new(host: &Host) -> Self {
        let guard = BearerGuard::new(host.settings.authoring.bearer_token.as_ref());
        let max_upload_bytes = host.settings.imports.max_upload_bytes;
        Self::with(host.database.clone(), host.jobs.clone(), guard, max_upload_bytes)
    }

    /// With these parts.
    pub fn with(database: Database, jobs: Client, guard: BearerGuard, max_upload_bytes: u64) -> Self {
        let uploads = Arc::new(Semaphore::new(UPLOADS_AT_ONCE_MAX));
        Self { database, jobs, guard, uploads, max_upload_bytes }
    }
}
