//! Durable notifications on a real SQL server: numbers, replay, collapsing, reading, retention, hints.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use backplane::push::{
    CONTENT_BYTES_MAX, Error, Heard, MIGRATIONS, New, Notification, Payload, Push, REPLAY_MAX, Search,
    Update, prune, prune_surplus,
};
use backplane::testing::RedisServer;
use backplane::{Redis, RedisOptions};
use serde::Serialize;
use sql::testing::TestDatabase;
use sql::{Database, RowExt};
use time::OffsetDateTime;
use tokio::sync::Notify;
use uuid::Uuid;

const LONG: Duration = Duration::from_secs(60);
const USER: &str = "user:1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    processed_count: u64,
}

impl Payload for Progress {
    const NOTIFY_TYPE: &'static str = "ProgressPushNotification";
}

struct World {
    test: TestDatabase,
    push: Push,
}

impl World {
    async fn new() -> Self {
        let test = TestDatabase::create(&[MIGRATIONS]).await;
        let push = Push::start(test.database.clone(), None, "test", "server-1");
        Self { test, push }
    }

    async fn raise(&self, user_id: &str, key: &str, count: u64) -> i64 {
        raise(&self.push, &self.test.database, user_id, key, count).await
    }

    /// Everything of a user above a number.
    async fn above(&self, user_id: &str, after: i64) -> Vec<Notification> {
        self.push.replay(user_id, after, REPLAY_MAX).await.unwrap().notifications
    }

    async fn end(self) {
        self.push.stop().await;
        self.test.close().await;
    }
}

async fn raise(push: &Push, database: &Database, user_id: &str, key: &str, count: u64) -> i64 {
    let content = &Progress { processed_count: count };
    let raised = database.transaction("test.raise", |tx| {
        Box::pin(async move {
            let new = New {
                user_id,
                creator: "jo",
                collapse_key: key,
                title: "Progress",
                description: "as it goes",
                content,
            };
            push.notify(tx, &new).await
        })
    });
    raised.await.unwrap()
}

fn counts(notifications: &[Notification]) -> Vec<u64> {
    notifications.iter().map(|one| one.content["processedCount"].as_u64().unwrap()).collect()
}

fn numbers(notifications: &[Notification]) -> Vec<i64> {
    notifications.iter().map(|one| one.number).collect()
}

#[tokio::test]
async fn a_notification_is_found_by_its_user_above_the_number_before_it_and_by_nobody_else() {
    let world = World::new().await;

    assert_eq!(world.push.replay(USER, 0, 10).await.unwrap().head, 0, "a user without a feed");
    assert_eq!(world.raise(USER, "", 1).await, 1);
    assert_eq!(world.raise("user:2", "", 2).await, 1);
    assert_eq!(world.raise(USER, "", 3).await, 2);

    let all = world.push.replay(USER, 0, 10).await.unwrap();
    assert_eq!((all.head, all.new_count, counts(&all.notifications)), (2, 2, vec![1, 3]));
    let first = &all.notifications[0];
    assert_eq!(
        (first.notify_type.as_str(), first.server_id.as_str()),
        ("ProgressPushNotification", "server-1")
    );
    assert_eq!((first.creator.as_str(), first.is_new, first.repeat_count), ("jo", true, 0));
    assert_eq!(counts(&world.above(USER, 1).await), [3]);
    assert_eq!(world.above(USER, 2).await, []);
    assert_eq!(counts(&world.above("user:2", 0).await), [2]);
    world.end().await;
}

#[tokio::test]
async fn a_notification_and_what_it_tells_of_commit_together_or_not_at_all() {
    let world = World::new().await;
    let push = &world.push;
    let failed = world.test.database.transaction("test.fail", |tx| {
        Box::pin(async move {
            let content = &Progress { processed_count: 1 };
            let new =
                New { user_id: USER, creator: "", collapse_key: "", title: "", description: "", content };
            push.notify(tx, &new).await?;
            tx.execute("SELECT 1 / 0", &[]).await.map_err(Error::from)
        })
    });

    assert!(failed.await.is_err());
    assert_eq!(world.above(USER, 0).await, []);
    assert_eq!(world.raise(USER, "", 2).await, 1, "the number was given back");
    world.end().await;
}

