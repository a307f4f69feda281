//! How far an import is, as its notification says it.

use contracts::push::CatalogImport;
use sql::RowExt;
use time::PrimitiveDateTime;
use time::format_description::well_known::Rfc3339;

use super::ImportState;
use super::run::unsigned;
use super::view::read_state;
use crate::Result;

/// What the import's notification carries, as of this transaction. `None`: there is no such import.
pub async fn standing(tx: &mut sql::Transaction<'_>, import_id: i64) -> Result<Option<CatalogImport>> {
    let rows = tx.query(include_str!("standing.sql"), &[&import_id]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let count = |column: &str| unsigned(import_id, row.read(column)?);
    let finished = row.read_opt::<PrimitiveDateTime>("FinishedAt")?;
    let finished = finished.and_then(|time| time.assume_utc().format(&Rfc3339).ok());
    let state = read_state(import_id, row.read("State")?)?;
    let (rows_read, total_bytes) = (count("RowsRead")?, count("Length")?);
    let is_completed = state == ImportState::Completed;
    let error = row.read_opt::<&str>("Error")?;
    Ok(Some(CatalogImport {
        import_id,
        store: row.read::<&str>("StoreId")?.to_owned(),
        file_name: row.read::<&str>("FileName")?.to_owned(),
        job_id: row.read_opt::<i64>("JobId")?.map(|id| id.to_string()),
        state: state.name(),
        finished,
        total_count: is_completed.then_some(rows_read),
        processed_count: rows_read,
        error_count: count("RowsRefused")?,
        errors: error.map(str::to_owned).into_iter().collect(),
        total_bytes,
        processed_bytes: if is_completed { total_bytes } else { count("CheckpointByte")? },
        products_created: count("ProductsCreated")?,
        products_updated: count("ProductsUpdated")?,
        products_unchanged: count("ProductsUnchanged")?,
        products_refused: count("ProductsRefused")?,
    }))
}
