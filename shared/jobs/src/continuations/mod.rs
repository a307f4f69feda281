//! Jobs that wait for another job: Hangfire's `Awaiting` state and the parent's job parameter `Continuations`.
//!
//! A child is written in the transaction that makes it wait, under the parent's row, so that it is either in the parent's
//! list when the parent ends or starts at once. It is started in the transaction that ends its parent
//! (`children.sql`, a part of the batch that acknowledges); [`sweep`] finds what was left behind by others.
//! Hangfire knows no continuation on failure: those are in a list of their own, `FailureContinuations`, which .NET
//! leaves alone.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use sql::{Database, RowExt, Transaction};

use crate::Client;
use crate::enqueue::{NewJob, as_json};
use crate::error::{Error, Result, take_set};
use crate::payload::{JobId, Payload, arguments, handler_name, invocation_data};

/// How a parent must end for its child to run. With another end the child is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Succeeded or deleted. (A failed job has not ended: it may be tried again.)
    End,
    /// Succeeded.
    Success,
    /// Deleted.
    Deletion,
    /// Failed for good. Not known to .NET: only our servers start it.
    Failure,
}

impl After {
    /// Hangfire's number, and 3 for our own.
    fn code(self) -> i32 {
        match self {
            Self::End => 0,
            Self::Success => 1,
            Self::Deletion => 2,
            Self::Failure => 3,
        }
    }
}

/// Inserts the child and turns it at once if the parent has ended already.
const TEXT: &str =
    concat!(include_str!("continue.sql"), include_str!("children.sql"), include_str!("continued.sql"));
const SWEEP: &str =
    concat!(include_str!("sweep.sql"), include_str!("children.sql"), include_str!("swept.sql"));

impl Client {
    /// Lets a job run when `parent` has ended as `after` says. Until then it is `Awaiting`.
    ///
    /// # Errors
    /// There is no such parent (any more); as [`enqueue`](Self::enqueue).
    pub async fn continue_with<P: Payload>(
        &self,
        tx: &mut Transaction<'_>,
        parent: JobId,
        after: After,
        payload: &P,
    ) -> Result<JobId> {
        const STATEMENT: &str = "continuations/continue.sql";
        let queue = P::QUEUE;
        crate::queue::check_queue_name(queue)?;
        let rows = as_json::<P, _>(&[NewJob { arguments: arguments(payload)? }])?;
        let (invocation, parameters) = (invocation_data::<P>(queue)?, self.parameters::<P>()?);
        let handler = handler_name(P::TYPE, P::METHOD);
        let (state, code, keep_secs) = (awaiting(parent, queue, after), after.code(), keep_secs());
        let params: &[&dyn sql::ToSql] =
            &[&rows, &invocation, &queue, &parameters, &handler, &parent.0, &code, &state, &keep_secs];
        let mut sets = tx.query_sets(TEXT, params).await?;
        let made = take_set(&mut sets, 0, STATEMENT)?;
        let made = made.first().ok_or(Error::NoSuchParent { parent })?;
        let (child, expected) = (JobId(made.read("JobId")?), made.read::<bool>("Expected")?);
        if !expected {
            self.announce_after_commit(tx, queue, handler, 1, false);
        }
        let queues = read_queues(take_set(&mut sets, 1, STATEMENT)?)?;
        self.wake_after_commit(tx, queues);
        Ok(child)
    }
}

/// The `Awaiting` state's data. .NET can only start the child with the full name of its type for the next state.
fn awaiting(parent: JobId, queue: &str, after: After) -> String {
    let next = json!({ "$type": "Hangfire.States.EnqueuedState, Hangfire.Core", "Queue": queue }).to_string();
    match after {
        After::Failure => json!({ "ParentId": parent.to_string(), "NextState": next, "OnFailure": "1" }),
        other => {
            json!({ "ParentId": parent.to_string(), "NextState": next, "Options": other.code().to_string() })
        }
    }
    .to_string()
}

/// How long a child that is deleted unrun is kept.
fn keep_secs() -> i32 {
    24 * 60 * 60
}

pub(crate) fn read_queues(rows: Vec<sql::Row>) -> Result<HashSet<String>> {
    rows.iter().map(|row| Ok(row.read::<&str>("Queue")?.to_owned())).collect()
}

/// What one step of a sweep did.
#[derive(Debug)]
pub(crate) struct Swept {
    /// Where the next step begins; 0 = at the beginning.
    pub(crate) cursor: i64,
    /// Queues that received jobs.
    pub(crate) queues: HashSet<String>,
}

/// Children whose parent has ended without starting them, a window of them at a time. Our own batches leave none; .NET's
/// do where a process dies between its two steps.
pub(crate) async fn sweep(database: &Database, after: i64, window: i32, keep: Duration) -> Result<Swept> {
    const STATEMENT: &str = "continuations/sweep.sql";
    let keep_secs = i32::try_from(keep.as_secs()).unwrap_or(i32::MAX);
    let mut sets = database.query_sets(SWEEP, &[&after, &window, &keep_secs]).await?;
    let summary = take_set(&mut sets, 0, STATEMENT)?;
    let cursor = summary.first().ok_or(Error::Answer { statement: STATEMENT, set: 0 })?.read("NextAfter")?;
    Ok(Swept { cursor, queues: read_queues(take_set(&mut sets, 1, STATEMENT)?)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_awaiting_state_is_the_one_that_dotnet_reads() {
        insta::assert_snapshot!(
            awaiting(JobId(7), "mail", After::Success),
            @r#"{"NextState":"{\"$type\":\"Hangfire.States.EnqueuedState, Hangfire.Core\",\"Queue\":\"mail\"}","Options":"1","ParentId":"7"}"#
        );
    }
}
