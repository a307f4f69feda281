//! Notifications brought to connected clients: one database, hubs in several "processes", with and without Redis.

use std::sync::Arc;
use std::time::Duration;

use backplane::push::{Courier, CourierOptions, MIGRATIONS, New, Payload, Push};
use backplane::testing::RedisServer;
use backplane::{Redis, RedisOptions};
use futures_util::FutureExt;
use serde::Serialize;
use serde_json::Value;
use signalr::protocol::{Message, Protocol};
use signalr::testing::{Client, ClientOptions, TestServer};
use signalr::{Caller, ConnectRequest, Hub, HubError, TransportKind, User};
use sql::Database;
use sql::testing::TestDatabase;

const LONG: Duration = Duration::from_secs(60);
/// So long that only a hint can have brought something.
const NEVER: Duration = Duration::from_secs(3_600);
const SOON: Duration = Duration::from_millis(20);

#[derive(Serialize)]
struct Numbered {
    n: u64,
    text: String,
}

impl Payload for Numbered {
    const NOTIFY_TYPE: &'static str = "Numbered";
}

/// One process that serves clients.
struct Instance {
    database: Database,
    redis: Option<Redis>,
    push: Push,
    courier: Arc<Courier>,
    hub: Hub,
    http: TestServer,
}

impl Instance {
    async fn start(test: &TestDatabase, redis: Option<&RedisServer>, poll: Duration) -> Self {
        Self::start_on(test.pool(sql::Options::default()).await, redis, poll).await
    }

    async fn start_on(database: Database, redis: Option<&RedisServer>, poll: Duration) -> Self {
        let redis =
            redis.map(|server| Redis::start(RedisOptions::parse(&server.connection_string()).unwrap()));
        if let Some(redis) = &redis {
            redis.connection().wait_for(|connected| *connected).await.unwrap();
        }
        let push = Push::start(database.clone(), redis.clone(), "test", "s");
        let options =
            CourierOptions { poll_with_hints: poll, poll_without_hints: poll, ..CourierOptions::default() };
        let courier = Arc::new(Courier::new(push.clone(), redis.clone(), options));
        let (connecting, leaving, asking) = (courier.clone(), courier.clone(), courier.clone());
        let hub = Hub::builder()
            .authenticator(|request: ConnectRequest| {
                let user = request.token.map_or_else(User::default, |token| User::new(token.expose()));
                async move { Ok(user) }.boxed()
            })
            .on_connected(move |caller: Caller| {
                let courier = connecting.clone();
                async move {
                    let held = caller.query("subscribe").is_some();
                    courier.connect(caller.user_id().unwrap(), caller.connection_id(), held).await;
                    Ok(())
                }
            })
            .on_disconnected(move |caller: Caller, _| {
                leaving.disconnect(caller.user_id().unwrap(), caller.connection_id());
                async {}
            })
            .method("Subscribe", move |caller: Caller, (after,): (i64,)| {
                let courier = asking.clone();
                async move {
                    let user = caller.user_id().unwrap();
                    courier.subscribe(user, caller.connection_id(), after).await.map_err(HubError::from)
                }
            })
            .start();
        courier.serve(hub.local().clone());
        let http = TestServer::start(&hub).await.unwrap();
        Self { database, redis, push, courier, hub, http }
    }

    async fn client(&self, query: &str, transport: TransportKind, protocol: Protocol) -> Client {
        let options = ClientOptions {
            access_token: Some("user:1".to_owned()),
            transport,
            protocol,
            patience: LONG,
            ..ClientOptions::default()
        };
        Client::connect(&format!("{}{query}", self.http.url()), options).await.unwrap()
    }

    /// A client that says what it knows.
    async fn subscriber(&self, after: i64) -> (Client, Vec<u64>) {
        let mut client = self.client("?subscribe=true", TransportKind::WebSockets, Protocol::Json).await;
        let (heard, _) = subscribe(&mut client, after).await;
        (client, heard)
    }

    async fn raise(&self, n: u64) {
        raise(&self.push, &self.database, "", n, "").await;
    }

    /// Drop the clients first: a hub waits for those that do not answer its Close.
    async fn end(self) {
        self.courier.stop().await;
        self.hub.close(true).await;
        self.http.stop().await;
        self.push.stop().await;
        if let Some(redis) = self.redis {
            redis.stop().await;
        }
        self.database.close().await;
    }
}

async fn raise(push: &Push, database: &Database, key: &str, n: u64, text: &str) {
    let content = &Numbered { n, text: text.to_owned() };
    let raised = database.transaction("test.raise", |tx| {
        Box::pin(async move {
            let new = New {
                user_id: "user:1",
                creator: "ann",
                collapse_key: key,
                title: "",
                description: "",
                content,
            };
            push.notify(tx, &new).await
        })
    });
    raised.await.unwrap();
}

