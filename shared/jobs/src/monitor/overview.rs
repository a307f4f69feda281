//! The whole system at a glance: counters, a chart, servers, queues, and what nobody runs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use sql::{Database, RowExt};
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::error::{Result, take_set};

/// What counters and servers say now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overview {
    /// Jobs by state; states with more than [`COUNT_MAX`] say that number.
    pub by_state: BTreeMap<String, i64>,
    /// Jobs that wait for a handler that no server of their queue has.
    pub held: i64,
    /// Jobs that wait for a place under a limit.
    pub limited: i64,
    /// All that ever succeeded, those whose rows have expired included.
    pub succeeded_ever: i64,
    /// The same of deleted ones.
    pub deleted_ever: i64,
    /// Recurring jobs.
    pub recurring: i64,
    /// Failed attempts that will be repeated.
    pub retries: i64,
    /// Live servers.
    pub servers: i64,
    /// Kinds of jobs that wait in a queue while no live server runs them, at most [`UNEXPECTED_MAX`].
    pub unexpected: Vec<Unexpected>,
}

/// States are counted up to this number; reading all rows of a state of millions is not worth a glance.
pub const COUNT_MAX: i64 = 10_000;
/// Most kinds named.
pub const UNEXPECTED_MAX: i32 = 20;

/// Jobs that nobody runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unexpected {
    /// `{type}::{method}`.
    pub handler: String,
    /// How many.
    pub jobs: i64,
}

/// Reads them. A few index seeks for each number.
///
/// # Errors
/// The storage's.
pub async fn overview(database: &Database) -> Result<Overview> {
    const STATEMENT: &str = "monitor/overview.sql";
    let most = i32::try_from(COUNT_MAX).unwrap_or(i32::MAX);
    let mut sets = database.query_sets(include_str!("overview.sql"), &[&most, &UNEXPECTED_MAX]).await?;
    let mut overview = Overview::default();
    for row in take_set(&mut sets, 0, STATEMENT)? {
        let count = i64::from(row.read::<i32>("Jobs")?);
        overview.by_state.insert(row.read::<&str>("Name")?.to_owned(), count);
    }
    if let Some(row) = take_set(&mut sets, 1, STATEMENT)?.first() {
        let count = |column| row.read::<i32>(column).map(i64::from);
        overview.held = count("Held")?;
        overview.limited = count("Limited")?;
        overview.recurring = count("Recurring")?;
        overview.retries = count("Retries")?;
        overview.servers = count("Servers")?;
        overview.succeeded_ever = row.read("Succeeded")?;
        overview.deleted_ever = row.read("Deleted")?;
    }
    for row in take_set(&mut sets, 2, STATEMENT)? {
        let jobs = i64::from(row.read::<i32>("Jobs")?);
        overview.unexpected.push(Unexpected { handler: row.read::<&str>("Handler")?.to_owned(), jobs });
    }
    Ok(overview)
}

/// What a chart shows: each hour of a day, or each day of a week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// The last 24 hours.
    Day,
    /// The last 7 days.
    Week,
}

/// One column of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Where it begins: a full hour or day, UTC.
    pub from: OffsetDateTime,
    /// Jobs that succeeded in it.
    pub succeeded: i64,
    /// Jobs that failed for good in it.
    pub failed: i64,
    /// Jobs that were deleted in it.
    pub deleted: i64,
}

/// Columns of a chart, oldest first, from Hangfire's counters.
///
/// # Errors
/// The storage's.
pub async fn history(database: &Database, period: Period) -> Result<Vec<Column>> {
    const STATEMENT: &str = "monitor/history.sql";
    let hourly = period == Period::Day;
    let columns = if hourly { 24 } else { 7 };
    let rows = database.query(include_str!("history.sql"), &[&hourly, &columns]).await?;
    let mut found: BTreeMap<PrimitiveDateTime, Column> = BTreeMap::new();
    for row in &rows {
        let from: PrimitiveDateTime = row.read("Begins")?;
        let empty = Column { from: from.assume_utc(), succeeded: 0, failed: 0, deleted: 0 };
        let column = found.entry(from).or_insert(empty);
        let count = row.read_opt::<i64>("Jobs")?.unwrap_or_default();
        match row.read::<&str>("Name")? {
            "succeeded" => column.succeeded = count,
            "failed" => column.failed = count,
            "deleted" => column.deleted = count,
            _ => return Err(crate::Error::Answer { statement: STATEMENT, set: 0 }),
        }
    }
    Ok(found.into_values().collect())
}

