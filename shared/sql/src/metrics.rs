//! Counters of one pool, and a count of statements per task.
//!
//! The counters are plain atomics that an exporter reads through [`Database::metrics`](crate::Database::metrics).
//! [`counted`] tells how many statements a future sent, for a request log.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::watch;

thread_local! {
    static STATEMENTS: Cell<u64> = const { Cell::new(0) };
}

/// Statements that this thread has sent since it was started, with BEGIN, COMMIT and repeated attempts. A statement
/// is sent in a poll of the future that asked for it, so the difference around each poll of a future is its own
/// count: see [`counted`].
#[inline]
pub fn statements_of_this_thread() -> u64 {
    STATEMENTS.get()
}

/// Runs a future and counts the statements that it sends itself (not those of tasks that it spawns).
pub async fn counted<F: Future>(future: F) -> (F::Output, u64) {
    let mut future = pin!(future);
    let mut statements = 0;
    let output = poll_fn(|context| {
        let before = statements_of_this_thread();
        let poll = future.as_mut().poll(context);
        statements += statements_of_this_thread() - before;
        poll
    })
    .await;
    (output, statements)
}

pub(crate) fn count_statement() {
    STATEMENTS.set(STATEMENTS.get() + 1);
}

/// What a pool did since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Connections that are open now.
    pub connections: u64,
    /// Connections that are open and free.
    pub connections_idle: u64,
    /// Logins that succeeded.
    pub logins: u64,
    /// Logins that failed.
    pub login_failures: u64,
    /// Connections closed because something on them was not finished.
    pub discarded: u64,
    /// Times a caller had to wait for a connection.
    pub pool_waits: u64,
    /// Times a caller waited in vain.
    pub pool_timeouts: u64,
    /// All waits together.
    pub pool_wait: Duration,
    /// Most connections that may be open.
    pub pool_max: u64,
    /// Transactions committed.
    pub commits: u64,
    /// Attempts of a transaction that were repeated.
    pub retries: u64,
    /// Commits whose outcome was not known at first.
    pub unknown_commits: u64,
    /// Commits whose outcome is not known yet.
    pub unresolved_commits: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) logins: AtomicU64,
    pub(crate) login_failures: AtomicU64,
    pub(crate) discarded: AtomicU64,
    pub(crate) commits: AtomicU64,
    pub(crate) retries: AtomicU64,
    pub(crate) unknown_commits: AtomicU64,
    pub(crate) unresolved_commits: AtomicU64,
}

pub(crate) fn increment(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

pub(crate) fn decrement(counter: &AtomicU64) {
    counter.fetch_sub(1, Relaxed);
}

pub(crate) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Relaxed)
}

/// Counts one open connection until it is dropped.
pub(crate) struct Live(Arc<watch::Sender<u64>>);

impl Live {
    pub(crate) fn new(count: &Arc<watch::Sender<u64>>) -> Self {
        count.send_modify(|n| *n += 1);
        Self(Arc::clone(count))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.send_modify(|n| *n -= 1);
    }
}
