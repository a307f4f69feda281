//! The hub over real connections: who comes in, who is told what, what happens at a stop and behind a load balancer.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use authoring_api::push_notifications::hub::{NotificationHub, PATH};
use backplane::push::New;
use backplane::testing::RedisServer;
use backplane::{Push, Redis, RedisOptions};
use contracts::push::CatalogImport;
use host::Settings;
use host::auth::{AccessTokens, Keyring, Permissions, Principal, Subject};
use reqwest::StatusCode;
use serde_json::{Value, json};
use signalr::TransportKind;
use signalr::protocol::Protocol;
use signalr::testing::{Client, ClientOptions};
use sql::testing::TestDatabase;

use crate::app::{database, settings};
use crate::push_notifications::import;

const LONG: Duration = Duration::from_secs(60);
const SIGNING_KEY: &str = "a-signing-key-for-tests-that-nobody-else-has";

/// One process with the hub.
struct Process {
    settings: Settings,
    database: sql::Database,
    tokens: Data<AccessTokens>,
    push: Push,
    redis: Option<Redis>,
    hub: NotificationHub,
    server: ServerHandle,
    url: String,
}

impl Process {
    async fn start(database: &TestDatabase, redis: Option<&RedisServer>, keys: &[(&str, &str)]) -> Self {
        let keys = [keys, &[("Authorization:SigningKey", SIGNING_KEY)]].concat();
        let settings = settings(&keys);
        let keyring = std::sync::Arc::new(Keyring::new(&settings.authorization, &database.database));
        let tokens = Data::new(AccessTokens::new(keyring, &settings.authorization));
        let redis =
            redis.map(|server| Redis::start(RedisOptions::parse(&server.connection_string()).unwrap()));
        if let Some(redis) = &redis {
            redis.connection().wait_for(|connected| *connected).await.unwrap();
        }
        let server_id = uuid::Uuid::new_v4().to_string();
        let push = Push::start(database.database.clone(), redis.clone(), "test", &server_id);
        let hub = NotificationHub::start(&push, redis.as_ref(), &tokens, &settings).unwrap();
        let routes = hub.routes();
        let http = HttpServer::new(move || App::new().configure(routes.clone()))
            .workers(1)
            .disable_signals()
            .shutdown_timeout(1)
            .bind(("127.0.0.1", 0))
            .unwrap();
        let url = format!("http://{}{PATH}", http.addrs()[0]);
        let running = http.run();
        let server = running.handle();
        actix_web::rt::spawn(running);
        Self { settings, database: database.database.clone(), tokens, push, redis, hub, server, url }
    }

