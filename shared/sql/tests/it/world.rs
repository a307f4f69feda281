//! What the tests share: a table to write to, observers that remember, waiting without sleeping.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sql::testing::TestDatabase;
use sql::{CommitObserver, Database, FeedCommit, Migration, Result, RowExt};

/// One table whose rows are the effects that tests count.
pub const TABLES: &[Migration] = &[Migration {
    component: "Test",
    version: 1,
    name: "entries",
    min_binary: 1,
    text: "CREATE TABLE dbo.Entry (Id int IDENTITY(1,1) NOT NULL PRIMARY KEY, Name nvarchar(50) NOT NULL UNIQUE);",
}];

pub const INSERT: &str = "INSERT INTO dbo.Entry (Name) VALUES (@P1)";

pub async fn database() -> TestDatabase {
    TestDatabase::create(&[TABLES]).await
}

pub async fn count(database: &Database) -> i32 {
    let rows = database.query("SELECT COUNT(*) AS N FROM dbo.Entry", &[]).await.unwrap();
    rows[0].read("N").unwrap()
}

/// Inserts one row and raises one tag, in one transaction.
pub async fn insert(database: &Database, name: &str, tag: i64) -> Result<()> {
    database
        .transaction("test.insert", |tx| {
            Box::pin(async move {
                tx.execute(INSERT, &[&name]).await?;
                tx.changed(tag);
                Ok(())
            })
        })
        .await
}

/// Whatever an observer hears, as words.
#[derive(Default)]
pub struct Diary {
    pub words: Mutex<Vec<String>>,
    pub commits: Mutex<Vec<FeedCommit>>,
}

impl Diary {
    pub fn of(database: &Database) -> Arc<Self> {
        let diary = Arc::new(Self::default());
        database.observe_commits(Arc::clone(&diary) as Arc<dyn CommitObserver>);
        diary
    }

    pub fn write(&self, word: &str) {
        self.words.lock().unwrap().push(word.to_owned());
    }

    pub fn read(&self) -> Vec<String> {
        self.words.lock().unwrap().clone()
    }
}

impl CommitObserver for Diary {
    fn committed(&self, commit: &FeedCommit) {
        self.write("committed");
        self.commits.lock().unwrap().push(commit.clone());
    }

    fn outcome_unknown(&self, _: i64) {
        self.write("unknown");
    }

    fn outcome_known(&self, _: i64) {
        self.write("known");
    }
}

/// Polls until `condition` holds; panics after a generous while.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let held = tokio::time::timeout(Duration::from_secs(60), async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(held.await.is_ok(), "never happened: {what}");
}
