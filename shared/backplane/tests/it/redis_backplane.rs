//! Several servers of one hub on one Redis, with real clients; and peers that speak bytes, as a .NET server would.

use std::sync::Arc;
use std::time::Duration;

use backplane::push::redis_backplane::messages::{GroupAction, GroupCommand, decode_ack};
use backplane::push::{RedisBackplane, RedisBackplaneOptions};
use backplane::redis::{Event, Subscription};
use backplane::testing::RedisServer;
use backplane::{Redis, RedisOptions};
use bytes::Bytes;
use futures_util::FutureExt;
use signalr::protocol::{Message, Outcome, Protocol};
use signalr::testing::{Client, ClientOptions, TestServer};
use signalr::{ConnectRequest, Error, Hub, Recipients, SerializedInvocation, TransportKind, User};

const LONG: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);
const HUB: &str = "Chat.Hub";

/// One server.
struct Server {
    redis: Redis,
    backplane: Arc<RedisBackplane>,
    hub: Hub,
    http: TestServer,
}

impl Server {
    async fn start(redis: &RedisServer, name: &str) -> Self {
        let server = Self::start_unconnected(redis, name).await;
        until(|| server.redis.is_connected()).await;
        server
    }

    async fn start_unconnected(redis: &RedisServer, name: &str) -> Self {
        let redis = Redis::start(RedisOptions::parse(&redis.connection_string()).unwrap());
        let mut options = RedisBackplaneOptions::new("Shop", HUB);
        options.recovered = Some(SerializedInvocation::new("Recovered", ()).unwrap());
        let backplane = Arc::new(RedisBackplane::new(redis.clone(), name, options));
        let hub = Hub::builder()
            .authenticator(|request: ConnectRequest| {
                let user = request.token.map_or_else(User::default, |token| User::new(token.expose()));
                async move { Ok(user) }.boxed()
            })
            .scale_out(backplane.clone())
            .start();
        let http = TestServer::start(&hub).await.unwrap();
        Self { redis, backplane, hub, http }
    }

    async fn client(&self, user: &str, transport: TransportKind, protocol: Protocol) -> Client {
        let options = ClientOptions {
            access_token: Some(user.to_owned()),
            transport,
            protocol,
            patience: LONG,
            ..ClientOptions::default()
        };
        let mut client = Client::connect(&self.http.url(), options).await.unwrap();
        // The handshake is answered before other servers can reach the connection; a call is not.
        assert!(client.invoke::<()>("NoSuchMethod", ()).await.is_err());
        client
    }

    async fn json_client(&self, user: &str) -> Client {
        self.client(user, TransportKind::WebSockets, Protocol::Json).await
    }

    async fn say(&self, recipients: Recipients, text: &str) {
        self.hub.clients().to(recipients).send("Say", (text,)).await.unwrap();
    }

    async fn end(self) {
        self.hub.close(false).await;
        self.http.stop().await;
        self.redis.stop().await;
    }
}

