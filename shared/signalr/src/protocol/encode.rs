//! Messages to bytes: what is written is what .NET writes, byte for byte where its tests publish vectors.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Frame, Invocation, Message, Outcome, Payload, Protocol, RECORD_SEPARATOR};
use crate::Error;

/// The arguments of a call: a tuple `(a, b, ..)`, `()`, or a slice or vector of values of one type.
pub trait Arguments {
    /// Each argument, encoded.
    ///
    /// # Errors
    /// One cannot be expressed in the protocol.
    fn encode(&self, protocol: Protocol) -> Result<Vec<Payload>, Error>;
}

impl<T: Serialize> Arguments for [T] {
    fn encode(&self, protocol: Protocol) -> Result<Vec<Payload>, Error> {
        self.iter().map(|argument| Payload::encode(protocol, argument)).collect()
    }
}

impl<T: Serialize> Arguments for Vec<T> {
    fn encode(&self, protocol: Protocol) -> Result<Vec<Payload>, Error> {
        self.as_slice().encode(protocol)
    }
}

impl<A: Arguments + ?Sized> Arguments for &A {
    fn encode(&self, protocol: Protocol) -> Result<Vec<Payload>, Error> {
        (**self).encode(protocol)
    }
}

macro_rules! tuple_of_arguments {
    ($($name:ident)*) => {
        impl<$($name: Serialize),*> Arguments for ($($name,)*) {
            fn encode(&self, protocol: Protocol) -> Result<Vec<Payload>, Error> {
                #[expect(non_snake_case, reason = "each variable is named after its type")]
                let ($($name,)*) = self;
                Ok(vec![$(Payload::encode(protocol, $name)?),*])
            }
        }
    };
}

impl Arguments for () {
    fn encode(&self, _: Protocol) -> Result<Vec<Payload>, Error> {
        Ok(Vec::new())
    }
}

tuple_of_arguments!(A);
tuple_of_arguments!(A B);
tuple_of_arguments!(A B C);
tuple_of_arguments!(A B C D);
tuple_of_arguments!(A B C D E);
tuple_of_arguments!(A B C D E F);
tuple_of_arguments!(A B C D E F G);
tuple_of_arguments!(A B C D E F G H);

pub(super) fn value<T: Serialize + ?Sized>(protocol: Protocol, value: &T) -> Result<Vec<u8>, Error> {
    match protocol {
        Protocol::Json => serde_json::to_vec(value).map_err(|error| Error::Encode(error.to_string())),
        Protocol::MessagePack => {
            rmp_serde::to_vec_named(value).map_err(|error| Error::Encode(error.to_string()))
        }
    }
}

impl Protocol {
    /// Encodes a message, its terminator or length prefix included.
    ///
    /// # Errors
    /// A payload in it is encoded in the other protocol; an [`Message::Unknown`] cannot be sent.
    pub fn encode(self, message: &Message) -> Result<Frame, Error> {
        let counted = message.is_counted();
        let bytes = match self {
            Self::Json => json(message)?,
            Self::MessagePack => messagepack(message)?,
        };
        Ok(Frame::new(self, &bytes, counted))
    }
}

/// Fields in the order in which .NET writes them.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(rename = "type")]
    kind: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    invocation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<Vec<&'a RawValue>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stream_ids: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_reconnect: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_id: Option<u64>,
}

fn json(message: &Message) -> Result<Vec<u8>, Error> {
    let fields = match message {
        Message::Invocation(invocation) => json_call(1, invocation)?,
        Message::StreamInvocation(invocation) => json_call(4, invocation)?,
        Message::StreamItem { invocation_id, item } => Fields {
            kind: 2,
            invocation_id: Some(invocation_id),
            item: Some(raw(item)?),
            ..Fields::default()
        },
        Message::Completion(completion) => {
            let mut fields =
                Fields { kind: 3, invocation_id: Some(&completion.invocation_id), ..Fields::default() };
            match &completion.outcome {
                Outcome::Void => {}
                Outcome::Value(value) => fields.result = Some(raw(value)?),
                Outcome::Error(error) => fields.error = Some(error),
            }
            fields
        }
        Message::CancelInvocation { invocation_id } => {
            Fields { kind: 5, invocation_id: Some(invocation_id), ..Fields::default() }
        }
        Message::Ping => Fields { kind: 6, ..Fields::default() },
        Message::Close { error, allow_reconnect } => Fields {
            kind: 7,
            error: error.as_deref(),
            allow_reconnect: allow_reconnect.then_some(true),
            ..Fields::default()
        },
        Message::Ack(id) => Fields { kind: 8, sequence_id: Some(*id), ..Fields::default() },
        Message::Sequence(id) => Fields { kind: 9, sequence_id: Some(*id), ..Fields::default() },
        Message::Unknown(kind) => return Err(Error::Encode(format!("message type {kind} cannot be sent"))),
    };
    let mut bytes = serde_json::to_vec(&fields).map_err(|error| Error::Encode(error.to_string()))?;
    bytes.push(RECORD_SEPARATOR);
    Ok(bytes)
}

fn json_call(kind: u8, invocation: &Invocation) -> Result<Fields<'_>, Error> {
    Ok(Fields {
        kind,
        invocation_id: invocation.invocation_id.as_deref(),
        target: Some(&invocation.target),
        arguments: Some(invocation.arguments.iter().map(raw).collect::<Result<_, _>>()?),
        stream_ids: &invocation.stream_ids,
        ..Fields::default()
    })
}

