//! What a transaction promises: all or nothing, repeated where asked for, followed through.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use sql::{Error, Options, Retryable, RowExt, ServerError};

use crate::world::{Diary, INSERT, count, database, eventually, insert};

/// An error of the server as the body of a transaction would see it.
fn server_error(number: u32) -> Error {
    Error::Server(Arc::new(ServerError {
        statement: "test".into(),
        number,
        class: 13,
        state: 1,
        line: 1,
        procedure: String::new(),
        message: "made by the test".to_owned(),
    }))
}

#[tokio::test]
async fn a_committed_transaction_is_seen_and_its_value_returned() {
    let test = database().await;
    let value = test.database.transaction("test", |tx| {
        Box::pin(async move {
            tx.execute(INSERT, &[&"a"]).await?;
            let rows = tx.query("SELECT COUNT(*) AS N FROM dbo.Entry", &[]).await?;
            rows[0].read::<i32>("N")
        })
    });
    assert_eq!(value.await.unwrap(), 1);
    assert_eq!(count(&test.database).await, 1);
    test.close().await;
}

#[tokio::test]
async fn a_rolled_back_change_reaches_no_reader_and_no_observer() {
    let test = database().await;
    let diary = Diary::of(&test.database);
    let ran = Arc::new(AtomicU32::new(0));
    let hook_ran = &ran;
    let result: Result<(), Error> = test
        .database
        .transaction("test", |tx| {
            Box::pin(async move {
                tx.execute(INSERT, &[&"a"]).await?;
                tx.changed(1);
                let ran = Arc::clone(hook_ran);
                tx.after_commit(move || {
                    ran.fetch_add(1, Ordering::Relaxed);
                });
                Err(server_error(50_123))
            })
        })
        .await;
    assert_eq!(result.unwrap_err().number(), Some(50_123));
    assert_eq!(count(&test.database).await, 0);
    assert_eq!(diary.read(), [""; 0]);
    assert_eq!(ran.load(Ordering::Relaxed), 0);
    insert(&test.database, "b", 2).await.unwrap();
    assert_eq!(diary.commits.lock().unwrap()[0].first, 1, "the rolled back change used no number");
    test.close().await;
}

#[tokio::test]
async fn hooks_run_once_after_the_commit_and_after_the_observers() {
    let test = database().await;
    let diary = Diary::of(&test.database);
    let words = &diary;
    test.database
        .transaction::<_, Error, _>("test", |tx| {
            Box::pin(async move {
                tx.execute(INSERT, &[&"a"]).await?;
                tx.changed(7);
                let diary = Arc::clone(words);
                tx.after_commit(move || diary.write("hook"));
                words.write("body");
                Ok(())
            })
        })
        .await
        .unwrap();
    assert_eq!(diary.read(), ["body", "committed", "hook"]);
    test.close().await;
}

#[tokio::test]
async fn a_deadlock_is_repeated_from_nothing() {
    let test = database().await;
    let diary = Diary::of(&test.database);
    let (attempts, words) = (&AtomicU32::new(0), &diary);
    test.database
        .transaction::<_, Error, _>("test", |tx| {
            Box::pin(async move {
                let attempt = attempts.fetch_add(1, Ordering::Relaxed);
                tx.execute(INSERT, &[&"a"]).await?;
                tx.changed(i64::from(attempt));
                let diary = Arc::clone(words);
                tx.after_commit(move || diary.write("hook"));
                if attempt < 2 { Err(server_error([1205, 1222][attempt as usize])) } else { Ok(()) }
            })
        })
        .await
        .unwrap();
    assert_eq!(attempts.load(Ordering::Relaxed), 3);
    assert_eq!(count(&test.database).await, 1);
    assert_eq!(diary.read(), ["committed", "hook"]);
    assert_eq!(*diary.commits.lock().unwrap()[0].tags, [2], "only the tags of the last attempt");
    assert_eq!(test.database.metrics().retries, 2);
    test.close().await;
}