/// Calls `Subscribe` until there is no more: what was delivered before it returned, and the last answer.
async fn subscribe(client: &mut Client, mut after: i64) -> (Vec<u64>, Value) {
    let mut heard = Vec::new();
    loop {
        let id = client.start("Subscribe", (after,)).await.unwrap();
        let answer: Value = loop {
            match client.next().await.unwrap() {
                Message::Invocation(call) => heard.push(number(&call.arguments[0].decode().unwrap())),
                Message::Completion(completion) => {
                    assert_eq!(completion.invocation_id, id);
                    let signalr::protocol::Outcome::Value(value) = completion.outcome else {
                        panic!("{completion:?}")
                    };
                    break value.decode().unwrap();
                }
                other => panic!("{other:?}"),
            }
        };
        after = answer["number"].as_i64().unwrap();
        if answer["more"] == false {
            return (heard, answer);
        }
    }
}

fn number(notification: &Value) -> u64 {
    notification["n"].as_u64().unwrap()
}

async fn next(client: &mut Client) -> u64 {
    number(&client.expect_call::<Value>("Send").await.unwrap()[0])
}

async fn next_ones(client: &mut Client, count: usize) -> Vec<u64> {
    let mut heard = Vec::new();
    for _ in 0..count {
        heard.push(next(client).await);
    }
    heard
}

async fn database() -> TestDatabase {
    TestDatabase::create(&[MIGRATIONS]).await
}

#[tokio::test]
async fn what_a_worker_raises_reaches_each_tab_on_each_instance_through_a_hint() {
    let (test, redis) = (database().await, RedisServer::start().await);
    let worker = Instance::start(&test, Some(&redis), NEVER).await;
    let (one, two) = (
        Instance::start(&test, Some(&redis), NEVER).await,
        Instance::start(&test, Some(&redis), NEVER).await,
    );
    let mut tabs = [
        one.client("", TransportKind::WebSockets, Protocol::Json).await,
        one.client("", TransportKind::ServerSentEvents, Protocol::Json).await,
        two.client("", TransportKind::LongPolling, Protocol::Json).await,
        two.client("", TransportKind::WebSockets, Protocol::MessagePack).await,
    ];
    for (instance, tabs) in [&one, &two].into_iter().zip(tabs.chunks_mut(2)) {
        // A connection gets what is raised once it has joined its feed: its first answered call says that it has.
        for tab in tabs {
            subscribe(tab, 0).await;
        }
        assert_eq!(instance.hub.local().count(), 2);
    }

    for n in 1..=20 {
        worker.raise(n).await;
    }

    for tab in &mut tabs {
        assert_eq!(next_ones(tab, 20).await, (1..=20).collect::<Vec<_>>());
    }
    drop(tabs);
    for instance in [one, two, worker] {
        instance.end().await;
    }
    test.close().await;
}

#[tokio::test]
async fn without_redis_another_process_is_found_by_asking_sql() {
    let test = database().await;
    let worker = Instance::start(&test, None, NEVER).await;
    let one = Instance::start(&test, None, SOON).await;
    let (mut client, _) = one.subscriber(0).await;
    for n in 1..=3 {
        worker.raise(n).await;
    }
    assert_eq!(next_ones(&mut client, 3).await, [1, 2, 3]);
    drop(client);
    one.end().await;
    worker.end().await;
    test.close().await;
}

#[tokio::test]
async fn a_client_that_was_away_gets_what_it_missed_once_and_in_order_before_anything_new() {
    let test = database().await;
    let instance = Instance::start(&test, None, SOON).await;
    for n in 1..=5 {
        instance.raise(n).await;
    }
    let (mut client, heard) = instance.subscriber(2).await;
    assert_eq!(heard, [3, 4, 5]);
    instance.raise(6).await;
    assert_eq!(next(&mut client).await, 6);
    client.tear();

    instance.raise(7).await;
    let mut held = instance.client("?subscribe=true", TransportKind::WebSockets, Protocol::Json).await;
    instance.raise(8).await;
    let (heard, answer) = subscribe(&mut held, 6).await;
    assert_eq!(heard, [7, 8], "nothing came before it asked");
    assert_eq!((&answer["number"], &answer["newCount"]), (&8.into(), &8.into()));
    instance.raise(9).await;
    assert_eq!(next(&mut held).await, 9);
    let (again, _) = subscribe(&mut held, 6).await;
    assert!(again.is_empty(), "it has had all of that: {again:?}");
    drop(held);
    instance.end().await;
    test.close().await;
}

#[tokio::test]
async fn a_client_that_never_subscribes_gets_what_is_raised_while_it_is_connected() {
    let test = database().await;
    let instance = Instance::start(&test, None, SOON).await;
    instance.raise(1).await;
    let mut client = instance.client("", TransportKind::WebSockets, Protocol::Json).await;
    // Hooks run before the first call: its answer says that the connection has joined.
    let _ = client.invoke::<Value>("NoSuchMethod", ()).await;
    instance.raise(2).await;
    assert_eq!(next(&mut client).await, 2);
    // It may still ask for what was before.
    let (heard, _) = subscribe(&mut client, 0).await;
    assert_eq!(heard, [1]);
    drop(client);
    instance.end().await;
    test.close().await;
}

