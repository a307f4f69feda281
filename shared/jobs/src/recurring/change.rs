//! Changes by programs and operators: each in the caller's transaction, under the lock that .NET takes for the same.

use std::collections::HashMap;

use serde_json::json;
use sql::{RowExt, Transaction};

use super::plan::{NEVER, first_after, score};
use super::run::{Job, Move, Written, write};
use super::stored::Stored;
use super::{Recurring, check_id, hash_key, timing};
use crate::Client;
use crate::error::{Error, Result, take_set};
use crate::payload::{JobId, Payload, argument};

/// A recurring job under its lock.
struct Held {
    stored: Stored,
    exists: bool,
    /// The member's score, [`NEVER`] if there is none.
    score: f64,
    now_ms: i64,
}

impl Client {
    /// Makes `payload` run at the times of `recurring`, or changes what has this id already: at once, a run that is due
    /// meanwhile included. Its next run stays if neither expression nor zone changed; a paused one stays paused.
    ///
    /// # Errors
    /// Id, expression, zone, queue or jitter are not what they should be; somebody else holds its lock.
    pub async fn set_recurring<P: Payload>(
        &self,
        tx: &mut Transaction<'_>,
        recurring: &Recurring,
        payload: &P,
    ) -> Result<()> {
        recurring.check()?;
        let queue = recurring.queue.as_deref().unwrap_or(P::QUEUE);
        crate::queue::check_queue_name(queue)?;
        let held = hold(tx, &recurring.id).await?;
        let job =
            json!({ "t": P::TYPE, "m": P::METHOD, "p": [P::TYPE], "a": [argument(payload)?], "q": queue });
        let job = job.to_string();
        put(tx, recurring, queue, &job, &held).await
    }

    /// Changes when and where a recurring job runs, whatever it runs. `false`: there is none with this id.
    ///
    /// # Errors
    /// As [`set_recurring`](Self::set_recurring).
    pub async fn change_recurring(&self, tx: &mut Transaction<'_>, recurring: &Recurring) -> Result<bool> {
        recurring.check()?;
        let held = hold(tx, &recurring.id).await?;
        if !held.exists {
            return Ok(false);
        }
        let queue = match &recurring.queue {
            Some(queue) => queue.clone(),
            None => held.stored.queue.clone().unwrap_or_default(),
        };
        put(tx, recurring, &queue, &held.stored.job, &held).await?;
        Ok(true)
    }

    /// Lets a recurring job rest until [`resume_recurring`](Self::resume_recurring); .NET shows it as disabled.
    ///
    /// # Errors
    /// The storage's; somebody else holds its lock.
    pub async fn pause_recurring(&self, tx: &mut Transaction<'_>, id: &str) -> Result<bool> {
        let held = hold(tx, id).await?;
        if held.exists && held.stored.paused_ms.is_none() {
            set_pause(tx, id, None, Some(held.now_ms)).await?;
        }
        Ok(held.exists)
    }

    /// Schedules a paused (or, by .NET, disabled) recurring job again, from now on: what it missed is not made up for.
    ///
    /// # Errors
    /// The storage's; its expression or zone cannot be read; somebody else holds its lock.
    pub async fn resume_recurring(&self, tx: &mut Transaction<'_>, id: &str) -> Result<bool> {
        let held = hold(tx, id).await?;
        if held.exists && (held.stored.paused_ms.is_some() || held.score < 0.0) {
            let (cron, zone) = timing(&held.stored.cron, &held.stored.time_zone)?;
            let next_ms = first_after(&cron, &zone, held.now_ms);
            let next = next_ms.map(|next_ms| (next_ms, score(id, Some(next_ms), held.stored.jitter_secs)));
            set_pause(tx, id, next, None).await?;
        }
        Ok(held.exists)
    }

    /// Removes a recurring job; jobs that it has made stay. `false`: there is none with this id.
    ///
    /// # Errors
    /// The storage's; somebody else holds its lock.
    pub async fn remove_recurring(&self, tx: &mut Transaction<'_>, id: &str) -> Result<bool> {
        let held = hold(tx, id).await?;
        tx.execute(include_str!("remove.sql"), &[&id, &hash_key(id).as_str()]).await?;
        Ok(held.exists)
    }

