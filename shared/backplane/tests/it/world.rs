//! What tests with real servers share: a table with one row, and instances that keep it in memory.
//!
//! Where a change must come by hint, the bound is ten minutes, so that nothing else can bring it in time.

use std::sync::Arc;
use std::time::Duration;

use backplane::feed::Seen;
use backplane::testing::RedisServer;
use backplane::{
    Cache, CacheKey, CacheOptions, Feed, FeedOptions, FeedStatus, Loaded, Outcome, Redis, RedisOptions,
    hash64,
};
use sql::testing::TestDatabase;
use sql::{Database, RowExt};

pub const LONG: Duration = Duration::from_secs(60);
pub const BY_HINT: Duration = Duration::from_secs(600);
/// A probe each second; half of it is the longest that SQL may take to answer one, on a busy machine too.
pub const BY_PROBE: Duration = Duration::from_secs(3);

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(pub &'static str);

impl CacheKey for Name {
    type Value = String;
    fn hash64(&self) -> i64 {
        hash64("name", &[self.0.as_bytes()])
    }
}

pub fn tag() -> i64 {
    hash64("tag", &[b"one"])
}

/// One instance of a service: its own pool, connection, feed and cache.
pub struct Instance {
    pub database: Database,
    pub redis: Option<Redis>,
    pub feed: Arc<Feed>,
    pub cache: Cache<Name>,
}

impl Instance {
    pub async fn start(test: &TestDatabase, redis: Option<&RedisServer>, max_staleness: Duration) -> Self {
        Self::on(test.pool(sql::Options::default()).await, redis, max_staleness).await
    }

    /// With this connection string to Redis, and subscribed.
    pub async fn through(test: &TestDatabase, redis: &str, max_staleness: Duration) -> Self {
        let redis = Redis::start(RedisOptions::parse(redis).unwrap());
        Self::with(test.pool(sql::Options::default()).await, Some(redis), max_staleness).await
    }

    pub async fn on(database: Database, redis: Option<&RedisServer>, max_staleness: Duration) -> Self {
        let redis =
            redis.map(|server| Redis::start(RedisOptions::parse(&server.connection_string()).unwrap()));
        Self::with(database, redis, max_staleness).await
    }

    async fn with(database: Database, redis: Option<Redis>, max_staleness: Duration) -> Self {
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

    pub async fn until(&self, reached: impl Fn(&FeedStatus) -> bool) {
        let wait = async {
            while !reached(&self.feed.status()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let done = tokio::time::timeout(LONG, wait).await;
        assert!(done.is_ok(), "not reached: {:?}", self.feed.status());
    }

    pub async fn write(&self, text: &str) -> i64 {
        write(&self.database, text).await
    }

    /// The text, from memory or from SQL.
    pub async fn read(&self) -> (String, Outcome) {
        let load = async || {
            let sets = self.database.query_sets(READ, &[]).await?;
            let row = sets.first().and_then(|rows| rows.first()).expect("a row");
            let text: String = row.read::<&str>("Text")?.to_owned();
            Ok::<_, sql::Error>(Loaded::new(Some(text), vec![tag()]).having_seen(Seen::last_of(&sets)?))
        };
        let served = self.cache.get_or_load(&Name("one"), load).await.unwrap();
        (served.value.unwrap().as_ref().clone(), served.outcome)
    }

    pub async fn reads(&self, text: &str, outcome: Outcome) {
        assert_eq!(self.read().await, (text.to_owned(), outcome));
    }

    /// Reads until the answer comes from memory. A value may need a moment: its load saw changes that are
    /// not applied yet.
    pub async fn remembers(&self, text: &str) {
        let wait = async {
            while self.read().await != (text.to_owned(), Outcome::Hit) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(tokio::time::timeout(LONG, wait).await.is_ok(), "{:?}", self.feed.status());
    }

    pub async fn stop(self) {
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

pub async fn database() -> TestDatabase {
    let test = TestDatabase::create(&[]).await;
    test.database.run_script(TABLE).await.unwrap();
    test
}

/// Changes the text and returns the head of the feed after it.
pub async fn write(database: &Database, text: &str) -> i64 {
    try_to_write(database, text).await.unwrap();
    head(database).await
}

pub async fn try_to_write(database: &Database, text: &str) -> sql::Result<()> {
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

pub async fn head(database: &Database) -> i64 {
    let rows =
        database.query("SELECT h.Head FROM Platform.FeedHead AS h WHERE h.Id = 1;", &[]).await.unwrap();
    rows[0].read("Head").unwrap()
}
