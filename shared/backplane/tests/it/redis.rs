//! The connection against a real redis-server that is killed, paused and restarted.

use std::time::Duration;

use backplane::redis::{Event, Subscription};
use backplane::testing::{RedisServer, RedisServerOptions};
use backplane::{Redis, RedisOptions, Wake};
use bytes::Bytes;
use test_ca::{Certificates, Kind};

/// Far longer than anything here takes; a test that needs it has failed.
const LONG: Duration = Duration::from_secs(30);

fn options(server: &RedisServer) -> RedisOptions {
    RedisOptions::parse(&server.connection_string()).unwrap()
}

async fn next(subscription: &mut Subscription) -> Event {
    tokio::time::timeout(LONG, subscription.next()).await.expect("an event").expect("not stopped")
}

async fn until(mut reached: impl FnMut() -> bool) {
    let wait = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, wait).await.expect("a condition that is reached");
}

fn message(text: &str) -> Event {
    Event::Message(Bytes::copy_from_slice(text.as_bytes()))
}

#[tokio::test]
async fn messages_travel_between_two_connections() {
    let server = RedisServer::start().await;
    let with_prefix = format!("{},channelPrefix=shop.,name=one", server.connection_string());
    let one = Redis::start(RedisOptions::parse(&with_prefix).unwrap());
    let two = Redis::start(options(&server));
    let mut heard = two.subscribe("shop.news");
    let mut other = two.subscribe("shop.other");
    assert_eq!(next(&mut heard).await, Event::Connected);
    assert_eq!(next(&mut other).await, Event::Connected);
    until(|| one.is_connected()).await;
    for number in 0..300 {
        one.publish("news", Bytes::from(number.to_string()));
    }
    for number in 0..300 {
        assert_eq!(next(&mut heard).await, message(&number.to_string()));
    }
    until(|| one.status().published == 300).await;
    drop(heard);
    one.publish("other", Bytes::from_static(b"x"));
    assert_eq!(next(&mut other).await, message("x"));
    one.stop().await;
    two.stop().await;
    assert_eq!(next(&mut other).await, Event::Disconnected);
    assert_eq!(other.next().await, None);
}

#[tokio::test]
async fn a_start_does_not_wait_and_what_cannot_be_sent_is_counted() {
    let server = RedisServer::start().await;
    let connection_string = server.connection_string();
    drop(server);
    let redis = Redis::start(RedisOptions::parse(&connection_string).unwrap());
    redis.publish("news", Bytes::from_static(b"lost"));
    until(|| redis.status().last_error.is_some()).await;
    let status = redis.status();
    assert!(!status.connected);
    assert_eq!((status.dropped_out, status.published), (1, 0));
    assert!(status.last_error.unwrap().starts_with("cannot reach 127.0.0.1:"));
    redis.stop().await;
}

#[tokio::test]
async fn a_killed_server_is_found_again_and_the_subscriptions_with_it() {
    let mut server = RedisServer::start().await;
    let redis = Redis::start(options(&server));
    let mut heard = redis.subscribe("news");
    assert_eq!(next(&mut heard).await, Event::Connected);
    server.kill();
    assert_eq!(next(&mut heard).await, Event::Disconnected);
    assert!(!redis.is_connected());
    server.restart().await;
    assert_eq!(next(&mut heard).await, Event::Connected);
    redis.publish("news", Bytes::from_static(b"again"));
    assert_eq!(next(&mut heard).await, message("again"));
    assert_eq!(redis.status().connects, 2);
    redis.stop().await;
}

#[tokio::test]
async fn a_half_open_connection_is_noticed() {
    let server = RedisServer::start().await;
    let text = format!("{},keepAlive=1,asyncTimeout=200,connectTimeout=200", server.connection_string());
    let redis = Redis::start(RedisOptions::parse(&text).unwrap());
    let mut heard = redis.subscribe("news");
    assert_eq!(next(&mut heard).await, Event::Connected);
    server.pause();
    assert_eq!(next(&mut heard).await, Event::Disconnected);
    until(|| redis.status().last_error.is_some_and(|error| error.contains("connectTimeout"))).await;
    server.resume();
    assert_eq!(next(&mut heard).await, Event::Connected);
    redis.stop().await;
}

#[tokio::test]
async fn a_wrong_password_is_reported_and_the_right_one_works() {
    let password = Some("a=b==".to_owned());
    let server =
        RedisServer::start_with(RedisServerOptions { password, ..RedisServerOptions::default() }).await;
    let address = server.address();
    for wrong in [format!("{address},password=hunter2="), address.to_string()] {
        let redis = Redis::start(RedisOptions::parse(&wrong).unwrap());
        until(|| redis.status().last_error.is_some()).await;
        let error = redis.status().last_error.unwrap();
        assert!(error.contains("refused user and password"), "{error}");
        assert!(!error.contains("hunter2"));
        redis.stop().await;
    }
    let redis = Redis::start(options(&server));
    until(|| redis.is_connected()).await;
    redis.stop().await;
}

