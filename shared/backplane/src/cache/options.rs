//! The limits of a cache.

use std::time::Duration;

/// Tags of one entry. A value with more is served and not stored.
pub const TAGS_MAX: usize = 1_024;

/// Limits of one [`Cache`](super::Cache), each with its default.
#[derive(Debug, Clone)]
pub struct CacheOptions {
    /// False: every read loads, nothing is kept. `true`.
    pub enabled: bool,
    /// Bytes of all values, keys and bookkeeping, the feed's floor table included. 256 MiB.
    pub max_bytes: u64,
    /// A heavier value is served and not stored. 4 MiB, and never more than half a shard of the storage.
    pub item_bytes_max: u64,
    /// An entry that nobody reads this long is forgotten. 15 minutes.
    pub sliding: Option<Duration>,
    /// An entry older than this is loaded again. No limit: coherence does not depend on it.
    pub absolute: Option<Duration>,
    /// The part of either time that is taken off at random, so that entries stored together do not expire
    /// together. 0.1.
    pub jitter: f64,
    /// A value that is read in this last part of its time is renewed before it ends, where somebody keeps the cache fresh
    /// ([`Cache::keep_fresh`](super::Cache::keep_fresh)); at most a tenth of `absolute`. 10 s; zero turns it off.
    pub refresh_ahead: Duration,
    /// Loads under way at a time. 64.
    pub loads_max: usize,
    /// Loads waiting for their turn; one more is refused as overloaded. 1,024.
    pub loads_waiting_max: usize,
    /// The longest wait for a turn; then the read is refused as overloaded. 1 s.
    pub load_wait_max: Duration,
    /// The longest time for one load. 5 s.
    pub load_timeout: Duration,
    /// How long old values are served while SQL does not answer. 10 minutes; zero turns it off.
    pub fail_safe_max: Duration,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            max_bytes: 256 << 20,
            item_bytes_max: 4 << 20,
            sliding: Some(Duration::from_secs(15 * 60)),
            absolute: None,
            jitter: 0.1,
            refresh_ahead: Duration::from_secs(10),
            loads_max: 64,
            loads_waiting_max: 1_024,
            load_wait_max: Duration::from_secs(1),
            load_timeout: Duration::from_secs(5),
            fail_safe_max: Duration::from_secs(600),
        }
    }
}
