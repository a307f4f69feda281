//! What people do with jobs: delete, run again, run now; and letting a queue rest.
//!
//! Each is one statement for up to [`ACTION_JOBS_MAX`] jobs, guarded by their states under their rows' locks. A job that is
//! running is taken away by its new state: its handler is cancelled, and what it writes is refused by the fence.

use std::collections::HashSet;

use sql::{RowExt, Transaction};

use crate::Client;
use crate::continuations::read_queues;
use crate::error::{Error, Result, take_set};
use crate::payload::JobId;
use crate::queue::check_queue_name;

/// Most jobs of one call.
pub const ACTION_JOBS_MAX: usize = 500;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// To `Deleted`, from any other state; what waits for it starts or is deleted.
    Delete,
    /// Into its queue once more, from any state but `Enqueued`. Its deaths are forgotten.
    Requeue,
    /// Into its queue now instead of later: from `Scheduled` and `Awaiting`.
    RunNow,
}

impl Action {
    fn code(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Requeue => "requeue",
            Self::RunNow => "run",
        }
    }
}

const TEXT: &str = concat!(
    include_str!("act.sql"),
    include_str!("../continuations/children.sql"),
    include_str!("acted.sql")
);

impl Client {
    /// Does it with those of `jobs` whose state allows it, and says which; `reason` stands in their history (99 characters
    /// of it).
    ///
    /// # Errors
    /// More than [`ACTION_JOBS_MAX`] jobs; the storage's.
    pub async fn act(
        &self,
        tx: &mut Transaction<'_>,
        action: Action,
        jobs: &[JobId],
        reason: &str,
    ) -> Result<Vec<JobId>> {
        const STATEMENT: &str = "actions/act.sql";
        if jobs.len() > ACTION_JOBS_MAX {
            return Err(Error::TooManyJobs { limit: ACTION_JOBS_MAX });
        }
        let ids = serde_json::to_string(jobs).map_err(|cause| Error::Payload { job_type: "(ids)", cause })?;
        let reason = crate::failure::cut(reason, crate::retry::REASON_MAX);
        let params: &[&dyn sql::ToSql] = &[&ids, &action.code(), &reason.as_str()];
        let mut sets = tx.query_sets(TEXT, params).await?;
        let done = take_set(&mut sets, 0, STATEMENT)?;
        let done = done.iter().map(|row| Ok(JobId(row.read("JobId")?))).collect::<Result<Vec<_>>>()?;
        let queues: HashSet<String> = read_queues(take_set(&mut sets, 1, STATEMENT)?)?;
        self.wake_after_commit(tx, queues);
        Ok(done)
    }

    /// [`Action::Delete`] for one job; `false`: there is none, or it is deleted already.
    ///
    /// # Errors
    /// The storage's.
    pub async fn delete(&self, tx: &mut Transaction<'_>, job: JobId) -> Result<bool> {
        Ok(!self.act(tx, Action::Delete, &[job], "Deleted by a program").await?.is_empty())
    }

    /// [`Action::Requeue`] for one job; `false`: there is none, or it waits already.
    ///
    /// # Errors
    /// The storage's.
    pub async fn requeue(&self, tx: &mut Transaction<'_>, job: JobId) -> Result<bool> {
        Ok(!self.act(tx, Action::Requeue, &[job], "Requeued by a program").await?.is_empty())
    }

    /// Lets a queue rest: nothing is claimed from it from now on; what runs goes on, enqueuing does too. `by`: who says so.
    ///
    /// # Errors
    /// No name of a queue; the storage's.
    pub async fn pause_queue(&self, tx: &mut Transaction<'_>, queue: &str, by: &str) -> Result<()> {
        check_queue_name(queue)?;
        tx.execute(include_str!("pause_queue.sql"), &[&queue, &by]).await?;
        Ok(())
    }

    /// Ends that.
    ///
    /// # Errors
    /// No name of a queue; the storage's.
    pub async fn resume_queue(&self, tx: &mut Transaction<'_>, queue: &str) -> Result<()> {
        check_queue_name(queue)?;
        tx.execute(include_str!("resume_queue.sql"), &[&queue]).await?;
        self.wake_after_commit(tx, [queue.to_owned()]);
        Ok(())
    }
}
