//! A value of the application inside a message: kept as the bytes that were sent until somebody knows its type.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Protocol, encode};
use crate::Error;

/// How deeply values may be nested; the limit of `serde_json`, too. Deeper ones are refused before they cost the stack.
const MAX_DEPTH: usize = 128;

/// One argument, item or result, encoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    protocol: Protocol,
    bytes: Bytes,
}

impl Payload {
    /// Bytes that are exactly one value of the protocol.
    pub(crate) fn new(protocol: Protocol, bytes: Bytes) -> Self {
        Self { protocol, bytes }
    }

    /// Encodes a value.
    ///
    /// # Errors
    /// The value cannot be expressed (a map whose keys are no strings, in JSON).
    pub fn encode<T: Serialize + ?Sized>(protocol: Protocol, value: &T) -> Result<Self, Error> {
        Ok(Self::new(protocol, encode::value(protocol, value)?.into()))
    }

    /// The protocol that it is encoded in.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The value's bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Reads it as a `T`.
    ///
    /// # Errors
    /// It is no `T`.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Error> {
        match self.protocol {
            Protocol::Json => {
                serde_json::from_slice(&self.bytes).map_err(|error| Error::Decode(error.to_string()))
            }
            Protocol::MessagePack => {
                let mut deserializer = rmp_serde::Deserializer::from_read_ref(&self.bytes[..]);
                deserializer.set_max_depth(MAX_DEPTH);
                T::deserialize(&mut deserializer).map_err(|error| Error::Decode(error.to_string()))
            }
        }
    }
}
