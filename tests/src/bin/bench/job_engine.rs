//! The job engine: SQL round trips a job, throughput beside one-at-a-time claims on the same server, pick-up and idle cost.
//!
//! The servers that are compared are processes of their own (this binary again, [`serve`]); what is counted in statements
//! runs in this process, on its only thread.

mod baseline;

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::jobs::{
    Client, Context as Job, Failure, LocalWakeUp, NoWakeUp, Payload, Registry, Server, ServerOptions, WakeUp,
};
use anyhow::{Context as _, Result};
use e2e::{Process, SA_PASSWORD, binary, eventually};
use serde::{Deserialize, Serialize};
use sql::{ConnectionString, Database, RowExt as _};
use tokio::sync::mpsc;

use crate::report::Measurement;

/// The connection string of the processes that are compared: it is a secret, so no argument.
const CONNECTION_VARIABLE: &str = "STOA_BENCH_CONNECTION";
/// The batch of the target.
const BATCH: usize = 50;
const JOBS: usize = 10_000;
/// How long each side runs.
const ROUND: Duration = Duration::from_secs(3);
const PICKUPS: usize = 200;
const IDLE: Duration = Duration::from_secs(10);
const LIMIT: Duration = Duration::from_secs(300);

#[derive(Serialize, Deserialize)]
struct Nothing {
    number: i64,
}

impl Payload for Nothing {
    const TYPE: &'static str = "Stoa.Bench.Nothing, Stoa";
}

/// One process of a comparison, until it is killed.
pub(crate) fn serve(what: &str, slots: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let connection = ConnectionString::parse(&std::env::var(CONNECTION_VARIABLE)?)?;
        let options = sql::Options { pool_max: 64, ..sql::Options::default() };
        let database = Database::connect(&connection, options).await?;
        if what == "baseline" {
            let workers = (0..slots).map(|_| baseline::work(&database));
            futures_util::future::join_all(workers).await;
            return Ok(());
        }
        let _server = server(&database, slots, Arc::new(NoWakeUp), |_| {})?;
        std::future::pending::<Result<()>>().await
    })
}

fn server(
    database: &Database,
    slots: usize,
    wake: Arc<dyn WakeUp>,
    heard: impl Fn(i64) + Send + Sync + 'static,
) -> Result<Server> {
    let mut registry = Registry::new();
    registry.register(move |_: Job, job: Nothing| {
        heard(job.number);
        async { Ok::<(), Failure>(()) }
    });
    let options = ServerOptions { worker_count: slots, ..ServerOptions::default() };
    Ok(Server::start(database.clone(), registry, options, wake)?)
}

pub(crate) async fn run(only: Option<&str>) -> Result<Vec<Measurement>> {
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    let mut measurements = Vec::new();
    if wanted("sql_round_trips_per_job") {
        measurements.push(round_trips().await?);
    }
    if wanted("jobs_vs_baseline") {
        for (slots, processes) in [(64, 1), (1, 1), (8, 1), (1, 4), (8, 4), (64, 4)] {
            measurements.push(throughput(slots, processes).await?);
        }
    }
    if wanted("job_enqueue") {
        measurements.push(enqueue().await?);
    }
    if wanted("job_pickup") {
        measurements.push(pickup().await?);
    }
    if wanted("job_idle") {
        measurements.push(idle().await?);
    }
    Ok(measurements)
}

/// A local-sql of its own with the engine's tables.
struct World {
    _sql: Process,
    connection: ConnectionString,
    database: Database,
    _directory: tempfile::TempDir,
}