/// A server with this certificate, and options that trust the authority of the tests.
async fn encrypted(kind: Kind) -> (RedisServer, RedisOptions) {
    let password = Some("secret".to_owned());
    let server = RedisServer::start_with(RedisServerOptions {
        password,
        tls: Some(kind),
        ..RedisServerOptions::default()
    })
    .await;
    let trusting = options(&server).with_tls_authorities(Certificates::ready().unwrap().authority());
    (server, trusting)
}

/// Why a connection is not made.
async fn refusal(options: RedisOptions) -> String {
    let redis = Redis::start(options);
    until(|| redis.status().last_error.is_some()).await;
    let error = redis.status().last_error.unwrap();
    redis.stop().await;
    error
}

#[tokio::test]
async fn messages_travel_over_tls() {
    let (server, trusting) = encrypted(Kind::Good).await;
    let redis = Redis::start(trusting.clone());
    let mut heard = redis.subscribe("news");
    assert_eq!(next(&mut heard).await, Event::Connected);
    redis.publish("news", Bytes::from_static(b"over TLS"));
    assert_eq!(next(&mut heard).await, message("over TLS"));
    redis.stop().await;

    // By its address the server has another name than its certificate, unless the string says which to expect.
    let by_address = |more: &str| {
        let text = format!("{},password=secret,ssl=True{more}", server.address());
        RedisOptions::parse(&text).unwrap().with_tls_authorities(trusting.tls_authorities.clone().unwrap())
    };
    let redis = Redis::start(by_address(",sslHost=localhost"));
    until(|| redis.is_connected()).await;
    redis.stop().await;
    assert!(refusal(by_address("")).await.contains("is for another name"));
}

#[tokio::test]
async fn a_certificate_that_is_not_accepted_is_refused_with_the_reason_and_the_remedy() {
    let authority = Certificates::ready().unwrap().authority();
    for (kind, reason) in [
        (Kind::OtherName, "is for another name (certificate not valid for name \"localhost\""),
        (Kind::Expired, "has expired 3 days ago: give the server a new one"),
        (Kind::Stranger, "signed by an authority that is not trusted here: name the authority's PEM file"),
    ] {
        let (_server, trusting) = encrypted(kind).await;
        let error = refusal(trusting).await;
        assert!(error.starts_with("localhost:") && error.contains(reason), "{kind:?}: {error}");
    }
    let (server, _) = encrypted(Kind::Good).await;
    let unknown = refusal(options(&server)).await;
    assert!(unknown.contains("an authority that is not trusted here"), "{unknown}");
    let missing = refusal(options(&server).with_tls_authorities("no-such-file.pem")).await;
    assert!(missing.contains("certificate authorities: no-such-file.pem"), "{missing}");
    let key = refusal(options(&server).with_tls_authorities(authority.with_file_name("good.key"))).await;
    assert!(key.contains("is not trusted here"), "{key}");
}

#[tokio::test]
async fn of_several_endpoints_the_first_that_answers_is_used() {
    let gone = RedisServer::start().await;
    let server = RedisServer::start().await;
    let text = format!("{},{}", gone.address(), server.address());
    drop(gone);
    let redis = Redis::start(RedisOptions::parse(&text).unwrap());
    until(|| redis.is_connected()).await;
    redis.stop().await;
}

#[tokio::test]
async fn announced_work_is_heard_in_other_processes() {
    let server = RedisServer::start().await;
    let (one, two) = (Redis::start(options(&server)), Redis::start(options(&server)));
    let (here, there) = (Wake::start(Some(one.clone()), "Shop"), Wake::start(Some(two.clone()), "Shop"));
    let mut heard = there.listen();
    // The first wake-up is the subscription's own: whatever was announced before it may be lost.
    heard.changed().await.unwrap();
    until(|| one.is_connected()).await;
    heard.mark_unchanged();
    here.announce("default");
    tokio::time::timeout(LONG, heard.changed()).await.expect("a wake-up").unwrap();
    here.stop().await;
    there.stop().await;
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn without_redis_announced_work_is_heard_in_this_process() {
    let wake = Wake::start(None, "Shop");
    let mut heard = wake.listen();
    wake.announce("default");
    assert!(heard.has_changed().unwrap());
    heard.mark_unchanged();
    assert!(!heard.has_changed().unwrap());
    wake.stop().await;
}
