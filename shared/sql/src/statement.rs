//! What a statement is called – in errors, traces and metrics – and who hears of it.
//!
//! Names come from static texts, so none of them can hold a value. How statements are sent is in `connection`.

use std::borrow::Cow;
use std::time::Duration;

use tracing::Span;
use tracing::field::Empty;

use crate::error::{Error, statement_name};

/// A statement and where it comes from; its names are only made when somebody needs them.
#[derive(Clone, Copy)]
pub(crate) struct Statement<'a> {
    transaction: Option<&'static str>,
    label: Option<&'static str>,
    text: &'a str,
}

impl<'a> Statement<'a> {
    /// A statement on its own.
    pub(crate) fn new(text: &'a str) -> Self {
        Self { transaction: None, label: None, text }
    }

    /// A statement of a named transaction.
    pub(crate) fn within(transaction: &'static str, text: &'a str) -> Self {
        Self { transaction: Some(transaction), label: None, text }
    }

    /// Says what it is, where its first words do not.
    pub(crate) fn labelled(self, label: &'static str) -> Self {
        Self { label: Some(label), ..self }
    }

    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// For errors.
    pub(crate) fn name(&self) -> Cow<'static, str> {
        let what = self.label.map_or_else(|| statement_name(self.text), Cow::Borrowed);
        match self.transaction {
            Some(transaction) => Cow::Owned(format!("{transaction}: {what}")),
            None => what,
        }
    }

    /// For metrics: one of a few words.
    pub(crate) fn operation(&self) -> &'static str {
        const KNOWN: [&str; 6] = ["SELECT", "INSERT", "UPDATE", "DELETE", "EXEC", "BEGIN TRANSACTION"];
        if let Some(label) = self.label {
            return label;
        }
        let body =
            self.text.lines().map(str::trim_start).find(|line| !line.is_empty() && !line.starts_with("--"));
        let body = body.unwrap_or_default();
        KNOWN.into_iter().find(|known| starts_with(body, known)).unwrap_or("BATCH")
    }

    /// For traces: what the comment at the head of the statement's file says, else its first words.
    fn summary(&self) -> Cow<'_, str> {
        const LENGTH_MAX: usize = 120;
        if let Some(label) = self.label {
            return label.into();
        }
        match self.text.lines().next().and_then(|line| line.strip_prefix("--")) {
            Some(comment) => comment.trim().chars().take(LENGTH_MAX).collect(),
            None => statement_name(self.text),
        }
    }

    /// The span of one exchange: a child of the span around it, none outside of any. What runs in the background
    /// all the time, such as the feed's questions, makes no traces of its own.
    pub(crate) fn span(&self, target: &Target) -> Span {
        if Span::current().is_none() {
            return Span::none();
        }
        let operation = self.operation();
        tracing::info_span!(
            "sql",
            otel.name = match self.transaction {
                Some(transaction) => format!("{operation} {transaction}"),
                None => operation.to_owned(),
            },
            otel.kind = "client",
            otel.status_code = Empty,
            error.type = Empty,
            db.system.name = "microsoft.sql_server",
            db.namespace = target.database,
            db.operation.name = operation,
            db.query.summary = &*self.summary(),
            server.address = target.server,
            server.port = target.port,
        )
    }

    pub(crate) fn report(&self, elapsed: Duration, error: Option<&Error>) -> StatementReport {
        StatementReport {
            transaction: self.transaction.unwrap_or(""),
            operation: self.operation(),
            elapsed,
            error: error.map(error_type),
        }
    }
}

fn starts_with(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// Marks a span as failed.
pub(crate) fn record_failure(span: &Span, error: &Error) {
    if !span.is_none() {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", &*error_type(error));
    }
}

/// A server's error number, or a word for what kept it from answering.
fn error_type(error: &Error) -> Cow<'static, str> {
    match error {
        Error::Server(server) => server.number.to_string().into(),
        Error::Timeout { .. } => "timeout".into(),
        Error::ConnectionLost { .. } => "connection_lost".into(),
        _ => "other".into(),
    }
}

/// Where the statements of one pool go.
pub(crate) struct Target {
    pub(crate) server: String,
    pub(crate) port: u16,
    pub(crate) database: String,
}

/// One statement that was answered, refused or given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementReport {
    /// The name given to [`Database::transaction`](crate::Database::transaction); empty outside of transactions.
    pub transaction: &'static str,
    /// `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `EXEC`, `BEGIN TRANSACTION`, `COMMIT`, or `BATCH` for several at once.
    pub operation: &'static str,
    /// From sending to the end of the answer, without the wait for a connection.
    pub elapsed: Duration,
    /// The server's error number, `timeout`, `connection_lost` or `other`; `None`: it was answered.
    pub error: Option<Cow<'static, str>>,
}

/// Hears of every statement of a pool. Must be quick: it is called before the answer is handed on.
pub trait StatementObserver: Send + Sync {
    /// A statement ended.
    fn statement(&self, report: &StatementReport);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_a_known_word_or_batch() {
        let operation = |text| Statement::new(text).operation();
        assert_eq!(operation("-- Why.\n  select 1"), "SELECT");
        assert_eq!(operation("UPDATE t SET a = 1"), "UPDATE");
        assert_eq!(operation("SET NOCOUNT ON;\nSELECT 1"), "BATCH");
        assert_eq!(operation("BEGIN TRANSACTION;"), "BEGIN TRANSACTION");
        assert_eq!(operation(""), "BATCH");
        assert_eq!(Statement::new("DECLARE @a int").labelled("COMMIT").operation(), "COMMIT");
    }

    #[test]
    fn a_summary_is_the_comment_at_the_head_or_the_first_words() {
        assert_eq!(Statement::new("-- Finds a thing.\nSELECT 1").summary(), "Finds a thing.");
        assert_eq!(Statement::new("SELECT 1").summary(), "SELECT 1");
    }
}
