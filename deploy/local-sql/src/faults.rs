//! Faults on demand: what a real server does only in production, made to happen in a test.
//!
//! Faults are armed from a file of JSON lines (`--faults`) or by `EXEC local_sql.fault …`, which must stand alone in
//! its batch. Each one watches statements (or logins) and fires on those that contain its pattern; see [`Fault`].

mod control;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Deserialize;

use crate::engine::{CancelFlag, SqlError, TransactionRequest};

/// No more than this many faults can be armed at once.
const MAX_FAULTS: usize = 1_000;

/// One fault. In JSON: `{"action":"deadlock","pattern":"COMMIT","every":3,"times":1}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What happens.
    pub action: Action,
    /// The text that a statement contains, whatever its case; empty matches all. For login faults: the database.
    #[serde(default)]
    pub pattern: String,
    /// Matches that pass before the first one counts.
    #[serde(default)]
    pub skip: u64,
    /// Fires on every n-th match that counts.
    #[serde(default = "one")]
    pub every: u64,
    /// How often it fires at most; absent means without end.
    pub times: Option<u64>,
    /// `delay`: how long.
    #[serde(default)]
    pub milliseconds: u64,
    /// `cut_result`: after this many rows.
    #[serde(default = "one")]
    pub rows: u64,
    /// `error` and `refuse_login`: the message number.
    pub number: Option<i32>,
    /// `error`: the message text.
    pub message: Option<String>,
    /// `route`: the server to go to.
    pub host: Option<String>,
    /// `route`: its port.
    pub port: Option<u16>,
}

fn one() -> u64 {
    1
}

/// What a fault does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Error 1205; the transaction is rolled back.
    Deadlock,
    /// Error 40613, then the connection ends.
    Unavailable,
    /// The given error instead of the statement; the transaction stays.
    Error,
    /// The statement runs later.
    Delay,
    /// The connection is lost before the statement runs.
    CutBefore,
    /// The statement runs; the connection is lost before the client hears of it.
    CutAfter,
    /// The connection is lost within the result set.
    CutResult,
    /// The login fails: 18456, or the given number.
    RefuseLogin,
    /// The login is sent to another server, as Azure SQL does.
    Route,
}

impl Action {
    fn is_for_logins(self) -> bool {
        matches!(self, Self::RefuseLogin | Self::Route)
    }
}

/// A faults file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FaultsFileError {
    /// The file cannot be read.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not a fault.
    #[error("no fault in line {line} of {path}", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
}

impl Fault {
    /// A fault that fires on everything, every time; narrow it with the other methods.
    pub fn new(action: Action) -> Self {
        Self {
            action,
            pattern: String::new(),
            skip: 0,
            every: 1,
            times: None,
            milliseconds: 0,
            rows: 1,
            number: None,
            message: None,
            host: None,
            port: None,
        }
    }

    /// Only what contains this text.
    #[must_use]
    pub fn pattern(self, pattern: impl Into<String>) -> Self {
        Self { pattern: pattern.into(), ..self }
    }

    /// Lets the first matches pass.
    #[must_use]
    pub fn skip(self, skip: u64) -> Self {
        Self { skip, ..self }
    }

    /// Fires on every n-th match.
    #[must_use]
    pub fn every(self, every: u64) -> Self {
        Self { every, ..self }
    }

    /// Fires this often and then no more.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// How long a delay is.
    #[must_use]
    pub fn milliseconds(self, milliseconds: u64) -> Self {
        Self { milliseconds, ..self }
    }

    /// After how many rows a result is cut.
    #[must_use]
    pub fn rows(self, rows: u64) -> Self {
        Self { rows, ..self }
    }

    /// The number of the error.
    #[must_use]
    pub fn number(self, number: i32) -> Self {
        Self { number: Some(number), ..self }
    }

    /// Where a login is routed.
    #[must_use]
    pub fn to(self, host: impl Into<String>, port: u16) -> Self {
        Self { host: Some(host.into()), port: Some(port), ..self }
    }

    /// What cannot happen is refused when it is armed, not when it is due.
    fn check(&self) -> Result<(), SqlError> {
        let missing = match self.action {
            Action::Route if self.host.is_none() || self.port.is_none() => "route needs host and port",
            Action::Delay if self.milliseconds == 0 => "delay needs milliseconds",
            Action::CutResult if self.rows == 0 => "cut_result needs rows above 0",
            _ if self.every == 0 => "every needs to be above 0",
            _ => return Ok(()),
        };
        Err(refusal(missing))
    }

