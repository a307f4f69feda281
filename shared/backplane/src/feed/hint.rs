//! The message that tells other instances of a commit, on channel `{ChannelName}:{LogId}`.
//!
//! Version 1: one byte `1`, one byte that is `1` if the previous mark is known and `0` if not, then 64-bit
//! little-endian integers: log id, first, last, mark, previous mark, and the tags from `first` to `last`. An instance that does not know the version ignores the message: it is a
//! hint, SQL has the truth. The layout crosses process boundaries and releases; a snapshot test holds it.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use super::Change;

const VERSION: u8 = 1;
const FIXED_BYTES: usize = 2 + 5 * 8;
/// Tags in one message. Twice the limit of a commit, so that raising that limit does not need a new version.
pub const HINT_TAGS_MAX: usize = 1_000;
/// A longer message is not a hint.
pub const HINT_BYTES_MAX: usize = FIXED_BYTES + HINT_TAGS_MAX * 8;

/// Why a message is not a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HintError {
    /// Longer than any hint.
    #[error("{bytes} bytes, more than {HINT_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Of a release with another layout.
    #[error("version {version}, this release reads {VERSION}")]
    UnknownVersion {
        /// Its first byte.
        version: u8,
    },
    /// Cut, or its numbers contradict each other.
    #[error("{bytes} bytes that do not fit together")]
    Malformed {
        /// Its length.
        bytes: usize,
    },
}

/// The channel of a log.
pub fn channel(channel_name: &str, log_id: i64) -> String {
    format!("{channel_name}:{log_id}")
}

/// The message; none if it would be longer than [`HINT_BYTES_MAX`] (others then learn of it from SQL).
pub fn encode(change: &Change) -> Option<Bytes> {
    if change.tags.len() > HINT_TAGS_MAX {
        return None;
    }
    let mut message = BytesMut::with_capacity(FIXED_BYTES + change.tags.len() * 8);
    message.put_u8(VERSION);
    message.put_u8(u8::from(change.previous_mark.is_some()));
    let previous_mark = change.previous_mark.unwrap_or_default();
    for number in [change.log_id, change.first, change.last, change.mark, previous_mark] {
        message.put_i64_le(number);
    }
    for &tag in change.tags.iter() {
        message.put_i64_le(tag);
    }
    Some(message.freeze())
}

/// Reads a message.
pub fn decode(message: &[u8]) -> Result<Change, HintError> {
    let bytes = message.len();
    if bytes > HINT_BYTES_MAX {
        return Err(HintError::TooLong { bytes });
    }
    let malformed = HintError::Malformed { bytes };
    let (&version, rest) = message.split_first().ok_or(malformed)?;
    if version != VERSION {
        return Err(HintError::UnknownVersion { version });
    }
    let (&known, rest) = rest.split_first().ok_or(malformed)?;
    let (numbers, odd) = rest.as_chunks::<8>();
    if !odd.is_empty() {
        return Err(malformed);
    }
    let mut numbers = numbers.iter().map(|number| i64::from_le_bytes(*number));
    let mut next = || numbers.next().ok_or(malformed);
    let (log_id, first, last, mark, previous_mark) = (next()?, next()?, next()?, next()?, next()?);
    let previous_mark = (known == 1).then_some(previous_mark);
    let tags: Arc<[i64]> = numbers.collect();
    let change = Change { log_id, first, last, mark, previous_mark, tags };
    if change.is_well_formed() { Ok(change) } else { Err(malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change() -> Change {
        Change {
            log_id: -2,
            first: 7,
            last: 9,
            mark: 77,
            previous_mark: Some(66),
            tags: Arc::new([11, -22, i64::MAX]),
        }
    }

    #[test]
    fn the_layout_is_what_other_releases_expect() {
        let message = encode(&change()).unwrap();
        let hex: Vec<String> =
            message.chunks(8).map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect()).collect();
        insta::assert_snapshot!(hex.join("\n"));
        assert_eq!(decode(&message), Ok(change()));
        let unknown = Change { previous_mark: None, ..change() };
        assert_eq!(decode(&encode(&unknown).unwrap()), Ok(unknown));
        assert_eq!(channel("VirtoCommerceChannel", -2), "VirtoCommerceChannel:-2");
    }

    #[test]
    fn what_is_not_a_hint_is_refused() {
        let good = encode(&change()).unwrap();
        for length in 0..good.len() {
            assert!(decode(&good[..length]).is_err(), "cut to {length} bytes");
        }
        let mut newer = good.to_vec();
        newer[0] = 2;
        assert_eq!(decode(&newer), Err(HintError::UnknownVersion { version: 2 }));
        assert!(matches!(decode(&vec![1; HINT_BYTES_MAX + 1]), Err(HintError::TooLong { .. })));
        let tags = vec![0; HINT_TAGS_MAX + 1].into();
        assert_eq!(encode(&Change { last: 7 + HINT_TAGS_MAX as i64, tags, ..change() }), None);
    }
}
