//! Which jobs are wanted, from what a client sent to what is searched for.

use host::problem::FieldError;
use jobs::monitor::Filter;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::{IntoParams, ToSchema};

/// Longest text to look for, characters.
const SEARCH_MAX: usize = 200;
/// Hangfire's states.
pub(crate) const STATES: [&str; 7] =
    ["Enqueued", "Scheduled", "Processing", "Succeeded", "Failed", "Deleted", "Awaiting"];

/// Which jobs are wanted; all that is given must hold.
#[derive(Debug, Clone, Default, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[schema(as = JobFilter)]
pub(crate) struct Wanted {
    /// In this state: `Enqueued`, `Scheduled`, `Processing`, `Succeeded`, `Failed`, `Deleted` or `Awaiting`.
    #[param(nullable = false)]
    #[schema(nullable = false)]
    pub(crate) state: Option<String>,
    /// Whose type or method contains this; capitals do not matter.
    #[serde(rename = "type")]
    #[param(nullable = false, max_length = 200)]
    #[schema(nullable = false, max_length = 200)]
    pub(crate) job_type: Option<String>,
    /// Whose arguments contain this; capitals do not matter.
    #[param(nullable = false, max_length = 200)]
    #[schema(nullable = false, max_length = 200)]
    pub(crate) argument: Option<String>,
    /// Of this queue.
    #[param(nullable = false)]
    #[schema(nullable = false)]
    pub(crate) queue: Option<String>,
    /// Created at this time or later: RFC 3339.
    #[param(nullable = false)]
    #[schema(nullable = false)]
    pub(crate) from: Option<String>,
    /// Created at this time or earlier: RFC 3339.
    #[param(nullable = false)]
    #[schema(nullable = false)]
    pub(crate) to: Option<String>,
}

impl Wanted {
    /// The filter; what does not fit is named in `wrong`. An empty text counts as absent, as forms send it.
    pub(crate) fn filter(&self, wrong: &mut Vec<FieldError>) -> Filter {
        let state = given(&self.state).map(str::to_owned);
        if let Some(state) = state.as_deref().filter(|state| !STATES.contains(state)) {
            wrong.push(FieldError::new("state", format!("is none of {}", STATES.join(", "))).value(state));
        }
        let queue = given(&self.queue).map(str::to_owned);
        if let Some(queue) = queue.as_deref()
            && let Err(error) = jobs::check_queue_name(queue)
        {
            wrong.push(FieldError::new("queue", error.to_string()).value(queue));
        }
        Filter {
            state,
            job_type: search("type", &self.job_type, wrong),
            argument: search("argument", &self.argument, wrong),
            queue,
            from: moment("from", &self.from, wrong),
            to: moment("to", &self.to, wrong),
        }
    }
}

fn given(text: &Option<String>) -> Option<&str> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

fn search(field: &str, text: &Option<String>, wrong: &mut Vec<FieldError>) -> Option<String> {
    let text = given(text)?;
    if text.chars().count() > SEARCH_MAX || text.chars().any(char::is_control) {
        wrong.push(FieldError::new(
            field,
            format!("is not up to {SEARCH_MAX} characters without control characters"),
        ));
    }
    Some(text.to_owned())
}

/// RFC 3339, or what a browser's field for date and time sends (UTC, without seconds).
fn moment(field: &str, text: &Option<String>, wrong: &mut Vec<FieldError>) -> Option<OffsetDateTime> {
    let text = given(text)?;
    let time = OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&format!("{text}:00Z"), &Rfc3339));
    // What a `datetime2` cannot hold, or no job can have.
    let time = time.ok().filter(|time| (1900..9999).contains(&time.year()));
    if time.is_none() {
        wrong.push(FieldError::new(field, "is not a time like 2026-03-01T10:00:00Z").value(text));
    }
    time
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_fields_of_a_form_ask_for_nothing() {
        let empty = Some(" ".to_owned());
        let wanted = Wanted {
            state: empty.clone(),
            queue: empty.clone(),
            from: empty.clone(),
            argument: empty,
            ..Wanted::default()
        };
        let mut wrong = Vec::new();
        assert_eq!(wanted.filter(&mut wrong), Filter::default());
        assert!(wrong.is_empty());
    }

    #[test]
    fn every_wrong_field_is_named() {
        let bad = |text: &str| Some(text.to_owned());
        let wanted = Wanted {
            state: bad("Done"),
            job_type: bad(&"x".repeat(201)),
            argument: bad("a\u{0}b"),
            queue: bad("No Queue"),
            from: bad("yesterday"),
            to: bad("0001-01-01T00:00:00Z"),
        };
        let mut wrong = Vec::new();
        wanted.filter(&mut wrong);
        let fields: Vec<&str> = wrong.iter().map(|wrong| wrong.field.as_str()).collect();
        assert_eq!(fields, ["state", "queue", "type", "argument", "from", "to"]);
        let mut wrong = Vec::new();
        let minute = Wanted { to: bad("2026-03-01T10:00"), ..Wanted::default() }.filter(&mut wrong);
        assert_eq!(minute.to, Some(time::macros::datetime!(2026-03-01 10:00 UTC)));
    }
}
