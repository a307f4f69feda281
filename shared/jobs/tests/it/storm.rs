//! Worker processes under load while they are killed, stopped, cut off and disturbed, and a judge of what remains.
//!
//! `worker` is a process, `history` the judge. What one fault does is told in `zombies.rs` and `outages.rs`; here many
//! come at random. `JOBS_STORM_SEED` repeats the faults of an earlier storm; `make soak` lets storms go on for minutes.

pub mod history;
pub mod worker;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use history::{History, State};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use sql::RowExt as _;
use sql::testing::Proxy;
use tempfile::TempDir;
use worker::{Fate, Plan, Task, Worker, read_journal};

use crate::support::{World, eventually};

/// Longest calm between two faults.
const CALM_MS: u64 = 250;
/// Jobs that one fault of the kind meets.
const VICTIMS: usize = 5;

/// A database and the journals of all worker processes that ran on it.
pub struct Fleet {
    pub world: World,
    pub enqueued: Vec<i64>,
    directory: TempDir,
    journals: Vec<PathBuf>,
}

impl Fleet {
    pub async fn new() -> Self {
        let world = World::new().await;
        world
            .run(
                "CREATE TABLE dbo.Effect (Id bigint IDENTITY(1, 1) NOT NULL PRIMARY KEY, JobId bigint NOT NULL, \
                 Fence bigint NOT NULL);",
            )
            .await;
        Self { world, enqueued: Vec::new(), directory: TempDir::new().unwrap(), journals: Vec::new() }
    }

    /// A worker that reaches the database through `proxy`. A slow engine is given more time for everything.
    pub fn plan(&mut self, proxy: &Proxy) -> Plan {
        let journal = self.directory.path().join(format!("{}.journal", self.journals.len()));
        self.journals.push(journal.clone());
        let slow = if std::env::var_os("STOA_TEST_SQLSERVER").is_some() { 8 } else { 1 };
        Plan {
            connection: proxy.connection().to_secret_string(),
            journal,
            gate: None,
            worker_count: 8,
            lease_ms: 1_600 * slow,
            heartbeat_ms: 150 * slow,
            dead_after_ms: 600 * slow,
            deaths_max: i32::MAX,
        }
    }

