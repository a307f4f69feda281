//! The id of a request: on its answer, in its log line, in its error body.
//!
//! A client (or a proxy) may bring one; otherwise it is made from a random number of this process and a count,
//! which is unique across instances and cheaper than a random number for each request.

use std::fmt;
use std::rc::Rc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// Read from requests and written on answers.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// A longer id than this is not taken over.
const LENGTH_MAX: usize = 64;

static PROCESS: LazyLock<u64> = LazyLock::new(|| uuid::Uuid::new_v4().as_u64_pair().0);
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The id of one request; handlers find it in the request's extensions. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Rc<str>);

impl RequestId {
    /// The id that the request brought, if it is short and plain, or a new one.
    pub fn of(headers: &HeaderMap) -> Self {
        let brought = headers.get(HEADER).and_then(|value| value.to_str().ok()).filter(|id| is_plain(id));
        brought.map_or_else(Self::new, |id| Self(id.into()))
    }

    fn new() -> Self {
        let count = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(format!("{:016x}-{count:x}", *PROCESS).into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a header; ids are plain ASCII by construction.
    pub(crate) fn header_value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static(""))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Nothing that could end a log field or a header, or fill a log.
fn is_plain(id: &str) -> bool {
    (1..=LENGTH_MAX).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
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
}