    async fn token(&self, user: i64, issued_secs_ago: u64) -> String {
        let principal = Principal {
            subject: Subject::User { id: user },
            name: format!("user {user}"),
            session: None,
            permissions: Permissions::from_names([]),
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        self.tokens.issue_at(&principal, now - issued_secs_ago).await.unwrap().token
    }

    async fn try_connect(&self, token: Option<String>, transport: TransportKind) -> Result<Client, String> {
        let options =
            ClientOptions { access_token: token, transport, patience: LONG, ..ClientOptions::default() };
        let url = format!("{}?subscribe=true", self.url);
        Client::connect(&url, options).await.map_err(|error| error.to_string())
    }

    /// A client of the user that has subscribed.
    async fn client(&self, user: i64, transport: TransportKind) -> Client {
        let mut client = self.try_connect(Some(self.token(user, 0).await), transport).await.unwrap();
        let caught_up: Value = client.invoke("Subscribe", (0,)).await.unwrap();
        assert_eq!(caught_up["more"], false, "{caught_up}");
        client
    }

    async fn raise(&self, user_id: &str, id: i64) {
        let push = &self.push;
        let raised = self.database.transaction("test.raise", |tx| {
            Box::pin(async move {
                let content = &import(id);
                let new = New {
                    user_id,
                    creator: "tester",
                    collapse_key: &CatalogImport::key(id),
                    title: &content.title(),
                    description: "",
                    content,
                };
                push.notify(tx, &new).await
            })
        });
        raised.await.unwrap();
    }

    async fn end(self) {
        self.hub.close().await;
        self.server.stop(false).await;
        self.push.stop().await;
        if let Some(redis) = self.redis {
            redis.stop().await;
        }
    }
}

async fn sent(client: &mut Client) -> Value {
    client.expect_call::<Value>("Send").await.unwrap().remove(0)
}

#[actix_web::test]
async fn only_a_token_of_ours_that_holds_opens_the_hub_over_any_transport() {
    let database = database().await;
    let process = Process::start(&database, None, &[]).await;
    let old = process.token(1, 24 * 3_600).await;
    for transport in [TransportKind::WebSockets, TransportKind::ServerSentEvents, TransportKind::LongPolling]
    {
        for token in [None, Some("x.y.z".to_owned()), Some(old.clone())] {
            let refused = process.try_connect(token, transport).await.unwrap_err();
            assert!(refused.contains("401"), "{refused}");
        }
        drop(process.client(1, transport).await);
    }
    process.end().await;
    database.close().await;
}

#[actix_web::test]
async fn a_notification_goes_to_its_user_alone_on_every_instance() {
    let (database, redis) = (database().await, RedisServer::start().await);
    let far = [("PushNotifications:PollInterval", "01:00:00")];
    let one = Process::start(&database, Some(&redis), &far).await;
    let two = Process::start(&database, Some(&redis), &far).await;
    let mut tabs =
        [one.client(1, TransportKind::WebSockets).await, two.client(1, TransportKind::LongPolling).await];
    let mut other = two.client(2, TransportKind::ServerSentEvents).await;

    one.raise("user:1", 7).await;
    one.raise("user:2", 8).await;

    for tab in &mut tabs {
        let notification = sent(tab).await;
        assert_eq!(notification["importId"], 7);
        assert_eq!(notification["notifyType"], "CatalogImportPushNotification");
    }
    assert_eq!(sent(&mut other).await["importId"], 8, "and nothing of anybody else's before it");
    drop((tabs, other));
    one.end().await;
    two.end().await;
    database.close().await;
}

#[actix_web::test]
async fn after_redis_was_away_everybody_is_told_and_notifications_come_meanwhile() {
    let (database, mut redis) = (database().await, RedisServer::start().await);
    let soon = [("PushNotifications:PollInterval", "00:00:00.1")];
    let one = Process::start(&database, Some(&redis), &soon).await;
    let two = Process::start(&database, Some(&redis), &soon).await;
    let mut clients =
        [one.client(1, TransportKind::WebSockets).await, two.client(2, TransportKind::WebSockets).await];

    redis.kill();
    one.raise("user:2", 7).await;
    assert_eq!(sent(&mut clients[1]).await["importId"], 7, "found by asking SQL");
    redis.restart().await;

    for client in &mut clients {
        let said = client.expect_call::<Value>("SendSystemEvents").await.unwrap();
        assert_eq!(said[0]["notifyType"], "MessagesMissedPushNotification");
    }
    drop(clients);
    one.end().await;
    two.end().await;
    database.close().await;
}

#[actix_web::test]
async fn a_stop_closes_every_client_and_lets_it_come_back() {
    let database = database().await;
    let process = Process::start(&database, None, &[]).await;
    let mut clients = [
        process.client(1, TransportKind::WebSockets).await,
        process.client(1, TransportKind::ServerSentEvents).await,
    ];
    let close = process.hub.close();
    let seen = async {
        for client in &mut clients {
            let said = client.closed().await.unwrap();
            assert_eq!(said, Some((None, true)), "closed, and allowed to reconnect");
        }
    };
    tokio::join!(close, seen);
    let late = process.try_connect(Some(process.token(1, 0).await), TransportKind::WebSockets).await;
    assert!(late.unwrap_err().contains("503"), "nobody new while it closes");
    process.end().await;
    database.close().await;
}

#[actix_web::test]
async fn a_poll_that_a_balancer_sends_to_another_instance_gets_404_and_a_new_negotiate_works_there() {
    let database = database().await;
    let (one, two) = (Process::start(&database, None, &[]).await, Process::start(&database, None, &[]).await);
    one.raise("user:1", 7).await;
    let client = one.client(1, TransportKind::LongPolling).await;
    let token = one.token(1, 0).await;
    let http = reqwest::Client::new();
    let there = format!("{}?id={}", two.url, client.negotiated().token);

    let poll = http.get(&there).bearer_auth(&token).send().await.unwrap();
    let post = http.post(&there).bearer_auth(&token).body("{\"type\":6}\u{1e}").send().await.unwrap();
    assert_eq!((poll.status(), post.status()), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));

    // What clients with automatic reconnect do next; they miss nothing.
    let mut again = two.try_connect(Some(token), TransportKind::LongPolling).await.unwrap();
    again.start("Subscribe", (0,)).await.unwrap();
    assert_eq!(sent(&mut again).await["importId"], 7);
    drop((client, again));
    one.end().await;
    two.end().await;
    database.close().await;
}

#[actix_web::test]
async fn where_web_sockets_are_forced_nothing_else_is_offered() {
    let database = database().await;
    let process = Process::start(&database, None, &[("PushNotifications:ForceWebSockets", "true")]).await;
    let client = process.client(1, TransportKind::WebSockets).await;
    let offered = &client.negotiated().body["availableTransports"];
    assert_eq!(offered, &json!([{ "transport": "WebSockets", "transferFormats": ["Text", "Binary"] }]));
    assert!(process.settings.push.force_web_sockets);
    drop(client);
    process.end().await;
    database.close().await;
}

#[actix_web::test]
async fn another_users_connection_is_of_no_use_and_another_sites_page_is_refused() {
    let database = database().await;
    let process = Process::start(&database, None, &[]).await;
    let client = process.client(1, TransportKind::LongPolling).await;
    let http = reqwest::Client::new();
    let theirs = format!("{}?id={}", process.url, client.negotiated().token);
    let stolen = http.post(&theirs).bearer_auth(process.token(2, 0).await).body("{}\u{1e}").send().await;
    assert_eq!(stolen.unwrap().status(), StatusCode::NOT_FOUND);

    let page = ClientOptions {
        access_token: Some(process.token(1, 0).await),
        headers: vec![("Origin".to_owned(), "https://evil.example".to_owned())],
        protocol: Protocol::Json,
        ..ClientOptions::default()
    };
    let refused = Client::connect(&process.url, page).await.unwrap_err().to_string();
    assert!(refused.contains("403"), "{refused}");
    drop(client);
    process.end().await;
    database.close().await;
}
