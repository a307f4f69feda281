//! The batch between a server and the queue: acknowledges what was done, claims what is free. One round trip.
//!
//! The text is `complete.sql`, what starts the jobs that waited for those (`continuations/`), and `claim.sql`: one
//! transaction. Everything that changes a job's state goes
//! through here, also the jobs of dead servers: the fence is checked in one place.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde::Serialize;
use sql::{Database, RowExt};
use time::PrimitiveDateTime;

use super::ServerOptions;
use crate::continuations::read_queues;
use crate::error::{Result, take_set};
use crate::failure::{Exception, cut};
use crate::observer::RunOutcome;
use crate::registry::Registry;
use crate::retry::{REASON_MAX, retry_reason};

const TEXT: &str = concat!(
    include_str!("complete.sql"),
    include_str!("../continuations/finished.sql"),
    include_str!("../continuations/children.sql"),
    include_str!("claim.sql")
);
/// Deadlocks and key collisions are part of life among many claimers: attempts before it counts as trouble.
const ATTEMPTS: u32 = 4;

/// What a server tells about itself with every claim.
#[derive(Debug)]
pub(super) struct Identity {
    /// `{machine}:{pid}:{guid}`, as Hangfire forms it.
    pub(super) server: String,
    /// JSON arrays.
    pub(super) queues: String,
    pub(super) handlers: String,
    /// Members of the `Processing` state's data after `StartedAt`.
    processing: String,
}

impl Identity {
    pub(super) fn new(registry: &Registry, options: &ServerOptions) -> Self {
        let machine = machine_name();
        let server = format!("{machine}:{}:{}", std::process::id(), uuid::Uuid::new_v4());
        let processing = format!(r#""ServerId":"{server}","WorkerId":"{}""#, uuid::Uuid::new_v4());
        Self {
            server,
            queues: json_array(&options.queues),
            handlers: json_array(&registry.names()),
            processing,
        }
    }
}

/// Lower-case host name, letters, digits, `-`, `_` and `.` only.
fn machine_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME")).ok())
        .unwrap_or_default();
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name.trim().to_lowercase().chars().filter(allowed).take(100).collect();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

fn json_array(items: &[String]) -> String {
    serde_json::Value::from(items.to_vec()).to_string()
}

/// A claimed job's mark: every write about the job is refused once `state_id` is not the job's state any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Fence {
    #[serde(rename = "j")]
    pub(super) job_id: i64,
    /// Id of the `Processing` row.
    #[serde(rename = "f")]
    pub(super) state_id: i64,
    #[serde(rename = "q")]
    pub(super) queue: String,
    /// Id of the queue row.
    #[serde(rename = "i")]
    pub(super) queue_id: i64,
}

/// The `JobId, StateId, Queue, QueueId` of several statements' answers.
pub(super) fn read_fence(row: &sql::Row) -> Result<Fence> {
    Ok(Fence {
        job_id: row.read("JobId")?,
        state_id: row.read("StateId")?,
        queue: row.read::<&str>("Queue")?.to_owned(),
        queue_id: row.read("QueueId")?,
    })
}

/// What came of a run.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    Succeeded {
        duration_ms: i64,
        latency_ms: i64,
    },
    Failed {
        reason: String,
        exception: Exception,
    },
    Retry {
        retry: u32,
        attempts: u32,
        delay: Duration,
        exception: Exception,
    },
    /// Back into the queue. `died` counts the delivery as a death of its server.
    Requeue {
        reason: String,
        died: bool,
    },
}

impl Outcome {
    /// As observers hear of it.
    pub(super) fn report(&self) -> RunOutcome {
        match self {
            Self::Succeeded { .. } => RunOutcome::Succeeded,
            Self::Failed { .. } => RunOutcome::Failed,
            Self::Retry { .. } => RunOutcome::Retried,
            Self::Requeue { .. } => RunOutcome::GivenBack,
        }
    }
}

/// One outcome under its fence.
#[derive(Debug, Clone)]
pub(super) struct Settlement {
    pub(super) fence: Fence,
    pub(super) outcome: Outcome,
}

/// A job that is ours now.
#[derive(Debug)]
pub(super) struct Claimed {
    pub(super) fence: Fence,
    pub(super) invocation_data: String,
    pub(super) arguments: String,
    pub(super) created_at: PrimitiveDateTime,
    pub(super) claimed_at: PrimitiveDateTime,
    pub(super) deaths: i32,
    pub(super) parameters: HashMap<String, String>,
}

