//! The JSON protocol: one object and a record separator per message. Field order is free, unknown fields are ignored.

use bytes::{Buf, Bytes, BytesMut};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{
    Completion, Invocation, Message, Outcome, Payload, Protocol, ProtocolError, RECORD_SEPARATOR, take,
};

pub(super) fn parse(
    buffer: &mut BytesMut,
    max_bytes: Option<usize>,
) -> Result<Option<Message>, ProtocolError> {
    let Some(end) = buffer.iter().position(|byte| *byte == RECORD_SEPARATOR) else {
        return match max_bytes {
            Some(max) if buffer.len() >= max => Err(ProtocolError::TooLarge(max)),
            _ => Ok(None),
        };
    };
    if let Some(max) = max_bytes.filter(|max| end + 1 > *max) {
        return Err(ProtocolError::TooLarge(max));
    }
    let record = take(buffer, end);
    buffer.advance(1);
    message(&record).map(Some)
}

/// Every field of every message; which are needed depends on `type`, which may come last.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(rename = "type")]
    kind: Option<u64>,
    invocation_id: Option<String>,
    target: Option<String>,
    #[serde(borrow)]
    arguments: Option<Vec<&'a RawValue>>,
    stream_ids: Option<Vec<String>>,
    #[serde(borrow, default, deserialize_with = "present")]
    item: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    error: Option<String>,
    allow_reconnect: Option<bool>,
    sequence_id: Option<u64>,
}

/// A field that is there, even if it is null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

fn message(record: &Bytes) -> Result<Message, ProtocolError> {
    let fields: Fields<'_> =
        serde_json::from_slice(record).map_err(|error| ProtocolError::Json(error.to_string()))?;
    let payload = |raw: &RawValue| Payload::new(Protocol::Json, record.slice_ref(raw.get().as_bytes()));
    Ok(match fields.kind.ok_or(ProtocolError::Missing("type"))? {
        kind @ (1 | 4) => {
            let invocation = Invocation {
                invocation_id: optional_id(fields.invocation_id)?,
                target: fields.target.ok_or(ProtocolError::Missing("target"))?,
                arguments: fields
                    .arguments
                    .ok_or(ProtocolError::Missing("arguments"))?
                    .into_iter()
                    .map(payload)
                    .collect(),
                stream_ids: fields.stream_ids.unwrap_or_default(),
            };
            if kind == 1 { Message::Invocation(invocation) } else { stream_invocation(invocation)? }
        }
        2 => Message::StreamItem {
            invocation_id: required_id(fields.invocation_id)?,
            item: payload(fields.item.ok_or(ProtocolError::Missing("item"))?),
        },
        3 => Message::Completion(Completion {
            invocation_id: required_id(fields.invocation_id)?,
            outcome: match (fields.result, fields.error) {
                (Some(_), Some(_)) => return Err(ProtocolError::ResultAndError),
                (_, Some(error)) => Outcome::Error(error),
                (Some(result), None) => Outcome::Value(payload(result)),
                (None, None) => Outcome::Void,
            },
        }),
        5 => Message::CancelInvocation { invocation_id: required_id(fields.invocation_id)? },
        6 => Message::Ping,
        7 => Message::Close { error: fields.error, allow_reconnect: fields.allow_reconnect.unwrap_or(false) },
        8 => Message::Ack(fields.sequence_id.ok_or(ProtocolError::Missing("sequenceId"))?),
        9 => Message::Sequence(fields.sequence_id.ok_or(ProtocolError::Missing("sequenceId"))?),
        other => Message::Unknown(other),
    })
}

fn required_id(id: Option<String>) -> Result<String, ProtocolError> {
    id.filter(|id| !id.is_empty()).ok_or(ProtocolError::Missing("invocationId"))
}

/// Absent or not empty.
pub(super) fn optional_id(id: Option<String>) -> Result<Option<String>, ProtocolError> {
    match id {
        Some(id) if id.is_empty() => Err(ProtocolError::Missing("invocationId")),
        id => Ok(id),
    }
}

pub(super) fn stream_invocation(invocation: Invocation) -> Result<Message, ProtocolError> {
    if invocation.invocation_id.is_none() {
        return Err(ProtocolError::Missing("invocationId"));
    }
    Ok(Message::StreamInvocation(invocation))
}
