//! A sampled check of the promise itself: is anything given from memory that is older than `MaxStaleness`?
//!
//! Floors, leases and gaps are how the bound is kept; this looks whether it *is* kept, from outside of them: it compares
//! what a read would get now with what SQL holds. A difference alone is no failure, since a change may be under way. But
//! the moment at which SQL was seen to hold something else is known, and `MaxStaleness` after it the same value in memory
//! must not be given any more. That it is *the same* is seen by its place in memory, which this check holds on to; a value
//! loaded in between has another, even if it is equal.
//!
//! Whoever writes past the feed – a statement by hand – is found by it too. Reads wait for nothing here.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::entry::Entry;
use super::{Cache, Loaded};
use crate::cache::key::CacheKey;
use crate::feed::Validity;

impl<K> Cache<K>
where
    K: CacheKey,
    K::Value: PartialEq,
{
    /// Goes round the values in memory for ever, one every `interval`, and counts what it finds
    /// ([`CacheStats::checks`](super::CacheStats::checks) and the two below it). `load` is the one of reads.
    pub async fn watch_staleness<E, F, Fut>(&self, interval: Duration, load: F) -> Infallible
    where
        F: Fn(K) -> Fut,
        Fut: Future<Output = Result<Loaded<K::Value>, E>>,
    {
        let mut round = self.storage.iter();
        loop {
            tokio::time::sleep(interval).await;
            match round.next() {
                Some((key, _)) => self.check_staleness(&key, &load).await,
                None => round = self.storage.iter(),
            }
        }
    }

    /// Checks one value. Absent ones are left out: they have no place in memory.
    async fn check_staleness<E, F, Fut>(&self, key: &K, load: &F)
    where
        F: Fn(K) -> Fut,
        Fut: Future<Output = Result<Loaded<K::Value>, E>>,
    {
        let Some(given) = self.given(key) else { return };
        let Ok(Ok(loaded)) = tokio::time::timeout(self.options.load_timeout, load(key.clone())).await else {
            self.counters.checks_failed.fetch_add(1, Relaxed);
            return;
        };
        if loaded.value.as_ref() != Some(&*given) {
            // From here on SQL is known to hold something else.
            tokio::time::sleep(self.feed.max_staleness()).await;
            if self.given(key).is_some_and(|now| Arc::ptr_eq(&now, &given)) {
                self.counters.stale_beyond_bound.fetch_add(1, Relaxed);
                let (key, max_staleness_ms) = (key.hash64(), self.feed.max_staleness().as_millis());
                tracing::error!(key, max_staleness_ms, "a value is given that is older than it may be");
            }
        }
        self.counters.checks.fetch_add(1, Relaxed);
    }

    /// What a read would get as a hit, without counting as one.
    fn given(&self, key: &K) -> Option<Arc<K::Value>> {
        let entry: Entry<K::Value> = self.storage.peek(key)?;
        let now = self.feed.now();
        let validity = self.core().check(entry.stamp, entry.seen, entry.slots.as_slice(), now);
        entry.value.filter(|_| validity == Validity::Valid && now < entry.expires)
    }
}
