//! The hub protocol, without I/O: messages, their JSON and MessagePack forms, the handshake, WebSocket frames made once.
//!
//! Knows nothing of connections. Start at [`Message`] and [`Protocol::parse`]; the specification is linked from the
//! README, and where deployed clients differ from it, they win.

mod encode;
mod frame;
mod handshake;
mod json;
mod messagepack;
mod payload;
mod values;

use bytes::{Bytes, BytesMut};

pub use encode::Arguments;
pub(crate) use encode::json_to_messagepack;
pub use frame::Frame;
#[cfg(feature = "testing")]
pub(crate) use handshake::handshake_request;
pub use handshake::{HandshakeRequest, parse_handshake};
pub(crate) use handshake::{handshake_refused, handshake_response};
pub use payload::Payload;
pub use values::{ByteArray, Timestamp};

/// Ends every JSON message and every handshake.
pub const RECORD_SEPARATOR: u8 = 0x1e;

/// The two encodings that official clients speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `json`: text, a record separator after each message.
    Json,
    /// `messagepack`: binary, a length before each message.
    MessagePack,
}

impl Protocol {
    /// Both, in the order in which numbers of them are kept.
    pub const ALL: [Self; 2] = [Self::Json, Self::MessagePack];

    /// The name in the handshake and in the messages of the Redis backplane.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::MessagePack => "messagepack",
        }
    }

    /// The protocol of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.name() == name)
    }

    /// Takes the next complete message from the front of `buffer`; `None` if more bytes are needed.
    ///
    /// # Errors
    /// The bytes are no message, or it is (or will be) longer than `max_bytes`, its terminator or prefix included. The
    /// connection is of no use after that.
    pub fn parse(
        self,
        buffer: &mut BytesMut,
        max_bytes: Option<usize>,
    ) -> Result<Option<Message>, ProtocolError> {
        match self {
            Self::Json => json::parse(buffer, max_bytes),
            Self::MessagePack => messagepack::parse(buffer, max_bytes),
        }
    }
}

/// One hub message.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// A call; without an id nobody waits for an answer.
    Invocation(Invocation),
    /// A call whose answer is a stream.
    StreamInvocation(Invocation),
    /// One item of a stream, in either direction.
    StreamItem {
        /// The invocation (to the client) or the upload (to the server) that it belongs to.
        invocation_id: String,
        /// The item.
        item: Payload,
    },
    /// The end of a call or stream.
    Completion(Completion),
    /// The caller wants no more items.
    CancelInvocation {
        /// The stream's invocation.
        invocation_id: String,
    },
    /// "I am here."
    Ping,
    /// The sender ends the connection.
    Close {
        /// Why, if it is an error.
        error: Option<String>,
        /// Whether an automatic reconnect is welcome.
        allow_reconnect: bool,
    },
    /// Stateful reconnect: everything up to this number has arrived.
    Ack(u64),
    /// Stateful reconnect: the number of the next message.
    Sequence(u64),
    /// A type that this side does not know; newer peers may send it.
    Unknown(u64),
}

impl Message {
    /// Whether stateful reconnect numbers it (types 1 to 5).
    pub fn is_counted(&self) -> bool {
        matches!(
            self,
            Self::Invocation(_)
                | Self::StreamInvocation(_)
                | Self::StreamItem { .. }
                | Self::Completion(_)
                | Self::CancelInvocation { .. }
        )
    }
}

/// A call of a method on the other side.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// Names the call in its answer; absent if none is wanted.
    pub invocation_id: Option<String>,
    /// The method.
    pub target: String,
    /// Its arguments, each as it was sent.
    pub arguments: Vec<Payload>,
    /// The streams that the caller will send.
    pub stream_ids: Vec<String>,
}

/// The end of a call or stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// The call.
    pub invocation_id: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Done; nothing to return, or the end of a stream.
    Void,
    /// Done, with a value (null included).
    Value(Payload),
    /// Failed; the text is meant for the caller.
    Error(String),
}

/// Bytes that are no message of the protocol. The text is meant for logs and, in detailed mode, for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// Longer than the limit.
    #[error(
        "The maximum message size of {0}B was exceeded. The message size can be configured in AddHubOptions."
    )]
    TooLarge(usize),
    /// Not JSON, or not of the message's shape.
    #[error("Error reading JSON: {0}")]
    Json(String),
    /// Not MessagePack, or not of the message's shape.
    #[error("Error reading MessagePack: {0}")]
    MessagePack(&'static str),
    /// A completion with a result and an error.
    #[error("The 'error' and 'result' properties are mutually exclusive.")]
    ResultAndError,
    /// A field that the message needs is missing.
    #[error("Missing required property '{0}'.")]
    Missing(&'static str),
    /// The handshake is not one.
    #[error("The handshake request is malformed: {0}")]
    Handshake(String),
}

/// Splits the first `length` bytes off and shares them.
fn take(buffer: &mut BytesMut, length: usize) -> Bytes {
    buffer.split_to(length).freeze()
}