    /// Reads a file with one JSON object a line; empty lines and lines that start with `#` are skipped.
    pub fn read_file(path: &Path) -> Result<Vec<Self>, FaultsFileError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| FaultsFileError::Read { path: path.to_owned(), source })?;
        let lines =
            text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        lines
            .map(|(index, line)| {
                serde_json::from_str(line).map_err(|source| FaultsFileError::Line {
                    path: path.to_owned(),
                    line: index + 1,
                    source,
                })
            })
            .collect()
    }
}

/// What is to happen to a statement.
#[derive(Debug, PartialEq)]
pub(crate) enum StatementFault {
    Error { error: SqlError, rolls_back: bool },
    Delay(Duration),
    CutBefore,
    CutAfter,
    CutResult { rows: u64 },
}

/// What is to happen to a login.
#[derive(Debug, PartialEq)]
pub(crate) enum LoginFault {
    Error(SqlError),
    Route { host: String, port: u16 },
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    pattern: String,
    matches: u64,
    fired: u64,
}

impl Armed {
    fn is_spent(&self) -> bool {
        self.fault.times.is_some_and(|times| self.fired >= times)
    }

    /// Counts a match and tells whether it fires.
    fn meets(&mut self, text: &str) -> bool {
        if !text.contains(&self.pattern) || self.is_spent() {
            return false;
        }
        self.matches += 1;
        let counted = self.matches.saturating_sub(self.fault.skip);
        let fires = counted > 0 && counted.is_multiple_of(self.fault.every);
        self.fired += u64::from(fires);
        fires
    }
}

/// The armed faults of a server.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Armed>>);

impl Faults {
    pub(crate) fn new(faults: Vec<Fault>) -> Result<Self, SqlError> {
        let armed = Self::default();
        faults.into_iter().try_for_each(|fault| armed.arm(fault))?;
        Ok(armed)
    }

    fn arm(&self, fault: Fault) -> Result<(), SqlError> {
        fault.check()?;
        let mut armed = self.0.lock();
        if armed.len() == MAX_FAULTS {
            armed.retain(|armed| !armed.is_spent());
        }
        if armed.len() == MAX_FAULTS {
            return Err(refusal(&format!("more than {MAX_FAULTS} faults at once")));
        }
        let pattern = fault.pattern.to_lowercase();
        armed.push(Armed { fault, pattern, matches: 0, fired: 0 });
        Ok(())
    }

    fn clear(&self) {
        self.0.lock().clear();
    }

    /// The first armed fault that fires on this statement.
    pub(crate) fn for_statement(&self, text: &str, spid: u16) -> Option<StatementFault> {
        let fault = self.firing(text, false)?;
        Some(match fault.action {
            Action::Deadlock => StatementFault::Error { error: deadlock(spid), rolls_back: true },
            Action::Unavailable => {
                StatementFault::Error { error: SqlError { class: 20, ..unavailable("") }, rolls_back: true }
            }
            Action::Delay => StatementFault::Delay(Duration::from_millis(fault.milliseconds)),
            Action::CutBefore => StatementFault::CutBefore,
            Action::CutAfter => StatementFault::CutAfter,
            Action::CutResult => StatementFault::CutResult { rows: fault.rows },
            Action::Error | Action::RefuseLogin | Action::Route => {
                let text = fault.message.unwrap_or_else(|| "A fault on demand.".to_owned());
                StatementFault::Error {
                    error: SqlError::new(fault.number.unwrap_or(50_000), text),
                    rolls_back: false,
                }
            }
        })
    }

    /// The first armed fault that fires on a login to this database.
    pub(crate) fn for_login(&self, database: &str, user: &str) -> Option<LoginFault> {
        let fault = self.firing(database, true)?;
        Some(match (fault.action, fault.host, fault.port) {
            (Action::Route, Some(host), Some(port)) => LoginFault::Route { host, port },
            _ => LoginFault::Error(match fault.number {
                None => login_failed(user),
                Some(40_613) => unavailable(database),
                Some(number) => {
                    SqlError::new(number, fault.message.unwrap_or_else(|| "A fault on demand.".to_owned()))
                }
            }),
        })
    }

