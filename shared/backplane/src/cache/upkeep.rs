//! Values renewed before a reader has to wait for them: those that are read and expire soon, and, after a new generation,
//! all that became suspects by it.
//!
//! In batches, one after the other, by one future that the service runs ([`Cache::keep_fresh`]): an expired key that is
//! read a lot costs nobody a wait, and a new generation costs SQL a query for each [`RENEW_BATCH_MAX`] values instead of
//! one for each. Everything stays as safe as a load of a reader: the stamp is from before the query. Without it values
//! are loaded when they are asked for.

use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::entry::{Entry, Loaded, Slots};
use super::{Cache, CacheKey};
use crate::clock::{Nanos, nanos};

/// Values in one query.
pub const RENEW_BATCH_MAX: usize = 50;
/// Keys that wait to be renewed. More are loaded when they have expired.
const WISHES_MAX: usize = 1_024;
/// After a query that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Keys whose readers wish them renewed.
pub(super) struct Wishes<K> {
    /// A hit that is this close to its end wishes; 0 while nobody would hear it.
    ahead: AtomicU64,
    state: Mutex<Waiting<K>>,
    filled: Notify,
}

struct Waiting<K> {
    queue: VecDeque<K>,
    /// Waiting or being renewed.
    known: HashSet<K>,
}

impl<K: Eq + Hash + Clone> Wishes<K> {
    pub(super) fn new() -> Self {
        let state = Mutex::new(Waiting { queue: VecDeque::new(), known: HashSet::new() });
        Self { ahead: AtomicU64::new(0), state, filled: Notify::new() }
    }

    /// Whether an entry that ends so soon should be wished for.
    #[inline]
    pub(super) fn is_due(&self, remaining: Nanos) -> bool {
        remaining < self.ahead.load(Relaxed)
    }

    #[cold]
    pub(super) fn wish(&self, key: &K) {
        let mut state = self.state.lock();
        if state.known.len() < WISHES_MAX && !state.known.contains(key) {
            state.known.insert(key.clone());
            state.queue.push_back(key.clone());
            drop(state);
            self.filled.notify_one();
        }
    }

    fn take(&self) -> Vec<K> {
        let mut state = self.state.lock();
        let count = state.queue.len().min(RENEW_BATCH_MAX);
        state.queue.drain(..count).collect()
    }

    fn done(&self, keys: &[K]) {
        let mut state = self.state.lock();
        for key in keys {
            state.known.remove(key);
        }
    }
}

/// While it lives, hits wish.
struct Listening<'a, K: Eq + Hash + Clone>(&'a Wishes<K>);

impl<K: Eq + Hash + Clone> Drop for Listening<'_, K> {
    fn drop(&mut self) {
        self.0.ahead.store(0, Relaxed);
        let mut state = self.0.state.lock();
        state.queue.clear();
        state.known.clear();
    }
}

impl<K: CacheKey> Cache<K> {
    /// Renews values for ever. `load_many` gets at most [`RENEW_BATCH_MAX`] keys and answers for each of them, in their
    /// order, what a load would: in one query where it can. Run it once for a cache.
    pub async fn keep_fresh<E, F, Fut>(&self, load_many: F) -> Infallible
    where
        F: Fn(Vec<K>) -> Fut,
        Fut: Future<Output = Result<Vec<Loaded<K::Value>>, E>>,
        E: std::fmt::Display,
    {
        let _listening = Listening(&self.wishes);
        // A value that lives for seconds is not renewed all the time.
        let shortest = self.options.absolute.map_or(Duration::MAX, |time| time / 10);
        self.wishes.ahead.store(nanos(self.options.refresh_ahead.min(shortest)), Relaxed);
        let mut progress = self.feed.progress();
        let mut generation = self.core().position().generation();
        loop {
            let present = self.core().position().generation();
            if present > generation {
                generation = present;
                self.renew_suspects(present, &load_many).await;
            }
            tokio::select! {
                () = self.wishes.filled.notified() => self.renew_wished(&load_many).await,
                // The feed lives as long as this cache, and ticks.
                _ = progress.changed() => {}
            }
        }
    }

    async fn renew_wished<E, F, Fut>(&self, load_many: &F)
    where
        F: Fn(Vec<K>) -> Fut,
        Fut: Future<Output = Result<Vec<Loaded<K::Value>>, E>>,
        E: std::fmt::Display,
    {
        loop {
            let keys = self.wishes.take();
            if keys.is_empty() {
                return;
            }
            if !self.renew(&keys, load_many).await {
                tokio::time::sleep(PAUSE).await;
            }
            self.wishes.done(&keys);
        }
    }

    /// Those that nothing is known against. What is left out is loaded when somebody asks for it.
    async fn renew_suspects<E, F, Fut>(&self, generation: u64, load_many: &F)
    where
        F: Fn(Vec<K>) -> Fut,
        Fut: Future<Output = Result<Vec<Loaded<K::Value>>, E>>,
        E: std::fmt::Display,
    {
        let is_suspect = |entry: &Entry<K::Value>| {
            entry.stamp.generation() < generation
                && !self.core().is_changed(entry.stamp, entry.slots.as_slice())
        };
        let mut batch = Vec::with_capacity(RENEW_BATCH_MAX);
        let mut suspects = self.storage.iter().filter(|(_, entry)| is_suspect(entry));
        loop {
            batch.extend(suspects.by_ref().take(RENEW_BATCH_MAX).map(|(key, _)| key));
            if batch.is_empty() || !self.renew(&batch, load_many).await {
                return;
            }
            batch.clear();
        }
    }

    /// False if nothing was renewed.
    async fn renew<E, F, Fut>(&self, keys: &[K], load_many: &F) -> bool
    where
        F: Fn(Vec<K>) -> Fut,
        Fut: Future<Output = Result<Vec<Loaded<K::Value>>, E>>,
        E: std::fmt::Display,
    {
        // Readers who load go first.
        let Some(_turn) = self.turn().await else { return false };
        self.counters.loads.fetch_add(1, Relaxed);
        let stamp = self.core().position();
        let answer = tokio::time::timeout(self.options.load_timeout, load_many(keys.to_vec())).await;
        match answer {
            Ok(Ok(values)) if values.len() == keys.len() => {
                for (key, loaded) in keys.iter().zip(values) {
                    let slots = Slots::new(self.core(), key.hash64(), &loaded.tags);
                    self.keep(key, loaded, stamp, &slots);
                }
                self.counters.renewed.fetch_add(keys.len() as u64, Relaxed);
                true
            }
            Ok(Ok(values)) => {
                self.counters.load_failures.fetch_add(1, Relaxed);
                tracing::error!(asked = keys.len(), answered = values.len(), "a batch was answered in part");
                false
            }
            Ok(Err(error)) => {
                self.counters.load_failures.fetch_add(1, Relaxed);
                tracing::debug!(%error, "values were not renewed");
                false
            }
            Err(_) => {
                self.counters.load_timeouts.fetch_add(1, Relaxed);
                false
            }
        }
    }
}
