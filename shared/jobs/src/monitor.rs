//! Reading jobs for people: state, history, lists, counts. Nothing here locks or changes anything.

mod list;
mod overview;

use std::collections::BTreeMap;
use std::time::Duration;

use sql::{Database, RowExt};
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::error::{Result, take_set};
use crate::payload::{Invocation, JobId};

pub use list::{Filter, JobLine, JobPage, PAGE_MAX, SCAN_MAX, list};
pub use overview::{
    COUNT_MAX, Column, Overview, Period, QueueView, ServerView, Unexpected, history, overview, queues,
    servers,
};

/// One job as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobView {
    /// The job.
    pub id: JobId,
    /// `Enqueued`, `Scheduled`, `Processing`, `Succeeded`, `Failed`, `Deleted`, `Awaiting`; `None` while a .NET client
    /// is between its two steps.
    pub state: Option<String>,
    /// Why it is in that state, if somebody said.
    pub reason: Option<String>,
    /// `"Namespace.Type, Assembly"`; `None` if the stored job cannot be read.
    pub job_type: Option<String>,
    /// The method.
    pub method: Option<String>,
    /// The queue that stays with the job.
    pub queue: Option<String>,
    /// `Job.Arguments` as stored.
    pub arguments: String,
    /// Creation, by the database's clock.
    pub created_at: OffsetDateTime,
    /// When its rows may be deleted; `None` = never.
    pub expires_at: Option<OffsetDateTime>,
    /// The handler that it waits for, if servers read its queue but none of them had that handler.
    pub held_for: Option<String>,
    /// Parameters, values as JSON text.
    pub parameters: BTreeMap<String, String>,
    /// All states, oldest first.
    pub history: Vec<StateView>,
}

/// One step of a job's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateView {
    /// The state.
    pub name: String,
    /// Why, if somebody said.
    pub reason: Option<String>,
    /// When, by the database's clock.
    pub created_at: OffsetDateTime,
    /// The state's data; times in it are unix milliseconds (from .NET below level 170: ISO 8601).
    pub data: BTreeMap<String, String>,
}

/// One job with its history, `None` if it does not exist (any more).
pub async fn job(database: &Database, id: JobId) -> Result<Option<JobView>> {
    const STATEMENT: &str = "monitor/job.sql";
    let mut sets = database.query_sets(include_str!("monitor/job.sql"), &[&id.0]).await?;
    let rows = take_set(&mut sets, 0, STATEMENT)?;
    let Some(row) = rows.first() else { return Ok(None) };
    let history =
        take_set(&mut sets, 1, STATEMENT)?.iter().map(read_state).collect::<Result<Vec<StateView>>>()?;
    let mut parameters = BTreeMap::new();
    for row in take_set(&mut sets, 2, STATEMENT)? {
        let value = row.read_opt::<&str>("Value")?.unwrap_or("null");
        parameters.insert(row.read::<&str>("Name")?.to_owned(), value.to_owned());
    }
    let invocation = Invocation::parse(row.read("InvocationData")?).ok();
    Ok(Some(JobView {
        id,
        state: row.read_opt::<&str>("StateName")?.map(str::to_owned),
        reason: history.last().and_then(|state| state.reason.clone()),
        job_type: invocation.as_ref().map(|invocation| invocation.job_type.clone()),
        method: invocation.as_ref().map(|invocation| invocation.method.clone()),
        queue: invocation.and_then(|invocation| invocation.queue),
        arguments: row.read::<&str>("Arguments")?.to_owned(),
        created_at: row.read::<PrimitiveDateTime>("CreatedAt")?.assume_utc(),
        expires_at: row.read_opt::<PrimitiveDateTime>("ExpireAt")?.map(PrimitiveDateTime::assume_utc),
        held_for: row.read_opt::<&str>("HeldFor")?.map(str::to_owned),
        parameters,
        history,
    }))
}

fn read_state(row: &sql::Row) -> Result<StateView> {
    let data = row.read_opt::<&str>("Data")?.unwrap_or("{}");
    // .NET may have written anything: what is not a flat object of strings is left out rather than refused.
    let data: BTreeMap<String, serde_json::Value> = serde_json::from_str(data).unwrap_or_default();
    let text = |value| match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    Ok(StateView {
        name: row.read::<&str>("Name")?.to_owned(),
        reason: row.read_opt::<&str>("Reason")?.map(str::to_owned),
        created_at: row.read::<PrimitiveDateTime>("CreatedAt")?.assume_utc(),
        data: data.into_iter().map(|(key, value)| (key, text(value))).collect(),
    })
}

/// How many jobs there are in each state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// By state name.
    pub by_state: BTreeMap<String, i64>,
    /// Of those, waiting for a handler that no server of their queue has.
    pub held: i64,
}

/// Counts jobs by state. Reads an index; on a database of millions it is not free.
pub async fn counts(database: &Database) -> Result<Counts> {
    const STATEMENT: &str = "monitor/counts.sql";
    let mut sets = database.query_sets(include_str!("monitor/counts.sql"), &[]).await?;
    let mut counts = Counts::default();
    for row in take_set(&mut sets, 0, STATEMENT)? {
        counts.by_state.insert(row.read::<&str>("Name")?.to_owned(), i64::from(row.read::<i32>("Jobs")?));
    }
    if let Some(row) = take_set(&mut sets, 1, STATEMENT)?.first() {
        counts.held = i64::from(row.read::<i32>("Held")?);
    }
    Ok(counts)
}

/// What waits, for metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    /// The queues in which jobs wait, at most 100.
    pub queues: Vec<QueueBacklog>,
    /// Jobs that wait for a handler that no server of their queue has.
    pub held: i64,
}

/// What waits in one queue; held jobs are among it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueBacklog {
    /// The queue.
    pub queue: String,
    /// Jobs that nobody has claimed.
    pub waiting: i64,
    /// Since when the first of them exists.
    pub oldest: Duration,
}

/// Counts what waits. Reads every waiting row: ask every few seconds at most.
pub async fn backlog(database: &Database) -> Result<Backlog> {
    const STATEMENT: &str = "monitor/queues.sql";
    let mut sets = database.query_sets(include_str!("monitor/queues.sql"), &[]).await?;
    let mut backlog = Backlog::default();
    for row in take_set(&mut sets, 0, STATEMENT)? {
        let age_ms = row.read_opt::<i64>("AgeMs")?.unwrap_or_default();
        backlog.queues.push(QueueBacklog {
            queue: row.read::<&str>("Queue")?.to_owned(),
            waiting: i64::from(row.read::<i32>("Waiting")?),
            oldest: Duration::from_millis(u64::try_from(age_ms).unwrap_or_default()),
        });
    }
    if let Some(row) = take_set(&mut sets, 1, STATEMENT)?.first() {
        backlog.held = i64::from(row.read::<i32>("Held")?);
    }
    Ok(backlog)
}