    /// Runs a recurring job once, now, paused or not. `None`: there is none with this id.
    ///
    /// # Errors
    /// What it runs cannot be read; the storage's; somebody else holds its lock.
    pub async fn trigger_recurring(&self, tx: &mut Transaction<'_>, id: &str) -> Result<Option<JobId>> {
        let held = hold(tx, id).await?;
        if !held.exists {
            return Ok(None);
        }
        let stored = &held.stored;
        let call = stored.call().map_err(|problem| Error::RecurringCall { id: id.to_owned(), problem })?;
        let again = Move {
            id,
            old_score: held.score,
            new_score: held.score,
            next: stored.next_ms.map(|ms| ms.to_string()).unwrap_or_default(),
            last: Some(held.now_ms.to_string()),
            error: None,
            cron: &stored.cron,
            time_zone: &stored.time_zone,
        };
        let job = Job::new(id, &call, held.now_ms)?;
        let Written { jobs, queues } = write(tx, &[again], &[job]).await?;
        self.wake_after_commit(tx, queues);
        Ok(jobs.first().copied())
    }
}

/// Takes the lock and reads.
async fn hold(tx: &mut Transaction<'_>, id: &str) -> Result<Held> {
    const STATEMENT: &str = "recurring/hold.sql";
    check_id(id)?;
    let mut sets = tx.query_sets(include_str!("hold.sql"), &[&id, &hash_key(id).as_str()]).await?;
    let first = take_set(&mut sets, 0, STATEMENT)?;
    let first = first.first().ok_or(Error::Answer { statement: STATEMENT, set: 0 })?;
    if first.read::<i32>("Locked")? < 0 {
        return Err(Error::RecurringLocked { id: id.to_owned() });
    }
    let (now_ms, score) = (first.read("NowMs")?, first.read("Score")?);
    let mut fields = HashMap::new();
    for row in take_set(&mut sets, 1, STATEMENT)? {
        let value = row.read_opt::<&str>("Value")?.unwrap_or_default();
        fields.insert(row.read::<&str>("Field")?.to_owned(), value.to_owned());
    }
    Ok(Held { exists: !fields.is_empty(), stored: Stored::read(fields), score, now_ms })
}

/// Writes the whole hash, except for what runs leave in it.
async fn put(
    tx: &mut Transaction<'_>,
    recurring: &Recurring,
    queue: &str,
    job: &str,
    held: &Held,
) -> Result<()> {
    let (cron, zone) = timing(&recurring.cron, &recurring.time_zone)?;
    let stored = &held.stored;
    let same =
        stored.cron == recurring.cron && stored.time_zone == recurring.time_zone && stored.error.is_none();
    let next_ms = stored.next_ms.filter(|_| same).or_else(|| first_after(&cron, &zone, held.now_ms));
    let next_ms = next_ms.filter(|_| stored.paused_ms.is_none());
    let jitter_secs = i64::try_from(recurring.jitter.as_secs()).unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
    let score = score(&recurring.id, next_ms, jitter_secs) as f64;
    let text = |ms: Option<i64>| ms.map(|ms| ms.to_string()).unwrap_or_default();
    let time_zone = if recurring.time_zone.is_empty() { "UTC" } else { recurring.time_zone.as_str() };
    let jitter = if jitter_secs > 0 { jitter_secs.to_string() } else { String::new() };
    tx.execute(
        include_str!("put.sql"),
        &[
            &recurring.id.as_str(),
            &hash_key(&recurring.id).as_str(),
            &score,
            &queue,
            &recurring.cron.as_str(),
            &time_zone,
            &job,
            &text(stored.created_ms.or(Some(held.now_ms))).as_str(),
            &text(next_ms).as_str(),
            &recurring.misfire.code().to_string().as_str(),
            &jitter.as_str(),
        ],
    )
    .await?;
    Ok(())
}

async fn set_pause(
    tx: &mut Transaction<'_>,
    id: &str,
    next: Option<(i64, i64)>,
    paused_ms: Option<i64>,
) -> Result<()> {
    let text = |ms: Option<i64>| ms.map(|ms| ms.to_string()).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
    let score = next.map_or(NEVER, |(_, score)| score) as f64;
    let (next, paused) = (text(next.map(|(next_ms, _)| next_ms)), text(paused_ms));
    let key = hash_key(id);
    let params: &[&dyn sql::ToSql] = &[&id, &key.as_str(), &score, &next.as_str(), &paused.as_str()];
    tx.execute(include_str!("set_pause.sql"), params).await?;
    Ok(())
}
