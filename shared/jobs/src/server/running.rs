//! The jobs in our hands: from the claim until their outcome is written or refused.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::exchange::Fence;

/// Keyed by fence (`StateId`): one process may hold two runs of one job, a zombie and its successor.
#[derive(Debug, Default)]
pub(super) struct Running {
    entries: Mutex<HashMap<i64, Entry>>,
}

#[derive(Debug)]
struct Entry {
    fence: Fence,
    run: Run,
    /// Until when nobody else can have taken the job, by our clock.
    valid_until: Instant,
    finished: bool,
}

/// The handles on one run.
#[derive(Debug, Clone, Default)]
pub(super) struct Run {
    /// Asks the handler to end.
    pub(super) cancel: CancellationToken,
    /// Drops the handler.
    pub(super) abort: CancellationToken,
    /// The storage said that the job is not ours any more: nothing is to be written.
    pub(super) lost: CancellationToken,
    /// The lease ran out while the storage was away: the job may be somebody else's.
    pub(super) doubtful: CancellationToken,
}

impl Entry {
    /// A handler runs and relies on its lease.
    fn is_counted_on(&self) -> bool {
        !self.finished && !self.run.doubtful.is_cancelled()
    }
}

impl Running {
    /// A claimed job. If it is in our hands under an older fence already, we have just taken it from ourselves: the
    /// older run is lost.
    pub(super) fn insert(&self, fence: Fence, valid_until: Instant) -> Run {
        let run = Run::default();
        self.lose_older(fence.job_id);
        let entry = Entry { run: run.clone(), valid_until, finished: false, fence };
        self.entries.lock().insert(entry.fence.state_id, entry);
        run
    }

    /// The handler is done; the outcome is not written yet.
    pub(super) fn finish(&self, state_id: i64) {
        if let Some(entry) = self.entries.lock().get_mut(&state_id) {
            entry.finished = true;
        }
    }

    /// The outcome was written, or refused.
    pub(super) fn remove(&self, state_id: i64) {
        self.entries.lock().remove(&state_id);
    }

    /// Everything in our hands, finished or not.
    pub(super) fn fences(&self) -> Vec<Fence> {
        self.entries.lock().values().map(|entry| entry.fence.clone()).collect()
    }

    /// Handlers under way.
    pub(super) fn unfinished(&self) -> usize {
        self.entries.lock().values().filter(|entry| !entry.finished).count()
    }

    /// The storage renewed these leases.
    pub(super) fn renewed(&self, state_ids: impl IntoIterator<Item = i64>, valid_until: Instant) {
        let mut entries = self.entries.lock();
        for state_id in state_ids {
            if let Some(entry) = entries.get_mut(&state_id) {
                entry.valid_until = valid_until;
            }
        }
    }

    fn lose_older(&self, job_id: i64) {
        for entry in self.entries.lock().values().filter(|entry| entry.fence.job_id == job_id) {
            entry.run.lost.cancel();
            entry.run.cancel.cancel();
        }
    }

    /// The storage says that this job is not ours any more.
    pub(super) fn lose(&self, state_id: i64) {
        if let Some(entry) = self.entries.lock().get(&state_id).filter(|entry| !entry.run.lost.is_cancelled())
        {
            if !entry.finished {
                tracing::warn!(
                    job = entry.fence.job_id,
                    "the job is not ours any more; its handler is cancelled"
                );
            }
            entry.run.lost.cancel();
            entry.run.cancel.cancel();
        }
    }

    /// Cancels the handlers whose lease ran out unrenewed.
    pub(super) fn doubt_expired(&self, now: Instant) {
        for entry in self.entries.lock().values() {
            if entry.valid_until <= now && entry.is_counted_on() {
                tracing::warn!(
                    job = entry.fence.job_id,
                    "the lease ran out unrenewed; the handler is cancelled"
                );
                entry.run.doubtful.cancel();
                entry.run.cancel.cancel();
            }
        }
    }

    /// The earliest end of a lease that is not in doubt yet.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        let entries = self.entries.lock();
        entries.values().filter(|entry| entry.is_counted_on()).map(|entry| entry.valid_until).min()
    }

    pub(super) fn cancel_all(&self) {
        self.entries.lock().values().for_each(|entry| entry.run.cancel.cancel());
    }

    pub(super) fn abort_all(&self) {
        self.entries.lock().values().for_each(|entry| entry.run.abort.cancel());
    }
}
