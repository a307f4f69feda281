//! A closed-loop load generator over raw keep-alive connections. It does as little as possible, because it shares a
//! processor with the server that it measures; it checks the status of every answer and the length of every body.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures_util::future::try_join_all;
use memchr::memmem;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Connections of the generator, each with one request in flight.
pub(crate) const CONNECTIONS: usize = 32;
const LARGEST_ANSWER_BYTES: usize = 256 * 1024;

/// One request, repeated.
pub(crate) struct Target {
    pub(crate) address: String,
    pub(crate) path: String,
    pub(crate) if_none_match: Option<String>,
    /// The status that every answer must have.
    pub(crate) status: u16,
}

impl Target {
    /// Requests per second over `duration`.
    pub(crate) async fn requests_per_second(&self, duration: Duration) -> Result<f64> {
        let started = Instant::now();
        let end = started + duration;
        let counts = try_join_all((0..CONNECTIONS).map(|_| self.connection(end))).await?;
        Ok(counts.iter().sum::<u64>() as f64 / started.elapsed().as_secs_f64())
    }

    async fn connection(&self, end: Instant) -> Result<u64> {
        let mut stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let request = self.request();
        let mut buffer = vec![0; LARGEST_ANSWER_BYTES];
        let mut requests = 0;
        while Instant::now() < end {
            stream.write_all(&request).await?;
            self.read_answer(&mut stream, &mut buffer).await?;
            requests += 1;
        }
        Ok(requests)
    }

    fn request(&self) -> Vec<u8> {
        let condition =
            self.if_none_match.as_ref().map(|tag| format!("If-None-Match: {tag}\r\n")).unwrap_or_default();
        format!("GET {} HTTP/1.1\r\nHost: {}\r\n{condition}\r\n", self.path, self.address).into_bytes()
    }

    async fn read_answer(&self, stream: &mut TcpStream, buffer: &mut [u8]) -> Result<()> {
        let mut filled = 0;
        loop {
            let read = stream.read(&mut buffer[filled..]).await?;
            ensure!(read > 0, "{} closed the connection", self.address);
            filled += read;
            if let Some(length) = self.answer_length(&buffer[..filled])? {
                if filled == length {
                    return Ok(());
                }
                ensure!(filled < length, "more bytes than the answer's length");
            }
            ensure!(filled < buffer.len(), "an answer above {LARGEST_ANSWER_BYTES} bytes");
        }
    }

    /// The whole length of the answer once its head is complete.
    fn answer_length(&self, received: &[u8]) -> Result<Option<usize>> {
        let Some(head_end) = memmem::find(received, b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = &received[..head_end];
        let status = head.get(9..12).context("no status line")?;
        if number(status) != usize::from(self.status) {
            bail!("{} answered {}", self.path, String::from_utf8_lossy(head));
        }
        let body = if self.status == 304 { 0 } else { content_length(head)? };
        Ok(Some(head_end + 4 + body))
    }
}

/// As actix-web writes it; both sides of every comparison do.
fn content_length(head: &[u8]) -> Result<usize> {
    const NAME: &[u8] = b"\r\ncontent-length: ";
    let start = memmem::find(head, NAME).context("no content-length")? + NAME.len();
    Ok(number(&head[start..]))
}

/// The digits that `text` begins with.
fn number(text: &[u8]) -> usize {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0'))
}
