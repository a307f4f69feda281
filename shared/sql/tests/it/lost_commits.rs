//! A connection lost around COMMIT: exactly one effect, whatever the moment, and the news in order.

use sql::testing::{Proxy, TestDatabase};
use sql::{Database, Error, Options, RowExt};

use crate::world::{Diary, count, database, eventually, insert};

/// A pool through a proxy.
async fn through_a_proxy(test: &TestDatabase, options: Options) -> (Proxy, Database) {
    let proxy = test.proxy().await;
    let pool = Database::connect(proxy.connection(), options).await.unwrap();
    (proxy, pool)
}

#[tokio::test]
async fn a_commit_that_never_reached_the_server_is_repeated() {
    let test = database().await;
    let (proxy, pool) = through_a_proxy(&test, Options::default()).await;
    let diary = Diary::of(&pool);
    proxy.cut_before_commit();
    insert(&pool, "a", 11).await.unwrap();
    assert_eq!(count(&test.database).await, 1);
    assert_eq!(diary.read(), ["unknown", "known", "committed"]);
    assert_eq!(pool.metrics().unknown_commits, 1);
    assert_eq!(pool.metrics().unresolved_commits, 0);
    pool.close().await;
    test.close().await;
}

#[tokio::test]
async fn a_commit_that_was_executed_is_not_repeated_and_its_feed_rows_are_delivered() {
    let test = database().await;
    let (proxy, pool) = through_a_proxy(&test, Options::default()).await;
    insert(&test.database, "before", 1).await.unwrap();
    let diary = Diary::of(&pool);
    proxy.cut_after_commit();
    insert(&pool, "a", 11).await.unwrap();
    assert_eq!(count(&test.database).await, 2);
    assert_eq!(diary.read(), ["unknown", "committed", "known"]);
    let commit = diary.commits.lock().unwrap()[0].clone();
    assert_eq!((commit.first, commit.last, &*commit.tags), (2, 2, &[11][..]));
    assert_eq!(commit.previous_mark, None, "a look-up does not find it out");
    let rows = test.database.query("SELECT Seq, Tag, Mark FROM Platform.ChangeFeed WHERE Seq = 2", &[]).await;
    let rows = rows.unwrap();
    assert_eq!(rows[0].read::<i64>("Mark").unwrap(), commit.mark);
    assert_eq!(rows[0].read::<i64>("Tag").unwrap(), 11);
    pool.close().await;
    test.close().await;
}

#[tokio::test]
async fn a_commit_that_comes_late_is_fenced_off() {
    let test = database().await;
    let (proxy, pool) = through_a_proxy(&test, Options::default()).await;
    let diary = Diary::of(&pool);
    // The server holds the old session's transaction open, with its row and its locks, while we ask.
    proxy.cut_and_hold_commit();
    let task = tokio::spawn({
        let pool = pool.clone();
        async move { insert(&pool, "a", 11).await }
    });
    eventually("the fence is up", || async { diary.read().contains(&"known".to_owned()) }).await;
    // Only now the old COMMIT arrives. It must fail, or there would be two effects.
    proxy.release_held().await;
    task.await.unwrap().unwrap();
    assert_eq!(count(&test.database).await, 1);
    assert_eq!(diary.read(), ["unknown", "known", "committed"]);
    let commit = diary.commits.lock().unwrap()[0].clone();
    assert_eq!((commit.first, commit.last), (1, 1), "the fenced attempt used no number");
    pool.close().await;
    test.close().await;
}

#[tokio::test]
async fn while_the_server_is_away_the_caller_is_let_go_and_the_news_follow() {
    let test = database().await;
    let options = Options { outcome_timeout_ms: 300, backoff_max_ms: 50, ..Options::default() };
    let (proxy, pool) = through_a_proxy(&test, options).await;
    let diary = Diary::of(&pool);
    proxy.cut_after_commit();
    proxy.refuse();
    let error = insert(&pool, "a", 11).await.unwrap_err();
    let Error::CommitUnknown { tx_id, .. } = error else { panic!("{error}") };
    assert!(!error.is_transient(), "it must not be repeated blindly");
    assert_eq!(diary.read(), ["unknown"]);
    assert_eq!(pool.metrics().unresolved_commits, 1);
    proxy.accept();
    eventually("the outcome is known", || async { diary.read().len() == 3 }).await;
    assert_eq!(diary.read(), ["unknown", "committed", "known"]);
    let rows = test
        .database
        .query("SELECT Fenced FROM Platform.[Commit] WHERE TxId = @P1", &[&tx_id])
        .await
        .unwrap();
    assert!(!rows[0].read::<bool>("Fenced").unwrap());
    assert_eq!(count(&test.database).await, 1);
    pool.close().await;
    test.close().await;
}

#[tokio::test]
async fn every_moment_of_many_commits_gives_exactly_one_effect_each() {
    let test = database().await;
    let (proxy, pool) = through_a_proxy(&test, Options::default()).await;
    for round in 0..6 {
        match round % 3 {
            0 => proxy.cut_before_commit(),
            1 => proxy.cut_after_commit(),
            _ => proxy.cut(),
        }
        insert(&pool, &format!("entry {round}"), round).await.unwrap();
    }
    assert_eq!(count(&test.database).await, 6);
    let rows = test
        .database
        .query("SELECT MIN(Seq) AS A, MAX(Seq) AS B, COUNT(*) AS N FROM Platform.ChangeFeed", &[]);
    let rows = rows.await.unwrap();
    let range = (
        rows[0].read::<i64>("A").unwrap(),
        rows[0].read::<i64>("B").unwrap(),
        rows[0].read::<i32>("N").unwrap(),
    );
    assert_eq!(range, (1, 6, 6));
    pool.close().await;
    test.close().await;
}

#[tokio::test]
async fn a_connection_that_was_cut_while_idle_costs_one_attempt_at_most() {
    let test = database().await;
    let (proxy, pool) = through_a_proxy(&test, Options::default()).await;
    insert(&pool, "a", 1).await.unwrap();
    proxy.cut();
    insert(&pool, "b", 1).await.unwrap();
    assert_eq!(count(&test.database).await, 2);
    assert_eq!(pool.metrics().unknown_commits, 0);
    pool.close().await;
    test.close().await;
}