/// A server that announced itself, ours or .NET's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerView {
    /// `{machine}:{pid}:{guid}`.
    pub id: String,
    /// When it started, as far as it says.
    pub started_at: Option<OffsetDateTime>,
    /// Its last heartbeat.
    pub heartbeat_at: OffsetDateTime,
    /// How long ago that was.
    pub silent_for: Duration,
    /// Most jobs at a time.
    pub worker_count: i64,
    /// The queues that it reads.
    pub queues: Vec<String>,
    /// Jobs that it runs now; of our own servers only.
    pub running: i64,
    /// Kinds of jobs that it runs, `{type}::{method}`; empty for .NET's.
    pub handlers: Vec<String>,
}

/// What Hangfire keeps in `Server.Data`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct ServerData {
    worker_count: i64,
    queues: Vec<String>,
    started_at: Option<String>,
}

/// All servers, at most 500.
///
/// # Errors
/// The storage's.
pub async fn servers(database: &Database) -> Result<Vec<ServerView>> {
    const STATEMENT: &str = "monitor/servers.sql";
    let mut sets = database.query_sets(include_str!("servers.sql"), &[]).await?;
    let rows = take_set(&mut sets, 0, STATEMENT)?;
    let mut handlers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in take_set(&mut sets, 1, STATEMENT)? {
        let of_server = handlers.entry(row.read::<&str>("ServerId")?.to_owned()).or_default();
        of_server.push(row.read::<&str>("Handler")?.to_owned());
    }
    rows.iter()
        .map(|row| {
            let id = row.read::<&str>("Id")?.to_owned();
            let data: ServerData =
                serde_json::from_str(row.read_opt::<&str>("Data")?.unwrap_or("{}")).unwrap_or_default();
            let started = data.started_at.as_deref();
            let rfc3339 = &time::format_description::well_known::Rfc3339;
            Ok(ServerView {
                started_at: started.and_then(|text| OffsetDateTime::parse(text, rfc3339).ok()),
                heartbeat_at: row.read::<PrimitiveDateTime>("LastHeartbeat")?.assume_utc(),
                silent_for: Duration::from_millis(u64::try_from(row.read::<i64>("SilentMs")?).unwrap_or(0)),
                worker_count: data.worker_count,
                queues: data.queues,
                running: i64::from(row.read::<i32>("Running")?),
                handlers: handlers.remove(&id).unwrap_or_default(),
                id,
            })
        })
        .collect()
}

/// A queue that has jobs, is read by a server, or rests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueView {
    /// Its name.
    pub name: String,
    /// Jobs that nobody has claimed, counted up to [`COUNT_MAX`].
    pub waiting: i64,
    /// Jobs that are claimed, likewise.
    pub fetched: i64,
    /// Jobs that wait outside of it, for a handler or under a limit, likewise.
    pub shelved: i64,
    /// Live servers of ours that read it.
    pub servers: i64,
    /// Since when it rests.
    pub paused_at: Option<OffsetDateTime>,
    /// Who said so.
    pub paused_by: Option<String>,
}

/// All queues, at most 200.
///
/// # Errors
/// The storage's.
pub async fn queues(database: &Database) -> Result<Vec<QueueView>> {
    let most = i32::try_from(COUNT_MAX).unwrap_or(i32::MAX);
    let rows = database.query(include_str!("queue_list.sql"), &[&most]).await?;
    rows.iter()
        .map(|row| {
            let count = |column| row.read::<i32>(column).map(i64::from);
            Ok(QueueView {
                name: row.read::<&str>("Name")?.to_owned(),
                waiting: count("Waiting")?,
                fetched: count("Fetched")?,
                shelved: count("Shelved")?,
                servers: count("Servers")?,
                paused_at: row.read_opt::<PrimitiveDateTime>("PausedAt")?.map(PrimitiveDateTime::assume_utc),
                paused_by: row.read_opt::<&str>("PausedBy")?.map(str::to_owned),
            })
        })
        .collect()
}
