//! SET options. What only describes the behaviour that local-sql has anyway is accepted; the opposite is
//! refused.

use super::super::error::{Result, SqlError};
use super::Session;

/// The options of a session.
#[derive(Debug, Clone)]
pub(super) struct Options {
    pub(super) no_count: bool,
    pub(super) xact_abort: bool,
    /// -1 waits for ever.
    pub(super) lock_timeout_ms: i64,
    pub(super) isolation: Isolation,
}

impl Default for Options {
    fn default() -> Self {
        Self { no_count: false, xact_abort: false, lock_timeout_ms: -1, isolation: Isolation::ReadCommitted }
    }
}

/// Isolation levels. Every transaction that has written, and every one above READ COMMITTED, runs alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Isolation {
    ReadCommitted,
    /// REPEATABLE READ, SNAPSHOT and SERIALIZABLE.
    Serial,
}

impl Isolation {
    /// Whether reads in a transaction hold off writers until its end.
    pub(super) fn locks_reads(self) -> bool {
        self == Self::Serial
    }
}

/// Options that are always ON.
const ALWAYS_ON: &[&str] = &[
    "ANSI_NULLS",
    "ANSI_PADDING",
    "ANSI_WARNINGS",
    "ARITHABORT",
    "CONCAT_NULL_YIELDS_NULL",
    "QUOTED_IDENTIFIER",
    "ANSI_DEFAULTS",
    "ANSI_NULL_DFLT_ON",
];
/// Options that are always OFF.
const ALWAYS_OFF: &[&str] = &[
    "NUMERIC_ROUNDABORT",
    "IMPLICIT_TRANSACTIONS",
    "CURSOR_CLOSE_ON_COMMIT",
    "ANSI_NULL_DFLT_OFF",
    "NOEXEC",
    "PARSEONLY",
    "FMTONLY",
    "SHOWPLAN_ALL",
    "SHOWPLAN_TEXT",
    "SHOWPLAN_XML",
    "REMOTE_PROC_TRANSACTIONS",
];
/// Options that change nothing here.
const WITHOUT_EFFECT: &[&str] =
    &["TEXTSIZE", "DEADLOCK_PRIORITY", "ARITHIGNORE", "FORCEPLAN", "QUERY_GOVERNOR_COST_LIMIT"];

impl Session {
    /// `SET name value`; several names come joined by commas.
    pub(super) fn set_option(&mut self, name: &str, value: &str) -> Result<()> {
        name.split(',').try_for_each(|name| self.set_one_option(name, value))
    }

    fn set_one_option(&mut self, name: &str, value: &str) -> Result<()> {
        let on = value == "ON";
        let is_switch = on || value == "OFF";
        let refused = || SqlError::unsupported(format!("SET {name} {value}"));
        match name {
            "NOCOUNT" if is_switch => self.options.no_count = on,
            "XACT_ABORT" if is_switch => self.options.xact_abort = on,
            "LOCK_TIMEOUT" => self.options.lock_timeout_ms = value.parse().map_err(|_| refused())?,
            "ISOLATION" => self.set_isolation(isolation_named(value).ok_or_else(refused)?),
            "ROWCOUNT" if value == "0" => {}
            "LANGUAGE" if value.eq_ignore_ascii_case("us_english") => {}
            "DATEFORMAT" if value.eq_ignore_ascii_case("mdy") => {}
            "DATEFIRST" if value == "7" => {}
            _ if ALWAYS_ON.contains(&name) && on => {}
            _ if ALWAYS_OFF.contains(&name) && value == "OFF" => {}
            _ if WITHOUT_EFFECT.contains(&name) => {}
            _ => return Err(refused()),
        }
        Ok(())
    }

    pub(super) fn set_isolation(&mut self, isolation: Isolation) {
        self.options.isolation = isolation;
    }
}

fn isolation_named(level: &str) -> Option<Isolation> {
    match level {
        "READ UNCOMMITTED" | "READ COMMITTED" => Some(Isolation::ReadCommitted),
        "REPEATABLE READ" | "SERIALIZABLE" | "SNAPSHOT" => Some(Isolation::Serial),
        _ => None,
    }
}
