//! What can go wrong in the engine itself. What goes wrong in a handler is a [`Failure`](crate::Failure).

/// The result of everything in this crate but handlers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The storage refused or was away.
    #[error(transparent)]
    Sql(#[from] sql::Error),

    /// A queue name that Hangfire would not accept.
    #[error("{name:?} is not a queue name: 1 to 50 lower-case letters, digits, `_` or `-`")]
    QueueName {
        /// The name as given.
        name: String,
    },

    /// A condition of a job that cannot be meant.
    #[error("{problem}")]
    Condition {
        /// What would have been accepted.
        problem: &'static str,
    },

    /// A payload that does not serialise to JSON.
    #[error("cannot write the payload of {job_type} as JSON: {cause}")]
    Payload {
        /// [`Payload::TYPE`](crate::Payload::TYPE).
        job_type: &'static str,
        /// What serde said.
        cause: serde_json::Error,
    },

    /// A job server that could never run anything.
    #[error("a job server needs at least one {missing}")]
    Useless {
        /// "handler", "queue" or "worker".
        missing: &'static str,
    },

    /// Two handlers for one kind of job.
    #[error("a handler for {handler} is registered already")]
    RegisteredTwice {
        /// `{type}::{method}`.
        handler: String,
    },

    /// A handler's name that does not fit its column.
    #[error("the name {handler} is longer than {limit} characters")]
    NameTooLong {
        /// `{type}::{method}`.
        handler: String,
        /// The limit.
        limit: usize,
    },

    /// Durations that contradict each other.
    #[error("job server options: {problem}")]
    Options {
        /// Which, and why.
        problem: &'static str,
    },

    /// No cron expression, with the reason.
    #[error(transparent)]
    Cron(crate::CronError),

    /// No time zone of IANA's or Windows'.
    #[error(
        "{name:?} is not a time zone: a name of IANA (Europe/Berlin) or Windows (W. Europe Standard Time) is wanted"
    )]
    TimeZone {
        /// The name as given.
        name: String,
    },

    /// An id that a recurring job cannot have.
    #[error(
        "{id:?} is not an id of a recurring job: 1 to 86 characters, no control characters, no blanks around"
    )]
    RecurringId {
        /// The id as given.
        id: String,
    },

    /// Too much of it.
    #[error("a jitter is at most one day")]
    Jitter,

    /// Somebody else is changing it, and did not end within 15 s.
    #[error("the recurring job {id} is being changed by somebody else")]
    RecurringLocked {
        /// Its id.
        id: String,
    },

    /// More jobs than one call may change.
    #[error("at most {limit} jobs at a time")]
    TooManyJobs {
        /// The limit.
        limit: usize,
    },

    /// A job cannot wait for one that is not there.
    #[error("there is no job {parent} to wait for")]
    NoSuchParent {
        /// The parent.
        parent: crate::JobId,
    },

    /// What it runs cannot be read.
    #[error("the recurring job {id} cannot run: {problem}")]
    RecurringCall {
        /// Its id.
        id: String,
        /// Why not.
        problem: String,
    },

    /// The storage answered in an unexpected shape.
    #[error("{statement}: the answer has no result set {set}")]
    Answer {
        /// The statement file.
        statement: &'static str,
        /// Position of the set that is missing.
        set: usize,
    },
}

impl sql::Retryable for Error {
    fn sql_error(&self) -> Option<&sql::Error> {
        match self {
            Self::Sql(error) => Some(error),
            _ => None,
        }
    }
}

/// Takes result set `set` of `statement`'s answer, or says that it is missing.
pub(crate) fn take_set(
    sets: &mut [Vec<sql::Row>],
    set: usize,
    statement: &'static str,
) -> Result<Vec<sql::Row>> {
    sets.get_mut(set).map(std::mem::take).ok_or(Error::Answer { statement, set })
}