/// The answer of one exchange.
#[derive(Debug)]
pub(super) struct Answer {
    /// Fences (`StateId`) whose outcome was written. The others' jobs were not ours any more.
    pub(super) settled: HashSet<i64>,
    pub(super) claimed: Vec<Claimed>,
    /// Queue rows that the claim took in hand, whatever came of them: more may be waiting.
    pub(super) taken: i32,
    /// Jobs put on the shelf: over their limit, or of a type that no live server runs.
    pub(super) held: i32,
    /// Queues that received jobs which waited for the acknowledged ones.
    pub(super) continued: HashSet<String>,
}

/// An outcome as `complete.sql` reads it.
#[derive(Serialize)]
struct Ack<'a> {
    #[serde(flatten)]
    fence: &'a Fence,
    #[serde(rename = "s")]
    state: &'static str,
    #[serde(rename = "r", skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(rename = "d", skip_serializing_if = "Option::is_none")]
    data: Option<StateData<'a>>,
    #[serde(rename = "w", skip_serializing_if = "Option::is_none")]
    delay_ms: Option<i64>,
    #[serde(rename = "n", skip_serializing_if = "Option::is_none")]
    retry: Option<u32>,
    #[serde(rename = "x", skip_serializing_if = "Option::is_none")]
    died: Option<u8>,
}

/// A state's data without its time, which the statement puts in front. All values are strings, as Hangfire wants them.
#[derive(Serialize)]
#[serde(untagged)]
enum StateData<'a> {
    #[serde(rename_all = "PascalCase")]
    Succeeded { performance_duration: String, latency: String },
    #[serde(rename_all = "PascalCase")]
    Exception { exception_type: &'a str, exception_message: &'a str, exception_details: &'a str },
}

impl<'a> Ack<'a> {
    fn new(settlement: &'a Settlement) -> Self {
        let exception = |exception: &'a Exception| StateData::Exception {
            exception_type: &exception.type_name,
            exception_message: &exception.message,
            exception_details: &exception.details,
        };
        let ack = Self {
            fence: &settlement.fence,
            state: "Enqueued",
            reason: None,
            data: None,
            delay_ms: None,
            retry: None,
            died: None,
        };
        match &settlement.outcome {
            Outcome::Succeeded { duration_ms, latency_ms } => Self {
                state: "Succeeded",
                data: Some(StateData::Succeeded {
                    performance_duration: duration_ms.to_string(),
                    latency: latency_ms.to_string(),
                }),
                ..ack
            },
            Outcome::Failed { reason, exception: why } => Self {
                state: "Failed",
                reason: Some(cut(reason, REASON_MAX)),
                data: Some(exception(why)),
                ..ack
            },
            Outcome::Retry { retry, attempts, delay, exception: why } => Self {
                state: "Scheduled",
                reason: Some(retry_reason(*retry, *attempts, why)),
                data: Some(exception(why)),
                delay_ms: Some(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX / 2)),
                retry: Some(*retry),
                ..ack
            },
            Outcome::Requeue { reason, died } => {
                Self { reason: Some(cut(reason, REASON_MAX)), died: died.then_some(1), ..ack }
            }
        }
    }
}

/// What to claim besides acknowledging.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    /// Most jobs.
    pub(super) free: usize,
    /// Also take over expired leases.
    pub(super) expired: bool,
}

impl Ask {
    pub(super) const NOTHING: Self = Self { free: 0, expired: false };
}

