//! What can go wrong with notifications.

/// Why a notification was not raised, read or marked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQL Server.
    #[error(transparent)]
    Sql(#[from] sql::Error),
    /// A payload that is no JSON object, or that SQL Server gave back as none.
    #[error("the content of a {notify_type} notification is not a JSON object")]
    Content {
        /// What kind of notification.
        notify_type: String,
    },
    /// A payload that is too large.
    #[error("the content of a {notify_type} notification has {bytes} bytes, more than {limit}")]
    ContentTooLarge {
        /// What kind of notification.
        notify_type: &'static str,
        /// How large.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// The connection has ended, or nothing is served yet.
    #[error("the connection has ended")]
    NoConnection,
    /// A name that a column cannot hold.
    #[error("{what} has {length} characters; 1 to {limit} are possible")]
    Name {
        /// Which.
        what: &'static str,
        /// How long, in UTF-16 units.
        length: usize,
        /// What is allowed.
        limit: usize,
    },
}

/// What this module's functions return.
pub type Result<T> = std::result::Result<T, Error>;

impl sql::Retryable for Error {
    fn sql_error(&self) -> Option<&sql::Error> {
        match self {
            Self::Sql(error) => Some(error),
            _ => None,
        }
    }
}
