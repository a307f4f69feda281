//! What can go wrong here, as the problem that the client sees.

use host::problem::{FieldError, Problem};

use crate::accounts::Denied;

/// What a 503 tells clients while SQL Server is away.
const RETRY_AFTER_SECS: u32 = 1;

/// Everything but an answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(&'static str),
    /// Fields of the request that no rule lets through.
    #[error("{} fields are wrong", .0.len())]
    Invalid(Vec<FieldError>),
    /// Somebody else changed it first.
    #[error("the {what} is at version {current} by now")]
    VersionMismatch {
        /// `product`, `role` …
        what: &'static str,
        /// What it is now.
        current: i64,
    },
    /// Against a rule of accounts.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// It contradicts what is there.
    #[error("{0}")]
    Conflict(String),
    /// Storage, below `store`.
    #[error(transparent)]
    Sql(#[from] sql::Error),
    /// Storage, or a rule that only storage can know.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Notifications.
    #[error(transparent)]
    Push(#[from] backplane::push::Error),
    /// A job could not be enqueued.
    #[error(transparent)]
    Jobs(#[from] jobs::Error),
}

impl sql::Retryable for Error {
    fn sql_error(&self) -> Option<&sql::Error> {
        match self {
            Self::Sql(error) => Some(error),
            Self::Store(error) => error.sql_error(),
            Self::Push(error) => error.sql_error(),
            Self::Jobs(error) => error.sql_error(),
            _ => None,
        }
    }
}

/// What the caller of the job engine got wrong, as a field; `None`: it is not the caller's mistake.
fn field_of(error: &jobs::Error) -> Option<&'static str> {
    Some(match error {
        jobs::Error::Cron(_) => "cron",
        jobs::Error::TimeZone { .. } => "timeZone",
        jobs::Error::QueueName { .. } => "queue",
        jobs::Error::Jitter => "jitterSecs",
        jobs::Error::RecurringId { .. } => "id",
        jobs::Error::TooManyJobs { .. } => "ids",
        _ => return None,
    })
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if sql::Retryable::sql_error(&error).is_some_and(sql::Error::is_transient) {
            return Self::unavailable(RETRY_AFTER_SECS, error);
        }
        if let Error::Jobs(error) = &error
            && let Some(field) = field_of(error)
        {
            return Self::validation(vec![FieldError::new(field, error.to_string())]);
        }
        match error {
            Error::NotFound(_) => Self::not_found(error.to_string()),
            Error::Invalid(fields) => Self::validation(fields),
            Error::VersionMismatch { .. } => Self::version_mismatch(error.to_string()),
            Error::Conflict(reason) => Self::conflict(reason),
            Error::Store(store::Error::SlugTaken { slug, .. }) => {
                Self::conflict(format!("another product of the store has the slug {slug}"))
            }
            Error::Store(store::Error::CurrencyFixed { .. }) => Self::conflict(error.to_string()),
            Error::Jobs(jobs::Error::RecurringLocked { .. } | jobs::Error::RecurringCall { .. }) => {
                Self::conflict(error.to_string())
            }
            Error::Denied(denied) => denied.into(),
            Error::Sql(_) | Error::Store(_) | Error::Push(_) | Error::Jobs(_) => Self::internal(error),
        }
    }
}

/// One wrong field.
pub(crate) fn invalid(field: &str, value: &str, reason: impl ToString) -> Error {
    Error::Invalid(vec![FieldError::new(field, reason.to_string()).value(value)])
}
