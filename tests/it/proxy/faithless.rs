//! An instance that says it is ready, takes requests and hangs up on each: what a process that dies looks like.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const MAX_REQUEST_BYTES: u64 = 16 * 1024;

/// A running one; ends when dropped.
pub struct Faithless {
    requests: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Faithless {
    pub async fn start(address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let mut tasks = JoinSet::new();
        let seen = requests.clone();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(take(stream, seen.clone()));
            }
        });
        Ok(Self { requests, _tasks: tasks })
    }

    /// The heads of the requests that begin so and were hung up on.
    pub fn requests(&self, start: &str) -> Vec<String> {
        self.requests
            .lock()
            .expect("nobody panics under it")
            .iter()
            .filter(|head| head.starts_with(start))
            .cloned()
            .collect()
    }
}

async fn take(stream: TcpStream, seen: Arc<Mutex<Vec<String>>>) {
    let (read, mut write) = stream.into_split();
    let mut read = read.take(MAX_REQUEST_BYTES);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match read.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    if head.starts_with("GET /health/ready") {
        write.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await.ok();
        return;
    }
    seen.lock().expect("nobody panics under it").push(head);
}