#[tokio::test]
async fn what_is_raised_under_the_same_key_takes_the_place_of_the_row_under_a_new_number() {
    let world = World::new().await;
    world.raise(USER, "import:1", 1).await;
    world.raise(USER, "", 100).await;
    let before = world.above(USER, 0).await;
    assert!(world.push.mark_read(USER, before[0].id).await.unwrap());

    let number = world.raise(USER, "import:1", 2).await;

    let after = world.above(USER, 0).await;
    assert_eq!(counts(&after), [100, 2]);
    assert_eq!(after[1].number, number);
    assert_eq!((after[1].id, after[1].created), (before[0].id, before[0].created), "the same notification");
    assert!(after[1].is_new, "it is news again");
    world.end().await;
}

#[tokio::test]
async fn a_job_tells_everybody_who_has_its_key_without_knowing_them() {
    let world = World::new().await;
    world.raise("user:2", "import:1", 0).await;
    world.raise(USER, "import:1", 0).await;
    world.raise("user:3", "import:2", 0).await;
    let push = &world.push;
    let tell = async |key: &'static str| {
        let told = world.test.database.transaction("test.update", |tx| {
            Box::pin(async move {
                let content = &Progress { processed_count: 9 };
                let update = Update { collapse_key: key, title: "Done", description: "", content };
                push.update(tx, &update).await
            })
        });
        told.await
    };

    assert_eq!(tell("import:1").await.unwrap(), 2);
    assert_eq!(tell("import:7").await.unwrap(), 0);
    assert!(matches!(tell("").await, Err(Error::Name { what: "the collapse key", .. })));

    for (user_id, expected) in [(USER, 9), ("user:2", 9), ("user:3", 0)] {
        assert_eq!(counts(&world.above(user_id, 0).await), [expected], "{user_id}");
    }
    world.end().await;
}

#[tokio::test]
async fn the_same_news_twice_in_a_row_is_one_notification_that_counts() {
    let world = World::new().await;
    for count in [1, 1, 1, 2, 1] {
        world.raise(USER, "", count).await;
    }
    let all = world.above(USER, 0).await;
    assert_eq!(counts(&all), [1, 2, 1]);
    assert_eq!(all.iter().map(|one| one.repeat_count).collect::<Vec<_>>(), [2, 0, 0]);
    assert_eq!(numbers(&all), [3, 4, 5]);
    world.end().await;
}

#[tokio::test]
async fn reading_one_or_all_is_a_change_that_every_tab_finds() {
    let world = World::new().await;
    for count in 1..=3 {
        world.raise(USER, "", count).await;
    }
    world.raise("user:2", "", 1).await;
    let all = world.above(USER, 0).await;

    assert!(world.push.mark_read(USER, all[1].id).await.unwrap());
    assert!(!world.push.mark_read("user:2", all[1].id).await.unwrap(), "somebody else's");
    assert!(!world.push.mark_read(USER, Uuid::new_v4()).await.unwrap());
    let tab = world.push.replay(USER, 3, 10).await.unwrap();
    assert_eq!((counts(&tab.notifications), tab.new_count), (vec![2], 2));
    assert!(!tab.notifications[0].is_new);

    let cursor = tab.head;
    world.push.mark_all_read(USER).await.unwrap();
    let tab = world.push.replay(USER, cursor, 10).await.unwrap();
    assert_eq!((counts(&tab.notifications), tab.new_count), (vec![1, 3], 0), "in the order they had");
    assert_eq!(tab.notifications.last().unwrap().number, tab.head);

    world.push.mark_all_read(USER).await.unwrap();
    world.push.mark_all_read("user:never").await.unwrap();
    assert_eq!(world.push.replay(USER, tab.head, 10).await.unwrap().notifications, [], "nothing changed");
    assert_eq!(world.push.replay("user:2", 0, 10).await.unwrap().new_count, 1);
    world.end().await;
}