impl World {
    async fn start() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let mut command = Command::new(binary("local-sql")?);
        command.args(["--listen", "127.0.0.1:0", "--memory"]).env("LOCAL_SQL_SA_PASSWORD", SA_PASSWORD);
        let mut sql = Process::start("local-sql", &mut command, &directory.path().join("local-sql.log"))?;
        let address = sql.listening().await?.replace(':', ",");
        let text = format!(
            "Data Source={address};Initial Catalog=bench;User ID=sa;Password={SA_PASSWORD};Encrypt=False"
        );
        let connection = ConnectionString::parse(&text)?;
        let options = sql::Options { pool_max: 64, ..sql::Options::default() };
        let database = Database::connect(&connection, options).await?;
        sql::migrate(&database, &[sql::MIGRATIONS, ::jobs::MIGRATIONS]).await?;
        Ok(Self { _sql: sql, connection, database, _directory: directory })
    }

    async fn enqueue(&self, wake: Arc<dyn WakeUp>, numbers: std::ops::Range<i64>) -> Result<()> {
        let client = Client::new(wake);
        let payloads: Vec<Nothing> = numbers.map(|number| Nothing { number }).collect();
        let (client, payloads) = (&client, &payloads);
        self.database
            .transaction("bench.enqueue", |tx| {
                Box::pin(async move { client.enqueue_many(tx, payloads).await })
            })
            .await?;
        Ok(())
    }

    async fn count(&self, text: &'static str) -> Result<i32> {
        Ok(self.database.query(text, &[]).await?.first().context("no row")?.read("n")?)
    }

    async fn succeeded(&self) -> Result<i32> {
        self.count("SELECT COUNT(*) AS n FROM HangFire.Job AS j WHERE j.StateName = N'Succeeded'").await
    }
}

/// All statements of a busy server, heartbeats and looks included, over the jobs that it ran.
async fn round_trips() -> Result<Measurement> {
    let world = World::start().await?;
    world.enqueue(Arc::new(NoWakeUp), 0..JOBS as i64).await?;
    let (report, mut reports) = mpsc::unbounded_channel();
    let before = sql::metrics::statements_of_this_thread();
    let server = server(&world.database, BATCH, Arc::new(NoWakeUp), move |number| {
        let _ = report.send(number);
    })?;
    for _ in 0..JOBS {
        reports.recv().await.context("the server is gone")?;
    }
    let statements = sql::metrics::statements_of_this_thread() - before;
    server.stop().await;
    let ratio = statements as f64 / JOBS as f64;
    Ok(Measurement {
        name: "sql_round_trips_per_job",
        ours: statements as f64,
        reference: JOBS as f64,
        ratio,
        target: "<= 0.1".to_owned(),
        ok: ratio <= 0.1,
        unit: "statements, jobs",
        note: format!("{BATCH} slots, enqueued in bulk, claim to done"),
    })
}

/// Jobs a second of both sides on one server, each with the same jobs before it.
async fn throughput(slots: usize, processes: usize) -> Result<Measurement> {
    let ours = rate("jobs", slots, processes).await?;
    let reference = rate("baseline", slots, processes).await?;
    let ratio = ours / reference;
    let is_the_target = (slots, processes) == (64, 1);
    Ok(Measurement {
        name: "jobs_vs_baseline",
        ours,
        reference,
        ratio,
        target: if is_the_target { ">= 10".to_owned() } else { String::new() },
        ok: !is_the_target || ratio >= 10.0,
        unit: "jobs/s",
        note: format!("{slots} slots, {processes} processes, no-op"),
    })
}

async fn rate(what: &str, slots: usize, processes: usize) -> Result<f64> {
    let world = World::start().await?;
    world.enqueue(Arc::new(NoWakeUp), 0..2 * JOBS as i64).await?;
    let children = (0..processes)
        .map(|_| {
            Command::new(std::env::current_exe()?)
                .args(["--serve-jobs", &format!("{what},{slots}")])
                .env(CONNECTION_VARIABLE, world.connection.to_secret_string())
                .stdin(Stdio::null())
                .spawn()
                .map(Killed)
                .context("another process of the benchmark")
        })
        .collect::<Result<Vec<Killed>>>()?;
    eventually("the processes work", LIMIT, async || Ok((world.succeeded().await? > 0).then_some(())))
        .await?;
    let (began, before) = (Instant::now(), world.succeeded().await?);
    while began.elapsed() < ROUND && world.succeeded().await? < 2 * JOBS as i32 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let done = world.succeeded().await? - before;
    let rate = f64::from(done) / began.elapsed().as_secs_f64();
    drop(children);
    Ok(rate)
}

