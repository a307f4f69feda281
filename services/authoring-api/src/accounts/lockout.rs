//! Wrong passwords, counted in SQL for all instances together: so many in a row lock the account for a time.

use serde_json::json;
use sql::RowExt;
use store::audit;

use super::{Accounts, users};
use crate::error::Error;

/// Counts a wrong password. Where there is no such user nothing changes, and it costs the same.
pub(super) async fn count_wrong_password(
    accounts: &Accounts,
    user_id: i64,
    name: &str,
    address: &str,
) -> Result<(), Error> {
    let lockout = accounts.settings.lockout;
    let max_failed = i32::try_from(lockout.max_failed).unwrap_or(i32::MAX);
    let lock_secs = seconds(lockout.time_span);
    let count = accounts.database.transaction("accounts.wrong_password", |tx| {
        Box::pin(async move {
            let params: &[&dyn sql::ToSql] = &[&user_id, &max_failed, &lock_secs];
            let rows = tx.query(include_str!("count_wrong_password.sql"), params).await?;
            let Some(row) = rows.first() else { return Ok(()) };
            if row.read::<i32>("FailedCount")? == 0 {
                let detail =
                    json!({ "address": address, "wrongPasswords": max_failed, "seconds": lock_secs });
                audit::record(tx, name, &[users::entry("user.locked", user_id, detail)]).await?;
            }
            Ok(())
        })
    });
    count.await
}

/// As SQL takes it; the configuration allows a year at most.
pub(super) fn seconds(span: std::time::Duration) -> i32 {
    i32::try_from(span.as_secs()).unwrap_or(i32::MAX)
}