    /// A file that is not there yet.
    pub fn gate(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub async fn enqueue(&mut self, tasks: &[Task]) {
        let ids = self.world.enqueue_many(tasks).await;
        self.enqueued.extend(ids.into_iter().map(|id| id.0));
    }

    /// Until nothing waits, runs or is to be tried again. Patient as long as it becomes less.
    pub async fn drained(&self) {
        let mut left = i32::MAX;
        while left > 0 {
            left = eventually(&format!("fewer than {left} jobs are left"), async || {
                let now = self.left().await;
                if now < left { Ok(now) } else { Err(now) }
            })
            .await;
        }
    }

    async fn left(&self) -> i32 {
        let scheduled = "SELECT COUNT(*) AS n FROM HangFire.[Set] AS s WHERE s.[Key] = N'schedule'";
        self.world.queue_rows().await + self.world.leases().await + self.world.count(scheduled).await
    }

    /// Until the others have taken everything from this process.
    pub async fn disowned(&self, worker: &Worker) {
        let id = worker.id().to_string();
        eventually("its jobs are taken over", async || {
            let leases = self.world.rows("SELECT l.ServerId FROM Jobs.Lease AS l").await;
            let is_its =
                |row: &&sql::Row| row.read::<&str>("ServerId").unwrap().split(':').nth(1) == Some(&id);
            match leases.iter().filter(is_its).count() {
                0 => Ok(()),
                held => Err(held),
            }
        })
        .await;
    }

    /// What both witnesses say.
    pub async fn history(&self) -> History {
        let mut history = History { enqueued: self.enqueued.iter().copied().collect(), ..History::default() };
        let states =
            "SELECT s.Id, s.JobId, s.Name, s.Reason, s.Data FROM HangFire.State AS s ORDER BY s.JobId, s.Id";
        for row in self.world.rows(states).await {
            let data: serde_json::Value =
                serde_json::from_str(row.read_opt("Data").unwrap().unwrap_or("{}")).unwrap();
            history.states.entry(row.read("JobId").unwrap()).or_default().push(State {
                id: row.read("Id").unwrap(),
                name: row.read::<&str>("Name").unwrap().to_owned(),
                reason: row.read_opt::<&str>("Reason").unwrap().unwrap_or_default().to_owned(),
                server: data["ServerId"].as_str().unwrap_or_default().to_owned(),
            });
        }
        for row in self.world.rows("SELECT j.Id, j.StateName FROM HangFire.Job AS j").await {
            let name = row.read_opt::<&str>("StateName").unwrap().unwrap_or_default().to_owned();
            history.current.insert(row.read("Id").unwrap(), name);
        }
        let waiting = "SELECT q.JobId FROM HangFire.JobQueue AS q UNION SELECT s.JobId FROM Jobs.Shelf AS s";
        for row in self.world.rows(waiting).await {
            history.waiting.insert(row.read("JobId").unwrap());
        }
        let scheduled = "SELECT s.Value FROM HangFire.[Set] AS s WHERE s.[Key] = N'schedule'";
        for row in self.world.rows(scheduled).await {
            let member: &str = row.read("Value").unwrap();
            history.scheduled.insert(member.rsplit(':').next().unwrap().parse().unwrap());
        }
        for row in self.world.rows("SELECT e.JobId, e.Fence FROM dbo.Effect AS e ORDER BY e.Id").await {
            history.effects.push((row.read("JobId").unwrap(), row.read("Fence").unwrap()));
        }
        history.events = self.journals.iter().flat_map(|journal| read_journal(journal)).collect();
        history
    }
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    /// SIGKILL, and another process in its place.
    Kill(usize),
    /// SIGSTOP until the others have taken its jobs, then SIGCONT.
    Stop(usize),
    /// The same with its network.
    Freeze(usize),
    /// All its connections.
    Cut(usize),
    /// The batch that is about to commit does not arrive.
    LoseRequest(usize),
    /// It commits, and the answer does not arrive.
    LoseAnswer(usize),
    /// As a .NET dashboard's "requeue" leaves behind: more queue rows for jobs in any state.
    SurplusRows,
    /// Deleted from a .NET dashboard, whatever they are doing.
    Delete,
}

impl Fault {
    fn any(random: &mut StdRng, workers: usize) -> Self {
        let worker = random.random_range(0..workers);
        match random.random_range(0..9) {
            0 | 1 => Self::Kill(worker),
            2 => Self::Stop(worker),
            3 => Self::Freeze(worker),
            4 => Self::Cut(worker),
            5 => Self::LoseRequest(worker),
            6 => Self::LoseAnswer(worker),
            7 => Self::SurplusRows,
            _ => Self::Delete,
        }
    }
}

struct Storm {
    fleet: Fleet,
    random: StdRng,
    crew: Vec<(Proxy, Worker)>,
}

impl Storm {
    async fn begin(seed: u64, workers: usize) -> Self {
        println!("storm {seed}: the same faults again with JOBS_STORM_SEED={seed}");
        let mut fleet = Fleet::new().await;
        let mut crew = Vec::new();
        for _ in 0..workers {
            let proxy = fleet.world.test.proxy().await;
            let worker = Worker::start(&fleet.plan(&proxy));
            crew.push((proxy, worker));
        }
        Self { fleet, random: StdRng::seed_from_u64(seed), crew }
    }

    /// Some jobs, and then a fault in the middle of them; again and again.
    async fn rage(&mut self, jobs: usize, faults: usize) {
        for round in 0..faults {
            let tasks: Vec<Task> = (0..jobs / faults).map(|n| self.task(round * jobs + n)).collect();
            self.fleet.enqueue(&tasks).await;
            tokio::time::sleep(Duration::from_millis(self.random.random_range(0..=CALM_MS))).await;
            let fault = Fault::any(&mut self.random, self.crew.len());
            self.cause(fault).await;
        }
    }

