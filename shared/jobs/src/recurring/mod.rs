//! Recurring jobs, in Hangfire's own set and hashes (`recurring-jobs`, `recurring-job:{id}`): its dashboard shows them, its
//! clients may add them, and what either side changes holds at once.
//!
//! Everything is done by data: whoever schedules a recurring job need not be able to run it. `stored` reads and writes
//! the hash, `plan` decides what is due (pure), `change` is for programs and operators, `list` for people;
//! `server/recurring.rs` schedules. Start at [`Client::set_recurring`](crate::Client::set_recurring).

mod change;
mod list;
mod plan;
pub(crate) mod run;
mod stored;

use std::time::Duration;

pub use list::{RecurringView, get, list};

use crate::cron::{Cron, Zone};
use crate::error::{Error, Result};
use crate::queue::check_queue_name;

/// Longest id: the hash's key, `recurring-job:` and the id, is at most 100 characters long.
pub const RECURRING_ID_MAX: usize = 86;
/// Longest jitter.
pub const JITTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// What happens to times that nobody was there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Misfire {
    /// However many were missed, one run as soon as possible.
    #[default]
    Relaxed,
    /// One run for each missed time.
    Strict,
    /// None: a run that would be late by more than
    /// [`misfire_tolerance`](crate::ServerOptions::misfire_tolerance) is skipped.
    Ignorable,
}

impl Misfire {
    /// As Hangfire's hashes have it.
    pub fn code(self) -> u8 {
        match self {
            Self::Relaxed => 0,
            Self::Strict => 1,
            Self::Ignorable => 2,
        }
    }

    fn from_code(code: &str) -> Self {
        match code {
            "1" => Self::Strict,
            "2" => Self::Ignorable,
            _ => Self::Relaxed,
        }
    }
}

/// When a recurring job runs, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurring {
    /// What people call it; unique. At most [`RECURRING_ID_MAX`] characters.
    pub id: String,
    /// See [`Cron`].
    pub cron: String,
    /// IANA's or Windows' name; empty = UTC.
    pub time_zone: String,
    /// The queue of its jobs; `None` = the payload's.
    pub queue: Option<String>,
    /// Times that were missed.
    pub misfire: Misfire,
    /// Each run begins up to this much later than the expression says, differently each time: for the many jobs that
    /// people put at midnight. Whole seconds, at most [`JITTER_MAX`].
    pub jitter: Duration,
}

impl Recurring {
    /// In UTC, in the payload's queue, relaxed, without jitter.
    pub fn new(id: impl Into<String>, cron: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            cron: cron.into(),
            time_zone: String::new(),
            queue: None,
            misfire: Misfire::default(),
            jitter: Duration::ZERO,
        }
    }

    /// In this time zone.
    #[must_use]
    pub fn zone(self, time_zone: impl Into<String>) -> Self {
        Self { time_zone: time_zone.into(), ..self }
    }

    /// In this queue.
    #[must_use]
    pub fn queue(self, queue: impl Into<String>) -> Self {
        Self { queue: Some(queue.into()), ..self }
    }

    /// With this treatment of missed times.
    #[must_use]
    pub fn misfire(self, misfire: Misfire) -> Self {
        Self { misfire, ..self }
    }

    /// Each run up to this much later.
    #[must_use]
    pub fn jitter(self, jitter: Duration) -> Self {
        Self { jitter, ..self }
    }

    /// Refuses what could not be scheduled.
    fn check(&self) -> Result<(Cron, Zone)> {
        check_id(&self.id)?;
        if let Some(queue) = &self.queue {
            check_queue_name(queue)?;
        }
        if self.jitter > JITTER_MAX {
            return Err(Error::Jitter);
        }
        timing(&self.cron, &self.time_zone)
    }
}

/// Cron expression and zone, or what is wrong with them.
fn timing(cron: &str, time_zone: &str) -> Result<(Cron, Zone)> {
    let zone = Zone::parse(time_zone).ok_or_else(|| Error::TimeZone { name: time_zone.to_owned() })?;
    Ok((cron.parse::<Cron>().map_err(Error::Cron)?, zone))
}

fn check_id(id: &str) -> Result<()> {
    let length = id.encode_utf16().count();
    if length == 0 || length > RECURRING_ID_MAX || id.chars().any(char::is_control) || id.trim() != id {
        return Err(Error::RecurringId { id: id.to_owned() });
    }
    Ok(())
}

/// The hash of a recurring job.
fn hash_key(id: &str) -> String {
    format!("recurring-job:{id}")
}