#[tokio::test]
async fn a_search_finds_pages_unread_ones_and_single_ones() {
    let world = World::new().await;
    for count in 1..=5 {
        world.raise(USER, "", count).await;
    }
    let all = world.above(USER, 0).await;
    world.push.mark_read(USER, all[4].id).await.unwrap();
    let search = async |search: Search| world.push.search(USER, &search).await.unwrap();

    let page = search(Search { take: 2, ..Search::default() }).await;
    assert_eq!((page.total_count, page.new_count, counts(&page.notifications)), (5, 4, vec![5, 4]));
    let page = search(Search { skip: 4, take: 2, ..Search::default() }).await;
    assert_eq!((page.total_count, counts(&page.notifications)), (5, vec![1]));
    let page = search(Search { oldest_first: true, only_new: true, take: 20, ..Search::default() }).await;
    assert_eq!((page.total_count, counts(&page.notifications)), (4, vec![1, 2, 3, 4]));
    let page = search(Search { ids: vec![all[2].id, Uuid::nil()], take: 20, ..Search::default() }).await;
    assert_eq!((page.total_count, counts(&page.notifications)), (1, vec![3]));
    let page = search(Search { take: 0, ..Search::default() }).await;
    assert_eq!((page.total_count, page.notifications), (5, vec![]));
    let between =
        Search { from: Some(all[1].created), to: Some(all[3].created), take: 20, ..Search::default() };
    assert_eq!(counts(&search(between).await.notifications), [3, 2]);
    let past = Search { to: Some(OffsetDateTime::UNIX_EPOCH), take: 20, ..Search::default() };
    assert_eq!(search(past).await.total_count, 0);
    world.end().await;
}

#[tokio::test]
async fn old_notifications_and_those_above_the_limit_go_and_the_feed_says_up_to_where() {
    let world = World::new().await;
    for count in 1..=4 {
        world.raise(USER, "", count).await;
        world.raise("user:2", "", count).await;
    }
    let make_old = "UPDATE n SET n.ChangedAt = DATEADD(day, -40, n.ChangedAt) FROM Platform.PushNotification AS n \
                    WHERE n.UserId = N'user:1' AND n.Number = 1";
    world.test.database.execute(make_old, &[]).await.unwrap();

    assert_eq!(prune(&world.test.database, Duration::from_secs(30 * 86_400)).await.unwrap(), 1);
    assert_eq!(prune_surplus(&world.test.database, 2).await.unwrap(), 3);
    assert_eq!(prune_surplus(&world.test.database, 2).await.unwrap(), 0);

    for user_id in [USER, "user:2"] {
        let left = world.push.replay(user_id, 0, 10).await.unwrap();
        assert_eq!((left.pruned_to, left.head, counts(&left.notifications)), (2, 4, vec![3, 4]), "{user_id}");
    }
    world.end().await;
}

#[tokio::test]
async fn names_and_contents_that_do_not_fit_are_refused_and_long_texts_are_cut() {
    #[derive(Serialize)]
    struct Text(String);
    impl Payload for Text {
        const NOTIFY_TYPE: &'static str = "Text";
    }
    #[derive(Serialize)]
    struct Large {
        text: String,
    }
    impl Payload for Large {
        const NOTIFY_TYPE: &'static str = "Large";
    }
    async fn try_it<P: Payload>(
        world: &World,
        user_id: &str,
        title: &str,
        content: &P,
    ) -> Result<i64, Error> {
        let push = &world.push;
        let raised = world.test.database.transaction("test.raise", |tx| {
            Box::pin(async move {
                let new =
                    New { user_id, creator: title, collapse_key: "", title, description: title, content };
                push.notify(tx, &new).await
            })
        });
        raised.await
    }
    let world = World::new().await;
    let small = &Progress { processed_count: 1 };

    for user_id in ["", &"x".repeat(101)] {
        let refused = try_it(&world, user_id, "", small).await;
        assert!(matches!(refused, Err(Error::Name { what: "the user id", limit: 100, .. })), "{refused:?}");
    }
    let refused = try_it(&world, USER, "", &Text("no object".to_owned())).await;
    assert!(matches!(refused, Err(Error::Content { .. })), "{refused:?}");
    let refused = try_it(&world, USER, "", &Large { text: "x".repeat(CONTENT_BYTES_MAX) }).await;
    assert!(matches!(refused, Err(Error::ContentTooLarge { .. })), "{refused:?}");
    let title = "ä\"\\n😀'".repeat(1_000);
    try_it(&world, USER, &title, &Large { text: title.chars().take(900).collect() }).await.unwrap();

    let kept = &world.above(USER, 0).await[0];
    assert!(title.starts_with(&kept.title) && kept.title.encode_utf16().count() >= 498);
    assert!(title.starts_with(&kept.description) && kept.description.encode_utf16().count() >= 1_998);
    assert!(title.starts_with(kept.content["text"].as_str().unwrap()), "quotes and backslashes come back");
    world.end().await;
}

