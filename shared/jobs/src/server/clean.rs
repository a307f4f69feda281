//! Keeps the tables small: deletes expired rows and sums counters, in small steps with pauses.
//!
//! After a step that found as much as it may take, the next one waits for as long as that one took: cleaning never has
//! more than half of the storage's time to itself, however much there is to clean.

use std::sync::Arc;
use std::time::Duration;

use sql::RowExt;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::error::{Error, Result, take_set};

/// Most counter rows summed in one step.
const COUNTERS_MAX: i32 = 1_000;
/// Shortest pause between two steps.
const PAUSE_MIN: Duration = Duration::from_millis(20);

pub(super) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    loop {
        // Many processes start together; each looks at another moment.
        let pause = shared.options.cleanup_interval.mul_f64(rand::random_range(0.5..=1.0));
        tokio::select! {
            () = sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        tokio::select! {
            // What is left over is found again at the next round.
            done = round(&shared) => if let Err(error) = done {
                shared.health.storage_failed("cleanup", &error);
            },
            () = stop.cancelled() => return,
        }
    }
}

async fn round(shared: &Shared) -> Result<()> {
    loop {
        let began = Instant::now();
        if !aggregate(shared).await? {
            break;
        }
        sleep(began.elapsed().max(PAUSE_MIN)).await;
    }
    loop {
        let began = Instant::now();
        if !clean(shared).await? {
            return Ok(());
        }
        sleep(began.elapsed().max(PAUSE_MIN)).await;
    }
}

/// One step; answers whether there may be more.
async fn aggregate(shared: &Shared) -> Result<bool> {
    let rows = shared.database.query(include_str!("aggregate.sql"), &[&COUNTERS_MAX]).await?;
    let row = rows.first().ok_or(Error::Answer { statement: "server/aggregate.sql", set: 0 })?;
    Ok(row.read::<i32>("Summed")? == COUNTERS_MAX)
}

/// One step; answers whether there may be more.
async fn clean(shared: &Shared) -> Result<bool> {
    const STATEMENT: &str = "server/clean.sql";
    let most = shared.options.cleanup_batch;
    let mut sets = shared.database.query_sets(include_str!("clean.sql"), &[&most]).await?;
    let rows = take_set(&mut sets, 0, STATEMENT)?;
    let row = rows.first().ok_or(Error::Answer { statement: STATEMENT, set: 0 })?;
    let (jobs, others): (i32, i32) = (row.read("Jobs")?, row.read("Others")?);
    if jobs > 0 {
        tracing::debug!(jobs, others, "expired rows deleted");
    }
    Ok(jobs == most || others >= most)
}