    fn task(&mut self, number: usize) -> Task {
        let fate = match self.random.random_range(0..40) {
            0 => Fate::Failure,
            1 => Fate::OneRetry,
            _ => Fate::Success,
        };
        let work_ms = if self.random.random_range(0..20) == 0 { 200 } else { 5 };
        // Most only report; some write.
        let chunks = u32::from(self.random.random_range(0..8) == 0) * 2;
        Task { number: number as i64, work_ms, chunks, fate }
    }

    async fn cause(&mut self, fault: Fault) {
        match fault {
            Fault::Kill(at) => {
                let replacement = Worker::start(&self.fleet.plan(&self.crew[at].0));
                std::mem::replace(&mut self.crew[at].1, replacement).kill();
            }
            Fault::Stop(at) => {
                self.crew[at].1.pause();
                self.fleet.disowned(&self.crew[at].1).await;
                self.crew[at].1.resume();
            }
            Fault::Freeze(at) => {
                self.crew[at].0.pause();
                self.fleet.disowned(&self.crew[at].1).await;
                self.crew[at].0.resume();
            }
            Fault::Cut(at) => self.crew[at].0.cut(),
            Fault::LoseRequest(at) => self.crew[at].0.cut_before_commit(),
            Fault::LoseAnswer(at) => self.crew[at].0.cut_after_commit(),
            Fault::SurplusRows => {
                for job in self.victims() {
                    let row =
                        format!("INSERT INTO HangFire.JobQueue (JobId, Queue) VALUES ({job}, N'default');");
                    self.fleet.world.run(&row).await;
                }
            }
            Fault::Delete => {
                for job in self.victims() {
                    self.fleet.world.run(&deletion(job)).await;
                }
            }
        }
    }

    fn victims(&mut self) -> BTreeSet<i64> {
        (0..VICTIMS).filter_map(|_| self.fleet.enqueued.choose(&mut self.random).copied()).collect()
    }

    /// Lets everything end, and judges.
    async fn end(self) {
        self.fleet.drained().await;
        for (_, worker) in self.crew {
            worker.stop().await;
        }
        let history = self.fleet.history().await;
        println!("{}", history.summary());
        let violations = history.violations();
        assert!(violations.is_empty(), "{} broken promises:\n{}", violations.len(), violations.join("\n"));
    }
}

/// As the dashboard deletes: no lease, no fence, no regard for whoever runs the job.
fn deletion(job: i64) -> String {
    format!(
        "DECLARE @state bigint;
         BEGIN TRANSACTION;
         UPDATE j SET j.ExpireAt = DATEADD(day, 1, GETUTCDATE()) FROM HangFire.Job AS j
         WHERE j.Id = {job} AND j.StateName IN (N'Enqueued', N'Processing', N'Scheduled');
         IF @@ROWCOUNT = 1
         BEGIN
             INSERT INTO HangFire.State (JobId, Name, CreatedAt, Data) VALUES ({job}, N'Deleted', GETUTCDATE(), N'{{}}');
             SET @state = SCOPE_IDENTITY();
             UPDATE j SET j.StateId = @state, j.StateName = N'Deleted' FROM HangFire.Job AS j WHERE j.Id = {job};
         END;
         COMMIT TRANSACTION;"
    )
}

async fn storm(seed: u64, jobs: usize, faults: usize) {
    let seed = std::env::var("JOBS_STORM_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(seed);
    let mut storm = Storm::begin(seed, 4).await;
    storm.rage(jobs, faults).await;
    storm.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_faults_breaks_no_promise() {
    storm(5, 3_000, 16).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_storm_breaks_no_promise_either() {
    storm(7, 3_000, 16).await;
}

/// `make soak`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes: make soak"]
async fn storms_for_as_long_as_soak_minutes_say() {
    let minutes = std::env::var("SOAK_MINUTES").ok().and_then(|minutes| minutes.parse().ok()).unwrap_or(10);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(minutes * 60) {
        storm(rand::random(), 20_000, 60).await;
    }
}