async fn until(reached: impl Fn() -> bool) {
    let wait = async {
        while !reached() {
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(LONG, wait).await.expect("the condition comes true");
}

/// The next thing said to a client.
async fn said(client: &mut Client) -> String {
    client.expect_call::<String>("Say").await.unwrap().remove(0)
}

fn all() -> Recipients {
    Recipients::All { except: Vec::new() }
}

fn group(name: &str) -> Recipients {
    Recipients::Group { name: name.to_owned(), except: Vec::new() }
}

/// A peer that is no server of ours: it publishes and hears bytes.
struct Peer {
    redis: Redis,
}

impl Peer {
    async fn start(server: &RedisServer) -> Self {
        let redis = Redis::start(RedisOptions::parse(&server.connection_string()).unwrap());
        until(|| redis.is_connected()).await;
        Self { redis }
    }

    async fn listen(&self, channel: &str) -> Subscription {
        let mut subscription = self.redis.subscribe(channel);
        assert_eq!(subscription.next().await, Some(Event::Connected));
        subscription
    }

    fn publish(&self, channel: &str, message: impl Into<Bytes>) {
        assert!(self.redis.publish(channel, message.into()));
    }
}

async fn heard(subscription: &mut Subscription) -> Bytes {
    let next = tokio::time::timeout(LONG, subscription.next()).await.expect("a message");
    let Some(Event::Message(message)) = next else { panic!("{next:?}") };
    message
}

#[tokio::test]
async fn calls_reach_the_clients_of_every_server_over_each_transport_and_protocol_exactly_once() {
    let redis = RedisServer::start().await;
    let (one, two) = (Server::start(&redis, "one").await, Server::start(&redis, "two").await);
    let mut clients = vec![
        one.json_client("ann").await,
        one.client("bob", TransportKind::ServerSentEvents, Protocol::Json).await,
        two.client("ann", TransportKind::WebSockets, Protocol::MessagePack).await,
        two.client("bob", TransportKind::LongPolling, Protocol::MessagePack).await,
    ];
    let ids: Vec<String> = clients.iter().map(|client| client.connection_id().to_owned()).collect();

    // Each client is told the end last; what it heard before is all it heard. Messages of one channel keep their order,
    // those of two do not, so the end comes on each.
    one.say(all(), "all").await;
    one.say(Recipients::All { except: vec![ids[0].clone(), ids[3].clone()] }, "all but two").await;
    one.say(all(), "end").await;
    let expected = [&["all"][..], &["all", "all but two"], &["all", "all but two"], &["all"]];
    for (client, expected) in clients.iter_mut().zip(expected) {
        let mut all_said = vec![said(client).await];
        while all_said.last().is_some_and(|text| text != "end") {
            all_said.push(said(client).await);
        }
        all_said.pop();
        assert_eq!(all_said, expected);
    }

    two.say(Recipients::User("ann".to_owned()), "ann").await;
    one.say(Recipients::Connection(ids[3].clone()), "the fourth").await;
    two.say(Recipients::Connection(ids[1].clone()), "the second").await;
    assert_eq!(said(&mut clients[0]).await, "ann");
    assert_eq!(said(&mut clients[1]).await, "the second");
    assert_eq!(said(&mut clients[2]).await, "ann");
    assert_eq!(said(&mut clients[3]).await, "the fourth");
    one.say(all(), "nothing in between").await;
    for client in &mut clients {
        assert_eq!(said(client).await, "nothing in between");
    }
    drop(clients);
    one.end().await;
    two.end().await;
}

#[tokio::test]
async fn groups_have_members_on_every_server_whoever_puts_them_there() {
    let redis = RedisServer::start().await;
    let (one, two) = (Server::start(&redis, "one").await, Server::start(&redis, "two").await);
    let (mut here, mut there) = (one.json_client("ann").await, two.json_client("bob").await);

    one.hub.groups().add(here.connection_id(), "g").await.unwrap();
    one.hub.groups().add(there.connection_id(), "g").await.unwrap();
    two.say(group("g"), "both").await;
    assert_eq!((said(&mut here).await, said(&mut there).await), ("both".to_owned(), "both".to_owned()));

    two.hub.groups().remove(here.connection_id(), "g").await.unwrap();
    one.say(group("g"), "there alone").await;
    assert_eq!(said(&mut there).await, "there alone");
    one.say(all(), "end").await;
    assert_eq!(said(&mut here).await, "end");
    drop((here, there));

    // Nobody owns it, so nobody would acknowledge: known at once, and no error, as for one that has just gone.
    one.hub.groups().add("nobody", "g").await.unwrap();
    one.hub.groups().remove("nobody", "g").await.unwrap();
    one.end().await;
    two.end().await;
}

#[tokio::test]
async fn a_client_of_another_server_is_asked_and_answers_or_the_caller_learns_why_not() {
    let redis = RedisServer::start().await;
    let (one, two) = (Server::start(&redis, "one").await, Server::start(&redis, "two").await);
    for protocol in Protocol::ALL {
        let mut client = two.client("bob", TransportKind::WebSockets, protocol).await;
        let id = client.connection_id().to_owned();
        let answer = async |client: &mut Client, outcome: Option<Outcome>| {
            let Message::Invocation(call) = client.next().await.unwrap() else { panic!("a call") };
            assert_eq!(call.target, "Double");
            match outcome {
                Some(outcome) => client.complete(&call.invocation_id.unwrap(), outcome).await.unwrap(),
                None => client.tear(),
            }
        };
        let ask = || async { one.hub.clients().client(&id).invoke::<i64>("Double", (21,)).await };

        let value = signalr::protocol::Payload::encode(protocol, &42).unwrap();
        let (got, ()) = tokio::join!(ask(), answer(&mut client, Some(Outcome::Value(value))));
        assert_eq!(got.unwrap(), 42);
        let error = Outcome::Error("cannot".to_owned());
        let (got, ()) = tokio::join!(ask(), answer(&mut client, Some(error)));
        assert!(matches!(got, Err(Error::Client(text)) if text == "cannot"));
        let (got, ()) = tokio::join!(ask(), answer(&mut client, None));
        assert!(matches!(got, Err(Error::Client(text)) if text == "Connection disconnected."));
    }
    let nobody = one.hub.clients().client("nobody").invoke::<i64>("Double", (21,)).await;
    assert!(matches!(nobody, Err(Error::NoConnection(id)) if id == "nobody"));
    one.end().await;
    two.end().await;
}

#[tokio::test]
async fn what_is_published_is_what_a_dotnet_server_reads_and_what_one_writes_is_understood() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, "one").await;
    let peer = Peer::start(&redis).await;
    let mut everything = peer.listen("ShopChat.Hub:all").await;
    let json = "{\"type\":1,\"target\":\"notify\",\"arguments\":[\"hi\"]}\u{1e}";
    let messagepack = [&b"\x10\x96\x01\x80\xc0\xa6notify\x91\xa2hi\x90"[..]].concat();
    let vector = |with_messagepack: bool| {
        let mut vector = vec![0x92, 0x90, if with_messagepack { 0x82 } else { 0x81 }];
        vector.extend(b"\xa4json\xc4\x30");
        vector.extend(json.as_bytes());
        if with_messagepack {
            vector.extend(b"\xabmessagepack\xc4\x11");
            vector.extend(&messagepack);
        }
        vector
    };

    server.hub.clients().all().send("notify", ("hi",)).await.unwrap();
    assert_eq!(heard(&mut everything).await, vector(true));

    // A server without AddMessagePackProtocol sends JSON alone; clients of both protocols understand it.
    let mut clients = [
        server.json_client("ann").await,
        server.client("ann", TransportKind::WebSockets, Protocol::MessagePack).await,
    ];
    for channel in ["ShopChat.Hub:all", "ShopChat.Hub:user:ann"] {
        peer.publish(channel, vector(false));
        for client in &mut clients {
            assert_eq!(client.expect_call::<String>("notify").await.unwrap(), ["hi"]);
        }
    }

    // A group command of another server is acknowledged on that server's channel, once the group is subscribed.
    let mut acks = peer.listen("ShopChat.Hub:internal:ack:dotnet_1").await;
    let command = |id: i32, action: GroupAction| GroupCommand {
        id,
        server_name: "dotnet_1".to_owned(),
        action,
        group: "G".to_owned(),
        connection_id: clients[0].connection_id().to_owned(),
    };
    let (add, remove) = (command(180, GroupAction::Add), command(384, GroupAction::Remove));
    peer.publish("ShopChat.Hub:internal:groups", add.encode());
    assert_eq!(heard(&mut acks).await, Bytes::from_static(b"\x91\xcc\xb4"));
    peer.publish("ShopChat.Hub:group:G", vector(true));
    assert_eq!(clients[0].expect_call::<String>("notify").await.unwrap(), ["hi"]);
    peer.publish("ShopChat.Hub:internal:groups", remove.encode());
    assert_eq!(decode_ack(&heard(&mut acks).await), Ok(384));

    // A call that wants an answer, and where it goes: the channel comes without the prefix.
    let mut answers = peer.listen("ShopChat.Hub:internal:return:dotnet_1").await;
    let question = "{\"type\":1,\"invocationId\":\"s1\",\"target\":\"six\",\"arguments\":[]}\u{1e}";
    let mut asking = vec![0x94, 0x90, 0x81];
    asking.extend(b"\xa4json\xc4");
    asking.push(question.len() as u8);
    asking.extend(question.as_bytes());
    asking.extend(b"\xa2s1\xd9\x21Chat.Hub:internal:return:dotnet_1");
    peer.publish(&format!("ShopChat.Hub:connection:{}", clients[0].connection_id()), asking);
    let Message::Invocation(call) = clients[0].next().await.unwrap() else { panic!("a call") };
    assert_eq!((call.target.as_str(), call.invocation_id.as_deref()), ("six", Some("s1")));
    let six = signalr::protocol::Payload::encode(Protocol::Json, &6).unwrap();
    clients[0].complete("s1", Outcome::Value(six)).await.unwrap();
    let mut vector = b"\x92\xa4json\xc4\x2a".to_vec();
    vector.extend(b"{\"type\":3,\"invocationId\":\"s1\",\"result\":6}\x1e");
    assert_eq!(heard(&mut answers).await, vector);
    drop(clients);
    server.end().await;
    peer.redis.stop().await;
}

