//! Lists of jobs, newest first, with search.
//!
//! The state leads to the rows by its index; type, argument and queue are looked for in what was found there, at most
//! [`SCAN_MAX`] jobs at a time: a search that finds nothing in them says where it goes on, and never reads a whole
//! database in one go.

use sql::{Database, RowExt};
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::error::{Error, Result, take_set};
use crate::payload::{Invocation, JobId};

/// Most jobs looked at for one page.
pub const SCAN_MAX: i32 = 10_000;
/// Most jobs on a page.
pub const PAGE_MAX: u16 = 500;
/// Most characters of a job's arguments in a list.
const ARGUMENTS_MAX: i32 = 500;

/// Which jobs are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// In this state; `None` = any.
    pub state: Option<String>,
    /// Whose type or method contains this; capitals do not matter.
    pub job_type: Option<String>,
    /// Whose arguments contain this; capitals do not matter.
    pub argument: Option<String>,
    /// Of this queue (the job's own).
    pub queue: Option<String>,
    /// Created at this time or later.
    pub from: Option<OffsetDateTime>,
    /// Created at this time or earlier.
    pub to: Option<OffsetDateTime>,
}

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobLine {
    /// The job.
    pub id: JobId,
    /// Its state.
    pub state: Option<String>,
    /// Since when it is in that state.
    pub since: Option<OffsetDateTime>,
    /// Why.
    pub reason: Option<String>,
    /// `"Namespace.Type, Assembly"`; `None` if the stored job cannot be read.
    pub job_type: Option<String>,
    /// The method.
    pub method: Option<String>,
    /// The queue that stays with the job.
    pub queue: Option<String>,
    /// The beginning of its arguments, as stored.
    pub arguments: String,
    /// Creation, by the database's clock.
    pub created_at: OffsetDateTime,
    /// What it waits for outside of its queue: a handler that no server of it has, or a limit.
    pub held_for: Option<String>,
}

/// A page of jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobPage {
    /// Newest first.
    pub jobs: Vec<JobLine>,
    /// The next page begins before this job; `None` = there are no more. A page that was searched may be empty and
    /// still have a next one.
    pub next_before: Option<JobId>,
}

/// A page of the jobs before `before`, newest first; `limit` is cut to [`PAGE_MAX`].
///
/// # Errors
/// The storage's.
pub async fn list(
    database: &Database,
    filter: &Filter,
    before: Option<JobId>,
    limit: u16,
) -> Result<JobPage> {
    const STATEMENT: &str = "monitor/list.sql";
    let text = |wanted: &Option<String>| wanted.clone().unwrap_or_default();
    // Arguments are JSON in JSON: what is looked for may be part of it, or of a text in it.
    let escaped = |text: &str| text.replace('\\', r"\\").replace('"', "\\\"");
    let argument = escaped(&text(&filter.argument));
    let in_text = escaped(&argument);
    let time = |at: Option<OffsetDateTime>| {
        at.map_or(-1, |at| i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(-1))
    };
    let params: &[&dyn sql::ToSql] = &[
        &text(&filter.state),
        &before.map_or(i64::MAX, |job| job.0),
        &i32::from(limit.clamp(1, PAGE_MAX)),
        &SCAN_MAX,
        &text(&filter.job_type),
        &argument,
        &text(&filter.queue),
        &time(filter.from),
        &time(filter.to),
        &ARGUMENTS_MAX,
        &in_text,
    ];
    let mut sets = database.query_sets(include_str!("list.sql"), params).await?;
    let jobs = take_set(&mut sets, 0, STATEMENT)?.iter().map(read_line).collect::<Result<Vec<_>>>()?;
    let next = take_set(&mut sets, 1, STATEMENT)?;
    let next = next.first().ok_or(Error::Answer { statement: STATEMENT, set: 1 })?;
    Ok(JobPage { jobs, next_before: next.read_opt("NextBefore")?.map(JobId) })
}

fn read_line(row: &sql::Row) -> Result<JobLine> {
    let invocation = Invocation::parse(row.read("InvocationData")?).ok();
    let text = |column| row.read_opt::<&str>(column).map(|text| text.map(str::to_owned));
    Ok(JobLine {
        id: JobId(row.read("Id")?),
        state: text("StateName")?,
        since: row.read_opt::<PrimitiveDateTime>("Since")?.map(PrimitiveDateTime::assume_utc),
        reason: text("Reason")?,
        job_type: invocation.as_ref().map(|invocation| invocation.job_type.clone()),
        method: invocation.as_ref().map(|invocation| invocation.method.clone()),
        queue: invocation.and_then(|invocation| invocation.queue),
        arguments: row.read::<&str>("Arguments")?.to_owned(),
        created_at: row.read::<PrimitiveDateTime>("CreatedAt")?.assume_utc(),
        held_for: text("HeldFor")?,
    })
}
