//! The worker processes of these tests: this test binary, started once more to run [`the_process`] alone.
//!
//! Everything that matters is written to a journal before the process goes on, so that SIGKILL takes none of it away.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use jobs::{
    Context, Failure, NoWakeUp, Observer, Payload, Registry, RetryPolicy, Server, ServerOptions,
    SettlementReport,
};
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt as _;

use super::history::{End, Event};
use crate::support::eventually;

const PLAN_VARIABLE: &str = "JOBS_TEST_WORKER";
const PROCESS: &str = "storm::worker::the_process";

/// The job of these tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub number: i64,
    /// How long the handler takes.
    pub work_ms: u64,
    /// Transactions that it commits in that time.
    pub chunks: u32,
    pub fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    Success,
    /// The first attempt fails.
    OneRetry,
    /// Fails for good.
    Failure,
    /// Kills its process.
    Crash,
}

impl Payload for Task {
    const TYPE: &'static str = "Example.Jobs.Task, Example";
}

/// How a worker process is started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    pub connection: String,
    pub journal: PathBuf,
    /// Handlers wait until this file is there.
    pub gate: Option<PathBuf>,
    pub worker_count: usize,
    pub lease_ms: u64,
    pub heartbeat_ms: u64,
    pub dead_after_ms: u64,
    pub deaths_max: i32,
}

impl Plan {
    fn options(&self) -> ServerOptions {
        ServerOptions {
            worker_count: self.worker_count,
            lease: Duration::from_millis(self.lease_ms),
            heartbeat: Duration::from_millis(self.heartbeat_ms),
            watch_interval: Duration::from_millis(self.lease_ms / 8),
            dead_after: Duration::from_millis(self.dead_after_ms),
            deaths_max: self.deaths_max,
            poll_max: Duration::from_millis(200),
            backoff_max: Duration::from_millis(200),
            stray_interval: Duration::from_millis(500),
            retry: RetryPolicy { attempts: 3, delays: vec![Duration::ZERO] },
            ..ServerOptions::default()
        }
    }
}

/// A running worker process; dropped, it is killed and reaped.
pub struct Worker {
    child: Child,
}

impl Worker {
    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn start(plan: &Plan) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args([PROCESS, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env(PLAN_VARIABLE, serde_json::to_string(plan).unwrap())
            // Its end tells the worker to stop: also if we die.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { child }
    }

    /// SIGSTOP: it stands still, and its connections stay open.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(mut self) {
        drop(self.child.stdin.take());
        eventually("the worker process ends", async || if self.has_ended() { Ok(()) } else { Err(()) }).await;
    }

    /// Whether it has ended, by itself or because it was told to.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(id, signal).unwrap();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The lines of a journal; the last one may be cut off by a kill.
pub fn read_journal(path: &Path) -> Vec<Event> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[derive(Clone)]
struct Journal(Arc<Mutex<File>>);

impl Journal {
    fn write(&self, event: &Event) {
        let mut line = serde_json::to_string(event).unwrap();
        line.push('\n');
        self.0.lock().write_all(line.as_bytes()).unwrap();
    }
}

impl Observer for Journal {
    fn settled(&self, report: &SettlementReport) {
        self.write(&Event::Settled {
            job: report.job.0,
            fence: report.fence,
            outcome: format!("{:?}", report.outcome),
            accepted: report.accepted,
        });
    }
}

#[test]
#[ignore = "the body of the worker processes that other tests start"]
fn the_process() {
    let Ok(plan) = std::env::var(PLAN_VARIABLE) else { return };
    let plan: Plan = serde_json::from_str(&plan).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(work(plan));
}

async fn work(plan: Plan) {
    let connection = sql::ConnectionString::parse(&plan.connection).unwrap();
    // It may be started in the midst of a fault.
    let database = eventually("the worker reaches the storage", async || {
        sql::Database::connect(&connection, sql::Options::default()).await
    })
    .await;
    let journal = Journal(Arc::new(Mutex::new(File::create(&plan.journal).unwrap())));
    let mut registry = Registry::new();
    let (handler_journal, handler_database, gate) = (journal.clone(), database.clone(), plan.gate.clone());
    registry.register(move |context: Context, task: Task| {
        let (journal, database, gate) = (handler_journal.clone(), handler_database.clone(), gate.clone());
        async move { handle(&context, &task, &journal, &database, gate.as_deref()).await }
    });
    let server = Server::start_observed(
        database,
        registry,
        plan.options(),
        Arc::new(NoWakeUp),
        Arc::new(journal.clone()),
    )
    .unwrap();
    journal.write(&Event::Server { server: server.status().id });
    let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
    server.stop().await;
}

/// Works on although its token is cancelled: a handler that heeds nothing is the hardest case.
async fn handle(
    context: &Context,
    task: &Task,
    journal: &Journal,
    database: &sql::Database,
    gate: Option<&Path>,
) -> Result<(), Failure> {
    let (job, fence) = (context.job_id().0, context.fence());
    journal.write(&Event::Started { job, fence });
    let result = perform(context, task, database, gate).await;
    let end = match &result {
        Ok(()) => End::Success,
        Err(failure) if failure.is_lost() => End::Lost,
        Err(_) => End::Error,
    };
    journal.write(&Event::Ended { job, fence, end });
    result
}

async fn perform(
    context: &Context,
    task: &Task,
    database: &sql::Database,
    gate: Option<&Path>,
) -> Result<(), Failure> {
    if let Some(gate) = gate {
        while !gate.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    if task.chunks == 0 {
        tokio::time::sleep(Duration::from_millis(task.work_ms)).await;
    }
    for _ in 0..task.chunks {
        tokio::time::sleep(Duration::from_millis(task.work_ms / u64::from(task.chunks))).await;
        database
            .transaction("test.chunk", |tx| {
                Box::pin(async move {
                    let (job, fence) = (context.job_id().0, context.fence());
                    tx.execute("INSERT INTO dbo.Effect (JobId, Fence) VALUES (@P1, @P2)", &[&job, &fence])
                        .await?;
                    context.assert_owned(tx).await
                })
            })
            .await?;
    }
    match task.fate {
        Fate::OneRetry if context.attempt() == 1 => Err(Failure::retry("the first attempt fails")),
        Fate::Failure => Err(Failure::fail("no repetition mends this")),
        Fate::Crash => std::process::abort(),
        Fate::Success | Fate::OneRetry => Ok(()),
    }
}
