//! Many WebSockets that only count: all messages of a run are of one length, so whole ones are known by their bytes. The
//! less the reader does, the less of what is measured is the reader.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::Side;
use super::server::FRAME_BYTES;

/// Sockets that connect at the same time.
const OPENING: usize = 64;
const LARGEST_READ_BYTES: usize = 16 * 1024;
const RECEIVE_LIMIT: Duration = Duration::from_secs(60);

const HANDSHAKE: &[u8] = b"{\"protocol\":\"json\",\"version\":1}\x1e";
/// The answer to it, as a frame.
const ACCEPTED: &[u8] = b"\x81\x03{}\x1e";

/// Open sockets of one side; closed when dropped.
pub(super) struct Sockets {
    count: usize,
    received: Arc<Received>,
    readers: Vec<AbortHandle>,
}

#[derive(Default)]
struct Received {
    /// Messages of the run so far, over all sockets.
    messages: AtomicUsize,
    wanted: AtomicUsize,
    all: Notify,
    since: Mutex<Option<Instant>>,
    latencies_ms: Mutex<Vec<f64>>,
}

impl Sockets {
    pub(super) async fn open(address: &str, side: Side, count: usize) -> Result<Self> {
        let received = Arc::<Received>::default();
        let streams: Vec<TcpStream> = stream::iter((0..count).map(|_| open(address, side)))
            .buffer_unordered(OPENING)
            .try_collect()
            .await?;
        let reader = |stream| tokio::spawn(read(stream, received.clone())).abort_handle();
        let readers = streams.into_iter().map(reader).collect();
        Ok(Self { count, received, readers })
    }

    /// Publishes, and waits until every socket has got so many messages; how long each took, where it was one.
    pub(super) async fn receive(
        &self,
        messages: usize,
        publish: impl Future<Output = Result<()>>,
    ) -> Result<Vec<f64>> {
        let received = &self.received;
        received.messages.store(0, Ordering::SeqCst);
        received.wanted.store(messages * self.count, Ordering::SeqCst);
        let timed = (messages == 1).then(Instant::now);
        if let Ok(mut since) = received.since.lock() {
            *since = timed;
        }
        publish.await?;
        let all = async {
            while received.messages.load(Ordering::SeqCst) < received.wanted.load(Ordering::SeqCst) {
                received.all.notified().await;
            }
        };
        if tokio::time::timeout(RECEIVE_LIMIT, all).await.is_err() {
            let got = received.messages.load(Ordering::SeqCst);
            bail!("{got} of {} messages arrived", messages * self.count);
        }
        Ok(received
            .latencies_ms
            .lock()
            .map(|mut latencies| std::mem::take(&mut *latencies))
            .unwrap_or_default())
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        self.readers.iter().for_each(AbortHandle::abort);
    }
}

async fn open(address: &str, side: Side) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let path = match side {
        Side::Ours => "/hub",
        Side::Bare => "/bare",
    };
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.context("no answer to the upgrade")?);
    }
    if !head.starts_with(b"HTTP/1.1 101") {
        bail!("not upgraded: {}", String::from_utf8_lossy(&head));
    }
    if side == Side::Ours {
        // Masked with zeros, which changes nothing.
        let mut frame = vec![0x82, 0x80 | HANDSHAKE.len() as u8, 0, 0, 0, 0];
        frame.extend_from_slice(HANDSHAKE);
        stream.write_all(&frame).await?;
        let mut answer = [0; ACCEPTED.len()];
        stream.read_exact(&mut answer).await?;
        if answer != ACCEPTED {
            bail!("the handshake was refused");
        }
    }
    Ok(stream)
}

async fn read(mut stream: TcpStream, received: Arc<Received>) {
    let mut bytes = 0;
    let mut buffer = [0; LARGEST_READ_BYTES];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        let before = bytes / FRAME_BYTES;
        bytes += read;
        let messages = bytes / FRAME_BYTES - before;
        if messages == 0 {
            continue;
        }
        if let (Ok(since), Ok(mut latencies)) = (received.since.lock(), received.latencies_ms.lock())
            && let Some(since) = *since
        {
            latencies.push(since.elapsed().as_secs_f64() * 1_000.0);
        }
        let total = received.messages.fetch_add(messages, Ordering::SeqCst) + messages;
        if total >= received.wanted.load(Ordering::SeqCst) {
            received.all.notify_one();
        }
    }
}