#[tokio::test]
async fn messages_that_are_none_are_counted_and_change_nothing() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, "one").await;
    let mut client = server.json_client("ann").await;
    let peer = Peer::start(&redis).await;
    let no_json = Bytes::from_static(b"\x92\x90\x81\xabmessagepack\xc4\x01\x00");
    let broken = [Bytes::new(), Bytes::from_static(b"\x92\x90"), Bytes::from_static(b"hello"), no_json];
    let channels = [
        "ShopChat.Hub:all".to_owned(),
        "ShopChat.Hub:user:ann".to_owned(),
        format!("ShopChat.Hub:connection:{}", client.connection_id()),
        "ShopChat.Hub:internal:groups".to_owned(),
        "ShopChat.Hub:internal:return:one".to_owned(),
    ];
    for channel in &channels {
        for message in &broken {
            peer.publish(channel, message.clone());
        }
    }
    until(|| server.backplane.counts().malformed == (channels.len() * broken.len()) as u64).await;

    server.say(all(), "still here").await;
    assert_eq!(said(&mut client).await, "still here");
    let large = "x".repeat(backplane::redis::MESSAGE_BYTES_MAX);
    let refused = server.hub.clients().all().send("Say", (large,)).await;
    assert!(matches!(refused, Err(Error::ScaleOut(_))), "{refused:?}");
    drop(client);
    server.end().await;
    peer.redis.stop().await;
}

