//! The reference: workers that claim one row at a time and make each transition by itself, in 14 round trips a job as
//! counted for Hangfire: 1 to fetch; lock, read, begin, change, commit, release for each of two transitions; 1 to remove.
//!
//! Begin and commit are empty statements here and stand for their round trips only: the change is one transaction anyway.

use anyhow::Result;
use sql::{Database, RowExt as _};

/// Works until nothing is left, and then looks again, until the process is killed. A job whose transition failed (many
/// workers wait for each other's locks) is left where it is.
pub(super) async fn work(database: &Database) {
    loop {
        if !matches!(run_one(database).await, Ok(true)) {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    }
}

async fn run_one(database: &Database) -> Result<bool> {
    let rows = database.query(include_str!("fetch.sql"), &[]).await?;
    let Some(row) = rows.first() else { return Ok(false) };
    let (queue_row, job): (i64, i64) = (row.read("Id")?, row.read("JobId")?);
    for state in ["Processing", "Succeeded"] {
        database.query(include_str!("lock.sql"), &[&job]).await?;
        database.query(include_str!("read.sql"), &[&job]).await?;
        database.query("SELECT 1 AS n", &[]).await?;
        database.execute(include_str!("change.sql"), &[&job, &state]).await?;
        database.query("SELECT 1 AS n", &[]).await?;
        database.query("SELECT 1 AS n", &[]).await?;
    }
    database.execute(include_str!("remove.sql"), &[&queue_row]).await?;
    Ok(true)
}
