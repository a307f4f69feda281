//! The limits of one pool, each with its name, default and reason.

use std::time::Duration;

use crate::connection_string::ConnectionString;
use crate::retry::Backoff;

/// Limits of one [`Database`](crate::Database). What the connection string states itself (`Max Pool Size`,
/// `Min Pool Size`, `Command Timeout`, `Connection Lifetime`) wins over what stands here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Most connections at a time. 16: more than the cores of a service can keep busy, and few enough for
    /// tens of instances at one server. At least 1.
    pub pool_max: u32,
    /// Connections kept open while idle. 0.
    pub pool_min: u32,
    /// Longest wait for a free connection, ms; then [`Error::PoolTimeout`](crate::Error::PoolTimeout). 15 s.
    pub acquire_timeout_ms: u64,
    /// Longest time for one statement or batch, answer included, ms. 30 s, as in ADO.NET.
    pub command_timeout_ms: u64,
    /// An idle connection this old is tried before it is handed out, ms. 30 s: firewalls cut silently.
    pub idle_check_ms: u64,
    /// Idle connections above `pool_min` are closed after this time, ms. 10 min.
    pub idle_timeout_ms: u64,
    /// A connection is replaced after this time, ms. 30 min, so that a fail-over or a scaled-out listener
    /// is followed without a restart.
    pub connection_lifetime_ms: u64,
    /// Attempts of one `transaction` call, the first included. 5. At least 1.
    pub transaction_attempts: u32,
    /// No further attempt starts this long after the first, ms. 60 s.
    pub transaction_budget_ms: u64,
    /// How long a caller waits to learn the outcome of a commit whose connection was lost, ms. 30 s; then
    /// [`Error::CommitUnknown`](crate::Error::CommitUnknown), while the look-up goes on behind it.
    pub outcome_timeout_ms: u64,
    /// First pause before a repeated attempt, ms; it doubles up to `backoff_max_ms`. 20 ms.
    pub backoff_first_ms: u64,
    /// Longest pause between attempts, ms. 2 s.
    pub backoff_max_ms: u64,
    /// Longest wait of `close` for work that is under way, ms. 10 s.
    pub close_timeout_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pool_max: 16,
            pool_min: 0,
            acquire_timeout_ms: 15_000,
            command_timeout_ms: 30_000,
            idle_check_ms: 30_000,
            idle_timeout_ms: 600_000,
            connection_lifetime_ms: 1_800_000,
            transaction_attempts: 5,
            transaction_budget_ms: 60_000,
            outcome_timeout_ms: 30_000,
            backoff_first_ms: 20,
            backoff_max_ms: 2_000,
            close_timeout_ms: 10_000,
        }
    }
}

impl Options {
    /// These limits with what the string states, and with values that cannot work raised to the least that can.
    pub(crate) fn completed_by(mut self, string: &ConnectionString) -> Self {
        self.pool_max = string.pool_max.unwrap_or(self.pool_max).max(1);
        self.pool_min = string.pool_min.unwrap_or(self.pool_min).min(self.pool_max);
        self.command_timeout_ms =
            string.command_timeout_s.map_or(self.command_timeout_ms, |s| s * 1_000).max(1);
        self.connection_lifetime_ms =
            string.connection_lifetime_s.map_or(self.connection_lifetime_ms, |s| s * 1_000).max(1);
        self.acquire_timeout_ms = self.acquire_timeout_ms.max(1);
        self.idle_timeout_ms = self.idle_timeout_ms.max(1);
        self.transaction_attempts = self.transaction_attempts.max(1);
        self
    }

    pub(crate) fn command_timeout(&self) -> Duration {
        Duration::from_millis(self.command_timeout_ms)
    }

    pub(crate) fn backoff(&self) -> Backoff {
        Backoff {
            first: Duration::from_millis(self.backoff_first_ms),
            longest: Duration::from_millis(self.backoff_max_ms),
        }
    }
}