/// How a writer comes to its number.
#[derive(Clone, Copy, PartialEq)]
enum Numbering {
    /// As `Push::notify` does.
    InTheTransaction,
    /// As an identity column would: before the transaction is known to commit.
    Early,
}

/// What a reader that goes on from its last number finds of two writers, the first of which stops before it commits.
async fn read_beside_a_slow_writer(numbering: Numbering) -> Vec<i64> {
    let world = World::new().await;
    world.raise("user:0", "", 0).await;
    let next = &AtomicI64::new(0);
    let (push, database) = (&world.push, &world.test.database);
    let (taken, go_on) = (&Notify::new(), &Notify::new());
    let write = async |is_slow: bool| {
        let early = next.fetch_add(1, Ordering::Relaxed) + 1;
        if numbering == Numbering::Early {
            if is_slow {
                taken.notify_one();
                go_on.notified().await;
            }
            let insert = "INSERT INTO Platform.PushNotification (UserId, Id, Number, CollapseKey, NotifyType, \
                          ServerId, Creator, Title, Description, Content, RepeatCount, IsNew, CreatedAt, ChangedAt) \
                          VALUES (N'user:1', @P1, @P2, N'', N'', N'', N'', N'', N'', N'{}', 0, 1, \
                          SYSUTCDATETIME(), SYSUTCDATETIME())";
            database.execute(insert, &[&Uuid::new_v4(), &early]).await.unwrap();
            return;
        }
        let written = database.transaction("test.write", |tx| {
            Box::pin(async move {
                let content = &Progress { processed_count: early as u64 };
                let new =
                    New { user_id: USER, creator: "", collapse_key: "", title: "", description: "", content };
                push.notify(tx, &new).await?;
                if is_slow {
                    taken.notify_one();
                    go_on.notified().await;
                }
                Ok::<_, Error>(())
            })
        });
        written.await.unwrap();
    };
    let read = async {
        taken.notified().await;
        let mut second = Box::pin(write(false));
        let is_done = match numbering {
            Numbering::Early => {
                second.as_mut().await;
                true
            }
            // It waits for the first one; the time only gives a wrong one the chance to get on.
            Numbering::InTheTransaction => {
                tokio::time::timeout(Duration::from_millis(300), second.as_mut()).await.is_ok()
            }
        };
        let mut seen = numbers(&push.replay(USER, 0, 10).await.unwrap().notifications);
        go_on.notify_one();
        if !is_done {
            second.await;
        }
        while count(database).await < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let cursor = seen.last().copied().unwrap_or(0);
        seen.extend(numbers(&push.replay(USER, cursor, 10).await.unwrap().notifications));
        seen
    };
    let (_, seen) =
        tokio::time::timeout(LONG, async { tokio::join!(write(true), read) }).await.expect("an end");
    world.end().await;
    seen
}

async fn count(database: &Database) -> i32 {
    let text = "SELECT COUNT(*) AS N FROM Platform.PushNotification AS n WHERE n.UserId = N'user:1'";
    database.query(text, &[]).await.unwrap()[0].read("N").unwrap()
}

#[tokio::test]
async fn a_smaller_number_is_never_committed_later_so_a_reader_that_goes_on_misses_no_row() {
    assert_eq!(Box::pin(read_beside_a_slow_writer(Numbering::InTheTransaction)).await, [1, 2]);
    assert_eq!(
        Box::pin(read_beside_a_slow_writer(Numbering::Early)).await,
        [2],
        "numbers given early lose the row of the slow writer, and this test would notice"
    );
}

