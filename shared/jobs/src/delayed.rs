//! Jobs for later: a row in Hangfire's `schedule` set until they are due, then one in their queue.
//!
//! Moving them is the server's (`server/schedule.rs`): all that are due in one statement, one process at a time.

use std::time::Duration;

use sql::{RowExt, Transaction};
use time::OffsetDateTime;

use crate::Client;
use crate::enqueue::{BATCH, NewJob, as_json};
use crate::error::{Error, Result};
use crate::payload::{JobId, Payload, arguments, handler_name, invocation_data};
use crate::queue::check_queue_name;

/// When a job may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// At this time; in the past = now.
    At(OffsetDateTime),
    /// This long after the database's present time.
    In(Duration),
}

impl From<OffsetDateTime> for Due {
    fn from(at: OffsetDateTime) -> Self {
        Self::At(at)
    }
}

impl From<Duration> for Due {
    fn from(delay: Duration) -> Self {
        Self::In(delay)
    }
}

impl Due {
    /// Unix ms, or ms from now, as `schedule.sql` takes them.
    fn parts(self) -> (i64, bool) {
        match self {
            Self::At(at) => (i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX), false),
            Self::In(delay) => (i64::try_from(delay.as_millis()).unwrap_or(i64::MAX / 2), true),
        }
    }
}

impl Client {
    /// Enqueues a job when it is due, a [`Duration`] from now or at a time; it begins within a second after that. Until then
    /// it is `Scheduled`.
    ///
    /// # Errors
    /// As [`enqueue`](Self::enqueue).
    pub async fn schedule<P: Payload>(
        &self,
        tx: &mut Transaction<'_>,
        payload: &P,
        due: impl Into<Due>,
    ) -> Result<JobId> {
        let ids = self.schedule_many_to(tx, P::QUEUE, std::slice::from_ref(payload), due).await?;
        ids.first().copied().ok_or(Error::Answer { statement: "schedule.sql", set: 0 })
    }

    /// [`schedule`](Self::schedule) for many jobs of one type and a queue of the caller's choice, 500 in one round trip. Ids
    /// come back in the order of the payloads.
    ///
    /// # Errors
    /// As [`enqueue`](Self::enqueue).
    pub async fn schedule_many_to<P: Payload>(
        &self,
        tx: &mut Transaction<'_>,
        queue: &str,
        payloads: &[P],
        due: impl Into<Due>,
    ) -> Result<Vec<JobId>> {
        check_queue_name(queue)?;
        let (due_ms, is_relative) = due.into().parts();
        let handler = handler_name(P::TYPE, P::METHOD);
        let (invocation, parameters) = (invocation_data::<P>(queue)?, self.parameters::<P>()?);
        let mut ids = Vec::with_capacity(payloads.len());
        let mut expected = true;
        for batch in payloads.chunks(BATCH) {
            let rows = batch.iter().map(|payload| Ok(NewJob { arguments: arguments(payload)? }));
            let rows = as_json::<P, _>(&rows.collect::<Result<Vec<_>>>()?)?;
            let params: &[&dyn sql::ToSql] =
                &[&rows, &invocation, &queue, &parameters, &handler, &due_ms, &is_relative];
            for row in tx.query(include_str!("schedule.sql"), params).await? {
                ids.push(JobId(row.read("JobId")?));
                expected &= row.read::<bool>("Expected")?;
            }
        }
        if !ids.is_empty() {
            self.announce_after_commit(tx, queue, handler, ids.len(), expected);
        }
        Ok(ids)
    }
}
