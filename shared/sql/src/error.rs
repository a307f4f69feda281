//! Everything that can go wrong between us and the server, and what may be tried again.
//!
//! Every error names the statement (the first words of its text, or the transaction's name) and keeps the
//! server's own number. Start at [`Error`]; the retry classes are in `retry`.

use std::borrow::Cow;
use std::sync::Arc;

use crate::certificate::CertificateProblem;
use crate::retry::{self, Retry};

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. Cheap to clone, holds no secret.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server answered with an error.
    #[error("{statement}: {0}", statement = .0.statement)]
    Server(Arc<ServerError>),

    /// The connection was lost while a statement was under way; whether it ran is not known.
    #[error("{statement}: connection lost: {message}")]
    ConnectionLost {
        /// The statement under way.
        statement: Cow<'static, str>,
        /// What the operating system or the protocol reader said.
        message: String,
    },

    /// No connection could be made: name, network, TLS or login.
    #[error("cannot connect to {server}: {reason}")]
    Connect {
        /// Host and port.
        server: String,
        /// What failed.
        reason: Arc<ConnectFailure>,
    },

    /// The database cannot be used as it is set up.
    #[error("database {database} is not usable: {problem}; mend it with: {remedy}")]
    Precondition {
        /// The database.
        database: String,
        /// What is wrong.
        problem: &'static str,
        /// The statement that mends it.
        remedy: String,
    },

    /// A statement took longer than its limit; its connection was closed.
    #[error("{statement}: no complete answer within {limit_ms} ms")]
    Timeout {
        /// The statement.
        statement: Cow<'static, str>,
        /// The limit, ms.
        limit_ms: u64,
    },

    /// All connections stayed busy for the whole wait.
    #[error("no free connection within {limit_ms} ms (the pool holds at most {pool_max})")]
    PoolTimeout {
        /// The limit, ms.
        limit_ms: u64,
        /// Size of the pool.
        pool_max: u32,
    },

    /// The server or tiberius broke the protocol, or a parameter could not be sent.
    #[error("{statement}: {message}")]
    Protocol {
        /// The statement.
        statement: Cow<'static, str>,
        /// What was wrong.
        message: String,
    },

    /// A column is absent, NULL, or of another type than asked for.
    #[error("column {column}: {message}")]
    Column {
        /// The column asked for.
        column: String,
        /// What is wrong with it.
        message: String,
    },

    /// More tags than one commit may carry: the caller uses a coarse tag instead.
    #[error("{name}: more than {limit} changed tags in one transaction")]
    TooManyTags {
        /// The transaction.
        name: &'static str,
        /// The limit.
        limit: usize,
    },

    /// A statement failed before, so the server has already rolled back: nothing more can run or commit.
    #[error("{name}: the transaction was rolled back after: {cause}")]
    RolledBack {
        /// The transaction.
        name: &'static str,
        /// The error that ended it.
        cause: Arc<Error>,
    },

    /// The connection was lost after COMMIT was sent, and the outcome could not be found out in time.
    /// The transaction may be committed; it must not be repeated blindly.
    #[error(
        "{name}: outcome of the commit (transaction id {tx_id}) is unknown after {attempts} attempts: {cause}"
    )]
    CommitUnknown {
        /// The transaction.
        name: &'static str,
        /// Key in `Platform.[Commit]`: a row with `Fenced = 0` means committed.
        tx_id: i64,
        /// Look-ups tried.
        attempts: u32,
        /// Why the last one failed.
        cause: Arc<Error>,
    },

    /// A migration cannot be applied.
    #[error(transparent)]
    Migration(#[from] Arc<crate::MigrationError>),

    /// [`Database::close`](crate::Database::close) was called.
    #[error("the pool is closed")]
    Closed,
}

/// An error message of the server, with SQL Server's own numbers.
#[derive(Debug, Clone, thiserror::Error)]
#[error("error {number}, level {class}, state {state}, {place}line {line}: {message}", place = self.place())]
pub struct ServerError {
    /// The statement (first words of the text, or the transaction's name).
    pub statement: Cow<'static, str>,
    /// Message number, e.g. 1205.
    pub number: u32,
    /// Severity; 20 and above end the connection.
    pub class: u8,
    /// State.
    pub state: u8,
    /// Line within the batch or procedure.
    pub line: u32,
    /// Procedure, or empty.
    pub procedure: String,
    /// The text.
    pub message: String,
}

impl ServerError {
    fn place(&self) -> String {
        if self.procedure.is_empty() { String::new() } else { format!("procedure {}, ", self.procedure) }
    }
}

