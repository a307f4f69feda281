//! One client: connects, shakes hands, calls, receives.

use std::time::Duration;

use actix_http::ws::Frame as SocketFrame;
use bytes::{Bytes, BytesMut};
use reqwest::Method;
use serde::de::DeserializeOwned;

use super::http::{Negotiated, address, negotiate, to_connection};
use super::socket::Socket;
use crate::TransportKind;
use crate::protocol::{
    Arguments, Completion, Invocation, Message, Outcome, Payload, Protocol, RECORD_SEPARATOR,
    handshake_request,
};

/// How a client connects.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Over what.
    pub transport: TransportKind,
    /// In which protocol.
    pub protocol: Protocol,
    /// Sent as a header.
    pub access_token: Option<String>,
    /// Sent with every request.
    pub headers: Vec<(String, String)>,
    /// 1, or 0 as older clients.
    pub negotiate_version: u8,
    /// Asked for at negotiate.
    pub stateful_reconnect: bool,
    /// What a test waits for at most.
    pub patience: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            transport: TransportKind::WebSockets,
            protocol: Protocol::Json,
            access_token: None,
            headers: Vec::new(),
            negotiate_version: 1,
            stateful_reconnect: false,
            patience: Duration::from_secs(30),
        }
    }
}

type ClientError = Box<dyn std::error::Error + Send + Sync>;

enum Carrier {
    Socket(Box<Socket>),
    Events(reqwest::Response),
    Polls,
    /// Broken on purpose.
    Nothing,
}

/// A connected client.
pub struct Client {
    url: String,
    options: ClientOptions,
    negotiated: Negotiated,
    carrier: Carrier,
    received: BytesMut,
    events: BytesMut,
    next_id: u64,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Client")
            .field("connection_id", &self.negotiated.connection_id)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Connects to the hub at `url` and shakes hands.
    ///
    /// # Errors
    /// A status other than success, or a refused handshake; the text says which.
    pub async fn connect(url: &str, options: ClientOptions) -> Result<Self, ClientError> {
        let mut client = Self::open(url, options).await?;
        let version = if client.options.stateful_reconnect { 2 } else { 1 };
        client.send_bytes(handshake_request(client.options.protocol, version).payload()).await?;
        client.expect_handshake().await?;
        Ok(client)
    }

    /// Negotiates and opens the transport, and sends no handshake.
    ///
    /// # Errors
    /// A status other than success.
    pub async fn open(url: &str, options: ClientOptions) -> Result<Self, ClientError> {
        let negotiated = negotiate(url, &options).await?;
        let mut client = Self {
            url: url.to_owned(),
            options,
            negotiated,
            carrier: Carrier::Nothing,
            received: BytesMut::new(),
            events: BytesMut::new(),
            next_id: 0,
        };
        client.attach().await?;
        Ok(client)
    }

    /// Opens the transport (again).
    ///
    /// # Errors
    /// A status other than success.
    pub async fn attach(&mut self) -> Result<(), ClientError> {
        self.received.clear();
        let token = &self.negotiated.token;
        self.carrier = match self.options.transport {
            TransportKind::WebSockets => {
                let url = address(&self.url, "", &format!("id={token}"));
                Carrier::Socket(Box::new(Socket::open(&url, &self.options).await?))
            }
            TransportKind::ServerSentEvents => {
                let request = to_connection(Method::GET, &self.url, token, &self.options);
                Carrier::Events(
                    request.header("Accept", "text/event-stream").send().await?.error_for_status()?,
                )
            }
            TransportKind::LongPolling => {
                to_connection(Method::GET, &self.url, token, &self.options)
                    .send()
                    .await?
                    .error_for_status()?;
                Carrier::Polls
            }
        };
        Ok(())
    }

    /// Tears the transport without a word.
    pub fn tear(&mut self) {
        self.carrier = Carrier::Nothing;
    }

