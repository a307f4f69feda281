//! Feeds and caches on a real SQL server and a real redis-server.

use std::sync::Arc;
use std::time::Duration;

use backplane::feed::{Change, hint, new_log, prune};
use backplane::testing::RedisServer;
use backplane::{Cache, CacheOptions, Loaded, Outcome, hash64};
use bytes::Bytes;
use sql::{Database, RowExt};

use crate::world::{BY_HINT, BY_PROBE, Instance, LONG, Name, database, head, tag, try_to_write, write};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_follow_one_another_cost_nobody_a_read_of_the_log() {
    let (test, server) = (database().await, RedisServer::start().await);
    let one = Instance::start(&test, Some(&server), BY_HINT).await;
    let two = Instance::start(&test, Some(&server), BY_HINT).await;
    for instance in [&one, &two] {
        // The first, and the one that a confirmed subscription asks for: no other follows for minutes.
        instance.until(|status| status.counts.probes >= 2).await;
    }
    let mut last = 0;
    for number in 0..20 {
        last = one.write(&number.to_string()).await;
    }
    assert!(two.feed.wait_applied(last, LONG).await);
    for instance in [&one, &two] {
        let counts = instance.feed.status().counts;
        assert_eq!((counts.gap_rows, counts.hints_contradicting, counts.flushes()), (0, 0, 0), "{counts:?}");
    }
    one.stop().await;
    two.stop().await;
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_new_log_the_next_commit_continues_it() {
    let test = database().await;
    let one = Instance::start(&test, None, BY_PROBE).await;
    write(&test.database, "before").await;
    let log = new_log(&test.database).await.unwrap();
    one.until(|status| status.log_id == Some(log.new)).await;
    let last = write(&test.database, "after").await;
    assert!(one.feed.wait_applied(last, LONG).await);
    let counts = one.feed.status().counts;
    assert_eq!((counts.flushes_new_log, counts.flushes()), (1, 1), "the rows of the old log are its past");
    one.remembers("after").await;
    one.stop().await;
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_commit_makes_everything_wrong_that_has_one_of_its_tags() {
    let (test, server) = (database().await, RedisServer::start().await);
    let one = Instance::start(&test, Some(&server), BY_HINT).await;
    let two = Instance::start(&test, Some(&server), BY_HINT).await;
    one.remembers("first").await;
    two.remembers("first").await;
    let raise = async |tags: Vec<i64>| {
        let tags = &tags;
        let changed = one.database.transaction("test.raise", |tx| {
            Box::pin(async move {
                tags.iter().for_each(|tag| tx.changed(*tag));
                Ok::<_, sql::Error>(())
            })
        });
        changed.await.unwrap();
        let last = head(&test.database).await;
        assert!(two.feed.wait_applied(last, LONG).await);
        last
    };
    let other = |number: u16| hash64("other", &[&number.to_le_bytes()]);
    // A commit may carry so many: the entry's one is the last of them.
    let last = raise((1..sql::TAGS_MAX as u16).map(other).chain([tag()]).collect()).await;
    assert_eq!(last, sql::TAGS_MAX as i64, "a number for each");
    two.reads("first", Outcome::Miss).await;
    one.reads("first", Outcome::Miss).await;
    two.remembers("first").await;
    raise((1..100).map(other).collect()).await;
    two.reads("first", Outcome::Hit).await;
    one.stop().await;
    two.stop().await;
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pruning_while_gaps_are_read_costs_generations_and_never_a_right_answer() {
    const ROUNDS: usize = 12;
    let test = database().await;
    // Nothing is published: every change is a gap that the next probe finds.
    let one = Instance::start(&test, None, Duration::from_secs(1)).await;
    let pruner = {
        let database = test.pool(sql::Options::default()).await;
        tokio::spawn(async move {
            let mut pruned = 0;
            loop {
                let aged = "UPDATE Platform.ChangeFeed SET At = DATEADD(day, -2, At);";
                database.execute(aged, &[]).await.unwrap();
                pruned += prune(&database, Duration::from_secs(86_400)).await.unwrap();
                if pruned >= ROUNDS as u64 {
                    return database;
                }
                tokio::task::yield_now().await;
            }
        })
    };
    for round in 0..ROUNDS {
        for change in 0..3 {
            write(&test.database, &format!("{round}.{change}")).await;
        }
        one.remembers(&format!("{round}.2")).await;
    }
    // The pruner ends when enough is gone; there may be too little left for it.
    let mut number = 0;
    while !pruner.is_finished() {
        write(&test.database, &number.to_string()).await;
        number += 1;
    }
    pruner.await.unwrap().close().await;
    let last = write(&test.database, "last").await;
    assert!(one.feed.wait_applied(last, LONG).await);
    one.remembers("last").await;
    one.stop().await;
    test.close().await;
}

/// Two shops on one Redis that nobody told apart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_databases_behind_one_redis_and_channel_name_do_not_disturb_each_other() {
    let (shop, other) = (database().await, database().await);
    let server = RedisServer::start().await;
    let one = Instance::start(&shop, Some(&server), BY_HINT).await;
    let two = Instance::start(&shop, Some(&server), BY_HINT).await;
    let stranger = Instance::start(&other, Some(&server), BY_HINT).await;
    for instance in [&one, &two, &stranger] {
        instance.until(|status| status.counts.probes >= 2).await;
        instance.remembers("first").await;
    }
    let before = stranger.feed.status();
    let last = one.write("second").await;
    assert!(two.feed.wait_applied(last, LONG).await);
    two.remembers("second").await;
    stranger.reads("first", Outcome::Hit).await;
    // A hint of its own arrives after whatever the other shop sent.
    stranger.write("theirs").await;
    stranger.remembers("theirs").await;
    two.reads("second", Outcome::Hit).await;
    let counts = stranger.feed.status().counts;
    assert_eq!(
        (counts.hints_foreign, counts.hints_contradicting, counts.gaps, counts.flushes()),
        (0, 0, 0, 0)
    );
    assert_eq!(counts.probes, before.counts.probes);
    for instance in [one, two, stranger] {
        instance.stop().await;
    }
    shop.close().await;
    other.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_cache_forgets_is_told_to_nobody() {
    let (test, server) = (database().await, RedisServer::start().await);
    let one = Instance::start(&test, Some(&server), BY_HINT).await;
    let two = Instance::start(&test, Some(&server), BY_HINT).await;
    two.remembers("first").await;
    let options = CacheOptions { max_bytes: 96 << 10, absolute: Some(LONG), ..CacheOptions::default() };
    let small = Cache::<Name>::new(one.feed.clone(), options);
    let text = "x".repeat(1 << 10);
    for number in 0..300 {
        let name: &'static str = Box::leak(number.to_string().into_boxed_str());
        let load = async || Ok::<_, sql::Error>(Loaded::new(Some(text.clone()), vec![tag()]));
        small.get_or_load(&Name(name), load).await.unwrap();
    }
    assert!(small.stats().entries < 200, "most are forgotten");
    drop(small);
    // A change is published; it is all that ever is.
    let last = one.write("second").await;
    assert!(two.feed.wait_applied(last, LONG).await);
    assert_eq!((last, one.redis.as_ref().unwrap().status().published), (1, 1));
    assert_eq!(
        two.redis.as_ref().unwrap().status().published,
        0,
        "who hears of a change does not tell it on"
    );
    one.stop().await;
    two.stop().await;
    test.close().await;
}
