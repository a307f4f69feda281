//! Counters of a cache. Hits are counted in stripes, because one counter for all threads would be the
//! slowest part of a hit.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use super::Outcome;

const STRIPES: usize = 16;

/// One cache line, so that neighbours do not disturb each other.
#[derive(Default)]
#[repr(align(128))]
struct Stripe(AtomicU64);

#[derive(Default)]
pub(super) struct Striped([Stripe; STRIPES]);

impl Striped {
    #[inline]
    pub(super) fn add_one(&self) {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local!(static MINE: Cell<usize> = const { Cell::new(usize::MAX) });
        let mine = MINE.with(|mine| {
            if mine.get() == usize::MAX {
                mine.set(NEXT.fetch_add(1, Relaxed) % STRIPES);
            }
            mine.get()
        });
        if let Some(stripe) = self.0.get(mine) {
            stripe.0.fetch_add(1, Relaxed);
        }
    }

    fn sum(&self) -> u64 {
        self.0.iter().map(|stripe| stripe.0.load(Relaxed)).sum()
    }
}

/// Reads of this thread since it was started. A read ends in a poll of the future that asked, so the difference
/// around each poll of a future tells how its own reads were answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ThreadReads {
    /// From memory, under the lease.
    pub hits: u64,
    /// By a load, one's own or a shared one.
    pub misses: u64,
    /// From memory, because SQL does not answer.
    pub stale: u64,
}

thread_local!(static READS: Cell<ThreadReads> = const {
    Cell::new(ThreadReads { hits: 0, misses: 0, stale: 0 })
});

impl ThreadReads {
    /// So far.
    #[inline]
    pub fn now() -> Self {
        READS.get()
    }

    #[inline]
    pub(super) fn count(outcome: Outcome) {
        let mut reads = READS.get();
        match outcome {
            Outcome::Hit => reads.hits += 1,
            Outcome::Miss => reads.misses += 1,
            Outcome::Stale => reads.stale += 1,
        }
        READS.set(reads);
    }
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) hits: Striped,
    pub(super) absent: AtomicU64,
    pub(super) changed: AtomicU64,
    pub(super) unconfirmed: AtomicU64,
    pub(super) no_lease: AtomicU64,
    pub(super) old_generation: AtomicU64,
    pub(super) expired: AtomicU64,
    pub(super) stale: AtomicU64,
    pub(super) shared: AtomicU64,
    pub(super) loads: AtomicU64,
    pub(super) load_nanos: AtomicU64,
    pub(super) load_failures: AtomicU64,
    pub(super) load_timeouts: AtomicU64,
    pub(super) overloaded: AtomicU64,
    pub(super) born_changed: AtomicU64,
    pub(super) too_heavy: AtomicU64,
    pub(super) renewed: AtomicU64,
    pub(super) checks: AtomicU64,
    pub(super) checks_failed: AtomicU64,
    pub(super) stale_beyond_bound: AtomicU64,
}

/// The counters of a cache since its start, and its present size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheStats {
    /// Reads answered from memory under the lease.
    pub hits: u64,
    /// Reads of keys that were not there.
    pub absent: u64,
    /// Reads refused by a floor: something the entry depends on has changed.
    pub changed: u64,
    /// Reads, or loads, of values that saw changes not applied here yet.
    pub unconfirmed: u64,
    /// Reads of entries without a lease.
    pub no_lease: u64,
    /// Reads of entries from before the present generation.
    pub old_generation: u64,
    /// Reads of entries past their time.
    pub expired: u64,
    /// Reads answered with an old value because SQL did not answer.
    pub stale: u64,
    /// Reads that shared somebody else's load.
    pub shared: u64,
    /// Loads begun.
    pub loads: u64,
    /// Nanoseconds in loads that ended.
    pub load_nanos: u64,
    /// Loads that returned an error.
    pub load_failures: u64,
    /// Loads cut by the time-out.
    pub load_timeouts: u64,
    /// Reads refused because too many loads were under way.
    pub overloaded: u64,
    /// Loaded values that were not stored because they had changed meanwhile.
    pub born_changed: u64,
    /// Loaded values that were not stored because they were too heavy or had too many tags.
    pub too_heavy: u64,
    /// Values renewed before a reader had to wait for them, see [`Cache::keep_fresh`](super::Cache::keep_fresh). Each batch
    /// of them counts as one load.
    pub renewed: u64,
    /// Values in memory that were compared with SQL, see [`Cache::watch_staleness`](super::Cache::watch_staleness).
    pub checks: u64,
    /// Values that could not be compared, because SQL did not answer.
    pub checks_failed: u64,
    /// Values among those compared that were given longer than they may be. Anything but 0 is a defect, or somebody
    /// changes data without telling the feed.
    pub stale_beyond_bound: u64,
    /// Loads under way.
    pub loads_under_way: u64,
    /// Entries kept, suspects included.
    pub entries: u64,
    /// Bytes of the entries and their bookkeeping.
    pub bytes: u64,
}

impl Counters {
    pub(super) fn snapshot(&self) -> CacheStats {
        CacheStats {
            hits: self.hits.sum(),
            absent: self.absent.load(Relaxed),
            changed: self.changed.load(Relaxed),
            unconfirmed: self.unconfirmed.load(Relaxed),
            no_lease: self.no_lease.load(Relaxed),
            old_generation: self.old_generation.load(Relaxed),
            expired: self.expired.load(Relaxed),
            stale: self.stale.load(Relaxed),
            shared: self.shared.load(Relaxed),
            loads: self.loads.load(Relaxed),
            load_nanos: self.load_nanos.load(Relaxed),
            load_failures: self.load_failures.load(Relaxed),
            load_timeouts: self.load_timeouts.load(Relaxed),
            overloaded: self.overloaded.load(Relaxed),
            born_changed: self.born_changed.load(Relaxed),
            too_heavy: self.too_heavy.load(Relaxed),
            renewed: self.renewed.load(Relaxed),
            checks: self.checks.load(Relaxed),
            checks_failed: self.checks_failed.load(Relaxed),
            stale_beyond_bound: self.stale_beyond_bound.load(Relaxed),
            ..CacheStats::default()
        }
    }
}