fn raw(payload: &Payload) -> Result<&RawValue, Error> {
    if payload.protocol() != Protocol::Json {
        return Err(Error::Encode("a MessagePack value in a JSON message".to_owned()));
    }
    serde_json::from_slice(payload.bytes()).map_err(|error| Error::Encode(error.to_string()))
}

fn messagepack(message: &Message) -> Result<Vec<u8>, Error> {
    // Room for the longest length prefix; it is written last.
    let mut bytes = vec![0; 5];
    match message {
        Message::Invocation(invocation) => messagepack_call(&mut bytes, 1, invocation)?,
        Message::StreamInvocation(invocation) => messagepack_call(&mut bytes, 4, invocation)?,
        Message::StreamItem { invocation_id, item } => {
            head(&mut bytes, 4, 2);
            text(&mut bytes, invocation_id);
            append(&mut bytes, item)?;
        }
        Message::Completion(completion) => {
            let items = if completion.outcome == Outcome::Void { 4 } else { 5 };
            head(&mut bytes, items, 3);
            text(&mut bytes, &completion.invocation_id);
            match &completion.outcome {
                Outcome::Error(error) => {
                    bytes.push(1);
                    text(&mut bytes, error);
                }
                Outcome::Void => bytes.push(2),
                Outcome::Value(value) => {
                    bytes.push(3);
                    append(&mut bytes, value)?;
                }
            }
        }
        Message::CancelInvocation { invocation_id } => {
            head(&mut bytes, 3, 5);
            text(&mut bytes, invocation_id);
        }
        Message::Ping => bytes.extend([0x91, 6]),
        Message::Close { error, allow_reconnect } => {
            bytes.extend([0x93, 7]);
            optional_text(&mut bytes, error.as_deref());
            bytes.push(if *allow_reconnect { 0xc3 } else { 0xc2 });
        }
        Message::Ack(id) => number(&mut bytes, 8, *id),
        Message::Sequence(id) => number(&mut bytes, 9, *id),
        Message::Unknown(kind) => return Err(Error::Encode(format!("message type {kind} cannot be sent"))),
    }
    Ok(prefixed(bytes))
}

/// Writes the length into the room in front, as short as it goes.
fn prefixed(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut prefix = Vec::with_capacity(5);
    let mut length = bytes.len() - 5;
    loop {
        let low = (length & 0x7f) as u8;
        length >>= 7;
        if length == 0 {
            prefix.push(low);
            break;
        }
        prefix.push(low | 0x80);
    }
    let start = 5 - prefix.len();
    bytes[start..5].copy_from_slice(&prefix);
    bytes.drain(..start);
    bytes
}

/// An array of `items` that begins with the type and empty headers.
fn head(bytes: &mut Vec<u8>, items: u8, kind: u8) {
    bytes.extend([0x90 | items, kind, 0x80]);
}

fn messagepack_call(bytes: &mut Vec<u8>, kind: u8, invocation: &Invocation) -> Result<(), Error> {
    // Always six items: a widely used client reads the sixth without asking.
    head(bytes, 6, kind);
    optional_text(bytes, invocation.invocation_id.as_deref());
    text(bytes, &invocation.target);
    array(bytes, invocation.arguments.len());
    for argument in &invocation.arguments {
        append(bytes, argument)?;
    }
    array(bytes, invocation.stream_ids.len());
    for id in &invocation.stream_ids {
        text(bytes, id);
    }
    Ok(())
}

fn append(bytes: &mut Vec<u8>, payload: &Payload) -> Result<(), Error> {
    if payload.protocol() != Protocol::MessagePack {
        return Err(Error::Encode("a JSON value in a MessagePack message".to_owned()));
    }
    bytes.extend_from_slice(payload.bytes());
    Ok(())
}

fn array(bytes: &mut Vec<u8>, items: usize) {
    // Writing to a vector cannot fail.
    let _ = rmp::encode::write_array_len(bytes, u32::try_from(items).unwrap_or(u32::MAX));
}

fn text(bytes: &mut Vec<u8>, value: &str) {
    let _ = rmp::encode::write_str(bytes, value);
}

fn optional_text(bytes: &mut Vec<u8>, value: Option<&str>) {
    match value {
        Some(value) => text(bytes, value),
        None => bytes.push(0xc0),
    }
}

fn number(bytes: &mut Vec<u8>, kind: u8, id: u64) {
    bytes.extend([0x92, kind]);
    let _ = rmp::encode::write_uint(bytes, id);
}

/// A JSON value as MessagePack, for peers that publish only one form.
pub(crate) fn json_to_messagepack(message: &[u8]) -> Result<Bytes, Error> {
    let mut buffer = bytes::BytesMut::from(message);
    let parsed = Protocol::Json.parse(&mut buffer, None).map_err(Error::Protocol)?;
    let Some(Message::Invocation(invocation)) = parsed else {
        return Err(Error::Encode("only invocations are translated".to_owned()));
    };
    let arguments = invocation
        .arguments
        .iter()
        .map(|argument| {
            let value: serde_json::Value = argument.decode()?;
            Payload::encode(Protocol::MessagePack, &value)
        })
        .collect::<Result<_, _>>()?;
    let translated = Invocation { arguments, ..invocation };
    Ok(Protocol::MessagePack.encode(&Message::Invocation(translated))?.payload())
}
