//! Recurring jobs for people.

use std::collections::HashMap;
use std::time::Duration;

use sql::{Database, RowExt};
use time::OffsetDateTime;

use super::stored::Stored;
use super::{Misfire, hash_key, timing};
use crate::error::{Result, take_set};
use crate::payload::{Invocation, JobId};

/// Coming runs that a view names.
const UPCOMING: usize = 5;

/// One recurring job as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecurringView {
    /// Its id.
    pub id: String,
    /// The expression as stored.
    pub cron: String,
    /// IANA's or Windows' name as stored.
    pub time_zone: String,
    /// Where its jobs go.
    pub queue: Option<String>,
    /// `"Namespace.Type, Assembly"`; `None` if what is stored cannot be read.
    pub job_type: Option<String>,
    /// The method.
    pub method: Option<String>,
    /// Times that were missed.
    pub misfire: Misfire,
    /// How much later than the expression says a run may begin.
    pub jitter: Duration,
    /// Creation.
    pub created_at: Option<OffsetDateTime>,
    /// The next run; `None`: paused, switched off by .NET, or never.
    pub next_at: Option<OffsetDateTime>,
    /// The runs that follow from now on, by expression and zone; empty if it is not scheduled.
    pub upcoming: Vec<OffsetDateTime>,
    /// The last run.
    pub last_at: Option<OffsetDateTime>,
    /// The job that the last run made.
    pub last_job: Option<JobId>,
    /// Since when it rests.
    pub paused_at: Option<OffsetDateTime>,
    /// Why it cannot be scheduled.
    pub error: Option<String>,
}

/// A page of recurring jobs in the order of their ids, behind `after`, with ids that contain `search`.
///
/// # Errors
/// The storage's.
pub async fn list(database: &Database, after: &str, search: &str, limit: u16) -> Result<Vec<RecurringView>> {
    const STATEMENT: &str = "recurring/page.sql";
    let params: &[&dyn sql::ToSql] = &[&after, &i32::from(limit), &search];
    let mut sets = database.query_sets(include_str!("page.sql"), params).await?;
    let ids = take_set(&mut sets, 0, STATEMENT)?;
    let mut fields: HashMap<String, HashMap<String, String>> = HashMap::new();
    for row in take_set(&mut sets, 1, STATEMENT)? {
        let value = row.read_opt::<&str>("Value")?.unwrap_or_default();
        let of_id = fields.entry(row.read::<&str>("Id")?.to_owned()).or_default();
        of_id.insert(row.read::<&str>("Field")?.to_owned(), value.to_owned());
    }
    ids.iter()
        .map(|row| {
            let id = row.read::<&str>("Id")?.to_owned();
            let stored = Stored::read(fields.remove(&id).unwrap_or_default());
            Ok(view(id, stored, row.read::<f64>("Score")? >= 0.0))
        })
        .collect()
}

/// One recurring job; `None`: there is none.
///
/// # Errors
/// The storage's.
pub async fn get(database: &Database, id: &str) -> Result<Option<RecurringView>> {
    const STATEMENT: &str = "recurring/one.sql";
    let key = hash_key(id);
    let params: &[&dyn sql::ToSql] = &[&id, &key.as_str()];
    let mut sets = database.query_sets(include_str!("one.sql"), params).await?;
    let scores = take_set(&mut sets, 0, STATEMENT)?;
    let Some(score) = scores.first() else { return Ok(None) };
    let mut fields = HashMap::new();
    for row in take_set(&mut sets, 1, STATEMENT)? {
        let value = row.read_opt::<&str>("Value")?.unwrap_or_default();
        fields.insert(row.read::<&str>("Field")?.to_owned(), value.to_owned());
    }
    Ok(Some(view(id.to_owned(), Stored::read(fields), score.read::<f64>("Score")? >= 0.0)))
}

fn view(id: String, stored: Stored, is_scheduled: bool) -> RecurringView {
    let invocation = Invocation::parse(&stored.job).ok();
    let at = |ms: Option<i64>| {
        ms.and_then(|ms| OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).ok())
    };
    let next_at = at(stored.next_ms).filter(|_| is_scheduled);
    let upcoming = match (next_at, timing(&stored.cron, &stored.time_zone)) {
        (Some(next), Ok((cron, zone))) => {
            let mut upcoming = vec![next];
            upcoming.extend(cron.upcoming(next, &zone, UPCOMING - 1));
            upcoming
        }
        _ => Vec::new(),
    };
    RecurringView {
        id,
        queue: stored.queue.or_else(|| invocation.as_ref().and_then(|invocation| invocation.queue.clone())),
        method: invocation.as_ref().map(|invocation| invocation.method.clone()),
        job_type: invocation.map(|invocation| invocation.job_type),
        cron: stored.cron,
        time_zone: stored.time_zone,
        misfire: stored.misfire,
        jitter: Duration::from_secs(u64::try_from(stored.jitter_secs).unwrap_or(0)),
        created_at: at(stored.created_ms),
        next_at,
        upcoming,
        last_at: at(stored.last_ms),
        last_job: stored.last_job_id.map(JobId),
        paused_at: at(stored.paused_ms),
        error: stored.error,
    }
}
