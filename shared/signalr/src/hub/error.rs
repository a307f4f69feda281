//! What hub methods fail with: a text meant for the client, or an internal error that stays here.

use std::error::Error as StdError;
use std::fmt;

/// Why a hub method failed. `?` turns any error into one whose text stays on the server unless
/// [`detailed_errors`](crate::HubOptions::detailed_errors) is on; [`HubError::new`] makes one that the client sees.
pub struct HubError(Kind);

enum Kind {
    /// Known as `HubException`: the text is for the client.
    ForClient(String),
    Internal {
        name: &'static str,
        source: Box<dyn StdError + Send + Sync>,
    },
}

impl HubError {
    /// An error whose text goes out to the client.
    pub fn new(message: impl Into<String>) -> Self {
        Self(Kind::ForClient(message.into()))
    }

    pub(crate) fn panicked() -> Self {
        Self::from(Panicked)
    }

    /// The detail that goes out, if any.
    fn detail(&self, detailed: bool) -> Option<String> {
        match &self.0 {
            Kind::ForClient(message) => Some(format!("HubException: {message}")),
            Kind::Internal { name, source } => detailed.then(|| format!("{name}: {source}")),
        }
    }

    fn with_detail(&self, text: String, detailed: bool) -> String {
        match self.detail(detailed) {
            Some(detail) => format!("{text} {detail}"),
            None => text,
        }
    }

    /// The completion of a call that failed.
    pub(crate) fn for_call(&self, target: &str, detailed: bool) -> String {
        self.with_detail(format!("An unexpected error occurred invoking '{target}' on the server."), detailed)
    }

    /// The completion of a stream that failed.
    pub(crate) fn for_stream(&self, detailed: bool) -> String {
        self.with_detail("An error occurred on the server while streaming results.".to_owned(), detailed)
    }

    /// The close message of a connection whose hook failed.
    pub(crate) fn for_close(&self, detailed: bool) -> String {
        self.with_detail("Connection closed with an error.".to_owned(), detailed)
    }
}

/// Stays an error for logs; the blanket conversion below forbids `std::error::Error`.
impl fmt::Display for HubError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::ForClient(message) => formatter.write_str(message),
            Kind::Internal { source, .. } => source.fmt(formatter),
        }
    }
}

impl fmt::Debug for HubError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::ForClient(message) => formatter.debug_tuple("HubError").field(message).finish(),
            Kind::Internal { source, .. } => formatter.debug_tuple("HubError").field(source).finish(),
        }
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for HubError {
    fn from(source: E) -> Self {
        let path = std::any::type_name::<E>();
        let name = path.rsplit("::").next().unwrap_or(path);
        Self(Kind::Internal { name, source: Box::new(source) })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the hub method panicked")]
struct Panicked;
