//! Imports of catalog files: what was uploaded, how far it is, what was refused.
//!
//! An import is `Queued` by [`create`], `Running` after [`begin`], and ends as `Completed` ([`finish`]) or
//! `Failed` ([`fail`]; a failed one may begin again). While it runs, every chunk moves the [`Checkpoint`] in the
//! transaction that writes its products: after a kill nothing is lost, and nothing is done twice.

mod run;
mod standing;
mod view;

pub use run::{Begun, Checkpoint, Progress, REFUSALS_KEPT_MAX, Work, begin, checkpoint, fail, finish};
pub use standing::standing;
pub use view::{ImportState, ImportView, StoredRefusal, view};

use crate::{Error, Result};
use domain::StoreId;
use sql::RowExt;

/// A file that waits to be imported.
#[derive(Debug, Clone, Copy)]
pub struct NewImport<'a> {
    /// Whose products it has. Must exist.
    pub store: &'a StoreId,
    /// The file, finished in this transaction at the latest.
    pub blob_id: i64,
    /// As it was uploaded; at most 255 characters.
    pub file_name: &'a str,
}

/// Writes the import; gives its id, which the job's payload carries.
pub async fn create(tx: &mut sql::Transaction<'_>, import: &NewImport<'_>) -> Result<i64> {
    let rows = tx
        .query(include_str!("create.sql"), &[&import.store.as_str(), &import.blob_id, &import.file_name])
        .await?;
    let row = rows.first().ok_or("the statement gave no id").map_err(Error::unreadable("import", "new"))?;
    Ok(row.read("ImportId")?)
}

/// Remembers which job runs the import, for those who look at it.
pub async fn set_job(tx: &mut sql::Transaction<'_>, import_id: i64, job_id: i64) -> Result<()> {
    tx.execute(include_str!("set_job.sql"), &[&import_id, &job_id]).await?;
    Ok(())
}
