//! Tells whoever uploaded a catalog how far its import is: one notification, raised again as the import goes on.
//!
//! Raised first by `POST /admin/imports`. A run need not know for whom: it raises whatever stands under the import's key.

use backplane::Push;
use backplane::push::Update;
use contracts::push::CatalogImport;
use store::imports;
use tokio::time::Duration;

use super::stop::Stop;

/// Most frequent progress: each report is a row and a message to each of the user's tabs.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);

/// Raises the notification as of this transaction, in which it must come last.
pub(super) async fn tell(tx: &mut sql::Transaction<'_>, push: &Push, import_id: i64) -> Result<(), Stop> {
    let Some(import) = imports::standing(tx, import_id).await? else { return Ok(()) };
    let update = Update {
        collapse_key: &CatalogImport::key(import_id),
        title: &import.title(),
        description: &import.description(),
        content: &import,
    };
    push.update(tx, &update).await?;
    Ok(())
}
