//! One process of the tests that need several: a writer or a reader of the table `dbo.Counter`, ended by the end of its
//! input.
//!
//! Told by its arguments what to be, and by `INSTANCE_SQL`, `INSTANCE_REDIS` and `INSTANCE_MAX_STALENESS_MS` with whom.
//! It prints `ready`, and then one line for each thing it did; `tests/it/observed.rs` reads and judges them. Times are
//! nanoseconds of CLOCK_MONOTONIC, which all processes of a machine share.
//!
//! Only built for tests: it can be told to leave out a rule, to prove that whoever judges it would notice.
#![expect(clippy::unwrap_used, reason = "a test process may panic")]

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use backplane::feed::Seen;
use backplane::{
    Cache, CacheError, CacheKey, CacheOptions, Feed, FeedOptions, Loaded, Outcome, Redis, RedisOptions,
    hash64,
};
use rustix::process::{Signal, getpid, kill_process};
use rustix::time::{ClockId, clock_gettime};
use sql::{ConnectionString, Database, RowExt};
use tokio_util::sync::CancellationToken;

/// Rows of the table: 0 .. KEYS.
const KEYS: i64 = 16;
/// The longest wait for SQL or Redis at the start.
const START_LIMIT: Duration = Duration::from_secs(60);
const READ: &str = "SELECT c.Value FROM dbo.Counter AS c WHERE c.Id = @P1; \
                    SELECT h.LogId, h.Head, h.Mark FROM Platform.FeedHead AS h WHERE h.Id = 1;";
const RAISE: &str = "UPDATE c SET c.Value = c.Value + 1 FROM dbo.Counter AS c WHERE c.Id = @P1; \
                     SELECT c.Value FROM dbo.Counter AS c WHERE c.Id = @P1;";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["write"] => run(write()),
        ["read"] => run(read(None)),
        ["read", weakness] => run(read(Some(weakness.to_owned()))),
        ["write-once", key, stop_at] => write_once(key.parse().unwrap(), stop_at.parse().unwrap()),
        _ => panic!("write | read [WEAKNESS] | write-once KEY STOP_AT, not {arguments:?}"),
    }
}

fn run(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
        .block_on(work);
}

