//! Values that the two protocols write differently: bytes and points in time.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Bytes: base64 text in JSON, `bin` in MessagePack (`Uint8Array` in JavaScript).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByteArray(pub Vec<u8>);

impl Serialize for ByteArray {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&STANDARD.encode(&self.0))
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for ByteArray {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            STANDARD.decode(text).map(Self).map_err(de::Error::custom)
        } else {
            deserializer.deserialize_byte_buf(BytesVisitor).map(Self)
        }
    }
}

struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }
}

/// A point in time: RFC 3339 text in JSON, the timestamp extension (type -1) in MessagePack (`Date` in JavaScript).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub OffsetDateTime);

const TIMESTAMP_EXTENSION: i8 = -1;

/// The name under which `rmp_serde` writes and reads extensions.
const EXTENSION: &str = rmp_serde::MSGPACK_EXT_STRUCT_NAME;

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            let text = self.0.format(&Rfc3339).map_err(serde::ser::Error::custom)?;
            return serializer.serialize_str(&text);
        }
        let (seconds, nanoseconds) = (self.0.unix_timestamp(), self.0.nanosecond());
        let bytes = match u64::try_from(seconds) {
            Ok(seconds) if nanoseconds == 0 && seconds <= u64::from(u32::MAX) => {
                (seconds as u32).to_be_bytes().to_vec()
            }
            Ok(seconds) if seconds < 1 << 34 => {
                ((u64::from(nanoseconds) << 34) | seconds).to_be_bytes().to_vec()
            }
            _ => [&nanoseconds.to_be_bytes()[..], &seconds.to_be_bytes()[..]].concat(),
        };
        serializer.serialize_newtype_struct(EXTENSION, &(TIMESTAMP_EXTENSION, Raw(&bytes)))
    }
}

struct Raw<'a>(&'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            OffsetDateTime::parse(&text, &Rfc3339).map(Self).map_err(de::Error::custom)
        } else {
            deserializer.deserialize_newtype_struct(EXTENSION, ExtensionVisitor)
        }
    }
}

struct ExtensionVisitor;

impl<'de> Visitor<'de> for ExtensionVisitor {
    type Value = Timestamp;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a timestamp extension")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Timestamp, D::Error> {
        let (kind, bytes) = <(i8, ExtensionBytes)>::deserialize(deserializer)?;
        if kind != TIMESTAMP_EXTENSION {
            return Err(de::Error::custom(format!("extension {kind} is no timestamp")));
        }
        from_extension(&bytes.0)
            .map(Timestamp)
            .ok_or_else(|| de::Error::custom("the timestamp is malformed or out of range"))
    }
}

struct ExtensionBytes(Vec<u8>);

impl<'de> Deserialize<'de> for ExtensionBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(BytesVisitor).map(Self)
    }
}

fn from_extension(bytes: &[u8]) -> Option<OffsetDateTime> {
    let (seconds, nanoseconds) = match bytes.len() {
        4 => (i64::from(u32::from_be_bytes(bytes.try_into().ok()?)), 0),
        8 => {
            let both = u64::from_be_bytes(bytes.try_into().ok()?);
            ((both & ((1 << 34) - 1)).cast_signed(), (both >> 34) as u32)
        }
        12 => {
            let nanoseconds = u32::from_be_bytes(bytes[..4].try_into().ok()?);
            (i64::from_be_bytes(bytes[4..].try_into().ok()?), nanoseconds)
        }
        _ => return None,
    };
    OffsetDateTime::from_unix_timestamp(seconds).ok()?.replace_nanosecond(nanoseconds).ok()
}