/// Killed and reaped when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

async fn enqueue() -> Result<Measurement> {
    let world = World::start().await?;
    let began = Instant::now();
    world.enqueue(Arc::new(NoWakeUp), 0..JOBS as i64).await?;
    let bulk = JOBS as f64 / began.elapsed().as_secs_f64();
    let began = Instant::now();
    for number in 0..PICKUPS as i64 {
        world.enqueue(Arc::new(NoWakeUp), number..number + 1).await?;
    }
    let single = PICKUPS as f64 / began.elapsed().as_secs_f64();
    Ok(Measurement {
        name: "job_enqueue",
        ours: bulk,
        reference: single,
        ratio: bulk / single,
        target: String::new(),
        ok: true,
        unit: "jobs/s",
        note: format!("{JOBS} in one transaction beside one job a transaction"),
    })
}

/// From the commit to the handler, with hints and by polling alone.
async fn pickup() -> Result<Measurement> {
    let hints = pickups(Arc::new(LocalWakeUp::default()), PICKUPS).await?;
    let polls = pickups(Arc::new(NoWakeUp), PICKUPS / 10).await?;
    let ok = hints.1 < 25.0 && polls.1 < 1_000.0;
    Ok(Measurement {
        name: "job_pickup",
        ours: hints.1,
        reference: polls.1,
        ratio: hints.1 / polls.1,
        target: "25, 1000".to_owned(),
        ok,
        unit: "ms, p99 with hints, p99 by polling",
        note: format!("p50 {:.1} and {:.1} ms", hints.0, polls.0),
    })
}

/// The middle and the 99th percentile in milliseconds.
async fn pickups(wake: Arc<dyn WakeUp>, jobs: usize) -> Result<(f64, f64)> {
    let world = World::start().await?;
    let (report, mut reports) = mpsc::unbounded_channel();
    let server = server(&world.database, 8, wake.clone(), move |_| {
        let _ = report.send(Instant::now());
    })?;
    eventually("the server polls", LIMIT, async || Ok((server.status().polls > 0).then_some(()))).await?;
    let mut waits = Vec::new();
    for number in 0..jobs as i64 {
        // At no particular moment of the polling.
        tokio::time::sleep(Duration::from_millis(20 + rand::random_range(0..50))).await;
        world.enqueue(wake.clone(), number..number + 1).await?;
        let committed = Instant::now();
        let started: Instant = reports.recv().await.context("the server is gone")?;
        waits.push(started.saturating_duration_since(committed).as_secs_f64() * 1_000.0);
    }
    server.stop().await;
    waits.sort_by(f64::total_cmp);
    let at = |part: f64| waits[((waits.len() - 1) as f64 * part) as usize];
    Ok((at(0.5), at(0.99)))
}

/// What an idle process asks of the storage.
async fn idle() -> Result<Measurement> {
    let world = World::start().await?;
    let server = server(&world.database, 20, Arc::new(NoWakeUp), |_| {})?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before = sql::metrics::statements_of_this_thread();
    tokio::time::sleep(IDLE).await;
    let statements = sql::metrics::statements_of_this_thread() - before;
    server.stop().await;
    let rate = statements as f64 / IDLE.as_secs_f64();
    Ok(Measurement {
        name: "job_idle",
        ours: statements as f64,
        reference: IDLE.as_secs_f64(),
        ratio: rate,
        target: "< 2".to_owned(),
        ok: rate < 2.0,
        unit: "statements, seconds",
        note: "one process, nothing to do, no hints".to_owned(),
    })
}
