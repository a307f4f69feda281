//! Transactions beside each other: what they see, how long they wait, which of them loses.

use std::time::Duration;

use tiberius::IsolationLevel;
use tokio::time::timeout;

use crate::support::{Connection, batch, connect, error_number, scalar, server, until};

/// A server with `T (Id, Amount)` holding the rows 1 and 2.
async fn prepared() -> (local_sql::Server, Connection, Connection) {
    let server = server().await;
    let (mut first, second) = (connect(&server).await, connect(&server).await);
    batch(
        &mut first,
        "CREATE TABLE T (Id int NOT NULL PRIMARY KEY, Amount int NOT NULL); INSERT INTO T (Id, Amount) VALUES (1, 10), (2, 20)",
    )
    .await
    .unwrap();
    (server, first, second)
}

/// What `sp_getapplock` returns.
async fn applock(client: &mut Connection, name: &str, mode: &str, owner: &str, timeout_ms: i32) -> i32 {
    let text = format!(
        "DECLARE @r int; EXEC @r = sp_getapplock @Resource = N'{name}', @LockMode = N'{mode}', @LockOwner = N'{owner}', \
         @LockTimeout = {timeout_ms}; SELECT @r"
    );
    scalar(client, &text).await
}

async fn release(client: &mut Connection, name: &str, owner: &str) -> i32 {
    let text = format!(
        "DECLARE @r int; EXEC @r = sp_releaseapplock @Resource = N'{name}', @LockOwner = N'{owner}'; SELECT @r"
    );
    scalar(client, &text).await
}

#[tokio::test]
async fn a_transaction_sees_its_own_writes_and_nobody_else_does_before_commit() {
    let (server, mut writer, mut reader) = prepared().await;
    let total = "SELECT SUM(a.Amount + b.Amount) FROM T AS a INNER JOIN T AS b ON b.Id = a.Id";
    batch(&mut writer, "BEGIN TRANSACTION; INSERT INTO T (Id, Amount) VALUES (3, 30)").await.unwrap();
    assert_eq!(scalar::<i32>(&mut writer, total).await, 120);
    batch(&mut writer, "UPDATE T SET Amount = 100 WHERE Id = 1").await.unwrap();
    assert_eq!(scalar::<i32>(&mut writer, total).await, 300);
    batch(&mut writer, "DELETE FROM T WHERE Id = 2").await.unwrap();
    assert_eq!(scalar::<i32>(&mut writer, total).await, 260);
    assert_eq!(scalar::<i32>(&mut reader, total).await, 60);
    batch(&mut writer, "COMMIT").await.unwrap();
    assert_eq!(scalar::<i32>(&mut reader, total).await, 260);
    server.stop().await;
}

#[tokio::test]
async fn no_isolation_level_reads_what_is_not_committed() {
    let (server, mut writer, mut reader) = prepared().await;
    batch(&mut writer, "BEGIN TRANSACTION; UPDATE T SET Amount = 0").await.unwrap();
    for level in ["READ UNCOMMITTED", "READ COMMITTED"] {
        let text = format!("SET TRANSACTION ISOLATION LEVEL {level}; SELECT SUM(Amount) FROM T");
        assert_eq!(scalar::<i32>(&mut reader, &text).await, 30, "{level}");
    }
    assert_eq!(scalar::<i32>(&mut reader, "SELECT SUM(Amount) FROM T WITH (NOLOCK)").await, 30);
    // The stricter ones run alone: they wait.
    for level in ["REPEATABLE READ", "SNAPSHOT", "SERIALIZABLE"] {
        let text = format!(
            "SET LOCK_TIMEOUT 0; SET TRANSACTION ISOLATION LEVEL {level}; BEGIN TRANSACTION; SELECT SUM(Amount) FROM T"
        );
        assert_eq!(error_number(batch(&mut reader, &text).await), 1_222, "{level}");
        batch(&mut reader, "ROLLBACK").await.unwrap();
    }
    server.stop().await;
}

