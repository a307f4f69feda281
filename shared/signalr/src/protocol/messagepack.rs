//! The MessagePack protocol: a length of 1 to 5 bytes, then an array per message. Readers take what they know from the
//! front of the array and ignore the rest, as other implementations do.

use bytes::{Buf, Bytes, BytesMut};
use rmp::Marker;

use super::json::{optional_id, stream_invocation};
use super::{Completion, Invocation, Message, Outcome, Payload, Protocol, ProtocolError, take};

const TRUNCATED: ProtocolError = ProtocolError::MessagePack("the message ends too early");

/// The longest body that a length prefix can state.
const MAX_BODY_BYTES: u64 = 0x7fff_ffff;

pub(super) fn parse(
    buffer: &mut BytesMut,
    max_bytes: Option<usize>,
) -> Result<Option<Message>, ProtocolError> {
    let Some((prefix, length)) = length_prefix(buffer)? else { return Ok(None) };
    if let Some(max) = max_bytes.filter(|max| prefix + length > *max) {
        return Err(ProtocolError::TooLarge(max));
    }
    if buffer.len() < prefix + length {
        return Ok(None);
    }
    buffer.advance(prefix);
    let body = take(buffer, length);
    Reader::new(body).message().map(Some)
}

/// The number of bytes of the prefix and the length that it states; `None` if it is incomplete.
fn length_prefix(buffer: &[u8]) -> Result<Option<(usize, usize)>, ProtocolError> {
    let mut length = 0_u64;
    for (index, byte) in buffer.iter().take(5).enumerate() {
        length |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            if length > MAX_BODY_BYTES {
                break;
            }
            return Ok(Some((index + 1, usize::try_from(length).map_err(|_| TRUNCATED)?)));
        }
    }
    if buffer.len() < 5 {
        Ok(None)
    } else {
        Err(ProtocolError::MessagePack("the length prefix is too large"))
    }
}

/// Reads one body. Every element is bounded by the body, and nothing recurses: depth costs no stack.
struct Reader {
    body: Bytes,
    at: usize,
}

impl Reader {
    fn new(body: Bytes) -> Self {
        Self { body, at: 0 }
    }

    fn message(mut self) -> Result<Message, ProtocolError> {
        let items = self.array()?;
        let kind =
            self.unsigned().map_err(|_| ProtocolError::MessagePack("the message type is no number"))?;
        let needs = |count: usize| if items < count { Err(TRUNCATED) } else { Ok(()) };
        Ok(match kind {
            1 | 4 => {
                needs(5)?;
                self.headers()?;
                let invocation = Invocation {
                    invocation_id: optional_id(self.optional_text()?)?,
                    target: self.text()?,
                    arguments: self.values()?,
                    stream_ids: if items > 5 { self.texts()? } else { Vec::new() },
                };
                if kind == 1 { Message::Invocation(invocation) } else { stream_invocation(invocation)? }
            }
            2 => {
                needs(4)?;
                self.headers()?;
                Message::StreamItem { invocation_id: self.id()?, item: self.value()? }
            }
            3 => {
                needs(4)?;
                self.headers()?;
                let invocation_id = self.id()?;
                let outcome = match self.unsigned()? {
                    2 => Outcome::Void,
                    _ if items < 5 => return Err(TRUNCATED),
                    1 => Outcome::Error(self.optional_text()?.unwrap_or_default()),
                    3 => Outcome::Value(self.value()?),
                    _ => return Err(ProtocolError::MessagePack("unknown kind of completion")),
                };
                Message::Completion(Completion { invocation_id, outcome })
            }
            5 => {
                needs(3)?;
                self.headers()?;
                Message::CancelInvocation { invocation_id: self.id()? }
            }
            6 => Message::Ping,
            7 => {
                let error = if items > 1 { self.optional_text()? } else { None };
                Message::Close { error, allow_reconnect: items > 2 && self.boolean()? }
            }
            8 => Message::Ack(self.unsigned()?),
            9 => Message::Sequence(self.unsigned()?),
            other => Message::Unknown(other),
        })
    }

