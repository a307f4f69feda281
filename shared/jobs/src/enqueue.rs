//! Enqueuing inside the caller's transaction: the job exists if and only if the change that caused it does.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::value::RawValue;
use sql::RowExt;

use crate::error::{Error, Result};
use crate::payload::{JobId, Payload, arguments, handler_name, invocation_data};
use crate::queue::check_queue_name;
use crate::wakeup::WakeUp;

/// Most jobs in one statement; more are sent in several. Keeps clear of lock escalation.
const BATCH: usize = 500;
/// The same warning about jobs that nobody runs is repeated at most this often.
const WARNING_PAUSE: Duration = Duration::from_secs(60);
/// Most (handler, queue) pairs remembered for that.
const WARNINGS_MAX: usize = 256;

/// Writes jobs. Cheap to clone; one per process is enough.
#[derive(Clone)]
pub struct Client {
    wake: Arc<dyn WakeUp>,
    warned: Arc<Mutex<HashMap<(String, String), Instant>>>,
}

/// One job of the statement's JSON parameter.
#[derive(Serialize)]
struct NewJob {
    #[serde(rename = "a")]
    arguments: Box<RawValue>,
}

/// One parameter of the statement's JSON parameter; the value stands in an array of one.
#[derive(Serialize)]
struct NewParameter<'a> {
    #[serde(rename = "n")]
    name: &'a str,
    #[serde(rename = "v")]
    value: [&'a str; 1],
}

/// What Hangfire's culture filter captures: the invariant culture, a Rust process has no other.
const PARAMETERS: [NewParameter<'static>; 1] = [NewParameter { name: "CurrentCulture", value: [""] }];

impl Client {
    /// `wake` hears of each queue that received jobs, after the commit.
    pub fn new(wake: Arc<dyn WakeUp>) -> Self {
        Self { wake, warned: Arc::default() }
    }

    /// Enqueues one job into its own queue ([`Payload::QUEUE`]).
    pub async fn enqueue<P: Payload>(&self, tx: &mut sql::Transaction<'_>, payload: &P) -> Result<JobId> {
        self.enqueue_to(tx, P::QUEUE, payload).await
    }

    /// Enqueues one job into a queue of the caller's choice. It keeps that queue through its retries.
    pub async fn enqueue_to<P: Payload>(
        &self,
        tx: &mut sql::Transaction<'_>,
        queue: &str,
        payload: &P,
    ) -> Result<JobId> {
        let ids = self.enqueue_many_to(tx, queue, std::slice::from_ref(payload)).await?;
        ids.first().copied().ok_or(Error::Answer { statement: "enqueue.sql", set: 0 })
    }

    /// Enqueues many jobs of one type, 500 in one round trip. Ids come back in the order of the payloads.
    pub async fn enqueue_many<P: Payload>(
        &self,
        tx: &mut sql::Transaction<'_>,
        payloads: &[P],
    ) -> Result<Vec<JobId>> {
        self.enqueue_many_to(tx, P::QUEUE, payloads).await
    }

    /// [`enqueue_many`](Self::enqueue_many) into a queue of the caller's choice.
    pub async fn enqueue_many_to<P: Payload>(
        &self,
        tx: &mut sql::Transaction<'_>,
        queue: &str,
        payloads: &[P],
    ) -> Result<Vec<JobId>> {
        check_queue_name(queue)?;
        let handler = handler_name(P::TYPE, P::METHOD);
        let invocation = invocation_data::<P>(queue)?;
        let parameters = as_json::<P, _>(&PARAMETERS)?;
        let mut ids = Vec::with_capacity(payloads.len());
        let mut expected = true;
        for batch in payloads.chunks(BATCH) {
            let rows = batch
                .iter()
                .map(|payload| Ok(NewJob { arguments: arguments(payload)? }))
                .collect::<Result<Vec<_>>>()?;
            let rows = as_json::<P, _>(&rows)?;
            let written = tx
                .query(include_str!("enqueue.sql"), &[&rows, &invocation, &queue, &parameters, &handler])
                .await?;
            for row in &written {
                ids.push(JobId(row.read("JobId")?));
                expected &= row.read::<bool>("Expected")?;
            }
        }
        if !ids.is_empty() {
            self.announce_after_commit(tx, queue, handler, expected);
        }
        Ok(ids)
    }

    fn announce_after_commit(
        &self,
        tx: &mut sql::Transaction<'_>,
        queue: &str,
        handler: String,
        expected: bool,
    ) {
        let client = self.clone();
        let queue = queue.to_owned();
        tx.after_commit(move || {
            client.wake.announce(&queue);
            if !expected {
                client.warn_unexpected(handler, queue);
            }
        });
    }

    /// Says, now and then, that no server announced this handler and queue: the job waits for one.
    fn warn_unexpected(&self, handler: String, queue: String) {
        let now = Instant::now();
        let mut warned = self.warned.lock();
        let key = (handler, queue);
        if warned.get(&key).is_some_and(|at| now.duration_since(*at) < WARNING_PAUSE) {
            return;
        }
        if warned.len() >= WARNINGS_MAX {
            warned.clear();
        }
        tracing::warn!(
            handler = key.0,
            queue = key.1,
            "enqueued a job that no live server runs; it waits for one"
        );
        warned.insert(key, now);
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

fn as_json<P: Payload, T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|cause| Error::Payload { job_type: P::TYPE, cause })
}
