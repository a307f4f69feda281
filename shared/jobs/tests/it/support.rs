//! One small world per test: a database, a client, servers with short durations, and ways to wait and to look.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use jobs::{
    Client, Context, Failure, JobId, LocalWakeUp, Payload, Registry, RetryPolicy, Server, ServerOptions,
};
use serde::{Deserialize, Serialize};
use sql::testing::TestDatabase;
use sql::{Database, Row, RowExt};
use tokio::sync::{Semaphore, mpsc};

/// Longest wait for any condition. Generous: it only ends hopeless tests.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A lease for tests in which leases end: short, but several times as long as a statement takes. A server named by
/// `STOA_TEST_SQLSERVER` may be far away or slow.
pub fn short_lease() -> Duration {
    Duration::from_millis(if std::env::var_os("STOA_TEST_SQLSERVER").is_some() { 20_000 } else { 600 })
}

/// The payload of these tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub number: i64,
    pub text: String,
}

impl Payload for Note {
    const TYPE: &'static str = "Example.Jobs.Note, Example";
}

/// Another kind of job.
#[derive(Debug, Serialize, Deserialize)]
pub struct Letter {
    pub page: i32,
}

impl Payload for Letter {
    const TYPE: &'static str = "Example.Jobs.Letter, Example";
}

pub fn note(number: i64) -> Note {
    Note { number, text: format!("note {number}") }
}

pub struct World {
    pub test: TestDatabase,
    pub database: Database,
    pub client: Client,
    pub wake: Arc<LocalWakeUp>,
}

impl World {
    pub async fn new() -> Self {
        let test = TestDatabase::create(&[jobs::MIGRATIONS]).await;
        let wake = Arc::new(LocalWakeUp::default());
        Self { database: test.database.clone(), client: Client::new(wake.clone()), wake, test }
    }

    pub async fn enqueue<P: Payload>(&self, payload: P) -> JobId {
        self.enqueue_many(&[payload]).await[0]
    }

    pub async fn enqueue_many<P: Payload>(&self, payloads: &[P]) -> Vec<JobId> {
        let client = &self.client;
        self.database
            .transaction("test.enqueue", |tx| {
                Box::pin(async move { client.enqueue_many(tx, payloads).await })
            })
            .await
            .unwrap()
    }

    pub fn server(&self, registry: &Registry, options: ServerOptions) -> Server {
        self.server_on(&self.database, registry, options)
    }

    pub fn server_on(&self, database: &Database, registry: &Registry, options: ServerOptions) -> Server {
        Server::start(database.clone(), registry.clone(), options, self.wake.clone()).unwrap()
    }

    pub async fn state(&self, id: JobId) -> String {
        self.job(id).await.state.unwrap_or_default()
    }

    pub async fn job(&self, id: JobId) -> jobs::monitor::JobView {
        jobs::monitor::job(&self.database, id).await.unwrap().expect("the job exists")
    }

    pub async fn reaches(&self, id: JobId, state: &str) -> jobs::monitor::JobView {
        eventually(&format!("job {id} is {state}"), async || {
            let job = self.job(id).await;
            if job.state.as_deref() == Some(state) { Ok(job) } else { Err(job) }
        })
        .await
    }

    /// The names of the states that the job went through.
    pub async fn history(&self, id: JobId) -> Vec<String> {
        self.job(id).await.history.into_iter().map(|state| state.name).collect()
    }

    pub async fn rows(&self, text: &'static str) -> Vec<Row> {
        self.database.query(text, &[]).await.unwrap()
    }

    /// The value of `SELECT COUNT(*) AS n …`.
    pub async fn count(&self, text: &'static str) -> i32 {
        self.rows(text).await[0].read("n").unwrap()
    }

    pub async fn queue_rows(&self) -> i32 {
        self.count("SELECT COUNT(*) AS n FROM HangFire.JobQueue AS q").await
    }

    pub async fn leases(&self) -> i32 {
        self.count("SELECT COUNT(*) AS n FROM Jobs.Lease AS l").await
    }

    pub async fn nothing_is_left(&self) {
        eventually("queue and leases are empty", async || {
            match (self.queue_rows().await, self.leases().await) {
                (0, 0) => Ok(()),
                left => Err(left),
            }
        })
        .await;
    }

    pub async fn run(&self, script: &str) {
        self.database.run_script(script).await.unwrap();
    }
}

/// Short durations; a lease long enough that only tests about leases meet its end.
pub fn quick() -> ServerOptions {
    ServerOptions {
        worker_count: 4,
        lease: Duration::from_secs(60),
        watch_interval: Duration::from_millis(150),
        heartbeat: Duration::from_millis(250),
        dead_after: Duration::from_secs(60),
        poll_min: Duration::from_millis(20),
        poll_max: Duration::from_millis(150),
        hint_cooldown: Duration::from_millis(5),
        coalesce: Duration::from_millis(1),
        backoff_max: Duration::from_millis(100),
        retry: RetryPolicy { attempts: 2, delays: vec![Duration::ZERO] },
        cancel_grace: Duration::from_secs(10),
        shutdown_timeout: Duration::from_secs(20),
        ..ServerOptions::default()
    }
}

/// Asks until the answer is `Ok`, or panics with the last `Err`.
pub async fn eventually<T, E: Debug>(what: &str, mut ask: impl AsyncFnMut() -> Result<T, E>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(last) if tokio::time::Instant::now() > deadline => {
                panic!("never happened: {what}; last {last:?}")
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(25)).await,
        }
    }
}

/// Waits with the usual patience.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("never happened: {what}"))
}

/// A handler whose runs report themselves and then wait for permission to end.
pub struct Gate {
    pub started: mpsc::UnboundedReceiver<(Context, Note)>,
    permits: Arc<Semaphore>,
}

impl Gate {
    /// `heeds` = the handler ends with an error when its token is cancelled.
    pub fn new(heeds: bool) -> (Self, Registry) {
        let (report, started) = mpsc::unbounded_channel();
        let permits = Arc::new(Semaphore::new(0));
        let mut registry = Registry::new();
        let shared = permits.clone();
        registry.register(move |context: Context, note: Note| {
            let (report, permits) = (report.clone(), shared.clone());
            async move {
                report.send((context.clone(), note)).unwrap();
                tokio::select! {
                    permit = permits.acquire() => permit.unwrap().forget(),
                    () = context.cancelled().cancelled(), if heeds => {
                        return Err(Failure::retry("cancelled"));
                    }
                }
                Ok(())
            }
        });
        (Self { started, permits }, registry)
    }

    pub async fn next_start(&mut self) -> (Context, Note) {
        soon("a handler starts", self.started.recv()).await.expect("a run")
    }

    /// Lets `runs` runs end.
    pub fn open(&self, runs: usize) {
        self.permits.add_permits(runs);
    }
}

/// A handler that succeeds and reports.
pub fn reporting() -> (mpsc::UnboundedReceiver<Note>, Registry) {
    let (report, reports) = mpsc::unbounded_channel();
    let mut registry = Registry::new();
    registry.register(move |_: Context, note: Note| {
        let report = report.clone();
        async move {
            report.send(note).unwrap();
            Ok::<(), Failure>(())
        }
    });
    (reports, registry)
}