#[tokio::test]
async fn attempts_are_limited() {
    let test = database().await;
    let options = Options { transaction_attempts: 3, backoff_first_ms: 1, ..Options::default() };
    let pool = test.pool(options).await;
    let attempts = &AtomicU32::new(0);
    let result: Result<(), Error> = pool
        .transaction("test", |_| {
            Box::pin(async move {
                attempts.fetch_add(1, Ordering::Relaxed);
                Err(server_error(1205))
            })
        })
        .await;
    assert!(result.unwrap_err().is_deadlock());
    assert_eq!(attempts.load(Ordering::Relaxed), 3);
    pool.close().await;
    test.close().await;
}

#[tokio::test]
async fn a_moving_database_empties_the_pool_first() {
    let test = database().await;
    insert(&test.database, "a", 1).await.unwrap();
    let before = test.database.metrics().logins;
    let attempts = &AtomicU32::new(0);
    let result: Result<(), Error> = test
        .database
        .transaction("test", |_| {
            Box::pin(async move {
                if attempts.fetch_add(1, Ordering::Relaxed) == 0 { Err(server_error(40_613)) } else { Ok(()) }
            })
        })
        .await;
    result.unwrap();
    assert_eq!(test.database.metrics().logins, before + 1);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_deadlock_is_repeated_until_both_are_through() {
    let test = database().await;
    if test.database.is_local_sql() {
        // One writer at a time: it cannot deadlock. Its injected fault is tested elsewhere.
        return test.close().await;
    }
    for name in ["a", "b"] {
        test.database.execute(INSERT, &[&name]).await.unwrap();
    }
    const UPDATE: &str = "UPDATE dbo.Entry SET Name = CONCAT(@P1, @P2) WHERE Name LIKE CONCAT(@P1, N'%')";
    let met = Arc::new(tokio::sync::Barrier::new(2));
    let run = |first: &'static str, second: &'static str| {
        let (database, met) = (test.database.clone(), Arc::clone(&met));
        async move {
            let (met, attempts) = (&met, &AtomicU32::new(0));
            let work = database.transaction::<_, Error, _>("test", |tx| {
                Box::pin(async move {
                    tx.execute(UPDATE, &[&first, &second]).await?;
                    if attempts.fetch_add(1, Ordering::Relaxed) == 0 {
                        met.wait().await;
                    }
                    tx.execute(UPDATE, &[&second, &first]).await.map(drop)
                })
            });
            work.await.unwrap();
            attempts.load(Ordering::Relaxed)
        }
    };
    let (one, other) = tokio::join!(run("a", "b"), run("b", "a"));
    assert_eq!(one + other, 3, "one of the two was the victim");
    test.close().await;
}

#[tokio::test]
async fn after_a_failed_statement_nothing_runs_and_nothing_commits() {
    let test = database().await;
    insert(&test.database, "taken", 1).await.unwrap();
    let seen = &Mutex::new(None);
    let result: Result<(), Error> = test
        .database
        .transaction("test", |tx| {
            Box::pin(async move {
                tx.execute(INSERT, &[&"lost"]).await?;
                let refused = tx.execute(INSERT, &[&"taken"]).await.unwrap_err();
                assert!(refused.is_unique_violation(), "{refused}");
                *seen.lock().unwrap() = tx.execute(INSERT, &[&"alone"]).await.err();
                Ok(())
            })
        })
        .await;
    assert!(matches!(seen.lock().unwrap().take(), Some(Error::RolledBack { .. })));
    assert!(matches!(result, Err(Error::RolledBack { .. })));
    assert_eq!(count(&test.database).await, 1);
    test.close().await;
}

#[tokio::test]
async fn a_transaction_that_was_ended_by_its_own_statements_does_not_commit() {
    let test = database().await;
    let diary = Diary::of(&test.database);
    // The statement swallows its error, so nobody has noticed that the transaction is gone.
    const SWALLOW: &str = "BEGIN TRY INSERT INTO dbo.Entry (Name) VALUES (NULL); END TRY BEGIN CATCH IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION; END CATCH";
    let result: Result<(), Error> = test
        .database
        .transaction("test", |tx| {
            Box::pin(async move {
                tx.changed(1);
                // Engines differ in whether they report that the count of transactions changed (266).
                let _ = tx.execute(SWALLOW, &[]).await;
                Ok(())
            })
        })
        .await;
    assert!(result.is_err());
    assert_eq!(diary.read(), [""; 0]);
    insert(&test.database, "next", 1).await.unwrap();
    assert_eq!(diary.commits.lock().unwrap()[0].first, 1);
    test.close().await;
}

#[tokio::test]
async fn an_error_names_transaction_statement_and_number() {
    let test = database().await;
    let result: Result<(), Error> = test
        .database
        .transaction("catalog.touch", |tx| {
            Box::pin(async move {
                tx.execute(INSERT, &[&"a"]).await?;
                tx.execute(INSERT, &[&"a"]).await.map(drop)
            })
        })
        .await;
    let error = result.unwrap_err();
    assert_eq!(error.number(), Some(2627));
    let text = error.to_string();
    assert!(
        text.starts_with("catalog.touch: INSERT INTO dbo.Entry (Name) VALUES (@P1): error 2627"),
        "{text}"
    );
    test.close().await;
}

#[tokio::test]
async fn a_dropped_body_leaves_nothing_behind() {
    let test = database().await;
    let reached = Arc::new(tokio::sync::Notify::new());
    let task = tokio::spawn({
        let (database, reached) = (test.database.clone(), Arc::clone(&reached));
        async move {
            let reached = &reached;
            let work = database.transaction::<(), Error, _>("test", |tx| {
                Box::pin(async move {
                    tx.execute(INSERT, &[&"a"]).await?;
                    reached.notify_one();
                    std::future::pending().await
                })
            });
            work.await
        }
    });
    reached.notified().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    // The name is free again as soon as the server has noticed.
    insert(&test.database, "a", 1).await.unwrap();
    assert_eq!(count(&test.database).await, 1);
    assert_eq!(test.database.metrics().discarded, 1);
    test.close().await;
}

#[tokio::test]
async fn a_caller_that_goes_away_during_commit_does_not_stop_it() {
    let test = database().await;
    let proxy = test.proxy().await;
    let pool = sql::Database::connect(proxy.connection(), Options::default()).await.unwrap();
    let diary = Diary::of(&pool);
    let task = tokio::spawn({
        let pool = pool.clone();
        async move { insert(&pool, "a", 1).await }
    });
    // The answer to the commit is what the caller would wait for; it goes away when the commit is on its way.
    proxy.cut_after_commit();
    proxy.commits_cut(1).await;
    task.abort();
    eventually("the observer hears of the commit", || async {
        diary.read().contains(&"committed".to_owned())
    })
    .await;
    assert_eq!(count(&test.database).await, 1);
    pool.close().await;
    test.close().await;
}

#[tokio::test]
async fn the_errors_of_a_body_stay_its_own() {
    #[derive(Debug)]
    enum Failure {
        Sql(Error),
        Business,
    }
    impl From<Error> for Failure {
        fn from(error: Error) -> Self {
            Self::Sql(error)
        }
    }
    impl Retryable for Failure {
        fn sql_error(&self) -> Option<&Error> {
            match self {
                Self::Sql(error) => Some(error),
                Self::Business => None,
            }
        }
    }
    let test = database().await;
    let result: Result<(), Failure> = test
        .database
        .transaction("test", |tx| {
            Box::pin(async move {
                tx.execute(INSERT, &[&"a"]).await?;
                Err(Failure::Business)
            })
        })
        .await;
    assert!(matches!(result, Err(Failure::Business)));
    assert_eq!(count(&test.database).await, 0);
    assert_eq!(test.database.metrics().discarded, 0, "an orderly rollback keeps the connection");
    test.close().await;
}
