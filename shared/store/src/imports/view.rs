//! Looking at an import, while it runs and afterwards.

use super::run::unsigned;
use crate::{Error, Result};
use domain::StoreId;
use serde::{Deserialize, Serialize};
use sql::RowExt;
use std::borrow::Cow;
use time::{OffsetDateTime, PrimitiveDateTime};

/// Where an import stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportState {
    /// No worker has begun it.
    Queued,
    /// A worker runs it, or was killed while it did.
    Running,
    /// The whole file is done; rows may have been refused.
    Completed,
    /// It ended before the file did: see the error.
    Failed,
}

impl ImportState {
    /// As it is stored and as clients see it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "Queued",
            Self::Running => "Running",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
        }
    }
}

/// An import with a page of its refusals. Counts are as of the last checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportView {
    /// `Commerce.Import.Id`.
    pub id: i64,
    /// Whose products the file has.
    pub store: StoreId,
    /// As it was uploaded.
    pub file_name: String,
    /// Where it stands.
    pub state: ImportState,
    /// The job that runs it.
    pub job_id: Option<i64>,
    /// Rows of the file without the header.
    pub rows_read: u64,
    /// Rows with something wrong.
    pub rows_refused: u64,
    /// Products that are new.
    pub products_created: u64,
    /// Products that changed.
    pub products_updated: u64,
    /// Products that were like this already.
    pub products_unchanged: u64,
    /// Products that were not imported.
    pub products_refused: u64,
    /// Refusals in all: more than can be read if there are more than
    /// [`REFUSALS_KEPT_MAX`](super::REFUSALS_KEPT_MAX).
    pub refusals_total: u64,
    /// A page of the refusals, in the order of the file.
    pub refusals: Vec<StoredRefusal>,
    /// Why it failed.
    pub error: Option<String>,
    /// Grows with every change of the import: good for an entity tag.
    pub version: i64,
    /// UTC, the server's clock.
    pub created_at: OffsetDateTime,
    /// When a worker first began it.
    pub started_at: Option<OffsetDateTime>,
    /// When it completed or failed.
    pub finished_at: Option<OffsetDateTime>,
}

/// A cell that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRefusal {
    /// From 1; what `refusals_after` takes.
    pub number: i64,
    /// The row in the file; the header is row 1.
    pub row: u64,
    /// The column's name in the header; empty for the row as a whole.
    pub column: String,
    /// What stood there, cut.
    pub value: String,
    /// Why it was refused.
    pub reason: String,
}

/// `Commerce.ImportRefusal.Detail`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Detail<'a> {
    pub(super) column: Cow<'a, str>,
    pub(super) value: Cow<'a, str>,
    pub(super) reason: Cow<'a, str>,
}

/// The import with at most `refusals_limit` refusals whose numbers are greater than `refusals_after` (0: from the
/// first). `None`: there is no such import.
pub async fn view(
    db: &sql::Database,
    id: i64,
    refusals_after: i64,
    refusals_limit: u16,
) -> Result<Option<ImportView>> {
    let limit = i64::from(refusals_limit);
    let sets = db.query_sets(include_str!("view.sql"), &[&id, &refusals_after, &limit]).await?;
    let Some(row) = sets.first().and_then(|rows| rows.first()) else { return Ok(None) };
    let count = |column: &str| unsigned(id, row.read(column)?);
    let moment = |column: &str| -> Result<Option<OffsetDateTime>> {
        Ok(row.read_opt::<PrimitiveDateTime>(column)?.map(PrimitiveDateTime::assume_utc))
    };
    Ok(Some(ImportView {
        id,
        store: StoreId::parse(row.read("StoreId")?).map_err(Error::unreadable("import", id))?,
        file_name: row.read::<&str>("FileName")?.to_owned(),
        state: read_state(id, row.read("State")?)?,
        job_id: row.read_opt("JobId")?,
        rows_read: count("RowsRead")?,
        rows_refused: count("RowsRefused")?,
        products_created: count("ProductsCreated")?,
        products_updated: count("ProductsUpdated")?,
        products_unchanged: count("ProductsUnchanged")?,
        products_refused: count("ProductsRefused")?,
        refusals_total: count("Refusals")?,
        refusals: sets
            .get(1)
            .into_iter()
            .flatten()
            .map(|row| read_refusal(id, row))
            .collect::<Result<Vec<_>>>()?,
        error: row.read_opt::<&str>("Error")?.map(str::to_owned),
        version: row.read("Version")?,
        created_at: row.read::<PrimitiveDateTime>("CreatedAt")?.assume_utc(),
        started_at: moment("StartedAt")?,
        finished_at: moment("FinishedAt")?,
    }))
}

pub(super) fn read_state(id: i64, state: &str) -> Result<ImportState> {
    match state {
        "Queued" => Ok(ImportState::Queued),
        "Running" => Ok(ImportState::Running),
        "Completed" => Ok(ImportState::Completed),
        "Failed" => Ok(ImportState::Failed),
        other => Err(Error::unreadable("import", id)(format!("unknown state {other}"))),
    }
}

fn read_refusal(import_id: i64, row: &sql::Row) -> Result<StoredRefusal> {
    let detail: Detail<'_> =
        serde_json::from_str(row.read("Detail")?).map_err(Error::unreadable("import", import_id))?;
    Ok(StoredRefusal {
        number: row.read("Number")?,
        row: unsigned(import_id, row.read("RowNumber")?)?,
        column: detail.column.into_owned(),
        value: detail.value.into_owned(),
        reason: detail.reason.into_owned(),
    })
}
