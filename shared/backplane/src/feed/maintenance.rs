//! What operators and the worker do to the log: pruning, and a new identity after a restore.

use std::time::Duration;

use sql::{BoxFuture, Database, RowExt, Transaction};

/// Rows are kept at least this long: an instance that was away for less reads on where it stopped.
pub const KEEP_MIN: Duration = Duration::from_secs(600);

/// Deletes rows of the feed older than `keep` (at least [`KEEP_MIN`]): up to 1,000, oldest first, never the
/// last one, with `PrunedTo` in the same transaction. Returns how many; call it again while it is 1,000. An
/// instance that had not read them begins a new generation.
pub async fn prune(database: &Database, keep: Duration) -> sql::Result<u64> {
    let seconds = i32::try_from(keep.max(KEEP_MIN).as_secs()).unwrap_or(i32::MAX);
    database.transaction("feed.prune", move |tx| prune_in(tx, seconds)).await
}

fn prune_in<'t>(tx: &'t mut Transaction<'_>, seconds: i32) -> BoxFuture<'t, sql::Result<u64>> {
    Box::pin(async move {
        let rows = tx.query(include_str!("prune.sql"), &[&seconds]).await?;
        let pruned: i64 = rows.first().map(|row| row.read("PrunedRows")).transpose()?.unwrap_or_default();
        Ok(u64::try_from(pruned).unwrap_or_default())
    })
}

/// The identity of a log before and after [`new_log`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewLog {
    /// The identity that nobody follows any more.
    pub old: i64,
    /// The identity from now on.
    pub new: i64,
}

/// Gives the log a new identity: every instance begins a new generation at its next probe. For use after the
/// database was restored from a backup.
///
/// # Errors
/// The statement failed; run it again, one identity more does no harm.
pub async fn new_log(database: &Database) -> sql::Result<NewLog> {
    let new = rand::random_range(1..=i64::MAX);
    let mark = rand::random_range(1..=i64::MAX);
    let rows = database.query(include_str!("new_log.sql"), &[&new, &mark]).await?;
    let head = rows.first().ok_or_else(|| sql::Error::Column {
        column: "LogId".to_owned(),
        message: "Platform.FeedHead has no row".to_owned(),
    })?;
    Ok(NewLog { old: head.read("LogId")?, new })
}
