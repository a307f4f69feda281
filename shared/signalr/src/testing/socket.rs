//! A WebSocket of a client, over the frame codec that the server uses too. Judges with other codecs are in the tests of
//! the whole repository.

use actix_http::ws::{Codec, Frame, Message};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::codec::{Decoder, Encoder};

use super::ClientOptions;

/// An open WebSocket.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    codec: Codec,
    read: BytesMut,
}

type SocketError = Box<dyn std::error::Error + Send + Sync>;

/// The largest frame that tests receive.
const MAX_FRAME_BYTES: usize = 64 * 1024 * 1024;

impl Socket {
    /// Opens a WebSocket at `url` (`http://host:port/path?query`).
    ///
    /// # Errors
    /// The server answers other than 101; the error's text is the status line.
    pub async fn open(url: &str, options: &ClientOptions) -> Result<Self, SocketError> {
        let rest = url.strip_prefix("http://").ok_or("only http:// is spoken")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let mut stream = TcpStream::connect(authority).await?;
        stream.set_nodelay(true)?;
        let mut head = format!(
            "GET {path} HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        );
        if let Some(token) = &options.access_token {
            head.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        for (name, value) in &options.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await?;
        let mut read = BytesMut::new();
        let end = loop {
            if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut read).await? == 0 {
                return Err("the connection was closed before an answer".into());
            }
        };
        let answer = read.split_to(end);
        if !answer.starts_with(b"HTTP/1.1 101") {
            let line = answer[..].split(|byte| *byte == b'\r').next().unwrap_or_default();
            return Err(String::from_utf8_lossy(line).into_owned().into());
        }
        let codec = Codec::new().client_mode().max_size(MAX_FRAME_BYTES);
        Ok(Self { stream, codec, read })
    }

    /// Sends hub bytes in one binary frame; servers take either kind.
    ///
    /// # Errors
    /// The socket is closed.
    pub async fn send(&mut self, bytes: Bytes) -> Result<(), SocketError> {
        self.send_frame(Message::Binary(bytes)).await
    }

    /// Sends any WebSocket message.
    ///
    /// # Errors
    /// The socket is closed.
    pub async fn send_frame(&mut self, message: Message) -> Result<(), SocketError> {
        let mut bytes = BytesMut::new();
        self.codec.encode(message, &mut bytes)?;
        Ok(self.stream.write_all(&bytes).await?)
    }

    /// The next frame; `None` after the end.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.codec.decode(&mut self.read).ok()? {
                return Some(frame);
            }
            if self.stream.read_buf(&mut self.read).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// The stream itself, for tests that send what is no frame.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }
}