/// Why a connection could not be made.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectFailure {
    /// The name did not resolve, or nobody listened.
    #[error("{0}")]
    Network(String),
    /// The login did not finish in time.
    #[error("no login within {0} ms")]
    Timeout(u64),
    /// The server refused the login.
    #[error("{0}")]
    Refused(ServerError),
    /// TLS could not be agreed on.
    #[error("TLS: {0}")]
    Tls(String),
    /// The server's certificate is not accepted.
    #[error("{0}")]
    Certificate(CertificateProblem),
    /// More redirects than allowed.
    #[error("more than {0} redirects")]
    TooManyRedirects(u32),
    /// Not a TDS server, or one that breaks the protocol.
    #[error("{0}")]
    Protocol(String),
}

impl Error {
    /// SQL Server's message number, where the server gave one. Looks through the wrappers.
    pub fn number(&self) -> Option<u32> {
        match self {
            Self::Server(error) => Some(error.number),
            Self::Connect { reason, .. } => match reason.as_ref() {
                ConnectFailure::Refused(error) => Some(error.number),
                _ => None,
            },
            Self::RolledBack { cause, .. } => cause.number(),
            _ => None,
        }
    }

    /// Whether somebody has to mend something before a connection can be used: waiting does not help.
    pub fn needs_mending(&self) -> bool {
        match self {
            Self::Precondition { .. } => true,
            Self::Connect { reason, .. } => {
                matches!(**reason, ConnectFailure::Certificate(_)) || self.is_login_refused()
            }
            _ => false,
        }
    }

    /// Whether the server does not accept this login with this password: 18456, and 18470 (disabled), 18486 (locked
    /// out), 18487 and 18488 (the password has expired, or must be changed). Asking again and again may lock it out.
    pub fn is_login_refused(&self) -> bool {
        matches!(self, Self::Connect { .. })
            && matches!(self.number(), Some(18_456 | 18_470 | 18_486 | 18_487 | 18_488))
    }

    /// Whether the same work may succeed if it is simply done again later: deadlock, lock time-out, update
    /// conflict, a server that moves or restarts, a full pool. Never [`Error::CommitUnknown`].
    ///
    /// After [`Error::ConnectionLost`] and [`Error::Timeout`] outside `transaction` the work may have been
    /// done: only repeat what may run twice.
    pub fn is_transient(&self) -> bool {
        retry::class(self) != Retry::Never
    }

    /// Whether the login lacks a permission: 229 and 230 (rows), 262 (a statement), 916 (the database), 15247 (an
    /// action); 1088, 2760 and 15151, which do not tell a missing permission from a missing object.
    pub fn is_permission_denied(&self) -> bool {
        matches!(self.number(), Some(229 | 230 | 262 | 916 | 1088 | 2760 | 15_151 | 15_247))
    }

    /// 2627 (constraint) or 2601 (unique index).
    pub fn is_unique_violation(&self) -> bool {
        matches!(self.number(), Some(2627 | 2601))
    }

    /// 1205.
    pub fn is_deadlock(&self) -> bool {
        self.number() == Some(1205)
    }

    /// Sorts an error of tiberius that came while `statement` was under way.
    pub(crate) fn from_tiberius(statement: Cow<'static, str>, error: tiberius::error::Error) -> Self {
        use tiberius::error::Error as Tds;
        match error {
            Tds::Server(token) => Self::Server(Arc::new(server_error(statement, &token))),
            Tds::Io { message, .. } => Self::ConnectionLost { statement, message },
            Tds::Tls(message) => Self::ConnectionLost { statement, message },
            // A reader that is out of step with the server: the connection is as good as lost.
            Tds::Protocol(message) => Self::ConnectionLost { statement, message: message.into_owned() },
            other => Self::Protocol { statement, message: other.to_string() },
        }
    }
}

pub(crate) fn server_error(statement: Cow<'static, str>, token: &tiberius::error::TokenError) -> ServerError {
    ServerError {
        statement,
        number: token.code(),
        class: token.class(),
        state: token.state(),
        line: token.line(),
        procedure: token.procedure().to_owned(),
        message: token.message().to_owned(),
    }
}

/// An error type of a transaction body that may carry an SQL error, so that `transaction` can see whether
/// to try again.
pub trait Retryable {
    /// The SQL error inside, if that is what it is.
    fn sql_error(&self) -> Option<&Error>;
}

impl Retryable for Error {
    fn sql_error(&self) -> Option<&Error> {
        Some(self)
    }
}

/// The first words of a statement, as the name of it in errors.
pub(crate) fn statement_name(text: &str) -> Cow<'static, str> {
    const WORDS_MAX: usize = 8;
    let body = text.lines().map(str::trim).filter(|line| !line.starts_with("--"));
    let words = body.flat_map(str::split_whitespace).skip_while(|word| *word == ";");
    let mut words: Vec<&str> = words.take(WORDS_MAX + 1).collect();
    if words.len() > WORDS_MAX {
        words[WORDS_MAX] = "…";
    }
    Cow::Owned(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_named_by_its_first_words() {
        assert_eq!(statement_name("-- why\n  SELECT 1\n"), "SELECT 1");
        assert_eq!(statement_name("a b c d e f g h i j"), "a b c d e f g h …");
        assert_eq!(statement_name(""), "");
    }
}