#[tokio::test]
async fn the_strict_isolation_levels_read_the_same_twice_by_text_and_by_request() {
    let (server, mut reader, mut writer) = prepared().await;
    batch(&mut writer, "SET LOCK_TIMEOUT 0").await.unwrap();
    let levels = [
        ("REPEATABLE READ", IsolationLevel::RepeatableRead),
        ("SNAPSHOT", IsolationLevel::Snapshot),
        ("SERIALIZABLE", IsolationLevel::Serializable),
    ];
    for (name, level) in levels {
        for by_request in [false, true] {
            if by_request {
                reader.begin_transaction_with_isolation(level).await.unwrap();
            } else {
                let begin = format!("SET TRANSACTION ISOLATION LEVEL {name}; BEGIN TRANSACTION");
                batch(&mut reader, &begin).await.unwrap();
            }
            assert_eq!(scalar::<i32>(&mut reader, "SELECT COUNT(*) FROM T").await, 2, "{name}");
            for change in ["INSERT INTO T (Id, Amount) VALUES (9, 9)", "UPDATE T SET Amount = 9 WHERE Id = 1"]
            {
                assert_eq!(error_number(batch(&mut writer, change).await), 1_222, "{name}: {change}");
            }
            assert_eq!(scalar::<i32>(&mut reader, "SELECT SUM(Amount) FROM T").await, 30, "{name}");
            batch(&mut reader, "COMMIT").await.unwrap();
            batch(&mut reader, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED").await.unwrap();
            batch(&mut writer, "UPDATE T SET Amount = Amount WHERE Id = 1").await.unwrap();
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_lock_wait_above_lock_timeout_is_error_1222_and_leaves_the_transaction_open() {
    let (server, mut holder, mut waiter) = prepared().await;
    batch(&mut holder, "BEGIN TRANSACTION; UPDATE T SET Amount = 1 WHERE Id = 1").await.unwrap();
    batch(&mut waiter, "SET LOCK_TIMEOUT 30; BEGIN TRANSACTION").await.unwrap();
    assert_eq!(error_number(batch(&mut waiter, "UPDATE T SET Amount = 2 WHERE Id = 2").await), 1_222);
    assert_eq!(scalar::<i32>(&mut waiter, "SELECT @@TRANCOUNT").await, 1);
    batch(&mut holder, "COMMIT").await.unwrap();
    batch(&mut waiter, "UPDATE T SET Amount = 2 WHERE Id = 2; COMMIT").await.unwrap();
    assert_eq!(scalar::<i32>(&mut holder, "SELECT SUM(Amount) FROM T").await, 3);
    server.stop().await;
}

/// A driver's command time-out is an Attention.
#[tokio::test]
async fn a_command_time_out_ends_the_wait_for_a_lock_and_leaves_the_transaction_open() {
    let (server, mut holder, mut waiter) = prepared().await;
    batch(&mut holder, "BEGIN TRANSACTION; UPDATE T SET Amount = 1 WHERE Id = 1").await.unwrap();
    assert_eq!(applock(&mut holder, "a", "Exclusive", "Session", 0).await, 0);
    batch(&mut waiter, "BEGIN TRANSACTION").await.unwrap();
    for blocked in [
        "UPDATE T SET Amount = 2 WHERE Id = 2",
        "EXEC sp_getapplock @Resource = N'a', @LockMode = N'Exclusive'",
    ] {
        assert!(timeout(Duration::from_millis(50), waiter.simple_query(blocked)).await.is_err());
        waiter.cancel_query().await.unwrap();
        assert_eq!(scalar::<i32>(&mut waiter, "SELECT @@TRANCOUNT").await, 1, "{blocked}");
    }
    batch(&mut holder, "COMMIT").await.unwrap();
    batch(&mut waiter, "UPDATE T SET Amount = 2 WHERE Id = 2; COMMIT").await.unwrap();
    server.stop().await;
}

/// Who of the two asks first, as far as a busy machine lets it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum First {
    /// The writer waits for the applock; the holder of the applock then writes.
    Applock,
    /// The holder of the applock waits for the writer; the writer then asks for the applock.
    Write,
}

/// Makes a cycle between the write lock and an applock, sees to it that exactly one side loses, and tells which request
/// it was: the one that came second.
async fn loser_of_a_cycle(first: First) -> First {
    const HEAD_START: Duration = Duration::from_millis(200);
    let (server, mut writer, mut locker) = prepared().await;
    batch(&mut writer, "BEGIN TRANSACTION; UPDATE T SET Amount = 1").await.unwrap();
    batch(&mut locker, "BEGIN TRANSACTION").await.unwrap();
    assert_eq!(applock(&mut locker, "a", "Exclusive", "Transaction", -1).await, 0);
    let asking = tokio::spawn(async move {
        if first == First::Write {
            tokio::time::sleep(HEAD_START).await;
        }
        let status = applock(&mut writer, "a", "Exclusive", "Transaction", -1).await;
        assert_eq!(scalar::<i32>(&mut writer, "SELECT @@TRANCOUNT").await, 1, "-3 rolls nothing back");
        // The winner waits for the end of this transaction.
        batch(&mut writer, "ROLLBACK").await.unwrap();
        status
    });
    if first == First::Applock {
        tokio::time::sleep(HEAD_START).await;
    }
    let written = batch(&mut locker, "UPDATE T SET Amount = 2").await;
    let open = scalar::<i32>(&mut locker, "SELECT @@TRANCOUNT").await;
    let loser = match asking.await.unwrap() {
        1 => {
            assert_eq!((error_number(written), open), (1_205, 0), "the victim is rolled back");
            First::Write
        }
        status => {
            assert_eq!((status, written.is_ok(), open), (-3, true, 1));
            First::Applock
        }
    };
    server.stop().await;
    loser
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_closes_a_cycle_with_an_applock_is_error_1205() {
    until("the write comes second", async || loser_of_a_cycle(First::Applock).await == First::Write).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_for_an_applock_that_closes_a_cycle_returns_minus_3() {
    until("the request comes second", async || loser_of_a_cycle(First::Write).await == First::Applock).await;
}

#[test]
fn an_idle_writer_is_cut_after_five_seconds() {
    assert_eq!(local_sql::Options::default().idle_writer_ms, 5_000);
}

#[tokio::test]
async fn an_applock_of_the_transaction_ends_with_it_and_one_of_the_session_does_not() {
    let (server, mut first, mut second) = prepared().await;
    for end in ["COMMIT", "ROLLBACK"] {
        batch(&mut first, "BEGIN TRANSACTION").await.unwrap();
        assert_eq!(applock(&mut first, "t", "Exclusive", "Transaction", 0).await, 0);
        assert_eq!(applock(&mut first, "s", "Exclusive", "Session", 0).await, 0);
        assert_eq!(applock(&mut second, "t", "Shared", "Session", 0).await, -1, "{end}");
        batch(&mut first, end).await.unwrap();
        assert_eq!(applock(&mut second, "t", "Shared", "Session", 0).await, 0, "{end}");
        assert_eq!(release(&mut second, "t", "Session").await, 0);
        assert_eq!(applock(&mut second, "s", "Shared", "Session", 0).await, -1, "{end}");
        assert_eq!(release(&mut first, "s", "Session").await, 0);
        assert_eq!(applock(&mut second, "s", "Shared", "Session", 0).await, 0, "{end}");
        assert_eq!(release(&mut second, "s", "Session").await, 0);
    }
    server.stop().await;
}

#[tokio::test]
async fn applock_modes_go_together_as_sql_server_documents() {
    let (server, mut first, mut second) = prepared().await;
    // (held, wanted, together)
    let pairs = [
        ("Shared", "Shared", true),
        ("Shared", "Update", true),
        ("Shared", "Exclusive", false),
        ("Update", "Shared", true),
        ("Update", "Update", false),
        ("Update", "Exclusive", false),
        ("Exclusive", "Shared", false),
        ("Exclusive", "Update", false),
        ("Exclusive", "Exclusive", false),
        ("IntentShared", "Update", true),
        ("IntentExclusive", "IntentExclusive", true),
        ("IntentExclusive", "Shared", false),
    ];
    for (held, wanted, together) in pairs {
        assert_eq!(applock(&mut first, "m", held, "Session", 0).await, 0, "{held}");
        let status = applock(&mut second, "m", wanted, "Session", 0).await;
        assert_eq!(status, if together { 0 } else { -1 }, "{held}, then {wanted}");
        if together {
            assert_eq!(release(&mut second, "m", "Session").await, 0);
        }
        assert_eq!(release(&mut first, "m", "Session").await, 0);
    }
    server.stop().await;
}

#[tokio::test]
async fn an_applock_taken_twice_is_released_twice() {
    let (server, mut first, mut second) = prepared().await;
    for _ in 0..2 {
        assert_eq!(applock(&mut first, "n", "Exclusive", "Session", 0).await, 0);
    }
    assert_eq!(release(&mut first, "n", "Session").await, 0);
    assert_eq!(applock(&mut second, "n", "Exclusive", "Session", 0).await, -1);
    assert_eq!(release(&mut first, "n", "Session").await, 0);
    assert_eq!(applock(&mut second, "n", "Exclusive", "Session", 0).await, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_applock_waits_for_its_holder_and_is_free_when_that_disconnects() {
    let (server, mut first, mut second) = prepared().await;
    assert_eq!(applock(&mut first, "d", "Exclusive", "Session", 0).await, 0);
    assert_eq!(applock(&mut second, "d", "Exclusive", "Session", 30).await, -1, "the time-out passes");
    let waiting = tokio::spawn(async move { applock(&mut second, "d", "Exclusive", "Session", -1).await });
    tokio::task::yield_now().await;
    drop(first);
    let status = timeout(Duration::from_secs(60), waiting).await.expect("the lock").unwrap();
    assert!(matches!(status, 0 | 1), "{status}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_applock_on_another_database_is_another_lock() {
    let (server, mut first, mut second) = prepared().await;
    batch(&mut second, "USE master").await.unwrap();
    assert_eq!(applock(&mut first, "x", "Exclusive", "Session", 0).await, 0);
    assert_eq!(applock(&mut second, "x", "Exclusive", "Session", 0).await, 0);
    server.stop().await;
}
