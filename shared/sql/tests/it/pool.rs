//! The pool: bounded waits, clean connections, an end.

use std::time::Duration;

use sql::testing::TestDatabase;
use sql::{Database, Error, Options, RowExt};

use crate::world::{INSERT, count, database};

/// Leaves its transaction open, as a batch does that is cut half-way.
const UNFINISHED: &str = "BEGIN TRANSACTION; INSERT INTO dbo.Entry (Name) VALUES (N'unfinished');";

#[tokio::test]
async fn a_future_dropped_in_mid_query_leaves_a_clean_pool_and_no_change() {
    let test = database().await;
    let proxy = test.proxy().await;
    let pool =
        Database::connect(proxy.connection(), Options { pool_max: 1, ..Options::default() }).await.unwrap();
    proxy.pause_answers();
    let dropped = tokio::time::timeout(Duration::from_millis(300), pool.run_script(UNFINISHED)).await;
    assert!(dropped.is_err(), "its answer was held back");
    proxy.resume();
    // The only place of the pool is free again, with a connection that answers this question.
    let rows = pool.query("SELECT @P1 + @@TRANCOUNT AS A", &[&41]).await.unwrap();
    assert_eq!(rows[0].read::<i32>("A").unwrap(), 41);
    assert_eq!(pool.metrics().discarded, 1);
    // The name is free, so nothing of it was committed and nothing holds its lock.
    pool.execute(INSERT, &[&"unfinished"]).await.unwrap();
    assert_eq!(count(&pool).await, 1);
    pool.close().await;
    test.close().await;
}

#[tokio::test]
async fn a_statement_over_its_limit_ends_its_connection() {
    let test = database().await;
    let proxy = test.proxy().await;
    let options = Options { command_timeout_ms: 300, ..Options::default() };
    let pool = Database::connect(proxy.connection(), options).await.unwrap();
    proxy.pause_answers();
    let error = pool.run_script(UNFINISHED).await.unwrap_err();
    proxy.resume();
    assert!(matches!(error, Error::Timeout { limit_ms: 300, .. }), "{error}");
    assert_eq!(pool.metrics().discarded, 1);
    test.database.execute(INSERT, &[&"unfinished"]).await.unwrap();
    pool.close().await;
    test.close().await;
}

#[tokio::test]
async fn a_full_pool_makes_callers_wait_but_not_for_ever() {
    let test = database().await;
    let options = Options { pool_max: 1, acquire_timeout_ms: 200, ..Options::default() };
    let pool = test.pool(options).await;
    let held = &tokio::sync::Notify::new();
    let holder = pool.transaction::<_, Error, _>("holder", |_| {
        Box::pin(async move {
            held.notified().await;
            Ok(())
        })
    });
    let other = async {
        let error = pool.query("SELECT 1 AS A", &[]).await.unwrap_err();
        assert!(matches!(error, Error::PoolTimeout { limit_ms: 200, pool_max: 1 }), "{error}");
        held.notify_one();
    };
    let (result, ()) = tokio::join!(holder, other);
    result.unwrap();
    pool.query("SELECT 1 AS A", &[]).await.unwrap();
    assert_eq!(pool.metrics().pool_timeouts, 1);
    pool.close().await;
    test.close().await;
}

#[tokio::test]
async fn errors_of_statements_do_not_cost_a_connection() {
    let test = database().await;
    test.database.execute(INSERT, &[&"a"]).await.unwrap();
    let logins = test.database.metrics().logins;
    for _ in 0..5 {
        assert!(test.database.execute(INSERT, &[&"a"]).await.unwrap_err().is_unique_violation());
    }
    assert_eq!(count(&test.database).await, 1);
    assert_eq!((test.database.metrics().logins, test.database.metrics().discarded), (logins, 0));
    test.close().await;
}

#[tokio::test]
async fn a_batch_that_leaves_a_transaction_open_does_not_leak_it_to_the_next() {
    let test = database().await;
    let pool = test.pool(Options { pool_max: 1, ..Options::default() }).await;
    const BROKEN: &str = "BEGIN TRANSACTION; INSERT INTO dbo.Entry (Name) VALUES (N'leak'); INSERT INTO dbo.Entry (Name) VALUES (NULL);";
    const UNBALANCED: &str = "BEGIN TRANSACTION; INSERT INTO dbo.Entry (Name) VALUES (N'leak');";
    assert!(pool.run_script(BROKEN).await.is_err());
    assert!(pool.execute(BROKEN, &[]).await.is_err());
    pool.run_script(UNBALANCED).await.unwrap();
    let rows = pool.query("SELECT @@TRANCOUNT AS N", &[]).await.unwrap();
    assert_eq!(rows[0].read::<i32>("N").unwrap(), 0);
    assert_eq!(count(&test.database).await, 0);
    pool.close().await;
    test.close().await;
}

