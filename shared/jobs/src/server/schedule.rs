//! Moves due members of `schedule` (retries, delayed jobs) back into their queues, many in one statement.
//!
//! Asked for by the dispatcher, whose claims see due members; so an idle server sends nothing for it.

use std::sync::Arc;

use sql::RowExt;
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::error::{Error, Result, take_set};

/// Most members moved in one statement; more follow at once.
const MEMBERS_MAX: i32 = 1_000;
/// Jobs waiting in a queue above which no more are moved into it for now.
const WAITING_MAX: i32 = 2_000;

pub(super) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = shared.due.notified() => {}
            () = stop.cancelled() => return,
        }
        tokio::select! {
            // After an error the next claim sees the same members and asks again.
            done = move_due(&shared) => if let Err(error) = done {
                shared.health.storage_failed("schedule", &error);
            },
            () = stop.cancelled() => return,
        }
    }
}

async fn move_due(shared: &Shared) -> Result<()> {
    const STATEMENT: &str = "server/schedule.sql";
    loop {
        let mut sets =
            shared.database.query_sets(include_str!("schedule.sql"), &[&MEMBERS_MAX, &WAITING_MAX]).await?;
        let summary = take_set(&mut sets, 0, STATEMENT)?;
        let members: i32 =
            summary.first().ok_or(Error::Answer { statement: STATEMENT, set: 0 })?.read("Members")?;
        let queues = take_set(&mut sets, 1, STATEMENT)?;
        for row in &queues {
            shared.wake.announce(row.read("Queue")?);
        }
        if !queues.is_empty() {
            shared.nudge.notify_one();
        }
        if members < MEMBERS_MAX {
            return Ok(());
        }
    }
}
