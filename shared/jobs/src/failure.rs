//! How a handler says that it failed: try again, or give up. Start at [`Failure`].

use std::error::Error as StdError;

use crate::payload::Unreadable;

/// Longest message kept, in characters.
const MESSAGE_MAX: usize = 4_000;
/// Most lines of details kept: Hangfire's own limit.
const DETAILS_LINES_MAX: usize = 100;
/// Most characters of details kept.
const DETAILS_MAX: usize = 16_000;

/// Why a handler did not finish.
///
/// `?` on any error means [`retry`](Self::retry). A failure that no repetition can mend says [`fail`](Self::fail).
/// Not an `std::error::Error` itself (that is what lets `?` take every error); it prints as its message.
#[derive(Debug, Clone)]
pub struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) exception: Box<Exception>,
    sql: Option<Box<sql::Error>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    Retry,
    Fail,
    /// The job is not ours any more: nothing is written.
    Lost,
}

/// The exception data of a `Failed` state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exception {
    pub(crate) type_name: String,
    pub(crate) message: String,
    pub(crate) details: String,
}

impl Failure {
    /// Try again on the retry schedule, as long as attempts are left.
    pub fn retry<E: Into<Box<dyn StdError + Send + Sync>>>(error: E) -> Self {
        Self::new(FailureKind::Retry, std::any::type_name::<E>(), error.into().as_ref())
    }

    /// Give up at once: the job goes to `Failed`, whatever attempts are left.
    pub fn fail<E: Into<Box<dyn StdError + Send + Sync>>>(error: E) -> Self {
        Self::new(FailureKind::Fail, std::any::type_name::<E>(), error.into().as_ref())
    }

    /// Whether another attempt was asked for.
    pub fn is_retry(&self) -> bool {
        self.kind == FailureKind::Retry
    }

    /// Whether this says that the job belongs to another worker now
    /// (from [`Context::assert_owned`](crate::Context::assert_owned)).
    pub fn is_lost(&self) -> bool {
        self.kind == FailureKind::Lost
    }

    pub(crate) fn lost() -> Self {
        let error: Box<dyn StdError + Send + Sync> = "the job belongs to another worker now".into();
        Self::new(FailureKind::Lost, "jobs::Lost", error.as_ref())
    }

    pub(crate) fn panicked(panic: &(dyn std::any::Any + Send)) -> Self {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "(no message)".to_owned());
        let error: Box<dyn StdError + Send + Sync> = format!("the handler panicked: {text}").into();
        Self::new(FailureKind::Retry, "panic", error.as_ref())
    }

    pub(crate) fn unreadable(error: &Unreadable) -> Self {
        Self::new(FailureKind::Fail, "jobs::UnreadablePayload", error)
    }

    pub(crate) fn poisoned(deaths: i32) -> Self {
        let text = format!("{deaths} server processes died while they ran this job, it is not tried again");
        let error: Box<dyn StdError + Send + Sync> = text.into();
        Self::new(FailureKind::Fail, "jobs::Poisoned", error.as_ref())
    }

    /// Whether the cause was the storage being away, as far as the error tells.
    pub(crate) fn is_storage_trouble(&self) -> bool {
        self.kind == FailureKind::Retry && self.sql.as_ref().is_some_and(|error| error.is_transient())
    }

    fn new(kind: FailureKind, type_name: &str, error: &(dyn StdError + 'static)) -> Self {
        let exception = Exception {
            type_name: type_name.to_owned(),
            message: cut(&error.to_string(), MESSAGE_MAX),
            details: details(type_name, error),
        };
        Self { kind, exception: Box::new(exception), sql: find_sql(error).map(Box::new) }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.exception.message)
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(FailureKind::Retry, std::any::type_name::<E>(), &error)
    }
}

/// Lets a handler use [`Failure`] as the error of its own transactions.
impl sql::Retryable for Failure {
    fn sql_error(&self) -> Option<&sql::Error> {
        self.sql.as_deref()
    }
}

fn find_sql(error: &(dyn StdError + 'static)) -> Option<sql::Error> {
    causes(error).find_map(|cause| cause.downcast_ref::<sql::Error>()).cloned()
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&cause| cause.source())
}

/// "type: message" and the chain of causes, in the shape of a .NET exception.
fn details(type_name: &str, error: &(dyn StdError + 'static)) -> String {
    let mut text = format!("{type_name}: {error}");
    for cause in causes(error).skip(1) {
        text.push_str("\n ---> ");
        text.push_str(&cause.to_string());
    }
    let lines: Vec<&str> = text.lines().take(DETAILS_LINES_MAX).collect();
    cut(&lines.join("\n"), DETAILS_MAX)
}

/// At most `limit` characters, the last one an ellipsis if something was left out.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(limit.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("could not read page {page}")]
    struct PageError {
        page: u32,
        source: std::io::Error,
    }

    #[test]
    fn a_question_mark_asks_for_a_retry_and_keeps_type_and_causes() {
        fn handler() -> Result<(), Failure> {
            Err(PageError { page: 3, source: std::io::Error::other("disk on fire") })?
        }
        let failure = handler().unwrap_err();
        assert!(failure.is_retry());
        assert!(failure.exception.type_name.ends_with("PageError"), "{failure:?}");
        assert_eq!(failure.exception.message, "could not read page 3");
        assert!(
            failure.exception.details.ends_with("could not read page 3\n ---> disk on fire"),
            "{failure:?}"
        );
    }

    #[test]
    fn text_is_cut_at_a_character_not_inside_one() {
        assert_eq!(cut("grün", 4), "grün");
        assert_eq!(cut("grüner", 4), "grü…");
    }

    #[test]
    fn long_details_keep_a_hundred_lines() {
        let failure = Failure::fail("line\n".repeat(500));
        assert_eq!(failure.exception.details.lines().count(), DETAILS_LINES_MAX);
        assert!(!failure.is_retry());
    }
}
