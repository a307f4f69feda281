//! Enqueuing inside the caller's transaction: the job exists if and only if the change that caused it does.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::value::RawValue;
use sql::RowExt;

use crate::error::{Error, Result};
use crate::observer::{Observer, TRACE_PARAMETER, nobody};
use crate::payload::{JobId, Payload, arguments, handler_name, invocation_data};
use crate::queue::check_queue_name;
use crate::wakeup::WakeUp;

/// Most jobs in one statement; more are sent in several. Keeps clear of lock escalation.
pub(crate) const BATCH: usize = 500;
/// The job parameter that names on whose behalf a job runs, as Virto's filter writes it.
pub(crate) const USER_PARAMETER: &str = "UserName";
/// The same warning about jobs that nobody runs is repeated at most this often.
const WARNING_PAUSE: Duration = Duration::from_secs(60);
/// Most (handler, queue) pairs remembered for that.
const WARNINGS_MAX: usize = 256;

/// Writes jobs. Cheap to clone; one per process is enough.
#[derive(Clone)]
pub struct Client {
    wake: Arc<dyn WakeUp>,
    observer: Arc<dyn Observer>,
    user_name: Option<Arc<str>>,
    warned: Arc<Mutex<HashMap<(String, String), Instant>>>,
}

/// One job of the statement's JSON parameter.
#[derive(Serialize)]
pub(crate) struct NewJob {
    #[serde(rename = "a")]
    pub(crate) arguments: Box<RawValue>,
}

/// One parameter of the statement's JSON parameter; the value stands in an array of one.
#[derive(Serialize)]
struct NewParameter {
    #[serde(rename = "n")]
    name: &'static str,
    #[serde(rename = "v")]
    value: [Box<RawValue>; 1],
}

impl NewParameter {
    fn new<P: Payload, T: Serialize + ?Sized>(name: &'static str, value: &T) -> Result<Self> {
        let value = serde_json::value::to_raw_value(value)
            .map_err(|cause| Error::Payload { job_type: P::TYPE, cause })?;
        Ok(Self { name, value: [value] })
    }
}

impl Client {
    /// `wake` hears of each queue that received jobs, after the commit.
    pub fn new(wake: Arc<dyn WakeUp>) -> Self {
        Self { wake, observer: nobody(), user_name: None, warned: Arc::default() }
    }

    /// With somebody who hears of what is enqueued and knows the present trace, which each job carries on.
    pub fn observed_by(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self }
    }

    /// For jobs on behalf of somebody: the job parameter `UserName`, which handlers read as
    /// [`Context::user_name`](crate::Context::user_name).
    pub fn for_user(&self, name: &str) -> Self {
        Self { user_name: Some(name.into()), ..self.clone() }
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
        let parameters = self.parameters::<P>()?;
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
            self.announce_after_commit(tx, queue, handler, ids.len(), expected);
        }
        Ok(ids)
    }

    /// The culture as Hangfire's filter captures it – the invariant one, a Rust process has no other –, the user and the
    /// trace.
    pub(crate) fn parameters<P: Payload>(&self) -> Result<String> {
        let mut parameters = vec![NewParameter::new::<P, _>("CurrentCulture", "")?];
        if let Some(name) = &self.user_name {
            parameters.push(NewParameter::new::<P, _>(USER_PARAMETER, name.as_ref())?);
        }
        if let Some(trace) = self.observer.trace() {
            parameters.push(NewParameter::new::<P, _>(TRACE_PARAMETER, &trace)?);
        }
        as_json::<P, _>(&parameters)
    }

    pub(crate) fn announce_after_commit(
        &self,
        tx: &mut sql::Transaction<'_>,
        queue: &str,
        handler: String,
        jobs: usize,
        expected: bool,
    ) {
        let client = self.clone();
        let queue = queue.to_owned();
        tx.after_commit(move || {
            client.wake.announce(&queue);
            client.observer.enqueued(&handler, &queue, jobs, expected);
            if !expected {
                client.warn_unexpected(handler, queue);
            }
        });
    }

    /// Hints for queues that received jobs whose handlers nobody here knows.
    pub(crate) fn wake_after_commit(
        &self,
        tx: &mut sql::Transaction<'_>,
        queues: impl IntoIterator<Item = String> + Send + 'static,
    ) {
        let wake = self.wake.clone();
        tx.after_commit(move || queues.into_iter().for_each(|queue| wake.announce(&queue)));
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

pub(crate) fn as_json<P: Payload, T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|cause| Error::Payload { job_type: P::TYPE, cause })
}
