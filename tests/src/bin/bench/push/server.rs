//! One instance with both sides: the hub behind the Redis backplane, and the reference, which takes messages from a Redis
//! channel and gives each to every WebSocket, one frame made once, with nothing in between.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_http::ws::handshake;
use actix_web::body::{BodyStream, MessageBody};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::{Context, Result};
use backplane::push::{RedisBackplane, RedisBackplaneOptions};
use backplane::{Redis, RedisOptions};
use bytes::Bytes;
use futures_util::StreamExt;
use serde::Deserialize;
use signalr::{Hub, HubOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const TEXT_BYTES: usize = 200;
const CHANNEL: &str = "bare";
/// `{"type":1,"target":"Message","arguments":["…"]}` and its separator, behind a header of 4 bytes.
pub(super) const FRAME_BYTES: usize = 4 + 47 + TEXT_BYTES;

type Listeners = Arc<Mutex<Vec<UnboundedSender<Bytes>>>>;

#[derive(Clone)]
struct Instance {
    hub: Hub,
    listeners: Listeners,
    redis: Option<redis::aio::MultiplexedConnection>,
}

/// Serves until killed; without an address of Redis, alone.
pub(crate) fn serve(redis: &str) -> Result<()> {
    actix_web::rt::System::new().block_on(async move {
        let instance = instance(redis).await?;
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(instance.clone()))
                .configure(instance.hub.configure("/hub"))
                .route("/bare", web::get().to(bare))
                .route("/publish", web::post().to(publish))
        })
        .workers(1)
        // Measured sockets all connect at once.
        .backlog(20_000)
        .max_connections(25_000)
        .bind("127.0.0.1:0")?;
        for address in server.addrs() {
            println!("listening {address}");
        }
        server.run().await?;
        Ok(())
    })
}

async fn instance(address: &str) -> Result<Instance> {
    let options = HubOptions {
        // Readers count bytes: nothing but messages.
        keep_alive_interval: Duration::from_secs(3_600),
        ..HubOptions::default()
    };
    let mut hub = Hub::builder().options(options);
    let listeners = Listeners::default();
    let mut redis = None;
    if !address.is_empty() {
        let name = format!("bench-{}", std::process::id());
        let connection = Redis::start(RedisOptions::parse(address)?);
        let backplane = RedisBackplane::new(connection, &name, RedisBackplaneOptions::new("bench", "Bench"));
        hub = hub.scale_out(Arc::new(backplane));
        let client = redis::Client::open(format!("redis://{address}"))?;
        listen(client.clone(), listeners.clone()).await?;
        redis = Some(client.get_multiplexed_async_connection().await?);
    }
    Ok(Instance { hub: hub.start(), listeners, redis })
}

async fn listen(client: redis::Client, listeners: Listeners) -> Result<()> {
    let mut subscription = client.get_async_pubsub().await?;
    subscription.subscribe(CHANNEL).await?;
    tokio::spawn(async move {
        let mut messages = subscription.on_message();
        while let Some(message) = messages.next().await {
            let frame = frame(message.get_payload_bytes());
            if let Ok(mut listeners) = listeners.lock() {
                listeners.retain(|listener| listener.send(frame.clone()).is_ok());
            }
        }
    });
    Ok(())
}

fn frame(message: &[u8]) -> Bytes {
    let mut frame = vec![0x81, 126];
    frame.extend_from_slice(&(message.len() as u16).to_be_bytes());
    frame.extend_from_slice(message);
    frame.into()
}

async fn bare(
    request: HttpRequest,
    mut payload: web::Payload,
    instance: web::Data<Instance>,
) -> actix_web::Result<HttpResponse> {
    let mut response = handshake(request.head()).map_err(actix_web::error::ErrorBadRequest)?;
    let (sender, receiver) = unbounded_channel();
    if let Ok(mut listeners) = instance.listeners.lock() {
        listeners.push(sender);
    }
    // Reads, as every WebSocket server must, and throws away.
    actix_web::rt::spawn(async move { while let Some(Ok(_)) = payload.next().await {} });
    Ok(response.message_body(BodyStream::new(frames(receiver)).boxed())?.into())
}

fn frames(receiver: UnboundedReceiver<Bytes>) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> {
    futures_util::stream::unfold(receiver, |mut receiver| async {
        let frame = receiver.recv().await?;
        Some((Ok(frame), receiver))
    })
}

#[derive(Deserialize)]
struct Publish {
    ours: bool,
    count: usize,
}

async fn publish(instance: web::Data<Instance>, query: web::Query<Publish>) -> HttpResponse {
    let published = match query.ours {
        true => publish_ours(&instance.hub, query.count).await,
        false => publish_bare(&instance, query.count).await,
    };
    match published {
        Ok(()) => HttpResponse::Ok().finish(),
        Err(error) => HttpResponse::InternalServerError().body(format!("{error:#}")),
    }
}

async fn publish_ours(hub: &Hub, count: usize) -> Result<()> {
    let text = "x".repeat(TEXT_BYTES);
    for _ in 0..count {
        hub.clients().all().send("Message", (&text,)).await?;
    }
    Ok(())
}

async fn publish_bare(instance: &Instance, count: usize) -> Result<()> {
    let text = "x".repeat(TEXT_BYTES);
    let mut redis = instance.redis.clone().context("without Redis")?;
    let mut commands = redis::pipe();
    for _ in 0..count {
        let message = serde_json::json!({ "type": 1, "target": "Message", "arguments": [text] });
        commands.publish(CHANNEL, format!("{message}\u{1e}"));
    }
    commands.query_async::<()>(&mut redis).await?;
    Ok(())
}
