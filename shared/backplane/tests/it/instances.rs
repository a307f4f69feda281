//! Two writers and six readers, each a process of its own, while Redis, SQL and the processes themselves are disturbed at
//! random: no answer that is not marked is older than the bound.
//!
//! `STOA_INSTANCES_SECS` makes it longer, `STOA_INSTANCES_SEED` repeats the faults of an earlier run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backplane::testing::RedisServer;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::process::Signal;
use sql::testing::{Proxy, TestDatabase};

use crate::observed::{How, Record};
use crate::process::{Collected, Process};
use crate::world::LONG;

const WRITERS: usize = 2;
const READERS: usize = 6;
const KEYS: i64 = 16;
const MAX_STALENESS: Duration = Duration::from_secs(1);
const TABLE: &str = "CREATE TABLE dbo.Counter (Id int NOT NULL PRIMARY KEY, Value bigint NOT NULL);";
const ROW: &str = "INSERT INTO dbo.Counter (Id, Value) VALUES (@P1, 0);";

/// What is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    RedisKilled,
    RedisFrozen,
    SubscribersKilled,
    SqlFrozen,
    SqlCut,
    ReaderFrozen,
    WriterFrozen,
}

const REDIS: [Fault; 3] = [Fault::RedisKilled, Fault::RedisFrozen, Fault::SubscribersKilled];
const ALL: [Fault; 7] = [
    Fault::RedisKilled,
    Fault::RedisFrozen,
    Fault::SubscribersKilled,
    Fault::SqlFrozen,
    Fault::SqlCut,
    Fault::ReaderFrozen,
    Fault::WriterFrozen,
];

struct Fleet {
    test: TestDatabase,
    proxy: Proxy,
    redis: RedisServer,
    writers: Vec<Collected>,
    readers: Vec<Collected>,
    record: Arc<Mutex<Record>>,
}

impl Fleet {
    async fn start() -> Self {
        let test = TestDatabase::create(&[]).await;
        test.database.run_script(TABLE).await.unwrap();
        for key in 0..KEYS {
            test.database.execute(ROW, &[&(key as i32)]).await.unwrap();
        }
        let (proxy, redis) = (test.proxy().await, RedisServer::start().await);
        let record = Arc::new(Mutex::new(Record::default()));
        let (mut readers, mut writers) = (Vec::new(), Vec::new());
        for number in 0..READERS {
            let reader = Process::start(&["read"], proxy.connection(), Some(&redis), MAX_STALENESS).await;
            readers.push(reader.collect(number, record.clone()));
        }
        for number in 0..WRITERS {
            let writer = Process::start(&["write"], proxy.connection(), Some(&redis), MAX_STALENESS).await;
            writers.push(writer.collect(READERS + number, record.clone()));
        }
        Self { test, proxy, redis, writers, readers, record }
    }

    async fn suffer(&mut self, fault: Fault, random: &mut StdRng) {
        let while_it_lasts = Duration::from_millis(random.random_range(50..2_500));
        let one = random.random_range(0..READERS);
        match fault {
            Fault::RedisKilled => self.redis.kill(),
            Fault::RedisFrozen => self.redis.pause(),
            Fault::SubscribersKilled => {
                // Frozen just now, it may not answer in time: then nobody was killed.
                let _ = self.redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
                return;
            }
            Fault::SqlFrozen => self.proxy.pause(),
            Fault::SqlCut => {
                self.proxy.refuse();
                self.proxy.cut();
            }
            Fault::ReaderFrozen => self.readers[one].signal(Signal::STOP),
            Fault::WriterFrozen => self.writers[one % WRITERS].signal(Signal::STOP),
        }
        tokio::time::sleep(while_it_lasts).await;
        match fault {
            Fault::RedisKilled => self.redis.restart().await,
            Fault::RedisFrozen => self.redis.resume(),
            Fault::SubscribersKilled => {}
            Fault::SqlFrozen => self.proxy.resume(),
            Fault::SqlCut => self.proxy.accept(),
            Fault::ReaderFrozen => self.readers[one].signal(Signal::CONT),
            Fault::WriterFrozen => self.writers[one % WRITERS].signal(Signal::CONT),
        }
    }