    fn firing(&self, text: &str, is_login: bool) -> Option<Fault> {
        let mut armed = self.0.lock();
        if armed.is_empty() {
            return None;
        }
        let text = text.to_lowercase();
        armed
            .iter_mut()
            .filter(|armed| armed.fault.action.is_for_logins() == is_login)
            .find_map(|armed| armed.meets(&text).then(|| armed.fault.clone()))
    }
}

fn refusal(why: &str) -> SqlError {
    SqlError::new(40000, format!("{}: {why}.", control::PROCEDURE))
}

/// Error 18456.
pub(crate) fn login_failed(user: &str) -> SqlError {
    SqlError { class: 14, ..SqlError::new(18_456, format!("Login failed for user '{user}'.")) }
}

fn deadlock(spid: u16) -> SqlError {
    let text = format!(
        "Transaction (Process ID {spid}) was deadlocked on lock resources with another process and has been chosen \
         as the deadlock victim. Rerun the transaction."
    );
    SqlError { class: 13, state: 51, ..SqlError::new(1_205, text) }
}

fn unavailable(database: &str) -> SqlError {
    let text = format!(
        "Database '{database}' on server 'local-sql' is not currently available. Please retry the connection later."
    );
    SqlError { class: 14, ..SqlError::new(40_613, text) }
}

/// The text that faults see for a transaction-manager request.
pub(crate) fn transaction_request_text(request: &TransactionRequest) -> &'static str {
    match request {
        TransactionRequest::Begin { .. } => "BEGIN TRANSACTION",
        TransactionRequest::Commit { .. } => "COMMIT TRANSACTION",
        TransactionRequest::Rollback { .. } => "ROLLBACK TRANSACTION",
        TransactionRequest::Save { .. } => "SAVE TRANSACTION",
    }
}

/// Holds the session's thread for a while, unless the client gives up.
pub(crate) fn wait(time: Duration, cancel: &CancelFlag) {
    const LOOK_EVERY: Duration = Duration::from_millis(10);
    let until = Instant::now() + time;
    while !cancel.is_cancelled() {
        match until.saturating_duration_since(Instant::now()) {
            Duration::ZERO => return,
            left => std::thread::park_timeout(left.min(LOOK_EVERY)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> Fault {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_fault_fires_on_every_nth_match_after_those_it_skips() {
        let faults = Faults::new(vec![fault(
            r#"{"action":"cut_before","pattern":"commit","skip":1,"every":2,"times":2}"#,
        )])
        .unwrap();
        let fired: Vec<bool> = (0..8).map(|_| faults.for_statement("x COMMIT y", 51).is_some()).collect();
        assert_eq!(fired, [false, false, true, false, true, false, false, false]);
        assert_eq!(faults.for_statement("SELECT 1", 51), None);
    }

    #[test]
    fn login_faults_leave_statements_alone() {
        let faults = Faults::new(vec![fault(r#"{"action":"refuse_login","number":40613}"#)]).unwrap();
        assert_eq!(faults.for_statement("SELECT 1", 51), None);
        assert!(
            matches!(faults.for_login("Shop", "sa"), Some(LoginFault::Error(error)) if error.number == 40_613)
        );
    }

    #[test]
    fn what_cannot_happen_is_refused_when_it_is_armed() {
        for mistake in [
            r#"{"action":"route","host":"elsewhere.test"}"#,
            r#"{"action":"delay"}"#,
            r#"{"action":"cut_result","rows":0}"#,
            r#"{"action":"deadlock","every":0}"#,
        ] {
            assert!(Faults::new(vec![fault(mistake)]).is_err(), "{mistake}");
        }
    }

    #[test]
    fn too_many_faults_are_refused_unless_some_are_spent() {
        let faults = Faults::new(vec![fault(r#"{"action":"deadlock","pattern":"once","times":1}"#)]).unwrap();
        let endless = || fault(r#"{"action":"deadlock","pattern":"never met"}"#);
        for _ in 1..MAX_FAULTS {
            faults.arm(endless()).unwrap();
        }
        assert!(faults.arm(endless()).is_err());
        assert!(faults.for_statement("once", 51).is_some());
        assert_eq!(faults.arm(endless()), Ok(()));
    }

    #[test]
    fn an_unknown_key_or_action_is_refused() {
        assert!(serde_json::from_str::<Fault>(r#"{"action":"deadlock","patern":"x"}"#).is_err());
        assert!(serde_json::from_str::<Fault>(r#"{"action":"deadlok"}"#).is_err());
    }
}
