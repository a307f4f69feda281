//! Retention: notifications go when they are old, and the oldest when a user has too many.

use std::time::Duration;

use sql::{Database, RowExt};

/// Deletes notifications that did not change for `keep`: up to 1,000, oldest first. Returns how many; call it again while
/// it is 1,000.
///
/// # Errors
/// SQL Server.
pub async fn prune(database: &Database, keep: Duration) -> sql::Result<u64> {
    let seconds = i32::try_from(keep.as_secs()).unwrap_or(i32::MAX);
    run(database, "push.prune", include_str!("prune.sql"), seconds).await
}

/// Deletes the oldest notifications of users who have more than `max_per_user`: up to 1,000. Returns how many; call it
/// again while it is 1,000.
///
/// # Errors
/// SQL Server.
pub async fn prune_surplus(database: &Database, max_per_user: u32) -> sql::Result<u64> {
    let max = i32::try_from(max_per_user).unwrap_or(i32::MAX);
    run(database, "push.prune_surplus", include_str!("prune_surplus.sql"), max).await
}

async fn run(
    database: &Database,
    name: &'static str,
    statement: &'static str,
    limit: i32,
) -> sql::Result<u64> {
    let pruned = database.transaction(name, |tx| {
        Box::pin(async move {
            let rows = tx.query(statement, &[&limit]).await?;
            let pruned: i64 = rows.first().map(|row| row.read("PrunedRows")).transpose()?.unwrap_or(0);
            Ok::<_, sql::Error>(pruned)
        })
    });
    Ok(u64::try_from(pruned.await?).unwrap_or_default())
}
