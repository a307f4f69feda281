//! One pass of the scheduler: what is due, what it leads to, and writing that, once for the whole fleet.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use sql::{Database, RowExt, Transaction};

use super::plan::{Plan, plan};
use super::stored::{Call, Stored};
use crate::error::{Error, Result, take_set};
use crate::payload::JobId;

/// Most recurring jobs of one pass; the rest follows at once.
const DUE_MAX: i32 = 100;

/// How one recurring job goes on, as `run.sql` reads it.
#[derive(Serialize)]
pub(super) struct Move<'a> {
    #[serde(rename = "k")]
    pub(super) id: &'a str,
    #[serde(rename = "s")]
    pub(super) old_score: f64,
    #[serde(rename = "z")]
    pub(super) new_score: f64,
    #[serde(rename = "n")]
    pub(super) next: String,
    #[serde(rename = "l", skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<String>,
    #[serde(rename = "e", skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    #[serde(rename = "c")]
    pub(super) cron: &'a str,
    #[serde(rename = "t")]
    pub(super) time_zone: &'a str,
}

/// One job to make, as `run.sql` reads it. What is JSON travels as such, so that nothing is escaped twice.
#[derive(Serialize)]
pub(super) struct Job<'a> {
    #[serde(rename = "k")]
    id: &'a str,
    #[serde(rename = "i")]
    invocation: Box<RawValue>,
    #[serde(rename = "a")]
    arguments: Box<RawValue>,
    #[serde(rename = "q")]
    queue: String,
    #[serde(rename = "r")]
    name: [&'a str; 1],
    #[serde(rename = "t")]
    time: String,
}

impl<'a> Job<'a> {
    pub(super) fn new(id: &'a str, call: &Call, time_ms: i64) -> Result<Self> {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).map_err(as_json_error);
        Ok(Self {
            id,
            invocation: raw(&call.invocation)?,
            arguments: raw(&call.arguments)?,
            queue: call.queue.clone(),
            name: [id],
            time: (time_ms / 1000).to_string(),
        })
    }
}

/// What a write came to.
pub(super) struct Written {
    /// In the order asked for; what somebody else was faster with is missing.
    pub(super) jobs: Vec<JobId>,
    pub(super) queues: HashSet<String>,
}

/// Moves on and makes jobs, in the caller's transaction.
pub(super) async fn write(tx: &mut Transaction<'_>, moves: &[Move<'_>], jobs: &[Job<'_>]) -> Result<Written> {
    let moves = serde_json::to_string(moves).map_err(as_json_error)?;
    let jobs = serde_json::to_string(jobs).map_err(as_json_error)?;
    let rows = tx.query(include_str!("run.sql"), &[&moves, &jobs]).await?;
    let mut written = Written { jobs: Vec::new(), queues: HashSet::new() };
    for row in rows {
        written.jobs.push(JobId(row.read("JobId")?));
        written.queues.insert(row.read::<&str>("Queue")?.to_owned());
    }
    Ok(written)
}

fn as_json_error(cause: serde_json::Error) -> Error {
    Error::Payload { job_type: "(recurring jobs)", cause }
}

/// What a pass found.
#[derive(Debug)]
pub(crate) struct Passed {
    /// Jobs made.
    pub(crate) jobs: usize,
    /// Their queues.
    pub(crate) queues: HashSet<String>,
    /// Until something is due; `None`: nothing is scheduled.
    pub(crate) next_in: Option<Duration>,
    /// Delayed jobs are due.
    pub(crate) delayed: bool,
}

/// One due recurring job as read.
struct Due {
    id: String,
    score: f64,
    stored: Stored,
}

