//! Feeds and caches while Redis is cut, moved, guarded and flooded: a change is seen by hint as long as there is a way,
//! and nothing is flushed because of Redis.

use std::time::Duration;

use backplane::redis::Event;
use backplane::testing::{RedisRole, RedisServer, RedisServerOptions};
use backplane::{Redis, RedisOptions};
use bytes::Bytes;
use sql::testing::TestDatabase;

use crate::world::{BY_HINT, Instance, LONG, database};

/// Two instances that can hear each other through these servers only.
async fn pair(test: &TestDatabase, redis: &str) -> (Instance, Instance) {
    let one = Instance::through(test, redis, BY_HINT).await;
    (one, Instance::through(test, redis, BY_HINT).await)
}

/// A change of one reaches the other, though the bound is far.
async fn hears(one: &Instance, two: &Instance, text: &str) {
    two.read().await;
    let last = one.write(text).await;
    assert!(two.feed.wait_applied(last, LONG).await);
    two.remembers(text).await;
    for instance in [one, two] {
        assert_eq!(instance.feed.status().counts.flushes(), 0);
    }
}

async fn stop(instances: (Instance, Instance), test: TestDatabase) {
    // In boxes: they are large for a future to carry.
    Box::pin(instances.0.stop()).await;
    Box::pin(instances.1.stop()).await;
    Box::pin(test.close()).await;
}

async fn started(role: RedisRole) -> RedisServer {
    RedisServer::start_with(RedisServerOptions { role, ..RedisServerOptions::default() }).await
}

