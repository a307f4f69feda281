//! Writers that stop or die in the middle of a transaction: nobody has to wait for them, and nothing is lost.
//!
//! The writer is a process (`tests/instance`) with one thread, which stops itself when that thread is about to wait for
//! the n-th time: for n = 0, 1, 2 … that is every await of BEGIN, of its statement and of COMMIT.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use sql::testing::TestDatabase;
use sql::{Database, RowExt};

use crate::process::Process;
use crate::world::{BY_PROBE, Instance, LONG, head};

const TABLE: &str = "CREATE TABLE dbo.Counter (Id int NOT NULL PRIMARY KEY, Value bigint NOT NULL); \
                     INSERT INTO dbo.Counter (Id, Value) VALUES (0, 0), (1, 0);";
const OWN: i64 = 0;
const OTHER: i64 = 1;

async fn database() -> TestDatabase {
    let test = crate::world::database().await;
    test.database.run_script(TABLE).await.unwrap();
    test
}

async fn value(database: &Database, key: i64) -> i64 {
    let text = "SELECT c.Value FROM dbo.Counter AS c WHERE c.Id = @P1;";
    database.query(text, &[&key]).await.unwrap()[0].read("Value").unwrap()
}

async fn raise(database: &Database, key: i64) {
    let raised = database.transaction("test.raise", |tx| {
        Box::pin(async move {
            tx.execute("UPDATE c SET c.Value = c.Value + 1 FROM dbo.Counter AS c WHERE c.Id = @P1;", &[&key])
                .await?;
            tx.changed(key);
            Ok::<_, sql::Error>(())
        })
    });
    raised.await.unwrap();
}

async fn writer(test: &TestDatabase, stop_at: u32) -> Process {
    let arguments = ["write-once", &OWN.to_string(), &stop_at.to_string()];
    Process::start(&arguments, &test.connection, None, BY_PROBE).await
}

/// Whether it stops; it ends otherwise.
async fn stops(writer: &Process) -> bool {
    let state = async {
        loop {
            match writer.state() {
                'T' => return true,
                'X' | 'Z' => return false,
                _ => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
    };
    tokio::time::timeout(LONG, state).await.expect("it stops or ends")
}

async fn numbers_have_no_gap(database: &Database) {
    let text = "SELECT COUNT(*) AS N, MIN(c.Seq) AS First, MAX(c.Seq) AS Last FROM Platform.ChangeFeed AS c;";
    let rows = database.query(text, &[]).await.unwrap();
    let (first, last): (i64, i64) = (rows[0].read("First").unwrap(), rows[0].read("Last").unwrap());
    assert_eq!((i64::from(rows[0].read::<i32>("N").unwrap()), first), (last, 1));
    assert_eq!(head(database).await, last);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_stopped_at_any_await_of_its_transaction_holds_up_nobody() {
    let test = database().await;
    let (mut stopped, mut longest) = (0, Duration::ZERO);
    loop {
        let mut writer = writer(&test, stopped).await;
        if !stops(&writer).await {
            break;
        }
        stopped += 1;
        // It stays stopped until the others are through: what it held up would be held up for ever. (local-sql has one
        // writer at a time and cuts off one that says nothing for 5 s; other engines have nothing to cut.)
        let began = Instant::now();
        tokio::time::timeout(LONG, raise(&test.database, OTHER)).await.expect("others go on");
        longest = longest.max(began.elapsed());
        assert_eq!(writer.state(), 'T');
        writer.signal(Signal::CONT);
        let done = writer.line().await.unwrap();
        assert!(done.starts_with("done "), "{done}");
    }
    println!("stopped at {stopped} awaits; the others' commits took at most {longest:?}");
    assert!(stopped >= 3, "only at {stopped} awaits: BEGIN, the statement and COMMIT are at least three");
    // The last run was not stopped.
    assert_eq!(value(&test.database, OWN).await, i64::from(stopped) + 1, "each once, whatever became of it");
    assert_eq!(value(&test.database, OTHER).await, i64::from(stopped));
    numbers_have_no_gap(&test.database).await;
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_killed_at_any_await_of_its_transaction_loses_nothing_that_was_committed() {
    let test = database().await;
    // It publishes nothing: whatever it committed, others learn of it from SQL.
    let reader = Instance::start(&test, None, BY_PROBE).await;
    let mut killed = 0;
    loop {
        let mut writer = writer(&test, killed).await;
        if !stops(&writer).await {
            break;
        }
        killed += 1;
        writer.kill().await;
        // Queues behind what the server still does for the dead.
        raise(&test.database, OTHER).await;
        assert!(reader.feed.wait_applied(head(&test.database).await, LONG).await);
    }
    let committed = value(&test.database, OWN).await;
    println!("killed at {killed} awaits; {} of them had committed", committed - 1);
    assert!(killed >= 3 && committed >= 1 && committed <= i64::from(killed) + 1);
    // One number for each commit: none has a number and no effect, or an effect and no number.
    assert_eq!(head(&test.database).await, committed + i64::from(killed));
    numbers_have_no_gap(&test.database).await;
    assert_eq!(reader.feed.status().counts.flushes(), 0);
    reader.stop().await;
    test.close().await;
}
