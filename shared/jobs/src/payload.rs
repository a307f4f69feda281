//! What a job carries, and how it is written: Hangfire's payload, compatibility level 180.
//!
//! Written: level 180 (`t`, `m`, `p`, `q`). Read: 110 (`Type`, `Method`, …), 170 and 180. Start at [`Payload`].

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::{Error, Result};

/// The data of one kind of job: a small serialisable struct, ids rather than documents.
///
/// Type and method names are part of the contract with every process that shares the database, .NET ones included.
/// To rename a job, keep a handler for the old name until none of its jobs is left.
pub trait Payload: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The type as .NET's simple serializer writes it: `"Namespace.Type, Assembly"`.
    const TYPE: &'static str;
    /// The method that a .NET stub would declare. Its one parameter is of the type itself.
    const METHOD: &'static str = "Run";
    /// The queue unless the caller names another. Stays with the job through its retries.
    const QUEUE: &'static str = "default";
}

/// The number of a job: `HangFire.Job.Id`. Rises, with gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub i64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Longest handler name: the width of `Jobs.ServerHandler.Handler`.
pub(crate) const HANDLER_NAME_MAX: usize = 250;

/// The name under which servers announce that they run a kind of job: `{type}::{method}`, the type without version,
/// culture and key. `claim.sql` builds the same from the stored job.
pub(crate) fn handler_name(job_type: &str, method: &str) -> String {
    let short = match job_type.match_indices(',').nth(1) {
        Some((second_comma, _)) => &job_type[..second_comma],
        None => job_type,
    };
    format!("{short}::{method}")
}

/// `Job.InvocationData` at level 180.
#[derive(Serialize)]
struct WrittenInvocation<'a> {
    t: &'a str,
    m: &'a str,
    p: [&'a str; 1],
    q: &'a str,
}

/// `Job.InvocationData` of a job of type `P` in `queue`.
pub(crate) fn invocation_data<P: Payload>(queue: &str) -> Result<String> {
    serde_json::to_string(&WrittenInvocation { t: P::TYPE, m: P::METHOD, p: [P::TYPE], q: queue })
        .map_err(|cause| Error::Payload { job_type: P::TYPE, cause })
}

/// The one argument of a payload's job: its JSON.
pub(crate) fn argument<P: Payload>(payload: &P) -> Result<String> {
    serde_json::to_string(payload).map_err(|cause| Error::Payload { job_type: P::TYPE, cause })
}

/// `Job.Arguments`: an array with the payload as a string that holds its JSON.
pub(crate) fn arguments<P: Payload>(payload: &P) -> Result<Box<RawValue>> {
    serde_json::value::to_raw_value(&[argument(payload)?])
        .map_err(|cause| Error::Payload { job_type: P::TYPE, cause })
}

/// Why a stored job cannot be turned into a call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("InvocationData is not an object with a type and a method: {0}")]
    Invocation(String),
    #[error("Arguments is not an array of JSON strings: {0}")]
    Arguments(serde_json::Error),
    #[error("expected one argument, found {0}")]
    Count(usize),
    #[error("the argument does not fit {job_type}: {cause}")]
    Argument { job_type: &'static str, cause: serde_json::Error },
}

/// `Job.InvocationData` as found, of any level.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Invocation {
    pub(crate) job_type: String,
    pub(crate) method: String,
    pub(crate) queue: Option<String>,
}

#[derive(Deserialize)]
struct ReadInvocation {
    #[serde(alias = "Type")]
    t: String,
    #[serde(alias = "Method")]
    m: String,
    #[serde(alias = "Queue", default)]
    q: Option<String>,
}

impl Invocation {
    /// Reads levels 110, 170 and 180. Parameter types are not needed: a handler is found by type and method.
    pub(crate) fn parse(text: &str) -> Result<Self, Unreadable> {
        let read: ReadInvocation =
            serde_json::from_str(text).map_err(|cause| Unreadable::Invocation(cause.to_string()))?;
        Ok(Self { job_type: read.t, method: read.m, queue: read.q })
    }