#[tokio::test]
async fn without_a_server_the_login_s_error_comes_at_once_and_later_all_is_well() {
    let test = database().await;
    let proxy = test.proxy().await;
    let pool = Database::connect(proxy.connection(), Options::default()).await.unwrap();
    proxy.refuse();
    proxy.cut();
    // The first may still find the dead connection; then there is none left to wait for.
    let _ = pool.query("SELECT 1 AS A", &[]).await;
    for _ in 0..3 {
        let error = pool.query("SELECT 1 AS A", &[]).await.unwrap_err();
        assert!(matches!(error, Error::Connect { .. }), "{error}");
        assert!(error.is_transient());
    }
    assert!(pool.metrics().login_failures >= 3);
    proxy.accept();
    pool.query("SELECT 1 AS A", &[]).await.unwrap();
    pool.close().await;
    test.close().await;
}

#[tokio::test]
async fn a_wrong_password_is_refused_at_the_start_with_the_server_s_number() {
    let test = TestDatabase::create_empty().await;
    let text = test.connection.to_secret_string();
    let wrong = sql::ConnectionString::parse(&format!("{text};Password=wrong")).unwrap();
    let error = Database::connect(&wrong, Options::default()).await.err().unwrap();
    assert_eq!(error.number(), Some(18456), "{error}");
    assert!(error.needs_mending() && !error.is_transient() && !error.to_string().contains("wrong\""));
    test.close().await;
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_after_the_login_limit() {
    let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = silent.local_addr().unwrap().port();
    for encrypt in ["True", "False"] {
        let text =
            format!("Server=127.0.0.1,{port};Database=d;UID=u;PWD=p;Connect Timeout=1;Encrypt={encrypt}");
        let target = sql::ConnectionString::parse(&text).unwrap();
        let error = Database::connect(&target, Options::default()).await.err().unwrap();
        assert!(error.to_string().contains("no login within 1000 ms"), "{error}");
    }
}

#[tokio::test]
async fn a_closed_pool_refuses_and_leaves_no_connection() {
    let test = database().await;
    let pool = test.pool(Options::default()).await;
    let (a, b) = tokio::join!(pool.query("SELECT 1 AS A", &[]), pool.query("SELECT 2 AS A", &[]));
    assert!(a.is_ok() && b.is_ok());
    pool.close().await;
    assert!(matches!(pool.query("SELECT 1 AS A", &[]).await, Err(Error::Closed)));
    assert_eq!(pool.metrics().connections, 0);
    test.close().await;
}

#[tokio::test]
async fn statements_of_a_task_are_counted() {
    let test = database().await;
    let work = async {
        test.database.query("SELECT 1 AS A", &[]).await.unwrap();
        crate::world::insert(&test.database, "a", 1).await.unwrap();
    };
    let ((), statements) = sql::metrics::counted(Box::pin(work)).await;
    assert_eq!(statements, 1 + 3, "one alone, and BEGIN, INSERT, COMMIT");
    test.close().await;
}

#[tokio::test]
async fn columns_are_read_without_panics() {
    let test = TestDatabase::create_empty().await;
    let rows = test.database.query("SELECT CAST(NULL AS int) AS A, 1 AS B, N'x' AS C", &[]).await.unwrap();
    let row = &rows[0];
    assert_eq!(row.read_opt::<i32>("A").unwrap(), None);
    assert_eq!(row.read::<i32>("B").unwrap(), 1);
    for error in [
        row.read::<i32>("A").unwrap_err(),
        row.read::<i32>("C").unwrap_err(),
        row.read::<i32>("D").unwrap_err(),
    ] {
        assert!(matches!(error, Error::Column { .. }), "{error}");
    }
    test.close().await;
}

#[tokio::test]
async fn affected_rows_are_counted() {
    let test = database().await;
    assert_eq!(test.database.execute(INSERT, &[&"a"]).await.unwrap(), 1);
    let two =
        "INSERT INTO dbo.Entry (Name) VALUES (@P1), (N'c'); UPDATE dbo.Entry SET Name = CONCAT(Name, N'!');";
    assert_eq!(test.database.execute(two, &[&"b"]).await.unwrap(), 2 + 3);
    assert_eq!(test.database.execute("DELETE TOP (@P1) FROM dbo.Entry", &[&2]).await.unwrap(), 2);
    // Also on a connection that others have used before, for whatever they liked.
    let pool = test.pool(Options { pool_max: 1, ..Options::default() }).await;
    crate::world::insert(&pool, "x", 1).await.unwrap();
    pool.query("SET NOCOUNT ON; SELECT 1 AS A", &[]).await.unwrap();
    pool.run_script("SET NOCOUNT ON;").await.unwrap();
    assert_eq!(pool.execute("DELETE TOP (@P1) FROM dbo.Entry", &[&9]).await.unwrap(), 2);
    pool.close().await;
    test.close().await;
}

#[tokio::test]
async fn a_test_database_vanishes_with_its_value_even_while_a_pool_is_open() {
    let witness = TestDatabase::create_empty().await;
    let test = TestDatabase::create_empty().await;
    let (name, pool) = (test.connection.database().to_owned(), test.database.clone());
    drop(test);
    assert!(pool.query("SELECT 1 AS A", &[]).await.is_err(), "its sessions are ended");
    if !witness.database.is_local_sql() {
        let rows = witness.database.query("SELECT name FROM sys.databases WHERE name = @P1", &[&name]).await;
        assert!(rows.unwrap().is_empty());
    }
    witness.close().await;
}
