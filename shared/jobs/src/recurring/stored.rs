//! One recurring job's hash, in Rust.
//!
//! Written as by .NET at level 180 (times in unix milliseconds); read at every level (110 writes ISO 8601). Two fields are
//! ours and nobody else's: `PausedAt` (unix ms) and `Jitter` (s).

use std::collections::HashMap;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Misfire;
use crate::payload::Invocation;

/// A number above this counts milliseconds, as Hangfire decides it: the last second of the year 9999.
const SECONDS_MAX: i64 = 253_402_300_799;

/// The fields of a hash that matter here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) cron: String,
    pub(super) time_zone: String,
    pub(super) queue: Option<String>,
    pub(super) job: String,
    pub(super) misfire: Misfire,
    pub(super) jitter_secs: i64,
    pub(super) created_ms: Option<i64>,
    pub(super) next_ms: Option<i64>,
    pub(super) last_ms: Option<i64>,
    pub(super) last_job_id: Option<i64>,
    pub(super) paused_ms: Option<i64>,
    pub(super) error: Option<String>,
}

impl Stored {
    pub(super) fn read(mut fields: HashMap<String, String>) -> Self {
        let mut take = |name: &str| fields.remove(name).filter(|value| !value.is_empty());
        Self {
            cron: take("Cron").unwrap_or_default(),
            time_zone: take("TimeZoneId").unwrap_or_default(),
            queue: take("Queue"),
            job: take("Job").unwrap_or_default(),
            misfire: take("Misfire").map(|code| Misfire::from_code(&code)).unwrap_or_default(),
            jitter_secs: take("Jitter").and_then(|text| text.parse().ok()).unwrap_or(0),
            created_ms: take("CreatedAt").and_then(|text| milliseconds(&text)),
            next_ms: take("NextExecution").and_then(|text| milliseconds(&text)),
            last_ms: take("LastExecution").and_then(|text| milliseconds(&text)),
            last_job_id: take("LastJobId").and_then(|text| text.parse().ok()),
            paused_ms: take("PausedAt").and_then(|text| milliseconds(&text)),
            error: take("Error"),
        }
    }

    /// The stored call, taken apart: what a job's row has as `InvocationData`, its `Arguments`, and its queue.
    pub(super) fn call(&self) -> Result<Call, String> {
        let mut object: Map<String, Value> = serde_json::from_str(&self.job)
            .map_err(|cause| format!("the field Job is no JSON object: {cause}"))?;
        let arguments =
            match object.remove("a").or_else(|| object.insert("Arguments".to_owned(), Value::Null)) {
                Some(Value::String(text)) => serde_json::from_str(&text)
                    .map_err(|cause| format!("the arguments are no JSON: {cause}"))?,
                None | Some(Value::Null) => Value::Array(Vec::new()),
                Some(other) => other,
            };
        if !arguments.is_array() {
            return Err("the arguments are no JSON array".to_owned());
        }
        let is_short = object.contains_key("t");
        if is_short {
            object.remove("Arguments");
        }
        let written = object.get(if is_short { "q" } else { "Queue" }).and_then(Value::as_str);
        let queue = self.queue.as_deref().or(written).unwrap_or("default").to_owned();
        crate::queue::check_queue_name(&queue).map_err(|error| error.to_string())?;
        object.insert(if is_short { "q" } else { "Queue" }.to_owned(), Value::String(queue.clone()));
        let invocation = Value::Object(object).to_string();
        Invocation::parse(&invocation).map_err(|error| error.to_string())?;
        Ok(Call { invocation, arguments: arguments.to_string(), queue })
    }
}

/// What a recurring job runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) invocation: String,
    pub(super) arguments: String,
    pub(super) queue: String,
}

/// A time as Hangfire stores it at any level.
fn milliseconds(text: &str) -> Option<i64> {
    match text.parse::<i64>() {
        Ok(number) if number > SECONDS_MAX => Some(number),
        Ok(number) => number.checked_mul(1000),
        Err(_) => {
            let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
            i64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_job(job: &str) -> Stored {
        Stored { job: job.to_owned(), ..Stored::default() }
    }

    #[test]
    fn times_of_every_level_are_read() {
        assert_eq!(milliseconds("1767225600000"), Some(1_767_225_600_000));
        assert_eq!(milliseconds("1767225600"), Some(1_767_225_600_000));
        assert_eq!(milliseconds("2026-01-01T00:00:00.1234567Z"), Some(1_767_225_600_123));
        assert_eq!(milliseconds("soon"), None);
    }

    #[test]
    fn calls_of_every_level_are_taken_apart() {
        let level_180 = with_job(r#"{"t":"A.B, C","m":"Run","p":["A.B, C"],"a":["{\"x\":1}"],"q":"mail"}"#)
            .call()
            .unwrap();
        assert_eq!(level_180.arguments, r#"["{\"x\":1}"]"#);
        assert_eq!(level_180.invocation, r#"{"m":"Run","p":["A.B, C"],"q":"mail","t":"A.B, C"}"#);
        let level_110 = r#"{"Type":"A.B, C","Method":"Run","ParameterTypes":"[\"A.B, C\"]","Arguments":"[\"{\\\"x\\\":1}\"]"}"#;
        let level_110 = Stored { queue: Some("night".to_owned()), ..with_job(level_110) }.call().unwrap();
        assert_eq!(level_110.arguments, r#"["{\"x\":1}"]"#);
        assert_eq!(level_110.queue, "night");
        assert_eq!(
            level_110.invocation,
            r#"{"Arguments":null,"Method":"Run","ParameterTypes":"[\"A.B, C\"]","Queue":"night","Type":"A.B, C"}"#
        );
        assert_eq!(with_job(r#"{"t":"A","m":"Go"}"#).call().unwrap().arguments, "[]");
    }

    #[test]
    fn what_is_no_call_is_refused_with_the_reason() {
        for job in [
            "",
            "[]",
            r#"{"t":"A"}"#,
            r#"{"t":"A","m":"Go","a":{}}"#,
            r#"{"t":"A","m":"Go","a":"x"}"#,
            r#"{"t":"A","m":"Go","q":"No Queue"}"#,
        ] {
            assert!(!with_job(job).call().unwrap_err().is_empty(), "{job}");
        }
    }
}
