//! What others may learn about commits of this process.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What a committed transaction put into the change feed. `tags[i]` has sequence number `first + i`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedCommit {
    /// Identity of the log (`Platform.FeedHead.LogId`).
    pub log_id: i64,
    /// First sequence number.
    pub first: i64,
    /// Last sequence number: the head after this commit.
    pub last: i64,
    /// Random mark of this commit; every row of it carries it.
    pub mark: i64,
    /// Mark of the commit before it in the log: who has applied that one has missed nothing in between. None where the
    /// answer to COMMIT was lost and the commit was looked up.
    pub previous_mark: Option<i64>,
    /// The tags, in sequence order, without duplicates.
    pub tags: Arc<[i64]>,
}

/// Hears of commits of this process, on the task that follows a commit through. Must be quick and must not
/// block; a panic is logged and otherwise ignored, because the commit stands.
///
/// Order for one transaction: `outcome_unknown` (only if the connection was lost after COMMIT was sent), then
/// `committed` (only if it is committed and has feed rows), then `outcome_known` (only after
/// `outcome_unknown`). All of it before `transaction` returns, except after
/// [`Error::CommitUnknown`](crate::Error::CommitUnknown), where the rest follows as soon as the server answers.
pub trait CommitObserver: Send + Sync {
    /// A transaction with feed rows is committed.
    fn committed(&self, commit: &FeedCommit);
    /// Whether `tx_id` is committed is not known.
    fn outcome_unknown(&self, tx_id: i64);
    /// The outcome of `tx_id` is known.
    fn outcome_known(&self, tx_id: i64);
}

/// The observers of one pool, told in the order in which they were added.
#[derive(Default)]
pub(crate) struct Observers(parking_lot::RwLock<Vec<Arc<dyn CommitObserver>>>);

impl Observers {
    pub(crate) fn add(&self, observer: Arc<dyn CommitObserver>) {
        self.0.write().push(observer);
    }

    pub(crate) fn tell(&self, news: impl Fn(&dyn CommitObserver)) {
        let observers = self.0.read().clone();
        for observer in observers {
            guarded("commit observer", || news(observer.as_ref()));
        }
    }
}

/// Runs foreign code behind a commit: whatever it does, the commit stands and the rest is told.
pub(crate) fn guarded(what: &str, code: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(code)).is_err() {
        tracing::error!("{what} panicked after a commit");
    }
}
