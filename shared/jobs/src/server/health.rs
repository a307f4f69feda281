//! What the tasks of one server know about the storage, and the server's counters.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;
use tokio::time::Instant;

/// Shared by the tasks of one server. Counters only: nothing is decided on them but
/// [`failed_since`](Self::failed_since).
#[derive(Debug, Default)]
pub(super) struct Health {
    registered: AtomicBool,
    away: AtomicBool,
    last_failure: Mutex<Option<Instant>>,
    claimed: AtomicU64,
    settled: AtomicU64,
    lost: AtomicU64,
    exchanges: AtomicU64,
    polls: AtomicU64,
}

impl Health {
    /// A statement of the engine failed. Logs the change, not each failure.
    pub(super) fn storage_failed(&self, task: &'static str, error: &dyn std::fmt::Display) {
        *self.last_failure.lock() = Some(Instant::now());
        if self.away.swap(true, Relaxed) {
            tracing::debug!(task, %error, "job storage still fails");
        } else {
            tracing::warn!(task, %error, "job storage fails; running handlers go on, trying again");
        }
    }

    pub(super) fn storage_answered(&self) {
        if self.away.swap(false, Relaxed) {
            tracing::info!("job storage answers again");
        }
    }

    /// Whether the engine's own statements failed at or after `since`.
    pub(super) fn failed_since(&self, since: Instant) -> bool {
        self.last_failure.lock().is_some_and(|at| at >= since)
    }

    pub(super) fn set_registered(&self, registered: bool) {
        self.registered.store(registered, Relaxed);
    }

    pub(super) fn count_exchange(&self, claimed: usize, settled: usize, lost: usize) {
        self.exchanges.fetch_add(1, Relaxed);
        self.claimed.fetch_add(claimed as u64, Relaxed);
        self.settled.fetch_add(settled as u64, Relaxed);
        self.lost.fetch_add(lost as u64, Relaxed);
    }

    pub(super) fn count_poll(&self) {
        self.polls.fetch_add(1, Relaxed);
    }

    pub(super) fn polls(&self) -> u64 {
        self.polls.load(Relaxed)
    }

    pub(super) fn is_registered(&self) -> bool {
        self.registered.load(Relaxed)
    }

    pub(super) fn is_away(&self) -> bool {
        self.away.load(Relaxed)
    }

    pub(super) fn claimed(&self) -> u64 {
        self.claimed.load(Relaxed)
    }

    pub(super) fn settled(&self) -> u64 {
        self.settled.load(Relaxed)
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    pub(super) fn exchanges(&self) -> u64 {
        self.exchanges.load(Relaxed)
    }
}