    /// Disturbs them at random for so long.
    async fn disturb(&mut self, faults: &[Fault], time: Duration) {
        let seed = match std::env::var("STOA_INSTANCES_SEED") {
            Ok(text) => text.parse().expect("STOA_INSTANCES_SEED: a number"),
            Err(_) => rand::random(),
        };
        println!("STOA_INSTANCES_SEED={seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let began = Instant::now();
        while began.elapsed() < time {
            let fault = faults[random.random_range(0..faults.len())];
            self.suffer(fault, &mut random).await;
            tokio::time::sleep(Duration::from_millis(random.random_range(0..500))).await;
        }
    }

    /// Faults are over: every reader answers from memory again, and with what the writers wrote last.
    async fn recovers(&self) {
        let seen = self.record.lock().reads.len();
        let all_hit = || {
            let record = self.record.lock();
            let hits = record.reads[seen..].iter().filter(|read| read.how == How::Hit);
            let instances: std::collections::HashSet<usize> = hits.map(|read| read.instance).collect();
            instances.len() == READERS
        };
        let wait = async {
            while !all_hit() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(tokio::time::timeout(LONG, wait).await.is_ok(), "not every reader answers from memory again");
    }

    async fn end(mut self) -> Record {
        for process in self.writers.iter_mut().chain(&mut self.readers) {
            process.end().await;
        }
        self.test.close().await;
        std::mem::take(&mut self.record.lock())
    }
}

fn print(record: &Record) {
    println!(
        "{} commits confirmed, {} failed or refused; reads: {} hits, {} misses, {} marked, {} shed",
        record.writes.len(),
        record.failed,
        record.count(How::Hit),
        record.count(How::Miss),
        record.count(How::Stale),
        record.shed
    );
    for asked in &record.asked {
        println!("an instance asked SQL: {asked:?}");
    }
}

fn keeps_the_bound(record: &Record) {
    print(record);
    let broken = record.violations(MAX_STALENESS.as_nanos() as u64);
    assert!(broken.is_empty(), "{} promises broken, the first: {}", broken.len(), broken[0]);
    assert!(record.writes.len() > 20 && record.count(How::Hit) > 200, "too little happened to be judged");
}

fn time(default_secs: u64) -> Duration {
    let secs =
        std::env::var("STOA_INSTANCES_SECS").map(|text| text.parse().expect("STOA_INSTANCES_SECS: a number"));
    Duration::from_secs(secs.unwrap_or(default_secs))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_disturbed_no_unmarked_answer_is_older_than_the_bound() {
    let mut fleet = Fleet::start().await;
    fleet.disturb(&ALL, time(20)).await;
    fleet.recovers().await;
    let record = fleet.end().await;
    keeps_the_bound(&record);
}

/// Redis alone can cost time, and nothing else: no refusal, no mark, no generation, and no more loads than changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_redis_does_the_bound_holds_and_sql_has_little_to_do() {
    let mut fleet = Fleet::start().await;
    fleet.disturb(&REDIS, time(8)).await;
    fleet.recovers().await;
    let record = fleet.end().await;
    keeps_the_bound(&record);
    assert_eq!((record.shed, record.failed, record.asked.len()), (0, 0, READERS));
    for asked in &record.asked {
        // A change is loaded once, and again if it was read before it was applied.
        let loads_max = 4 * (record.writes.len() as u64 + KEYS as u64);
        assert!(asked.generation == 1 && asked.loads <= loads_max, "{asked:?}, {loads_max} loads at most");
    }
}

/// Who is judged here grants leases before the changes that they vouch for are applied.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_judge_notices_an_instance_that_lacks_a_rule() {
    let mut fleet = Fleet::start().await;
    let broken =
        Process::start(&["read", "LeaseBeforeApplied"], &fleet.test.connection, None, MAX_STALENESS).await;
    fleet.readers.push(broken.collect(READERS + WRITERS, fleet.record.clone()));
    let judged = || fleet.record.lock().violations(MAX_STALENESS.as_nanos() as u64);
    let wait = async {
        while judged().is_empty() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    assert!(tokio::time::timeout(LONG, wait).await.is_ok(), "nobody noticed it");
    let guilty = format!("instance: {}", READERS + WRITERS);
    let record = fleet.end().await;
    for sentence in record.violations(MAX_STALENESS.as_nanos() as u64) {
        assert!(sentence.contains(&guilty), "{sentence}");
    }
}