    fn bytes(&mut self, count: usize) -> Result<&[u8], ProtocolError> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.body.len()).ok_or(TRUNCATED)?;
        let start = std::mem::replace(&mut self.at, end);
        Ok(&self.body[start..end])
    }

    fn big_endian(&mut self, count: usize) -> Result<u64, ProtocolError> {
        Ok(self.bytes(count)?.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    fn length(&mut self, count: usize) -> Result<usize, ProtocolError> {
        usize::try_from(self.big_endian(count)?).map_err(|_| TRUNCATED)
    }

    fn marker(&mut self) -> Result<Marker, ProtocolError> {
        Ok(Marker::from_u8(self.bytes(1)?[0]))
    }

    fn array(&mut self) -> Result<usize, ProtocolError> {
        match self.marker()? {
            Marker::FixArray(length) => Ok(usize::from(length)),
            Marker::Array16 => self.length(2),
            Marker::Array32 => self.length(4),
            _ => Err(ProtocolError::MessagePack("an array is missing")),
        }
    }

    fn unsigned(&mut self) -> Result<u64, ProtocolError> {
        match self.marker()? {
            Marker::FixPos(number) => Ok(u64::from(number)),
            Marker::U8 => self.big_endian(1),
            Marker::U16 => self.big_endian(2),
            Marker::U32 => self.big_endian(4),
            Marker::U64 => self.big_endian(8),
            // Some writers take the signed form for small numbers.
            marker @ (Marker::I8 | Marker::I16 | Marker::I32 | Marker::I64) => {
                let size = 1 << (marker.to_u8() - Marker::I8.to_u8());
                let number = self.big_endian(size)?;
                let negative = number >> (8 * size - 1) == 1;
                if negative { Err(ProtocolError::MessagePack("a negative number")) } else { Ok(number) }
            }
            _ => Err(ProtocolError::MessagePack("a number is missing")),
        }
    }

    fn boolean(&mut self) -> Result<bool, ProtocolError> {
        match self.marker()? {
            Marker::True => Ok(true),
            Marker::False | Marker::Null => Ok(false),
            _ => Err(ProtocolError::MessagePack("a boolean is missing")),
        }
    }

    fn optional_text(&mut self) -> Result<Option<String>, ProtocolError> {
        let length = match self.marker()? {
            Marker::Null => return Ok(None),
            Marker::FixStr(length) => usize::from(length),
            Marker::Str8 => self.length(1)?,
            Marker::Str16 => self.length(2)?,
            Marker::Str32 => self.length(4)?,
            _ => return Err(ProtocolError::MessagePack("a string is missing")),
        };
        let text = std::str::from_utf8(self.bytes(length)?);
        text.map(|text| Some(text.to_owned()))
            .map_err(|_| ProtocolError::MessagePack("a string is not UTF-8"))
    }

    fn text(&mut self) -> Result<String, ProtocolError> {
        self.optional_text()?.ok_or(ProtocolError::MessagePack("a string is missing"))
    }

    fn id(&mut self) -> Result<String, ProtocolError> {
        Some(self.text()?).filter(|id| !id.is_empty()).ok_or(ProtocolError::Missing("invocationId"))
    }

    fn texts(&mut self) -> Result<Vec<String>, ProtocolError> {
        if self.body.get(self.at).is_some_and(|byte| Marker::from_u8(*byte) == Marker::Null) {
            self.at += 1;
            return Ok(Vec::new());
        }
        // No room is reserved for what the length claims: each element must be there.
        (0..self.array()?).map(|_| self.text()).collect()
    }

    fn values(&mut self) -> Result<Vec<Payload>, ProtocolError> {
        (0..self.array()?).map(|_| self.value()).collect()
    }

    fn value(&mut self) -> Result<Payload, ProtocolError> {
        let start = self.at;
        self.skip()?;
        Ok(Payload::new(Protocol::MessagePack, self.body.slice(start..self.at)))
    }

    /// Headers mean nothing here; clients put credentials into them, so they are not even kept.
    fn headers(&mut self) -> Result<(), ProtocolError> {
        let marker = self.body.get(self.at).map(|byte| Marker::from_u8(*byte)).ok_or(TRUNCATED)?;
        if !matches!(marker, Marker::FixMap(_) | Marker::Map16 | Marker::Map32 | Marker::Null) {
            return Err(ProtocolError::MessagePack("the headers are no map"));
        }
        self.skip()
    }

    /// Steps over one value, whatever is nested in it.
    fn skip(&mut self) -> Result<(), ProtocolError> {
        let mut open = 1_u64;
        while open > 0 {
            open -= 1;
            let (bytes, nested) = match self.marker()? {
                Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::False | Marker::True => (0, 0),
                Marker::U8 | Marker::I8 => (1, 0),
                Marker::U16 | Marker::I16 => (2, 0),
                Marker::U32 | Marker::I32 | Marker::F32 => (4, 0),
                Marker::U64 | Marker::I64 | Marker::F64 => (8, 0),
                Marker::FixStr(length) => (usize::from(length), 0),
                Marker::Str8 | Marker::Bin8 => (self.length(1)?, 0),
                Marker::Str16 | Marker::Bin16 => (self.length(2)?, 0),
                Marker::Str32 | Marker::Bin32 => (self.length(4)?, 0),
                // One byte of an extension is its type.
                Marker::FixExt1 => (2, 0),
                Marker::FixExt2 => (3, 0),
                Marker::FixExt4 => (5, 0),
                Marker::FixExt8 => (9, 0),
                Marker::FixExt16 => (17, 0),
                Marker::Ext8 => (self.length(1)?.saturating_add(1), 0),
                Marker::Ext16 => (self.length(2)?.saturating_add(1), 0),
                Marker::Ext32 => (self.length(4)?.saturating_add(1), 0),
                Marker::FixArray(length) => (0, u64::from(length)),
                Marker::Array16 => (0, self.big_endian(2)?),
                Marker::Array32 => (0, self.big_endian(4)?),
                Marker::FixMap(length) => (0, 2 * u64::from(length)),
                Marker::Map16 => (0, 2 * self.big_endian(2)?),
                Marker::Map32 => (0, 2 * self.big_endian(4)?),
                Marker::Reserved => return Err(ProtocolError::MessagePack("a reserved marker")),
            };
            self.bytes(bytes)?;
            open = open.saturating_add(nested);
            // Each value takes at least a byte: a claim beyond the rest of the body is false.
            if open > (self.body.len() - self.at) as u64 {
                return Err(TRUNCATED);
            }
        }
        Ok(())
    }
}
