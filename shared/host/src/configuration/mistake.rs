//! What a user did wrong in the configuration, said so that it can be mended without reading anything else.
//!
//! Every mistake of a start is collected and shown at once. Secret values never enter a [`Mistake`].

use std::fmt;

use super::source::Origin;

/// One mistake: where, which key, what was written there, what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    origin: Option<Origin>,
    key: Option<String>,
    value: Option<String>,
    expected: String,
}

impl Mistake {
    /// A mistake at a place; `expected` is a clause that says what was expected there.
    pub fn new(origin: Origin, expected: impl Into<String>) -> Self {
        Self { origin: Some(origin), key: None, value: None, expected: expected.into() }
    }

    /// A key that no source has, or whose default does not fit.
    pub fn of_key(key: &str, expected: impl Into<String>) -> Self {
        Self { origin: None, key: Some(key.to_owned()), value: None, expected: expected.into() }
    }

    /// For sorting: files first, each from top to bottom, then the other sources.
    pub(super) fn place(&self) -> (u8, usize, usize) {
        let mut origin = self.origin.as_ref();
        while let Some(Origin::SecretFile { named_by, .. }) = origin {
            origin = Some(named_by);
        }
        match origin {
            Some(Origin::File { line, column, .. }) => (0, *line, *column),
            Some(Origin::Environment(_)) => (1, 0, 0),
            Some(Origin::Flag(_)) => (2, 0, 0),
            Some(Origin::SecretFile { .. }) | None => (3, 0, 0),
        }
    }

    /// Names the key.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// Shows the value that was written; never call it with a secret.
    #[must_use]
    pub fn value(mut self, value: &str) -> Self {
        const SHOWN_CHARACTERS_MAX: usize = 80;
        let mut shown: String = value.chars().take(SHOWN_CHARACTERS_MAX).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        self.value = Some(shown);
        self
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        match (&self.key, &self.value) {
            (Some(key), Some(value)) => write!(f, "{key} = {value:?}: ")?,
            (Some(key), None) => write!(f, "{key}: ")?,
            (None, _) => {}
        }
        f.write_str(&self.expected)
    }
}

/// All mistakes of one start. `Display` has one line for each.
#[derive(Debug, thiserror::Error)]
pub struct ConfigurationError {
    /// In the order of their places; never empty.
    pub mistakes: Vec<Mistake>,
}

impl From<Vec<Mistake>> for ConfigurationError {
    fn from(mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort_by_key(Mistake::place);
        Self { mistakes }
    }
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mistakes.as_slice() {
            [one] => write!(f, "the configuration has a mistake:\n  {one}"),
            many => {
                write!(f, "the configuration has {} mistakes:", many.len())?;
                many.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
            }
        }
    }
}