    pub(crate) fn handler(&self) -> String {
        handler_name(&self.job_type, &self.method)
    }
}

/// The payload inside `Job.Arguments`. Trailing nulls are .NET's cancellation tokens.
pub(crate) fn read_argument<P: Payload>(arguments: &str) -> Result<P, Unreadable> {
    let found: Vec<Option<String>> = serde_json::from_str(arguments).map_err(Unreadable::Arguments)?;
    match found.as_slice() {
        [Some(argument), rest @ ..] if rest.iter().all(Option::is_none) => {
            serde_json::from_str(argument).map_err(|cause| Unreadable::Argument { job_type: P::TYPE, cause })
        }
        other => Err(Unreadable::Count(other.iter().flatten().count())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct SendNewsletter {
        newsletter_id: i64,
        subject: String,
    }

    impl Payload for SendNewsletter {
        const TYPE: &'static str = "Example.Mail.SendNewsletter, Example";
        const QUEUE: &'static str = "mail";
    }

    fn newsletter() -> SendNewsletter {
        SendNewsletter { newsletter_id: 7, subject: "say \"hi\", größer\n".into() }
    }

    #[test]
    fn invocation_data_is_written_at_level_180() {
        insta::assert_snapshot!(
            invocation_data::<SendNewsletter>("mail").unwrap(),
            @r#"{"t":"Example.Mail.SendNewsletter, Example","m":"Run","p":["Example.Mail.SendNewsletter, Example"],"q":"mail"}"#
        );
    }

    #[test]
    fn arguments_are_an_array_of_json_strings_and_read_back() {
        let written = arguments(&newsletter()).unwrap();
        insta::assert_snapshot!(
            written.get(),
            @r#"["{\"newsletter_id\":7,\"subject\":\"say \\\"hi\\\", größer\\n\"}"]"#
        );
        assert_eq!(read_argument::<SendNewsletter>(written.get()).unwrap(), newsletter());
    }

    #[test]
    fn all_levels_are_read() {
        let expected = Invocation {
            job_type: "Example.Mail.SendNewsletter, Example".into(),
            method: "Run".into(),
            queue: Some("mail".into()),
        };
        let level_180 =
            r#"{"t":"Example.Mail.SendNewsletter, Example","m":"Run","p":["System.Int64"],"q":"mail"}"#;
        let level_110 = r#"{"Type":"Example.Mail.SendNewsletter, Example","Method":"Run",
            "ParameterTypes":"[\"System.Int64\"]","Arguments":null,"Queue":"mail"}"#;
        assert_eq!(Invocation::parse(level_180).unwrap(), expected);
        assert_eq!(Invocation::parse(level_110).unwrap(), expected);
        let bare = Invocation::parse(r#"{"t":"A, B","m":"Go"}"#).unwrap();
        assert_eq!(bare.queue, None);
        assert!(Invocation::parse("[1]").is_err());
        assert!(Invocation::parse(r#"{"t":"A"}"#).is_err());
    }

    #[test]
    fn assembly_qualified_names_find_the_same_handler() {
        let full = "A.B, Example, Version=1.0.0.0, Culture=neutral, PublicKeyToken=null";
        assert_eq!(handler_name(full, "Run"), "A.B, Example::Run");
        assert_eq!(handler_name("A.B, Example", "Run"), "A.B, Example::Run");
        assert_eq!(handler_name("A.B", "Run"), "A.B::Run");
    }

    #[test]
    fn a_cancellation_token_behind_the_payload_is_ignored_and_nothing_else_is() {
        let one = r#"["{\"newsletter_id\":1,\"subject\":\"\"}",null]"#;
        assert!(read_argument::<SendNewsletter>(one).is_ok());
        for bad in ["[]", "[null]", r#"["1","2"]"#, r#"["{}"]"#, "{}", "x"] {
            assert!(read_argument::<SendNewsletter>(bad).is_err(), "{bad}");
        }
    }
}
