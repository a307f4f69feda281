//! What can be observed of a feed: counters and a snapshot of its state.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::{Received, Source};

/// Why a generation ended: nothing stamped in it is a hit any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlushCause {
    /// SQL answers with another `LogId` (`new-log` after a restore, or another database).
    NewLog,
    /// The applied numbers belong to another past: a fail-over or restore lost the tail and reused them.
    Forked,
    /// The rows after the applied position were pruned before they were read.
    Pruned,
    /// The rows of a gap do not continue what was applied.
    Gap,
    /// The generation grew longer than its numbers can count.
    Rebased,
    /// No generation numbers are left; hits stay off until the process restarts.
    Exhausted,
}

const CAUSES: usize = 6;

/// Counters since the process started.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    changes_own: AtomicU64,
    hints_applied: AtomicU64,
    hints_known: AtomicU64,
    hints_foreign: AtomicU64,
    hints_contradicting: AtomicU64,
    hints_malformed: AtomicU64,
    gaps: AtomicU64,
    gap_rows: AtomicU64,
    probes: AtomicU64,
    probes_failed: AtomicU64,
    generation: AtomicU64,
    flushes: [AtomicU64; CAUSES],
}

impl Counters {
    pub(crate) fn received(&self, received: Received, source: Source) {
        if source == Source::Own {
            self.changes_own.fetch_add(1, Relaxed);
        }
        let counter = match received {
            Received::Gap => &self.gaps,
            _ if source == Source::Own => return,
            Received::Applied => &self.hints_applied,
            Received::Known | Received::Early => &self.hints_known,
            Received::Contradiction | Received::FarAhead => &self.hints_contradicting,
            Received::Foreign => &self.hints_foreign,
            Received::Malformed => &self.hints_malformed,
        };
        counter.fetch_add(1, Relaxed);
    }

    /// Returns how many there were before.
    pub(crate) fn malformed(&self) -> u64 {
        self.hints_malformed.fetch_add(1, Relaxed)
    }

    pub(crate) fn gap_read(&self, rows: usize) {
        self.gap_rows.fetch_add(rows as u64, Relaxed);
    }

    pub(crate) fn probe_answered(&self) {
        self.probes.fetch_add(1, Relaxed);
    }

    pub(crate) fn probe_failed(&self) {
        self.probes_failed.fetch_add(1, Relaxed);
    }

    pub(crate) fn generation(&self, generation: u64) {
        self.generation.store(generation, Relaxed);
    }

    pub(crate) fn flushed(&self, cause: FlushCause) {
        if let Some(counter) = self.flushes.get(cause as usize) {
            counter.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn snapshot(&self) -> FeedCounts {
        let flushed = |cause: FlushCause| self.flushes.get(cause as usize).map_or(0, |c| c.load(Relaxed));
        FeedCounts {
            changes_own: self.changes_own.load(Relaxed),
            hints_applied: self.hints_applied.load(Relaxed),
            hints_known: self.hints_known.load(Relaxed),
            hints_foreign: self.hints_foreign.load(Relaxed),
            hints_contradicting: self.hints_contradicting.load(Relaxed),
            hints_malformed: self.hints_malformed.load(Relaxed),
            gaps: self.gaps.load(Relaxed),
            gap_rows: self.gap_rows.load(Relaxed),
            probes: self.probes.load(Relaxed),
            probes_failed: self.probes_failed.load(Relaxed),
            generation: self.generation.load(Relaxed),
            flushes_new_log: flushed(FlushCause::NewLog),
            flushes_forked: flushed(FlushCause::Forked),
            flushes_pruned: flushed(FlushCause::Pruned),
            flushes_gap: flushed(FlushCause::Gap),
            flushes_other: flushed(FlushCause::Rebased) + flushed(FlushCause::Exhausted),
        }
    }
}

/// The counters of a feed since its process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeedCounts {
    /// Commits of this process.
    pub changes_own: u64,
    /// Hints that raised floors and were contiguous.
    pub hints_applied: u64,
    /// Hints about what was applied already (or before a log was followed).
    pub hints_known: u64,
    /// Hints of another log: two databases share a channel name.
    pub hints_foreign: u64,
    /// Hints that did not fit and made the feed ask SQL.
    pub hints_contradicting: u64,
    /// Messages that were no hints.
    pub hints_malformed: u64,
    /// Changes that arrived before their predecessor.
    pub gaps: u64,
    /// Rows read from SQL because no hint brought them in time.
    pub gap_rows: u64,
    /// Probes answered.
    pub probes: u64,
    /// Probes that failed.
    pub probes_failed: u64,
    /// The present generation: 1 after the start, one more for each flush.
    pub generation: u64,
    /// Flushes because of another log.
    pub flushes_new_log: u64,
    /// Flushes because numbers were reused.
    pub flushes_forked: u64,
    /// Flushes because rows were pruned before they were read.
    pub flushes_pruned: u64,
    /// Flushes because a gap could not be closed.
    pub flushes_gap: u64,
    /// Flushes because numbers ran out.
    pub flushes_other: u64,
}

impl FeedCounts {
    /// Flushes of any cause.
    pub fn flushes(&self) -> u64 {
        self.flushes_new_log
            + self.flushes_forked
            + self.flushes_pruned
            + self.flushes_gap
            + self.flushes_other
    }
}

/// The state of a feed at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedStatus {
    /// Identity of the log followed; none before the first successful probe.
    pub log_id: Option<i64>,
    /// The sequence number up to which everything is applied.
    pub applied: i64,
    /// For how long hits are allowed.
    pub lease_remaining: Duration,
    /// Whether hints arrive: the Redis subscription is confirmed. False without Redis.
    pub connected: bool,
    /// For how long probes have been failing; none while SQL answers.
    pub failing_for: Option<Duration>,
    /// Bytes of the floor table.
    pub floor_bytes: usize,
    /// Counters.
    pub counts: FeedCounts,
}
