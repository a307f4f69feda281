//! Why a value was refused, in words for the person who wrote the value.

use std::borrow::Cow;
use std::fmt;

/// One clause without a full stop, such as `has 300 characters, at most 255 are allowed`. It reads on from
/// the name of the field, and does not repeat the value: whoever reports it knows both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(Cow<'static, str>);

impl Reason {
    pub(crate) fn fixed(words: &'static str) -> Self {
        Reason(Cow::Borrowed(words))
    }

    pub(crate) fn new(words: String) -> Self {
        Reason(Cow::Owned(words))
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Reason {}
