//! Running an import: begin, checkpoint by checkpoint, end.

use crate::stores::{self, Store};
use crate::{Error, Result};
use domain::StoreId;
use domain::import::Refusal;
use serde::Serialize;
use sql::RowExt;

/// Refusals that are kept for reading; those beyond are counted only.
pub const REFUSALS_KEPT_MAX: usize = 1_000;

/// The longest error text of a failed import, in characters.
const ERROR_MAX: usize = 2_000;

/// Between two products of the file. The default is the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checkpoint {
    /// The last row that is done, as a spreadsheet counts: the header is row 1.
    pub row: u64,
    /// Where the next row begins.
    pub byte: u64,
}

/// An import that is ours to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Whose products the file has.
    pub store: Store,
    /// The file.
    pub blob_id: i64,
    /// Where to go on.
    pub checkpoint: Checkpoint,
    /// An earlier run committed changes and was stopped before it raised their listing tags.
    pub listing_pending: bool,
}

/// What came of beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Run it.
    Work(Box<Work>),
    /// A run before this one has completed it: there is nothing to do.
    AlreadyCompleted,
}

/// What a chunk did. Counts are of this chunk alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Everything before it is done.
    pub to: Checkpoint,
    /// Products that are new.
    pub created: u64,
    /// Products that changed.
    pub updated: u64,
    /// Products that were like this already.
    pub unchanged: u64,
    /// Products that were not imported.
    pub products_refused: u64,
    /// Rows with something wrong.
    pub rows_refused: u64,
    /// Listing tags of this chunk or of one before are still owed.
    pub listing_pending: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RefusalRow<'a> {
    ordinal: usize,
    row: u64,
    detail: super::view::Detail<'a>,
}

/// Marks the import as running, whether it begins, goes on after a kill, or is tried again after it failed.
/// `None`: there is no such import.
pub async fn begin(tx: &mut sql::Transaction<'_>, import_id: i64) -> Result<Option<Begun>> {
    let rows = tx.query(include_str!("begin.sql"), &[&import_id]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    if row.read::<&str>("State")? == "Completed" {
        return Ok(Some(Begun::AlreadyCompleted));
    }
    let store = StoreId::parse(row.read("StoreId")?).map_err(Error::unreadable("import", import_id))?;
    Ok(Some(Begun::Work(Box::new(Work {
        store: stores::read(row, store, "StoreVersion")?,
        blob_id: row.read("BlobId")?,
        checkpoint: Checkpoint {
            row: unsigned(import_id, row.read("CheckpointRow")?)?,
            byte: unsigned(import_id, row.read("CheckpointByte")?)?,
        },
        listing_pending: row.read("ListingPending")?,
    }))))
}

/// Moves the checkpoint and counts, in the transaction that wrote the chunk's products. `from` is where this run
/// stood: if the import stands elsewhere, another run is ahead and this one must keep nothing.
///
/// # Errors
/// [`Error::ImportMovedOn`]: roll back and stop.
pub async fn checkpoint(
    tx: &mut sql::Transaction<'_>,
    import_id: i64,
    from: Checkpoint,
    progress: &Progress,
    refusals: &[Refusal],
) -> Result<()> {
    let kept: Vec<RefusalRow<'_>> = refusals.iter().take(REFUSALS_KEPT_MAX).enumerate().map(row_of).collect();
    let kept = serde_json::to_string(&kept).map_err(Error::json("the refusals"))?;
    let signed = |number: u64| signed(import_id, number);
    let rows = tx
        .query(
            include_str!("checkpoint.sql"),
            &[
                &import_id,
                &signed(from.row)?,
                &signed(progress.to.row)?,
                &signed(progress.to.byte)?,
                // The header is a row of the file, but none that is imported.
                &signed(progress.to.row.saturating_sub(1))?,
                &signed(progress.created)?,
                &signed(progress.updated)?,
                &signed(progress.unchanged)?,
                &signed(progress.products_refused)?,
                &signed(progress.rows_refused)?,
                &progress.listing_pending,
                &kept.as_str(),
                &signed(refusals.len() as u64)?,
                &signed(REFUSALS_KEPT_MAX as u64)?,
            ],
        )
        .await?;
    let moved = rows.first().map(|row| row.read::<i32>("Moved")).transpose()?;
    if moved == Some(1) { Ok(()) } else { Err(Error::ImportMovedOn { import_id, row: from.row }) }
}

/// Ends the import at the checkpoint where this run stands. Raise the listing tags that are still owed in the same
/// transaction.
///
/// # Errors
/// [`Error::ImportMovedOn`], as [`checkpoint`].
pub async fn finish(tx: &mut sql::Transaction<'_>, import_id: i64, from: Checkpoint) -> Result<()> {
    let rows = tx.query(include_str!("finish.sql"), &[&import_id, &signed(import_id, from.row)?]).await?;
    let finished = rows.first().map(|row| row.read::<i32>("Finished")).transpose()?;
    if finished == Some(1) { Ok(()) } else { Err(Error::ImportMovedOn { import_id, row: from.row }) }
}

/// Ends the import with an error that a person can read. What it wrote stays; it may begin again at its checkpoint.
/// A completed import stays completed.
pub async fn fail(tx: &mut sql::Transaction<'_>, import_id: i64, error: &str) -> Result<()> {
    // At most two UTF-16 units a character.
    let error: String = error.chars().take(ERROR_MAX / 2).collect();
    tx.execute(include_str!("fail.sql"), &[&import_id, &error.as_str()]).await?;
    Ok(())
}

fn row_of<'a>((index, refusal): (usize, &'a Refusal)) -> RefusalRow<'a> {
    let detail = super::view::Detail {
        column: refusal.column.as_str().into(),
        value: refusal.value.as_str().into(),
        reason: refusal.reason.as_str().into(),
    };
    RefusalRow { ordinal: index + 1, row: refusal.row, detail }
}

fn signed(import_id: i64, number: u64) -> Result<i64> {
    i64::try_from(number).map_err(Error::unreadable("import", import_id))
}

pub(super) fn unsigned(import_id: i64, number: i64) -> Result<u64> {
    u64::try_from(number).map_err(Error::unreadable("import", import_id))
}
