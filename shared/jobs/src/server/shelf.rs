//! Keeps queues free of jobs that cannot run now, and brings them back when they can.
//!
//! A claim puts on the shelf what it meets and nobody runs, or what is over its limit; whoever frees a place hands it on at
//! once. Here is what goes beyond one batch: many unrunnable jobs at the head of a queue, a server that brings a handler
//! for jobs on the shelf, places of jobs that ended without us.

use std::sync::Arc;

use sql::RowExt;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::error::{Error, Result, take_set};

/// Most jobs moved in one statement; more follow at once.
const JOBS_MAX: i32 = 1_000;

pub(super) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    loop {
        // Seldom: whoever frees a place or brings a handler has done its part at once.
        let pause = shared.options.watch_interval.mul_f64(rand::random_range(2.0..=4.0));
        let met_some = tokio::select! {
            () = shared.shelf.notified() => true,
            () = sleep(pause) => false,
            () = stop.cancelled() => return,
        };
        let work = async {
            if met_some {
                clear_queues(&shared).await?;
            }
            bring_back(&shared).await
        };
        tokio::select! {
            done = work => if let Err(error) = done {
                shared.health.storage_failed("shelf", &error);
            },
            () = stop.cancelled() => return,
        }
    }
}

async fn clear_queues(shared: &Shared) -> Result<()> {
    for queue in &shared.options.queues {
        loop {
            let rows = shared.database.query(include_str!("shelve.sql"), &[queue, &JOBS_MAX]).await?;
            let row = rows.first().ok_or(Error::Answer { statement: "server/shelve.sql", set: 0 })?;
            let shelved: i32 = row.read("Shelved")?;
            if shelved == 0 {
                break;
            }
            tracing::warn!(jobs = shelved, queue, "jobs that no live server runs are on the shelf");
        }
    }
    Ok(())
}

async fn bring_back(shared: &Shared) -> Result<()> {
    const STATEMENT: &str = "server/unshelve.sql";
    loop {
        let mut sets = shared.database.query_sets(include_str!("unshelve.sql"), &[&JOBS_MAX]).await?;
        let summary = take_set(&mut sets, 0, STATEMENT)?;
        let moved: i32 =
            summary.first().ok_or(Error::Answer { statement: STATEMENT, set: 0 })?.read("Moved")?;
        for row in take_set(&mut sets, 1, STATEMENT)? {
            shared.wake.announce(row.read("Queue")?);
        }
        if moved > 0 {
            shared.nudge.notify_one();
        }
        if moved < JOBS_MAX {
            return Ok(());
        }
    }
}
