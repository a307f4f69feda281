//! The id of a request: on its answer, in its log line, in its error body.
//!
//! A client (or a proxy) may bring one; otherwise it is made from a random number of this process and a count,
//! which is unique across instances and cheaper than a random number for each request.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// Read from requests and written on answers.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// A longer id than this is not taken over.
const LENGTH_MAX: usize = 64;
/// Digits of a 64-bit number.
const DIGITS: usize = 16;
/// The process, a hyphen, the count.
const MADE_LENGTH_MAX: usize = 2 * DIGITS + 1;

/// What opens every id made here.
static PROCESS: LazyLock<[u8; DIGITS]> = LazyLock::new(|| hexadecimal(uuid::Uuid::new_v4().as_u64_pair().0));
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The id of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Text);

/// In place: an id that was made here takes no memory of its own until the answer's header does.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Text {
    Brought(HeaderValue),
    Made { bytes: [u8; MADE_LENGTH_MAX], length: usize },
}

impl RequestId {
    /// The id that the request brought, if it is short and plain, or a new one.
    pub fn of(headers: &HeaderMap) -> Self {
        let brought = headers.get(HEADER).filter(|value| is_plain(value.as_bytes()));
        brought.cloned().map_or_else(Self::new, |value| Self(Text::Brought(value)))
    }

    fn new() -> Self {
        let count = hexadecimal(NEXT.fetch_add(1, Ordering::Relaxed));
        let zeros = count.iter().take(DIGITS - 1).take_while(|digit| **digit == b'0').count();
        let mut bytes = [b'-'; MADE_LENGTH_MAX];
        bytes[..DIGITS].copy_from_slice(&*PROCESS);
        let length = MADE_LENGTH_MAX - zeros;
        bytes[DIGITS + 1..length].copy_from_slice(&count[zeros..]);
        Self(Text::Made { bytes, length })
    }

    /// The id as text; ids are plain ASCII by construction.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Brought(value) => value.to_str().unwrap_or_default(),
            Text::Made { bytes, length } => str::from_utf8(&bytes[..*length]).unwrap_or_default(),
        }
    }

    /// The id as a header.
    pub(crate) fn header_value(&self) -> HeaderValue {
        match &self.0 {
            Text::Brought(value) => value.clone(),
            Text::Made { bytes, length } => {
                HeaderValue::from_bytes(&bytes[..*length]).unwrap_or(HeaderValue::from_static(""))
            }
        }
    }
}

/// All sixteen digits, in lower case.
pub(super) fn hexadecimal(number: u64) -> [u8; DIGITS] {
    const DIGIT: &[u8; 16] = b"0123456789abcdef";
    std::array::from_fn(|at| DIGIT[(number >> (4 * (DIGITS - 1 - at)) & 0xF) as usize])
}

/// Nothing that could end a log field or a header, or fill a log.
fn is_plain(id: &[u8]) -> bool {
    (1..=LENGTH_MAX).contains(&id.len())
        && id.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_id_is_taken_over_and_any_other_is_replaced() {
        let id = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, HeaderValue::from_static(text));
            RequestId::of(&headers)
        };
        assert_eq!(id("4bf92f35-77b3").as_str(), "4bf92f35-77b3");
        assert_ne!(id("two words").as_str(), "two words");
        assert_ne!(id("").as_str(), "");
        assert_ne!(RequestId::new(), RequestId::new());
    }

    #[test]
    fn a_new_id_is_the_process_and_a_count_without_leading_zeros() {
        let id = RequestId::new();
        let (process, count) = id.as_str().split_once('-').unwrap();
        assert_eq!(process.len(), DIGITS);
        assert!(!count.is_empty() && !count.starts_with('0'), "{count}");
        assert_eq!(&hexadecimal(0x0123_4567_89ab_cdef), b"0123456789abcdef");
    }
}
