//! What a handler knows about the run it is in.

use std::collections::HashMap;
use std::sync::Arc;

use sql::RowExt;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;
use crate::payload::JobId;

/// Handed to every handler; cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    job_id: JobId,
    fence: Option<i64>,
    attempt: u32,
    parameters: HashMap<String, String>,
    cancelled: CancellationToken,
}

impl Context {
    pub(crate) fn new(
        job_id: JobId,
        fence: i64,
        attempt: u32,
        parameters: HashMap<String, String>,
        cancelled: CancellationToken,
    ) -> Self {
        Self { inner: Arc::new(Inner { job_id, fence: Some(fence), attempt, parameters, cancelled }) }
    }

    /// A context without a job behind it, for testing a handler by calling it: first attempt, never cancelled,
    /// [`assert_owned`](Self::assert_owned) always agrees.
    pub fn detached(job_id: JobId) -> Self {
        let parameters = HashMap::new();
        Self {
            inner: Arc::new(Inner {
                job_id,
                fence: None,
                attempt: 1,
                parameters,
                cancelled: CancellationToken::new(),
            }),
        }
    }

    /// The job.
    pub fn job_id(&self) -> JobId {
        self.inner.job_id
    }

    /// 1 for the first run, 2 for the first retry. A run that was given back (shutdown, lost lease, dead server) does
    /// not count: several runs may have the same number.
    pub fn attempt(&self) -> u32 {
        self.inner.attempt
    }

    /// The number of this claim: each later claim of the job, by whomever, has a greater one. Hand it to systems outside
    /// that can refuse older numbers than they have seen. 0 when [`detached`](Self::detached).
    pub fn fence(&self) -> i64 {
        self.inner.fence.unwrap_or_default()
    }

    /// A job parameter (`HangFire.JobParameter`), its JSON text.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.inner.parameters.get(name).map(String::as_str)
    }

    /// On whose behalf the job runs (`UserName`), if somebody said: [`Client::for_user`](crate::Client::for_user).
    pub fn user_name(&self) -> Option<String> {
        serde_json::from_str(self.parameter(crate::enqueue::USER_PARAMETER)?).ok()
    }

    /// Cancelled when the run should end early: the server stops, or the job is not ours any more. A handler that
    /// returns an error after that is given back to the queue, not failed.
    pub fn cancelled(&self) -> &CancellationToken {
        &self.inner.cancelled
    }

    /// For handlers that commit work in chunks: call it inside each chunk's transaction. It fails if the job was
    /// taken over meanwhile, and otherwise holds the job until the transaction ends, so that a worker which was
    /// paused for an hour can never commit a chunk beside its successor.
    ///
    /// Keep that transaction short: the job's row stays locked until it ends.
    pub async fn assert_owned(&self, tx: &mut sql::Transaction<'_>) -> Result<(), Failure> {
        let Some(fence) = self.inner.fence else { return Ok(()) };
        let rows = tx.query(include_str!("assert_owned.sql"), &[&self.inner.job_id.0, &fence]).await?;
        let owned = rows.first().map(|row| row.read::<i32>("Owned")).transpose()?;
        if owned == Some(1) { Ok(()) } else { Err(Failure::lost()) }
    }
}