#[tokio::test]
async fn many_writers_at_once_and_a_reader_that_goes_on_finds_the_last_state_of_each_row_in_order() {
    const WRITERS: u64 = 6;
    const ROUNDS: u64 = 15;
    let world = World::new().await;
    let (push, database) = (&world.push, &world.test.database);
    let writer = async |writer: u64| {
        let key = format!("key:{writer}");
        for round in 1..=ROUNDS {
            raise(push, database, USER, &key, writer * 1_000 + round).await;
        }
    };
    let writers = async {
        let all = (0..WRITERS).map(|one| Box::pin(writer(one)));
        futures_util::future::join_all(all).await;
        raise(push, database, USER, "", 999_999).await;
    };
    let reader = async {
        let (mut cursor, mut last, mut read) = (0, BTreeMap::new(), 0);
        loop {
            for one in world.push.replay(USER, cursor, 3).await.unwrap().notifications {
                assert!(one.number > cursor, "in order, once");
                cursor = one.number;
                read += 1;
                let count = one.content["processedCount"].as_u64().unwrap();
                if count == 999_999 {
                    return (last, read);
                }
                let before = last.insert(count / 1_000, count % 1_000);
                assert!(before.is_none_or(|before| before < count % 1_000), "no row goes back");
            }
        }
    };

    let both = async { tokio::join!(writers, reader) };
    let ((), (last, read)) = tokio::time::timeout(LONG, Box::pin(both)).await.expect("an end");

    assert_eq!(last.len() as u64, WRITERS);
    assert!(last.values().all(|round| *round == ROUNDS), "{last:?}");
    assert!(read > WRITERS);
    world.end().await;
}

#[tokio::test]
async fn first_notifications_of_one_user_at_the_same_time_get_different_numbers() {
    let world = World::new().await;
    let (push, database) = (&world.push, &world.test.database);
    let all = (0..8).map(|count| raise(push, database, USER, "", count));
    let mut numbers = futures_util::future::join_all(all).await;
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
    world.end().await;
}

#[tokio::test]
async fn what_is_raised_is_heard_here_at_once_and_elsewhere_through_redis() {
    let server = RedisServer::start().await;
    let test = TestDatabase::create(&[MIGRATIONS]).await;
    let start = || {
        let redis = Redis::start(RedisOptions::parse(&server.connection_string()).unwrap());
        (Push::start(test.database.clone(), Some(redis.clone()), "test", "s"), redis)
    };
    let (here, redis_here) = start();
    let (there, redis_there) = start();
    let (mut heard_here, mut heard_there) = (here.raised(), there.raised());
    let connected = async {
        // Each is told to look at everything once it hears.
        assert_eq!(heard_here.next().await, Some(Heard::Everybody));
        assert_eq!(heard_there.next().await, Some(Heard::Everybody));
    };
    tokio::time::timeout(LONG, connected).await.expect("both hear");

    raise(&here, &test.database, USER, "", 1).await;
    redis_there.publish("test:push", bytes::Bytes::from_static(b"noise"));

    let user = Heard::User(Arc::from(USER), 1);
    assert_eq!(heard_here.next().await, Some(user.clone()));
    let there_too = tokio::time::timeout(LONG, heard_there.next()).await.expect("a hint");
    assert_eq!(there_too, Some(user));
    while there.malformed_hints() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for part in [here, there] {
        part.stop().await;
    }
    for redis in [redis_here, redis_there] {
        redis.stop().await;
    }
    test.close().await;
}

#[tokio::test]
async fn heads_of_many_users_are_one_question() {
    let world = World::new().await;
    world.raise(USER, "", 1).await;
    world.raise(USER, "", 2).await;
    world.raise("user:2", "", 1).await;
    let heads = world.push.heads(&[USER, "user:2", "user:never", "o'brien \"x\""]).await.unwrap();
    assert_eq!(heads.len(), 2);
    assert_eq!((heads[USER], heads["user:2"]), (2, 1));
    assert!(world.push.heads(&[]).await.unwrap().is_empty());
    world.end().await;
}