#[tokio::test]
async fn while_redis_is_away_local_clients_are_served_and_afterwards_everybody_is_told_to_ask() {
    let mut redis = RedisServer::start().await;
    let (one, two) = (Server::start(&redis, "one").await, Server::start(&redis, "two").await);
    let (mut here, mut there) = (one.json_client("ann").await, two.json_client("ann").await);
    one.hub.groups().add(here.connection_id(), "g").await.unwrap();

    redis.kill();
    until(|| !one.redis.is_connected() && !two.redis.is_connected()).await;
    one.say(all(), "all here").await;
    one.say(Recipients::User("ann".to_owned()), "ann here").await;
    one.say(group("g"), "group here").await;
    for text in ["all here", "ann here", "group here"] {
        assert_eq!(said(&mut here).await, text);
    }
    // Clients come while Redis is away; commands for other servers fail at once.
    let mut late = one.json_client("bob").await;
    assert_eq!(one.backplane.counts().unshared, 3);
    let failed = one.hub.groups().add(there.connection_id(), "g").await;
    assert!(matches!(failed, Err(Error::ScaleOut(_))), "{failed:?}");

    redis.restart().await;
    for client in [&mut here, &mut there, &mut late] {
        client.expect_call::<String>("Recovered").await.unwrap();
    }
    // Everything is subscribed again: all, users – of the late one, too –, groups, connections.
    two.say(all(), "all again").await;
    for client in [&mut here, &mut there, &mut late] {
        assert_eq!(said(client).await, "all again");
    }
    two.say(Recipients::User("bob".to_owned()), "bob again").await;
    assert_eq!(said(&mut late).await, "bob again");
    two.say(group("g"), "group again").await;
    assert_eq!(said(&mut here).await, "group again");
    one.say(Recipients::Connection(there.connection_id().to_owned()), "there again").await;
    assert_eq!(said(&mut there).await, "there again");
    assert_eq!(one.backplane.counts().recoveries, 1);
    drop((here, there, late));
    one.end().await;
    two.end().await;
}

#[tokio::test]
async fn a_redis_that_has_stopped_to_answer_delays_no_local_client() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, "one").await;
    let mut client = server.json_client("ann").await;

    redis.pause();
    for number in 0..10 {
        server.say(all(), &number.to_string()).await;
        assert_eq!(said(&mut client).await, number.to_string());
    }
    redis.resume();
    // The copies come back now, and are left out.
    server.say(all(), "end").await;
    assert_eq!(said(&mut client).await, "end");
    server.say(Recipients::User("ann".to_owned()), "after it").await;
    assert_eq!(said(&mut client).await, "after it");
    drop(client);
    server.end().await;
}

#[tokio::test]
async fn channels_of_users_and_groups_are_left_with_their_last_client() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, "one").await;
    let peer = Peer::start(&redis).await;
    let first = server.json_client("ann").await;
    let second = server.json_client("ann").await;
    server.hub.groups().add(first.connection_id(), "g").await.unwrap();
    let subscribers = async |channel: &str| peer.redis.subscribers(&format!("ShopChat.Hub:{channel}")).await;
    assert_eq!(subscribers("user:ann").await, Some(1));
    assert_eq!(subscribers("group:g").await, Some(1));
    assert_eq!(subscribers(&format!("connection:{}", first.connection_id())).await, Some(1));
    assert_eq!(subscribers("user:nobody").await, Some(0));

    drop(first);
    until(|| server.hub.local().count() == 1).await;
    let left = async |channel: &str| {
        let wait = async {
            while subscribers(channel).await != Some(0) {
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(LONG, wait).await.expect("the channel is left");
    };
    left("group:g").await;
    assert_eq!(subscribers("user:ann").await, Some(1), "the second client is there");
    drop(second);
    left("user:ann").await;
    server.end().await;
    peer.redis.stop().await;
}