/// Runs the batch. After an error nothing is known: it may have run.
pub(super) async fn exchange(
    database: &Database,
    identity: &Identity,
    options: &ServerOptions,
    settlements: &[Settlement],
    ask: Ask,
) -> Result<Answer> {
    // Sorted, so that two batches lock their jobs in the same order.
    let mut acks: Vec<Ack<'_>> = settlements.iter().map(Ack::new).collect();
    acks.sort_by_key(|ack| (ack.fence.job_id, ack.fence.state_id));
    let acks = serde_json::to_string(&acks)
        .map_err(|cause| crate::Error::Payload { job_type: "(outcomes)", cause })?;
    let free = i32::try_from(ask.free).unwrap_or(i32::MAX);
    let lease_ms = options.lease_ms();
    let keep_secs = i32::try_from(options.keep_succeeded.as_secs()).unwrap_or(i32::MAX);
    let queues = options
        .weights
        .order(&options.queues)
        .map_or_else(|| Cow::Borrowed(identity.queues.as_str()), |queues| Cow::Owned(json_array(&queues)));
    let mark = -rand::random_range(1..=i64::MAX);
    let mut attempt = 1;
    loop {
        let answer = database
            .query_sets(
                TEXT,
                &[
                    &acks,
                    &free,
                    &queues.as_ref(),
                    &identity.handlers,
                    &identity.server,
                    &identity.processing,
                    &lease_ms,
                    &ask.expired,
                    &keep_secs,
                    &mark,
                ],
            )
            .await;
        match answer {
            Ok(sets) => return read_answer(sets),
            // Rolled back for certain, so repeating is safe.
            Err(error) if attempt < ATTEMPTS && (error.is_deadlock() || error.is_unique_violation()) => {
                attempt += 1
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn read_answer(mut sets: Vec<Vec<sql::Row>>) -> Result<Answer> {
    const STATEMENT: &str = "server/claim.sql";
    let summary = take_set(&mut sets, 0, STATEMENT)?;
    let summary = summary.first().ok_or(crate::Error::Answer { statement: STATEMENT, set: 0 })?;
    let claimed_at: PrimitiveDateTime = summary.read("Now")?;
    let settled = take_set(&mut sets, 1, STATEMENT)?
        .iter()
        .map(|row| row.read("StateId"))
        .collect::<sql::Result<_>>()?;
    let jobs = take_set(&mut sets, 2, STATEMENT)?;
    let mut parameters: HashMap<i64, HashMap<String, String>> = HashMap::new();
    for row in take_set(&mut sets, 3, STATEMENT)? {
        if let Some(value) = row.read_opt::<&str>("Value")? {
            let of_job = parameters.entry(row.read("JobId")?).or_default();
            of_job.insert(row.read::<&str>("Name")?.to_owned(), value.to_owned());
        }
    }
    let claimed = jobs
        .iter()
        .map(|row| {
            let fence = read_fence(row)?;
            let parameters = parameters.remove(&fence.job_id).unwrap_or_default();
            Ok(Claimed {
                invocation_data: row.read::<&str>("InvocationData")?.to_owned(),
                arguments: row.read::<&str>("Arguments")?.to_owned(),
                created_at: row.read("CreatedAt")?,
                claimed_at,
                deaths: row.read("Deaths")?,
                parameters,
                fence,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let continued = read_queues(take_set(&mut sets, 4, STATEMENT)?)?;
    Ok(Answer { settled, claimed, taken: summary.read("Taken")?, held: summary.read("Held")?, continued })
}

/// What a look at the queue found.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Glimpse {
    /// Jobs wait.
    pub(super) waiting: bool,
    /// Claims have expired.
    pub(super) expired: bool,
    /// Members of `schedule` are due.
    pub(super) due: bool,
    /// Members of `recurring-jobs` are due.
    pub(super) recurring: bool,
}

/// Looks without touching anything: what an idle server does instead of claiming.
pub(super) async fn peek(
    database: &Database,
    identity: &Identity,
    options: &ServerOptions,
) -> Result<Glimpse> {
    let parameters: [&dyn sql::ToSql; 3] = [&identity.queues, &identity.handlers, &options.lease_ms()];
    let rows = database.query(include_str!("peek.sql"), &parameters).await?;
    let row = rows.first().ok_or(crate::Error::Answer { statement: "server/peek.sql", set: 0 })?;
    let read = |column| row.read::<i32>(column).map(|answer| answer == 1);
    Ok(Glimpse {
        waiting: read("Waiting")?,
        expired: read("Expired")?,
        due: read("Due")?,
        recurring: read("Recurring")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(outcome: Outcome) -> String {
        let fence = Fence { job_id: 1, state_id: 2, queue: "default".into(), queue_id: 3 };
        serde_json::to_string(&Ack::new(&Settlement { fence, outcome })).unwrap()
    }

    fn exception() -> Exception {
        Exception { type_name: "A".into(), message: "m".into(), details: "A: m".into() }
    }

    #[test]
    fn outcomes_travel_in_the_shape_that_the_statement_reads() {
        insta::assert_snapshot!(
            written(Outcome::Succeeded { duration_ms: 12, latency_ms: 34 }),
            @r#"{"j":1,"f":2,"q":"default","i":3,"s":"Succeeded","d":{"PerformanceDuration":"12","Latency":"34"}}"#
        );
        insta::assert_snapshot!(
            written(Outcome::Failed { reason: "why".into(), exception: exception() }),
            @r#"{"j":1,"f":2,"q":"default","i":3,"s":"Failed","r":"why","d":{"ExceptionType":"A","ExceptionMessage":"m","ExceptionDetails":"A: m"}}"#
        );
        insta::assert_snapshot!(
            written(Outcome::Retry {
                retry: 2, attempts: 10, delay: Duration::from_millis(1500), exception: exception()
            }),
            @r#"{"j":1,"f":2,"q":"default","i":3,"s":"Scheduled","r":"Retry attempt 2 of 10: m","d":{"ExceptionType":"A","ExceptionMessage":"m","ExceptionDetails":"A: m"},"w":1500,"n":2}"#
        );
        insta::assert_snapshot!(
            written(Outcome::Requeue { reason: "why".into(), died: true }),
            @r#"{"j":1,"f":2,"q":"default","i":3,"s":"Enqueued","r":"why","x":1}"#
        );
    }
}