    async fn expect_handshake(&mut self) -> Result<(), ClientError> {
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == RECORD_SEPARATOR) {
                let record = self.received.split_to(end + 1);
                let answer: serde_json::Value = serde_json::from_slice(&record[..end])?;
                return match answer["error"].as_str() {
                    Some(error) => Err(error.to_owned().into()),
                    None => Ok(()),
                };
            }
            self.read().await?;
        }
    }

    /// The public id of the connection.
    pub fn connection_id(&self) -> &str {
        &self.negotiated.connection_id
    }

    /// What negotiate answered.
    pub fn negotiated(&self) -> &Negotiated {
        &self.negotiated
    }

    /// The WebSocket, where there is one.
    pub fn socket(&mut self) -> Option<&mut Socket> {
        match &mut self.carrier {
            Carrier::Socket(socket) => Some(socket),
            _ => None,
        }
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// The transport is broken or refuses them.
    pub async fn send_bytes(&mut self, bytes: Bytes) -> Result<(), ClientError> {
        if let Carrier::Socket(socket) = &mut self.carrier {
            return socket.send(bytes).await;
        }
        let post = to_connection(Method::POST, &self.url, &self.negotiated.token, &self.options);
        post.body(bytes).send().await?.error_for_status()?;
        Ok(())
    }

    /// Sends a message.
    ///
    /// # Errors
    /// As [`Client::send_bytes`].
    pub async fn send(&mut self, message: &Message) -> Result<(), ClientError> {
        let frame = self.options.protocol.encode(message)?;
        self.send_bytes(frame.payload()).await
    }

    fn invocation(
        &self,
        target: &str,
        arguments: impl Arguments,
        id: Option<String>,
    ) -> Result<Invocation, ClientError> {
        Ok(Invocation {
            invocation_id: id,
            target: target.to_owned(),
            arguments: arguments.encode(self.options.protocol)?,
            stream_ids: Vec::new(),
        })
    }

    /// Calls a hub method and wants no answer.
    ///
    /// # Errors
    /// As [`Client::send_bytes`].
    pub async fn notify(&mut self, target: &str, arguments: impl Arguments) -> Result<(), ClientError> {
        let invocation = self.invocation(target, arguments, None)?;
        self.send(&Message::Invocation(invocation)).await
    }

    /// Calls a hub method; the id that its completion will carry.
    ///
    /// # Errors
    /// As [`Client::send_bytes`].
    pub async fn start(&mut self, target: &str, arguments: impl Arguments) -> Result<String, ClientError> {
        self.start_with(target, arguments, &[], false).await
    }

    /// Calls a hub method that returns a stream; the id that its items will carry.
    ///
    /// # Errors
    /// As [`Client::send_bytes`].
    pub async fn start_stream(
        &mut self,
        target: &str,
        arguments: impl Arguments,
    ) -> Result<String, ClientError> {
        self.start_with(target, arguments, &[], true).await
    }

    /// Calls a hub method with uploads.
    ///
    /// # Errors
    /// As [`Client::send_bytes`].
    pub async fn start_with(
        &mut self,
        target: &str,
        arguments: impl Arguments,
        uploads: &[&str],
        is_stream: bool,
    ) -> Result<String, ClientError> {
        self.next_id += 1;
        let id = self.next_id.to_string();
        let mut invocation = self.invocation(target, arguments, Some(id.clone()))?;
        invocation.stream_ids = uploads.iter().map(|id| (*id).to_owned()).collect();
        let message =
            if is_stream { Message::StreamInvocation(invocation) } else { Message::Invocation(invocation) };
        self.send(&message).await?;
        Ok(id)
    }

    /// Sends an item of an upload.
    ///
    /// # Errors
    /// As [`Client::send_bytes`].
    pub async fn upload(&mut self, stream_id: &str, item: &impl serde::Serialize) -> Result<(), ClientError> {
        let item = Payload::encode(self.options.protocol, item)?;
        self.send(&Message::StreamItem { invocation_id: stream_id.to_owned(), item }).await
    }

    /// Ends an upload, answers a call of the server.
    ///
    /// # Errors
    /// As [`Client::send_bytes`].
    pub async fn complete(&mut self, id: &str, outcome: Outcome) -> Result<(), ClientError> {
        self.send(&Message::Completion(Completion { invocation_id: id.to_owned(), outcome })).await
    }

    /// Calls a hub method and waits for its result; what arrives meanwhile is passed over.
    ///
    /// # Errors
    /// The method fails (its text), or the connection ends.
    pub async fn invoke<R: DeserializeOwned>(
        &mut self,
        target: &str,
        arguments: impl Arguments,
    ) -> Result<R, ClientError> {
        let id = self.start(target, arguments).await?;
        loop {
            match self.next().await? {
                Message::Completion(completion) if completion.invocation_id == id => {
                    return match completion.outcome {
                        Outcome::Value(value) => Ok(value.decode()?),
                        Outcome::Void => Ok(serde_json::from_str("null")?),
                        Outcome::Error(error) => Err(error.into()),
                    };
                }
                Message::Close { error, .. } => {
                    return Err(error.unwrap_or_else(|| "the connection was closed".to_owned()).into());
                }
                _ => {}
            }
        }
    }

    /// The next message, pings left out.
    ///
    /// # Errors
    /// The connection ends, or nothing comes for as long as [`ClientOptions::patience`].
    pub async fn next(&mut self) -> Result<Message, ClientError> {
        loop {
            if let Some(message) = self.options.protocol.parse(&mut self.received, None)? {
                if message != Message::Ping {
                    return Ok(message);
                }
                continue;
            }
            self.read().await?;
        }
    }

    /// The arguments of the next call of `target`; what arrives before it is passed over.
    ///
    /// # Errors
    /// As [`Client::next`].
    pub async fn expect_call<T: DeserializeOwned>(&mut self, target: &str) -> Result<Vec<T>, ClientError> {
        loop {
            match self.next().await? {
                Message::Invocation(call) if call.target == target => {
                    return Ok(call.arguments.iter().map(Payload::decode).collect::<Result<_, _>>()?);
                }
                Message::Close { error, .. } => {
                    return Err(error.unwrap_or_else(|| "the connection was closed".to_owned()).into());
                }
                _ => {}
            }
        }
    }

    /// Waits until the server has ended the transport; what the last Close message said.
    ///
    /// # Errors
    /// It does not for as long as [`ClientOptions::patience`].
    pub async fn closed(&mut self) -> Result<Option<(Option<String>, bool)>, ClientError> {
        let mut last = None;
        loop {
            match self.next().await {
                Ok(Message::Close { error, allow_reconnect }) => last = Some((error, allow_reconnect)),
                Ok(_) => {}
                Err(error) if error.to_string() == ENDED => return Ok(last),
                // A hub that has closed no longer knows who polls.
                Err(error) if last.is_some() && is_not_found(&error) => return Ok(last),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads once from the transport.
    async fn read(&mut self) -> Result<(), ClientError> {
        let patience = self.options.patience;
        let read = tokio::time::timeout(patience, self.read_once()).await;
        let bytes = read.map_err(|_| "nothing came")??;
        self.received.extend_from_slice(&bytes);
        Ok(())
    }

    async fn read_once(&mut self) -> Result<Bytes, ClientError> {
        match &mut self.carrier {
            Carrier::Socket(socket) => match socket.next().await {
                Some(SocketFrame::Text(bytes) | SocketFrame::Binary(bytes)) => Ok(bytes),
                Some(SocketFrame::Ping(_) | SocketFrame::Pong(_) | SocketFrame::Continuation(_)) => {
                    Ok(Bytes::new())
                }
                Some(SocketFrame::Close(reason)) => {
                    // The other half of the close handshake; the server waits for it.
                    let _ = socket.send_frame(actix_http::ws::Message::Close(reason)).await;
                    Err(ENDED.into())
                }
                None => Err(ENDED.into()),
            },
            Carrier::Events(stream) => {
                let chunk = stream.chunk().await?.ok_or(ENDED)?;
                self.events.extend_from_slice(&chunk);
                Ok(take_events(&mut self.events))
            }
            Carrier::Polls => {
                let poll = to_connection(Method::GET, &self.url, &self.negotiated.token, &self.options);
                let answer = poll.send().await?.error_for_status()?;
                if answer.status().as_u16() == 204 { Err(ENDED.into()) } else { Ok(answer.bytes().await?) }
            }
            Carrier::Nothing => Err(ENDED.into()),
        }
    }
}

const ENDED: &str = "the transport has ended";

fn is_not_found(error: &ClientError) -> bool {
    let status = error.downcast_ref::<reqwest::Error>().and_then(reqwest::Error::status);
    status == Some(reqwest::StatusCode::NOT_FOUND)
}

/// The data of the complete events.
fn take_events(events: &mut BytesMut) -> Bytes {
    let mut data = BytesMut::new();
    while let Some(end) = events.windows(4).position(|window| window == b"\r\n\r\n") {
        let event = events.split_to(end + 4);
        for line in event[..].split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if let Some(text) = line.strip_prefix(b"data: ") {
                data.extend_from_slice(text);
            }
        }
    }
    data.freeze()
}
