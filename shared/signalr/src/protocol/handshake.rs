//! The first record of a connection: JSON and a record separator, whichever protocol it asks for.

use bytes::{Buf, BytesMut};
use serde::Deserialize;

use super::{Frame, Protocol, ProtocolError, RECORD_SEPARATOR, take};

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct HandshakeRequest {
    /// `json` or `messagepack`.
    pub protocol: String,
    /// 0 to 2: clients in use send each of them; 2 if stateful reconnect was negotiated.
    pub version: i64,
}

/// Takes the handshake from the front of `buffer`; `None` if more bytes are needed.
///
/// # Errors
/// It is malformed or longer than `max_bytes`.
pub fn parse_handshake(
    buffer: &mut BytesMut,
    max_bytes: Option<usize>,
) -> Result<Option<HandshakeRequest>, ProtocolError> {
    let end = buffer.iter().position(|byte| *byte == RECORD_SEPARATOR);
    if let Some(max) = max_bytes.filter(|max| end.map_or(buffer.len(), |end| end + 1) > *max) {
        return Err(ProtocolError::TooLarge(max));
    }
    let Some(end) = end else { return Ok(None) };
    let record = take(buffer, end);
    buffer.advance(1);
    serde_json::from_slice(&record).map(Some).map_err(|error| ProtocolError::Handshake(error.to_string()))
}

fn record(value: &serde_json::Value, protocol: Protocol) -> Frame {
    let mut bytes = value.to_string().into_bytes();
    bytes.push(RECORD_SEPARATOR);
    Frame::new(protocol, &bytes, false)
}

/// The answer that accepts; framed as the protocol's messages are.
pub(crate) fn handshake_response(protocol: Protocol) -> Frame {
    record(&serde_json::json!({}), protocol)
}

/// The answer that refuses, always text.
pub(crate) fn handshake_refused(error: &str) -> Frame {
    record(&serde_json::json!({ "error": error }), Protocol::Json)
}

/// What a client sends.
#[cfg(feature = "testing")]
pub(crate) fn handshake_request(protocol: Protocol, version: i64) -> Frame {
    record(&serde_json::json!({ "protocol": protocol.name(), "version": version }), Protocol::Json)
}
