//! Feeds and caches on a real SQL server and a real redis-server.
//!
//! Where a change must come by hint, the bound is ten minutes, so that nothing else can bring it in time.

use std::sync::Arc;
use std::time::Duration;

use backplane::feed::{Change, Seen, hint, new_log, prune};
use backplane::testing::RedisServer;
use backplane::{
    Cache, CacheKey, CacheOptions, Feed, FeedOptions, FeedStatus, Loaded, Outcome, Redis, RedisOptions,
    hash64,
};
use bytes::Bytes;
use sql::testing::TestDatabase;
use sql::{Database, RowExt};

const LONG: Duration = Duration::from_secs(60);
const BY_HINT: Duration = Duration::from_secs(600);
const BY_PROBE: Duration = Duration::from_millis(600);

#[derive(Clone, PartialEq, Eq, Hash)]
struct Name(&'static str);

impl CacheKey for Name {
    type Value = String;
    fn hash64(&self) -> i64 {
        hash64("name", &[self.0.as_bytes()])
    }
}

fn tag() -> i64 {
    hash64("tag", &[b"one"])
}

/// One instance of a service: its own pool, connection, feed and cache.
struct Instance {
    database: Database,
    redis: Option<Redis>,
    feed: Arc<Feed>,
    cache: Cache<Name>,
}

impl Instance {
    async fn start(test: &TestDatabase, redis: Option<&RedisServer>, max_staleness: Duration) -> Self {
        Self::on(test.pool(sql::Options::default()).await, redis, max_staleness).await
    }

    async fn on(database: Database, redis: Option<&RedisServer>, max_staleness: Duration) -> Self {
        let redis =
            redis.map(|server| Redis::start(RedisOptions::parse(&server.connection_string()).unwrap()));
        let options = FeedOptions { max_staleness, slots: 1 << 12, ..FeedOptions::default() };
        let feed = Feed::start(database.clone(), redis.clone(), options);
        assert!(feed.wait_ready(LONG).await, "a lease");
        let instance =
            Self { cache: Cache::new(feed.clone(), CacheOptions::default()), database, redis, feed };
        if instance.redis.is_some() {
            instance.until(|status| status.connected).await;
        }
        instance
    }

    async fn until(&self, reached: impl Fn(&FeedStatus) -> bool) {
        let wait = async {
            while !reached(&self.feed.status()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let done = tokio::time::timeout(LONG, wait).await;
        assert!(done.is_ok(), "not reached: {:?}", self.feed.status());
    }

    async fn write(&self, text: &str) -> i64 {
        write(&self.database, text).await
    }

    /// The text, from memory or from SQL.
    async fn read(&self) -> (String, Outcome) {
        let load = async || {
            let sets = self.database.query_sets(READ, &[]).await?;
            let row = sets.first().and_then(|rows| rows.first()).expect("a row");
            let head = sets.get(1).and_then(|rows| rows.first()).expect("the head of the feed");
            let seen =
                Seen { log_id: head.read("LogId")?, head: head.read("Head")?, mark: head.read("Mark")? };
            let text: String = row.read::<&str>("Text")?.to_owned();
            Ok::<_, sql::Error>(Loaded { seen: Some(seen), ..Loaded::new(Some(text), vec![tag()]) })
        };
        let served = self.cache.get_or_load(&Name("one"), load).await.unwrap();
        (served.value.unwrap().as_ref().clone(), served.outcome)
    }

    async fn reads(&self, text: &str, outcome: Outcome) {
        assert_eq!(self.read().await, (text.to_owned(), outcome));
    }

    /// Reads until the answer comes from memory. A value may need a moment: its load saw changes that are
    /// not applied yet.
    async fn remembers(&self, text: &str) {
        let wait = async {
            while self.read().await != (text.to_owned(), Outcome::Hit) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(tokio::time::timeout(LONG, wait).await.is_ok(), "{:?}", self.feed.status());
    }

    async fn stop(self) {
        self.feed.stop().await;
        if let Some(redis) = &self.redis {
            redis.stop().await;
        }
        self.database.close().await;
    }
}

const TABLE: &str = "CREATE TABLE dbo.Note (Id int NOT NULL PRIMARY KEY, Text nvarchar(100) NOT NULL); \
                     INSERT INTO dbo.Note (Id, Text) VALUES (1, N'first');";
const READ: &str = "SELECT n.Text FROM dbo.Note AS n WHERE n.Id = 1; \
                    SELECT h.LogId, h.Head, h.Mark FROM Platform.FeedHead AS h WHERE h.Id = 1;";

async fn database() -> TestDatabase {
    let test = TestDatabase::create(&[]).await;
    test.database.run_script(TABLE).await.unwrap();
    test
}

/// Changes the text and returns the head of the feed after it.
async fn write(database: &Database, text: &str) -> i64 {
    try_to_write(database, text).await.unwrap();
    head(database).await
}

async fn try_to_write(database: &Database, text: &str) -> sql::Result<()> {
    database
        .transaction("test.write", |tx| {
            Box::pin(async move {
                tx.execute("UPDATE dbo.Note SET Text = @P1 WHERE Id = 1;", &[&text]).await?;
                tx.changed(tag());
                Ok(())
            })
        })
        .await
}

async fn head(database: &Database) -> i64 {
    let rows =
        database.query("SELECT h.Head FROM Platform.FeedHead AS h WHERE h.Id = 1;", &[]).await.unwrap();
    rows[0].read("Head").unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_seen_at_once_by_its_writer_and_by_hint_elsewhere() {
    let (test, server) = (database().await, RedisServer::start().await);
    let one = Instance::start(&test, Some(&server), BY_HINT).await;
    let two = Instance::start(&test, Some(&server), BY_HINT).await;
    one.reads("first", Outcome::Miss).await;
    two.reads("first", Outcome::Miss).await;
    two.reads("first", Outcome::Hit).await;
    let last = one.write("second").await;
    one.reads("second", Outcome::Miss).await;
    assert!(two.feed.wait_applied(last, LONG).await);
    two.reads("second", Outcome::Miss).await;
    two.remembers("second").await;
    one.remembers("second").await;
    let counts = two.feed.status().counts;
    assert_eq!((counts.flushes(), counts.generation), (0, 1));
    one.stop().await;
    two.stop().await;
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_a_change_is_seen_by_probe() {
    let test = database().await;
    let one = Instance::start(&test, None, BY_PROBE).await;
    let two = Instance::start(&test, None, BY_PROBE).await;
    two.remembers("first").await;
    let last = one.write("second").await;
    one.reads("second", Outcome::Miss).await;
    assert!(two.feed.wait_applied(last, LONG).await);
    two.remembers("second").await;
    one.stop().await;
    two.stop().await;
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_may_die_and_come_back_without_a_flush() {
    let (test, mut server) = (database().await, RedisServer::start().await);
    let one = Instance::start(&test, Some(&server), BY_HINT).await;
    let two = Instance::start(&test, Some(&server), BY_HINT).await;
    two.remembers("first").await;
    server.kill();
    one.until(|status| !status.connected).await;
    two.until(|status| !status.connected).await;
    two.reads("first", Outcome::Hit).await;
    let last = one.write("while it is away").await;
    server.restart().await;
    one.until(|status| status.connected).await;
    // The confirmed subscription makes the feed ask SQL for what it missed.
    assert!(two.feed.wait_applied(last, LONG).await);
    two.remembers("while it is away").await;
    let last = one.write("after").await;
    assert!(two.feed.wait_applied(last, LONG).await);
    two.remembers("after").await;
    assert_eq!(two.feed.status().counts.flushes(), 0);
    one.stop().await;
    two.stop().await;
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_is_read_from_sql() {
    let (test, server) = (database().await, RedisServer::start().await);
    let one = Instance::start(&test, Some(&server), BY_HINT).await;
    let two = Instance::start(&test, Some(&server), BY_HINT).await;
    // This pool has no feed: nobody publishes its commits.
    for text in ["a", "b", "c"] {
        write(&test.database, text).await;
    }
    let last = one.write("d").await;
    assert!(two.feed.wait_applied(last, LONG).await);
    assert!(two.feed.status().counts.gap_rows >= 3);
    two.remembers("d").await;
    one.stop().await;
    two.stop().await;
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_log_begins_another_generation() {
    let test = database().await;
    let one = Instance::start(&test, None, BY_PROBE).await;
    one.remembers("first").await;
    let before = one.feed.status().log_id;
    let log = new_log(&test.database).await.unwrap();
    assert_eq!(Some(log.old), before);
    one.until(|status| status.log_id == Some(log.new)).await;
    let counts = one.feed.status().counts;
    assert_eq!((counts.generation, counts.flushes_new_log), (2, 1));
    one.reads("first", Outcome::Miss).await;
    one.stop().await;
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_used_again_after_a_restore_begin_another_generation() {
    let test = database().await;
    let one = Instance::start(&test, None, BY_PROBE).await;
    let last = write(&test.database, "lost").await;
    assert!(one.feed.wait_applied(last, LONG).await);
    // What a restore does: the tail is gone, then its numbers are used for something else.
    let restore = "DELETE FROM Platform.ChangeFeed; UPDATE Platform.FeedHead SET Head = 0, Mark = 0; \
                   UPDATE dbo.Note SET Text = N'first';";
    test.database.run_script(restore).await.unwrap();
    write(&test.database, "other").await;
    one.until(|status| status.counts.flushes_forked >= 1).await;
    one.remembers("other").await;
    one.stop().await;
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_and_broken_messages_are_counted_and_ignored() {
    let (test, server) = (database().await, RedisServer::start().await);
    let one = Instance::start(&test, Some(&server), BY_HINT).await;
    one.remembers("first").await;
    let status = one.feed.status();
    let channel = hint::channel("VirtoCommerceChannel", status.log_id.unwrap());
    let foreign = Change {
        log_id: status.log_id.unwrap().wrapping_add(1),
        first: 1,
        last: 1,
        mark: 5,
        previous_mark: None,
        tags: Arc::new([tag()]),
    };
    let redis = one.redis.as_ref().unwrap();
    redis.publish(&channel, hint::encode(&foreign).unwrap());
    redis.publish(&channel, Bytes::from_static(b"{\"CacheKeys\":[]}"));
    one.until(|status| status.counts.hints_foreign == 1 && status.counts.hints_malformed == 1).await;
    let far = Change { log_id: status.log_id.unwrap(), first: 1 << 40, last: 1 << 40, ..foreign };
    let probes = one.feed.status().counts.probes;
    redis.publish(&channel, hint::encode(&far).unwrap());
    one.until(|status| status.counts.hints_contradicting == 1 && status.counts.probes > probes).await;
    one.reads("first", Outcome::Hit).await;
    assert_eq!(one.feed.status().counts.flushes(), 0);
    one.stop().await;
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_sql_is_away_old_values_are_marked_and_a_lost_lease_comes_back() {
    let test = database().await;
    let proxy = test.proxy().await;
    let pool = Database::connect(proxy.connection(), sql::Options::default()).await.unwrap();
    let one = Instance::on(pool, None, BY_PROBE).await;
    one.remembers("first").await;
    proxy.pause();
    one.until(|status| status.failing_for.is_some() && status.lease_remaining.is_zero()).await;
    let loads = one.cache.stats().loads;
    one.reads("first", Outcome::Stale).await;
    assert_eq!(one.cache.stats().loads, loads);
    proxy.resume();
    one.until(|status| status.failing_for.is_none() && !status.lease_remaining.is_zero()).await;
    one.reads("first", Outcome::Hit).await;
    one.stop().await;
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_visible_when_the_transaction_returns() {
    let test = database().await;
    let proxy = test.proxy().await;
    let pool = Database::connect(proxy.connection(), sql::Options::default()).await.unwrap();
    let one = Instance::on(pool, None, BY_HINT).await;
    one.remembers("first").await;
    proxy.cut_after_commit();
    one.write("second").await;
    one.reads("second", Outcome::Miss).await;
    one.stop().await;
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_outcome_of_a_commit_is_unknown_the_lease_is_revoked() {
    let test = database().await;
    let proxy = test.proxy().await;
    let options = sql::Options { outcome_timeout_ms: 300, ..sql::Options::default() };
    let pool = Database::connect(proxy.connection(), options).await.unwrap();
    // Its lease is ten minutes long: only the doubt can end it.
    let one = Instance::on(pool, None, BY_HINT).await;
    one.remembers("first").await;
    proxy.cut_after_commit();
    proxy.refuse();
    let error = try_to_write(&one.database, "second").await.unwrap_err();
    assert!(matches!(error, sql::Error::CommitUnknown { .. }), "{error}");
    assert!(one.feed.status().lease_remaining.is_zero());
    proxy.accept();
    one.until(|status| !status.lease_remaining.is_zero()).await;
    one.reads("second", Outcome::Miss).await;
    one.stop().await;
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pruning_keeps_the_last_row_and_what_is_young() {
    let test = database().await;
    for text in ["a", "b", "c"] {
        write(&test.database, text).await;
    }
    let day = Duration::from_secs(86_400);
    assert_eq!(prune(&test.database, day).await.unwrap(), 0);
    test.database.run_script("UPDATE Platform.ChangeFeed SET At = DATEADD(day, -2, At);").await.unwrap();
    assert_eq!(prune(&test.database, day).await.unwrap(), 2);
    assert_eq!(prune(&test.database, day).await.unwrap(), 0);
    let rows = test
        .database
        .query(
            "SELECT c.Seq, h.PrunedTo FROM Platform.ChangeFeed AS c CROSS JOIN Platform.FeedHead AS h;",
            &[],
        )
        .await
        .unwrap();
    let left: Vec<(i64, i64)> =
        rows.iter().map(|row| (row.read("Seq").unwrap(), row.read("PrunedTo").unwrap())).collect();
    assert_eq!(left, [(3, 2)]);
    test.close().await;
}