#[tokio::test]
async fn a_number_from_before_a_restore_brings_everything() {
    let test = database().await;
    let instance = Instance::start(&test, None, SOON).await;
    instance.raise(1).await;
    let (_, heard) = instance.subscriber(1_000).await;
    assert_eq!(heard, [1]);
    let (_, heard) = instance.subscriber(-5).await;
    assert_eq!(heard, [1]);
    instance.end().await;
    test.close().await;
}

#[tokio::test]
async fn much_that_was_missed_comes_in_parts_that_no_client_chokes_on() {
    const MISSED: u64 = 120;
    let test = database().await;
    let instance = Instance::start(&test, None, SOON).await;
    let text = "x".repeat(8_000);
    for n in 1..=MISSED {
        raise(&instance.push, &instance.database, "", n, &text).await;
    }
    let (mut client, heard) = instance.subscriber(0).await;
    assert_eq!(heard, (1..=MISSED).collect::<Vec<_>>());
    instance.raise(MISSED + 1).await;
    assert_eq!(next(&mut client).await, MISSED + 1);
    drop(client);
    instance.end().await;
    test.close().await;
}

#[tokio::test]
async fn progress_is_seen_at_its_last_state_and_reading_on_every_tab() {
    let test = database().await;
    let instance = Instance::start(&test, None, SOON).await;
    let (mut first, _) = instance.subscriber(0).await;
    let (mut second, _) = instance.subscriber(0).await;
    for n in 1..=10 {
        raise(&instance.push, &instance.database, "import", n, "").await;
    }
    for client in [&mut first, &mut second] {
        let mut last = 0;
        while last < 10 {
            let n = next(client).await;
            assert!(n > last, "{n} after {last}");
            last = n;
        }
    }
    let replay = instance.push.replay("user:1", 0, 10).await.unwrap();
    assert_eq!(replay.notifications.len(), 1);

    instance.push.mark_read("user:1", replay.notifications[0].id).await.unwrap();
    for client in [&mut first, &mut second] {
        assert_eq!(client.expect_call::<Value>("Send").await.unwrap()[0]["isNew"], false);
    }
    drop((first, second));
    instance.end().await;
    test.close().await;
}

#[tokio::test]
async fn lost_hints_and_a_dead_redis_cost_time_and_no_notification() {
    let (test, mut redis) = (database().await, RedisServer::start().await);
    let worker = Instance::start(&test, Some(&redis), NEVER).await;
    let instance = Instance::start(&test, Some(&redis), SOON).await;
    let (mut client, _) = instance.subscriber(0).await;

    worker.raise(1).await;
    assert_eq!(next(&mut client).await, 1);
    redis.kill();
    worker.raise(2).await;
    worker.raise(3).await;
    assert_eq!(next_ones(&mut client, 2).await, [2, 3]);
    redis.restart().await;
    worker.raise(4).await;
    assert_eq!(next(&mut client).await, 4);
    drop(client);
    instance.end().await;
    worker.end().await;
    test.close().await;
}

#[tokio::test]
async fn a_stream_of_hints_does_not_put_off_the_question_that_finds_what_they_miss() {
    let test = database().await;
    let worker = Instance::start(&test, None, NEVER).await;
    let instance = Instance::start(&test, None, Duration::from_millis(200)).await;
    let (mut client, _) = instance.subscriber(0).await;
    // Hints of a user who is not here come faster than SQL is asked.
    let noise = async {
        loop {
            raise_for(&instance.push, &instance.database, "user:2").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    worker.raise(1).await;
    tokio::select! {
        n = next(&mut client) => assert_eq!(n, 1),
        () = noise => {}
    }
    drop(client);
    instance.end().await;
    worker.end().await;
    test.close().await;
}

async fn raise_for(push: &Push, database: &Database, user_id: &str) {
    let content = &Numbered { n: 0, text: String::new() };
    let raised = database.transaction("test.raise", |tx| {
        Box::pin(async move {
            let new = New { user_id, creator: "", collapse_key: "", title: "", description: "", content };
            push.notify(tx, &new).await
        })
    });
    raised.await.unwrap();
}

#[tokio::test]
async fn what_was_raised_while_an_instance_could_not_reach_sql_comes_when_it_can() {
    let test = database().await;
    let proxy = test.proxy().await;
    let worker = Instance::start(&test, None, NEVER).await;
    let database = Database::connect(proxy.connection(), sql::Options::default()).await.unwrap();
    let instance = Instance::start_on(database, None, SOON).await;
    let (mut client, _) = instance.subscriber(0).await;
    let mut late = instance.client("", TransportKind::WebSockets, Protocol::Json).await;

    proxy.refuse();
    proxy.cut();
    for n in 1..=3 {
        worker.raise(n).await;
    }
    assert!(subscribe_once(&mut late).await.is_err(), "SQL Server cannot be asked");
    proxy.accept();

    assert_eq!(next_ones(&mut client, 3).await, [1, 2, 3]);
    assert_eq!(subscribe(&mut late, 0).await.0, [1, 2, 3]);
    drop((client, late));
    instance.end().await;
    worker.end().await;
    test.close().await;
}

async fn subscribe_once(client: &mut Client) -> Result<Value, String> {
    client.invoke("Subscribe", (0,)).await.map_err(|error| error.to_string())
}