/// Asks until the answer, as text, contains it.
async fn until(server: &RedisServer, command: &[&str], expected: &str) {
    let wait = async {
        while !server.command(command).await.is_ok_and(|answer| format!("{answer:?}").contains(expected)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(LONG, wait).await.is_ok(), "{command:?} never said {expected}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_that_the_server_kills_comes_back_and_reads_what_it_missed() {
    let (test, server) = (database().await, RedisServer::start().await);
    let (one, two) = pair(&test, &server.connection_string()).await;
    hears(&one, &two, "before").await;
    for kind in ["pubsub", "normal"] {
        let connects = two.redis.as_ref().unwrap().status().connects;
        server.command(&["CLIENT", "KILL", "TYPE", kind]).await.unwrap();
        // Perhaps published, perhaps heard: in any case it arrives.
        let last = one.write(kind).await;
        assert!(two.feed.wait_applied(last, LONG).await);
        two.remembers(kind).await;
        two.until(|status| status.connected && two.redis.as_ref().unwrap().status().connects > connects)
            .await;
        one.until(|status| status.connected).await;
    }
    hears(&one, &two, "after").await;
    stop((one, two), test).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_primary_dies_instances_move_to_the_replica_that_takes_over() {
    let test = database().await;
    let mut primary = RedisServer::start().await;
    let replica = started(RedisRole::ReplicaOf(primary.address().port())).await;
    until(&replica, &["INFO", "replication"], "master_link_status:up").await;
    // The replica stands first: it is passed over while it is one.
    let text = format!("{},{},abortConnect=False,keepAlive=1", replica.address(), primary.address());
    let (one, two) = pair(&test, &text).await;
    hears(&one, &two, "on the primary").await;
    primary.kill();
    one.until(|status| !status.connected).await;
    replica.command(&["REPLICAOF", "NO", "ONE"]).await.unwrap();
    for instance in [&one, &two] {
        instance.until(|status| status.connected).await;
    }
    hears(&one, &two, "on the new primary").await;
    stop((one, two), test).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_becomes_a_replica_under_its_connections_is_left() {
    let test = database().await;
    let (old, new) = (RedisServer::start().await, RedisServer::start().await);
    let text = format!("{},{},abortConnect=False,keepAlive=1", old.address(), new.address());
    let (one, two) = pair(&test, &text).await;
    hears(&one, &two, "on the old one").await;
    let port = new.address().port().to_string();
    old.command(&["REPLICAOF", "127.0.0.1", &port]).await.unwrap();
    for instance in [&one, &two] {
        let redis = instance.redis.as_ref().unwrap();
        instance.until(|status| status.connected && redis.status().connects == 2).await;
    }
    hears(&one, &two, "on the new one").await;
    stop((one, two), test).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinel_says_where_the_primary_is_and_instances_follow_its_fail_over() {
    let test = database().await;
    let mut primary = RedisServer::start().await;
    let replica = started(RedisRole::ReplicaOf(primary.address().port())).await;
    until(&replica, &["INFO", "replication"], "master_link_status:up").await;
    let sentinel = started(RedisRole::SentinelOf(primary.address().port())).await;
    until(
        &sentinel,
        &["SENTINEL", "REPLICAS", RedisServer::SERVICE_NAME],
        &replica.address().port().to_string(),
    )
    .await;
    // Nobody listens on the first; the second knows.
    let gone = RedisServer::start().await.address();
    let text = format!(
        "{gone},{},serviceName={},abortConnect=False,keepAlive=1",
        sentinel.address(),
        RedisServer::SERVICE_NAME
    );
    let (one, two) = pair(&test, &text).await;
    hears(&one, &two, "before").await;
    primary.kill();
    one.until(|status| !status.connected).await;
    for instance in [&one, &two] {
        instance.until(|status| status.connected).await;
    }
    until(&replica, &["ROLE"], "master").await;
    hears(&one, &two, "after").await;
    stop((one, two), test).await;
}

#[tokio::test]
async fn a_service_that_sentinel_does_not_know_is_said_by_name() {
    let primary = RedisServer::start().await;
    let sentinel = started(RedisRole::SentinelOf(primary.address().port())).await;
    let text = format!("{},serviceName=shop,password=not-asked-for", sentinel.address());
    let redis = Redis::start(RedisOptions::parse(&text).unwrap());
    let wait = async {
        while redis.status().last_error.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, wait).await.unwrap();
    let error = redis.status().last_error.unwrap();
    assert!(error.ends_with("Sentinel knows no serviceName shop"), "{error}");
    redis.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_cluster_a_change_is_heard_through_whichever_node() {
    let test = database().await;
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(started(RedisRole::ClusterNode).await);
    }
    let slots = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];
    for (node, (first, last)) in nodes.iter().zip(slots) {
        node.command(&["CLUSTER", "ADDSLOTSRANGE", first, last]).await.unwrap();
        nodes[0].meet(node).await;
    }
    for node in &nodes {
        until(node, &["CLUSTER", "INFO"], "cluster_state:ok").await;
        until(node, &["CLUSTER", "INFO"], "cluster_known_nodes:3").await;
    }
    let through = |first: usize| {
        let order = [first, (first + 1) % 3, (first + 2) % 3];
        order.map(|node| nodes[node].address().to_string()).join(",") + ",abortConnect=False,keepAlive=1"
    };
    let one = Instance::through(&test, &through(0), BY_HINT).await;
    let two = Instance::through(&test, &through(1), BY_HINT).await;
    hears(&one, &two, "across nodes").await;
    nodes.remove(1);
    two.until(|status| !status.connected).await;
    two.until(|status| status.connected).await;
    hears(&one, &two, "with one node less").await;
    stop((one, two), test).await;
}

/// What `deploy` tells operators to permit, and nothing else.
const PERMITTED: [&str; 8] = [
    "ACL",
    "SETUSER",
    "stoa",
    "on",
    ">secret",
    "resetchannels",
    "&VirtoCommerceChannel*",
    "+@connection +@pubsub +role +info",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_the_permissions_that_the_guide_names_is_enough() {
    let (test, server) = (database().await, RedisServer::start().await);
    let command: Vec<&str> = PERMITTED.iter().flat_map(|part| part.split(' ')).collect();
    server.command(&command).await.unwrap();
    server.command(&["ACL", "SETUSER", "default", "off"]).await.unwrap();
    // Two endpoints, so that it asks which of them is the primary.
    let address = server.address();
    let text = format!("{address},{address},user=stoa,password=secret,name=shop,abortConnect=False");
    let (one, two) = pair(&test, &text).await;
    hears(&one, &two, "with few permissions").await;
    stop((one, two), test).await;
}

#[tokio::test]
async fn a_user_who_may_not_use_the_channel_is_told_so() {
    let server = RedisServer::start().await;
    let user = ["ACL", "SETUSER", "stoa", "on", ">secret", "resetchannels", "&Other*", "+@all"];
    server.command(&user).await.unwrap();
    let text = format!("{},user=stoa,password=secret", server.address());
    let redis = Redis::start(RedisOptions::parse(&text).unwrap());
    let _heard = redis.subscribe("VirtoCommerceChannel:1");
    let wait = async {
        while !redis
            .status()
            .last_error
            .is_some_and(|error| error.contains("no permissions to access one of the channels"))
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(LONG, wait).await.is_ok(), "{:?}", redis.status());
    assert!(!redis.is_connected());
    redis.stop().await;
}

/// The server's output buffer for a subscriber that does not read is bounded, and the server hangs up on it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_the_server_drops_for_being_slow_comes_back() {
    let settings = ["--client-output-buffer-limit", "pubsub 256kb 0 0"].map(str::to_owned).to_vec();
    let server =
        RedisServer::start_with(RedisServerOptions { settings, ..RedisServerOptions::default() }).await;
    let redis = Redis::start(RedisOptions::parse(&server.connection_string()).unwrap());
    let mut heard = redis.subscribe("news");
    assert_eq!(heard.next().await, Some(Event::Connected));
    // One answer of 8 MB cannot fit into what the server keeps for it, however fast it is read.
    let flood = "return redis.call('PUBLISH', KEYS[1], string.rep('x', 8 * 1024 * 1024))";
    server.command(&["EVAL", flood, "1", "news"]).await.unwrap();
    let event = tokio::time::timeout(LONG, heard.next()).await.unwrap();
    assert_eq!(event, Some(Event::Disconnected));
    assert_eq!(tokio::time::timeout(LONG, heard.next()).await.unwrap(), Some(Event::Connected));
    redis.publish("news", Bytes::from_static(b"again"));
    let event = tokio::time::timeout(LONG, heard.next()).await.unwrap();
    assert_eq!(event, Some(Event::Message(Bytes::from_static(b"again"))));
    assert!(server.log().contains("overcoming of output buffer limits"), "it was for another reason");
    redis.stop().await;
}