/// Looks, and does what is due. Safe to run anywhere at any time: of several at once one writes, and a pass that fails is
/// simply repeated.
pub(crate) async fn pass(database: &Database, tolerance: Duration) -> Result<Passed> {
    const STATEMENT: &str = "recurring/due.sql";
    let mut sets = database.query_sets(include_str!("due.sql"), &[&DUE_MAX]).await?;
    let summary = take_set(&mut sets, 0, STATEMENT)?;
    let summary = summary.first().ok_or(Error::Answer { statement: STATEMENT, set: 0 })?;
    let now_ms: i64 = summary.read("NowMs")?;
    let next_score: Option<f64> = summary.read_opt("NextScore")?;
    let delayed = summary.read::<i32>("Delayed")? == 1;
    let due = read_due(&mut sets)?;
    let next_in = next_score.map(|score| Duration::from_secs_f64((score - now_ms as f64 / 1000.0).max(0.0)));
    if due.is_empty() {
        return Ok(Passed { jobs: 0, queues: HashSet::new(), next_in, delayed });
    }
    let plans: Vec<(&Due, Plan)> =
        due.iter().map(|due| (due, plan(&due.id, &due.stored, now_ms, tolerance))).collect();
    let written = database.transaction("jobs.recur", |tx| Box::pin(make(tx, &plans))).await?;
    Ok(Passed {
        jobs: written.jobs.len(),
        queues: written.queues,
        // What was due may be due again, and more than a pass takes may have been.
        next_in: Some(Duration::ZERO),
        delayed,
    })
}

fn read_due(sets: &mut [Vec<sql::Row>]) -> Result<Vec<Due>> {
    const STATEMENT: &str = "recurring/due.sql";
    let mut fields: HashMap<String, HashMap<String, String>> = HashMap::new();
    for row in take_set(sets, 2, STATEMENT)? {
        let value = row.read_opt::<&str>("Value")?.unwrap_or_default();
        let of_id = fields.entry(row.read::<&str>("Id")?.to_owned()).or_default();
        of_id.insert(row.read::<&str>("Field")?.to_owned(), value.to_owned());
    }
    let rows = take_set(sets, 1, STATEMENT)?;
    let read = |row: &sql::Row| {
        let id = row.read::<&str>("Id")?.to_owned();
        let stored = Stored::read(fields.remove(&id).unwrap_or_default());
        Ok(Due { score: row.read("Score")?, stored, id })
    };
    rows.iter().map(read).collect()
}

/// Takes the lock that .NET's scheduler takes, too; somebody else having it means that this pass has nothing to do.
async fn make(tx: &mut Transaction<'_>, plans: &[(&Due, Plan)]) -> Result<Written> {
    let rows = tx.query(include_str!("lock.sql"), &[]).await?;
    let locked: i32 =
        rows.first().ok_or(Error::Answer { statement: "recurring/lock.sql", set: 0 })?.read("Locked")?;
    if locked < 0 {
        return Ok(Written { jobs: Vec::new(), queues: HashSet::new() });
    }
    let mut moves = Vec::with_capacity(plans.len());
    let mut jobs = Vec::new();
    for (due, plan) in plans {
        if let Some(error) = &plan.error {
            tracing::warn!(
                recurring = due.id,
                error,
                "a recurring job cannot be scheduled; looking again in a minute"
            );
        }
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
        moves.push(Move {
            id: &due.id,
            old_score: due.score,
            new_score: plan.score as f64,
            next: plan.next_ms.map(|ms| ms.to_string()).unwrap_or_default(),
            last: plan.last_ms.map(|ms| ms.to_string()),
            error: plan.error.as_deref().map(plain),
            cron: &due.stored.cron,
            time_zone: &due.stored.time_zone,
        });
        if let Some(call) = &plan.call {
            for time_ms in &plan.runs {
                jobs.push(Job::new(&due.id, call, *time_ms)?);
            }
        }
    }
    write(tx, &moves, &jobs).await
}

/// Without what JSON would have to escape: not every server takes escapes back out of it.
fn plain(text: &str) -> String {
    let plain = text.chars().map(|c| match c {
        '"' => '\'',
        '\\' => '/',
        c if c.is_control() => ' ',
        c => c,
    });
    plain.take(400).collect()
}
