//! The hub that the tests talk to.

use futures_util::{StreamExt, stream};
use signalr::protocol::Protocol;
use signalr::testing::{Client, ClientOptions, TestServer};
use signalr::{Caller, Hub, HubBuilder, HubError, HubOptions, TransportKind, Upload};

pub type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

#[derive(Debug, thiserror::Error)]
#[error("secret detail")]
pub struct Internal;

/// Methods that show one thing each.
pub fn declare(options: HubOptions) -> HubBuilder {
    Hub::builder()
        .options(options)
        .method("Echo", async |_: Caller, (text,): (String,)| Ok(text))
        .method("Nothing", async |_: Caller, (): ()| Ok(()))
        .method("Fail", async |_: Caller, (): ()| Err::<(), _>(HubError::new("Something bad")))
        .method("FailInside", async |_: Caller, (): ()| Err::<(), _>(HubError::from(Internal)))
        .method("Panic", async |_: Caller, (): ()| -> Result<(), HubError> { panic!("as the test wants") })
        .method("Join", async |caller: Caller, (group,): (String,)| Ok(caller.join(&group).await?))
        .method("Leave", async |caller: Caller, (group,): (String,)| Ok(caller.leave(&group).await?))
        .method("ToAll", async |caller: Caller, (text,): (String,)| {
            Ok(caller.clients().all().send("Message", (text,)).await?)
        })
        .method("ToOthers", async |caller: Caller, (text,): (String,)| {
            Ok(caller.clients().others().send("Message", (text,)).await?)
        })
        .method("ToGroup", async |caller: Caller, (group, text): (String, String)| {
            Ok(caller.clients().others_in_group(&group).send("Message", (text,)).await?)
        })
        .method("ToUser", async |caller: Caller, (user, text): (String, String)| {
            Ok(caller.clients().by().user(&user).send("Message", (text,)).await?)
        })
        .method("AskCaller", async |caller: Caller, (number,): (i64,)| {
            let answer: i64 = caller.clients().caller().invoke("Double", (number,)).await?;
            Ok(answer)
        })
        .method("Abort", async |caller: Caller, (): ()| {
            caller.abort();
            Ok(())
        })
        .method("Sum", async |_: Caller, (start, mut numbers): (i64, Upload<i64>)| {
            let mut sum = start;
            while let Some(number) = numbers.next().await {
                sum += number?;
            }
            Ok(sum)
        })
        .stream("Count", async |_: Caller, (to,): (u32,)| Ok(stream::iter((1..=to).map(Ok))))
        .stream("Endless", async |_: Caller, (): ()| Ok(stream::repeat(1).map(Ok)))
        .stream("Silent", async |_: Caller, (): ()| Ok(stream::pending::<Result<u32, HubError>>()))
        .stream("BreakOff", async |_: Caller, (): ()| {
            Ok(stream::iter([Ok(1), Err(HubError::new("Out of numbers"))]))
        })
}

pub async fn start(options: HubOptions) -> std::io::Result<(Hub, TestServer)> {
    let hub = declare(options).start();
    let server = TestServer::start(&hub).await?;
    Ok((hub, server))
}

/// Each transport with each protocol that it carries.
pub fn every_way() -> Vec<ClientOptions> {
    let way = |transport, protocol| ClientOptions { transport, protocol, ..ClientOptions::default() };
    vec![
        way(TransportKind::WebSockets, Protocol::Json),
        way(TransportKind::WebSockets, Protocol::MessagePack),
        way(TransportKind::ServerSentEvents, Protocol::Json),
        way(TransportKind::LongPolling, Protocol::Json),
        way(TransportKind::LongPolling, Protocol::MessagePack),
    ]
}

pub async fn client(server: &TestServer) -> Result<Client, Box<dyn std::error::Error + Send + Sync>> {
    Client::connect(&server.url(), ClientOptions::default()).await
}