/// Raises one value in one transaction on one thread, and stops the whole process (SIGSTOP) when that thread is about
/// to wait for the `stop_at`-th time since the transaction began.
fn write_once(key: i64, stop_at: u32) {
    let counting = Arc::new(AtomicBool::new(false));
    let waits = Arc::new(AtomicU32::new(0));
    let hook = {
        let (counting, waits) = (counting.clone(), waits.clone());
        move || {
            if counting.load(Ordering::SeqCst) && waits.fetch_add(1, Ordering::SeqCst) == stop_at {
                kill_process(getpid(), Signal::STOP).unwrap();
            }
        }
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().on_thread_park(hook).build().unwrap();
    runtime.block_on(async move {
        let database = database().await;
        // Not in the middle of making a connection.
        database.query("SELECT 1 AS One;", &[]).await.unwrap();
        println!("ready");
        counting.store(true, Ordering::SeqCst);
        let result = raise(&database, key).await;
        counting.store(false, Ordering::SeqCst);
        println!("done {} {}", result.unwrap(), waits.load(Ordering::SeqCst));
    });
}

async fn database() -> Database {
    let text = std::env::var("INSTANCE_SQL").unwrap();
    Database::connect(&ConnectionString::parse(&text).unwrap(), sql::Options::default()).await.unwrap()
}

async fn raise(database: &Database, key: i64) -> sql::Result<i64> {
    database
        .transaction("instance.raise", |tx| {
            Box::pin(async move {
                let rows = tx.query(RAISE, &[&key]).await?;
                tx.changed(Counter(key).hash64());
                rows[0].read("Value")
            })
        })
        .await
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Counter(i64);

impl CacheKey for Counter {
    type Value = u64;
    fn hash64(&self) -> i64 {
        hash64("counter", &[&self.0.to_le_bytes()])
    }
}

/// What every process has: its pool, its Redis, its feed.
struct Parts {
    database: Database,
    redis: Option<Redis>,
    feed: Arc<Feed>,
    ended: CancellationToken,
}

impl Parts {
    async fn start(weakness: Option<String>) -> Self {
        let database = database().await;
        let redis = std::env::var("INSTANCE_REDIS").ok();
        let redis = redis.map(|text| Redis::start(RedisOptions::parse(&text).unwrap()));
        let milliseconds = std::env::var("INSTANCE_MAX_STALENESS_MS").unwrap().parse().unwrap();
        let max_staleness = Duration::from_millis(milliseconds);
        let options = FeedOptions { max_staleness, slots: 1 << 12, ..FeedOptions::default() };
        let feed = match weakness {
            None => Feed::start(database.clone(), redis.clone(), options),
            Some(name) => {
                Feed::start_weakened(database.clone(), redis.clone(), options, name.parse().unwrap())
            }
        };
        assert!(feed.wait_ready(START_LIMIT).await, "no lease");
        let ended = CancellationToken::new();
        let end = ended.clone();
        // Ends when the parent does, whatever becomes of it.
        std::thread::spawn(move || {
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            end.cancel();
        });
        println!("ready");
        Self { database, redis, feed, ended }
    }

    async fn end(self) {
        self.feed.stop().await;
        if let Some(redis) = self.redis {
            redis.stop().await;
        }
        self.database.close().await;
    }
}

fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

async fn pause(parts: &Parts, milliseconds: std::ops::Range<u64>) {
    let time = Duration::from_millis(rand::random_range(milliseconds));
    let _ = parts.ended.run_until_cancelled(tokio::time::sleep(time)).await;
}

/// `write KEY VALUE BEGAN ENDED` for each commit that was confirmed, `fail` for each that was not.
async fn write() {
    let parts = Parts::start(None).await;
    while !parts.ended.is_cancelled() {
        let key = rand::random_range(0..KEYS);
        let began = now();
        match raise(&parts.database, key).await {
            Ok(value) => println!("write {key} {value} {began} {}", now()),
            Err(error) => println!("fail {error}"),
        }
        pause(&parts, 5..40).await;
    }
    parts.end().await;
}

/// `read KEY VALUE BEGAN ENDED hit|miss|stale` for each answer, `shed` for each refusal; at the end
/// `load LOADS PROBES GAP_ROWS GENERATION`.
async fn read(weakness: Option<String>) {
    let parts = Parts::start(weakness).await;
    let cache = Cache::<Counter>::new(parts.feed.clone(), CacheOptions::default());
    while !parts.ended.is_cancelled() {
        let key = Counter(rand::random_range(0..KEYS));
        let load = async || {
            let sets = parts.database.query_sets(READ, &[&key.0]).await?;
            let row = sets.first().and_then(|rows| rows.first()).unwrap();
            let value = row.read::<i64>("Value")? as u64;
            Ok::<_, sql::Error>(Loaded::new(Some(value), Vec::new()).having_seen(Seen::last_of(&sets)?))
        };
        let began = now();
        match cache.get_or_load(&key, load).await {
            Ok(served) => {
                let how = match served.outcome {
                    Outcome::Hit => "hit",
                    Outcome::Miss => "miss",
                    Outcome::Stale => "stale",
                };
                println!("read {} {} {began} {} {how}", key.0, served.value.unwrap(), now());
            }
            Err(CacheError::LoadFailed(error)) => println!("fail {error}"),
            Err(_) => println!("shed"),
        }
        pause(&parts, 0..4).await;
    }
    let counts = parts.feed.status().counts;
    let loads = cache.stats().loads;
    println!("load {loads} {} {} {}", counts.probes, counts.gap_rows, counts.generation);
    parts.end().await;
}
