//! Conditions of a new job: its queue, a limit on how many run at a time, a unique key. Start at [`Enqueue`].

use std::time::Duration;

use sql::RowExt;

use crate::enqueue::Client;
use crate::error::{Error, Result};
use crate::payload::{JobId, Payload};

/// Longest key of a limit, or unique key, in characters.
const KEY_MAX: usize = 200;
/// Most jobs of one limit at a time: each has a row.
const PLACES_MAX: u32 = 1_000;
/// Longest period of a unique key: ten years.
const PERIOD_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// How a job is enqueued with [`Client::enqueue_with`]. The default is what [`Client::enqueue`] does.
#[derive(Debug, Clone, Default)]
pub struct Enqueue {
    queue: Option<String>,
    limit: Option<(String, u32)>,
    unique: Option<(String, Unique)>,
}

/// How long a job keeps its unique key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique {
    /// As long as it waits: enqueued, scheduled, or waiting for another job.
    UntilStarted,
    /// As long as it waits or runs, its retries included. A failed job has ended.
    UntilEnded,
    /// From now on for this time (whole seconds), whatever becomes of it.
    For(Duration),
}

/// What came of [`Client::enqueue_with`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enqueued {
    id: JobId,
    is_duplicate: bool,
}

impl Enqueue {
    /// No conditions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Into this queue instead of [`Payload::QUEUE`].
    pub fn queue(mut self, name: impl Into<String>) -> Self {
        self.queue = Some(name.into());
        self
    }

    /// At most `places` jobs (1 to 1,000) under `key` run at a time, in all processes together; the others wait outside of
    /// their queue. The latest job enqueued under a key says how many places it has.
    pub fn limit(mut self, key: impl Into<String>, places: u32) -> Self {
        self.limit = Some((key.into(), places));
        self
    }

    /// Not at all if a job has `key` already.
    pub fn unique(mut self, key: impl Into<String>, scope: Unique) -> Self {
        self.unique = Some((key.into(), scope));
        self
    }

    fn check(&self) -> Result<()> {
        let keys = [self.limit.as_ref().map(|(key, _)| key), self.unique.as_ref().map(|(key, _)| key)];
        for key in keys.into_iter().flatten() {
            if key.trim().is_empty() || key.starts_with('#') || key.chars().count() > KEY_MAX {
                return Err(Error::Condition {
                    problem: "a key has 1 to 200 characters, the first is not #",
                });
            }
        }
        if self.limit.as_ref().is_some_and(|(_, places)| !(1..=PLACES_MAX).contains(places)) {
            return Err(Error::Condition { problem: "a limit has 1 to 1000 places" });
        }
        match self.unique {
            Some((_, Unique::For(period))) if period.as_secs() == 0 || period > PERIOD_MAX => {
                Err(Error::Condition { problem: "the period of a unique key is 1 second to 10 years" })
            }
            _ => Ok(()),
        }
    }
}

impl Enqueued {
    /// The new job, or the one that has the unique key.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// Whether the unique key was taken: nothing was enqueued.
    pub fn is_duplicate(&self) -> bool {
        self.is_duplicate
    }
}

impl Client {
    /// Enqueues one job under conditions.
    ///
    /// A unique key is locked until the caller's transaction ends: another transaction that enqueues under it waits.
    ///
    /// # Errors
    /// [`Error::Condition`] for a key or number that makes no sense, before anything is written.
    pub async fn enqueue_with<P: Payload>(
        &self,
        tx: &mut sql::Transaction<'_>,
        payload: &P,
        how: &Enqueue,
    ) -> Result<Enqueued> {
        how.check()?;
        if let Some((key, _)) = &how.unique
            && let Some(holder) = tx.query(include_str!("conditions/reserve.sql"), &[key]).await?.first()
        {
            return Ok(Enqueued { id: JobId(holder.read("JobId")?), is_duplicate: true });
        }
        let id = self.enqueue_to(tx, how.queue.as_deref().unwrap_or(P::QUEUE), payload).await?;
        if how.limit.is_some() || how.unique.is_some() {
            apply(tx, id, how).await?;
        }
        Ok(Enqueued { id, is_duplicate: false })
    }
}

async fn apply(tx: &mut sql::Transaction<'_>, id: JobId, how: &Enqueue) -> Result<()> {
    let (limit, places) = how.limit.as_ref().map_or(("", 0), |(key, places)| (key.as_str(), *places));
    let numbers = serde_json::Value::from((1..=places).collect::<Vec<_>>()).to_string();
    let (key, scope, seconds) = match &how.unique {
        None => ("", "", 0),
        Some((key, Unique::UntilStarted)) => (key.as_str(), "started", 0),
        Some((key, Unique::UntilEnded)) => (key.as_str(), "ended", 0),
        Some((key, Unique::For(period))) => (key.as_str(), "period", period.as_secs()),
    };
    let places = i32::try_from(places).unwrap_or(i32::MAX);
    let seconds = i32::try_from(seconds).unwrap_or(i32::MAX);
    tx.execute(
        include_str!("conditions/apply.sql"),
        &[&id.0, &limit, &places, &numbers, &key, &scope, &seconds],
    )
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_that_make_no_sense_are_refused() {
        let second = Duration::from_secs(1);
        for good in [Enqueue::new(), Enqueue::new().limit("a", 1_000).unique("b", Unique::For(second))] {
            assert!(good.check().is_ok(), "{good:?}");
        }
        for bad in [
            Enqueue::new().limit("", 1),
            Enqueue::new().limit("#suspect", 2),
            Enqueue::new().limit("a", 0),
            Enqueue::new().limit("a", 1_001),
            Enqueue::new().unique("x".repeat(201), Unique::UntilEnded),
            Enqueue::new().unique(" ", Unique::UntilStarted),
            Enqueue::new().unique("a", Unique::For(Duration::from_millis(999))),
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
