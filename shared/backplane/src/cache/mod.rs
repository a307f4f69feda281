//! The coherent local cache: hits at memory speed that the change feed vouches for.
//!
//! An entry remembers its stamp (how far the feed was applied before its load began) and the slots of its key
//! and tags. A hit needs the feed's lease, the present generation, and a stamp not below the floor of any
//! slot. That one check replaces eviction messages, tag indexes and tombstones, and it fences a load that was
//! overtaken by a change as surely as an old entry. What fails the check is a *suspect*: kept, because it may
//! still be right, until a load replaces it or memory is needed (`upkeep` renews what a new generation made one, in batches).
//!
//! Not here: keeping up with the feed (see `feed`), any knowledge of what is cached. Start at
//! [`Cache::get_or_load`]; `staleness` checks from outside, by samples, that all of this keeps its promise.

mod entry;
mod flight;
pub mod key;
mod options;
mod staleness;
mod stats;
mod upkeep;

use std::any::Any;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use quick_cache::sync::{Cache as Storage, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use rand::RngExt;
use tokio::sync::Semaphore;

pub use entry::Loaded;
pub use options::{CacheOptions, TAGS_MAX};
pub use stats::{CacheStats, ThreadReads};
pub use upkeep::RENEW_BATCH_MAX;

use crate::clock::{Nanos, nanos};
use crate::feed::{Core, Feed, Position, Validity};
use entry::{Entry, Slots, overhead};
use flight::{Flights, Landed, Lead};
use key::{CacheKey, Weigh};

/// How a read was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// From memory, under the lease.
    Hit,
    /// By a load, one's own or a shared one.
    Miss,
    /// From memory without a lease because SQL does not answer; HTTP says so with `Warning: 110`.
    Stale,
}

/// The answer to a read.
pub struct Served<V> {
    /// The value; none if there is no such thing.
    pub value: Option<Arc<V>>,
    /// How it was found.
    pub outcome: Outcome,
}

impl<V> Served<V> {
    /// Every answer is made here, and counted for the thread that reads.
    #[inline]
    fn of(value: Option<Arc<V>>, outcome: Outcome) -> Self {
        ThreadReads::count(outcome);
        Self { value, outcome }
    }
}

impl<V> Clone for Served<V> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), outcome: self.outcome }
    }
}

impl<V: std::fmt::Debug> std::fmt::Debug for Served<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Served").field("value", &self.value).field("outcome", &self.outcome).finish()
    }
}

/// Why a read was not answered. Errors are never cached.
#[derive(Debug, thiserror::Error)]
pub enum CacheError<E> {
    /// Too many loads wait for their turn: answer 503 with `Retry-After`.
    #[error("too many loads are under way, try again in {} s", retry_after.as_secs())]
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// The load took longer than its limit.
    #[error("the load took longer than {} ms", limit.as_millis())]
    Timeout {
        /// The limit.
        limit: Duration,
    },
    /// The load's own error, the same for everybody who waited for it.
    #[error("{0}")]
    LoadFailed(Arc<E>),
}

impl<E> Clone for CacheError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Overloaded { retry_after } => Self::Overloaded { retry_after: *retry_after },
            Self::Timeout { limit } => Self::Timeout { limit: *limit },
            Self::LoadFailed(error) => Self::LoadFailed(error.clone()),
        }
    }
}

#[derive(Clone)]
struct ByBytes;

impl<K, V> Weighter<K, Entry<V>> for ByBytes {
    fn weight(&self, _: &K, entry: &Entry<V>) -> u64 {
        entry.weight.into()
    }
}

/// A cache of one kind of key. Wrap it in an `Arc` to share it.
pub struct Cache<K: CacheKey> {
    feed: Arc<Feed>,
    options: CacheOptions,
    storage: Storage<K, Entry<K::Value>, ByBytes>,
    item_weight_max: u64,
    flights: Flights<K, K::Value>,
    turns: Semaphore,
    waiting: AtomicUsize,
    wishes: upkeep::Wishes<K>,
    counters: stats::Counters,
}

/// What the memory says about a key.
enum Found<V> {
    Answer(Served<V>),
    Nothing,
}

impl<K: CacheKey> Cache<K> {
    /// An empty cache that follows `feed`.
    pub fn new(feed: Arc<Feed>, options: CacheOptions) -> Self {
        const ITEM_BYTES_ESTIMATED: u64 = 4 << 10;
        const CAPACITY_MIN: u64 = 64 << 10;
        let capacity = options.max_bytes.saturating_sub(feed.core().floor_bytes() as u64).max(CAPACITY_MIN);
        let items = usize::try_from(capacity / ITEM_BYTES_ESTIMATED).unwrap_or(usize::MAX);
        let hash = DefaultHashBuilder::default();
        let storage =
            match OptionsBuilder::new().weight_capacity(capacity).estimated_items_capacity(items).build() {
                Ok(built) => Storage::with_options(built, ByBytes, hash, DefaultLifecycle::default()),
                Err(_) => Storage::with(items, capacity, ByBytes, hash, DefaultLifecycle::default()),
            };
        let item_weight_max =
            options.item_bytes_max.min(storage.shard_capacity() / 2).min(u64::from(u32::MAX));
        Self {
            turns: Semaphore::new(options.loads_max.max(1)),
            feed,
            options,
            storage,
            item_weight_max,
            flights: Flights::new(),
            waiting: AtomicUsize::new(0),
            wishes: upkeep::Wishes::new(),
            counters: stats::Counters::default(),
        }
    }

    /// The value in memory, if it may be served now. Allocates nothing and waits for nothing.
    #[inline]
    pub fn get(&self, key: &K) -> Option<Served<K::Value>> {
        if !self.options.enabled {
            return None;
        }
        match self.look(key, self.feed.now()) {
            Found::Answer(served) => Some(served),
            Found::Nothing => None,
        }
    }

    /// The value in memory, or what `load` finds: [`get`](Self::get), then [`load`](Self::load).
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn get_or_load<E, F, Fut>(&self, key: &K, load: F) -> Result<Served<K::Value>, CacheError<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Loaded<K::Value>, E>>,
        E: Send + Sync + 'static,
    {
        match self.get(key) {
            Some(served) => Ok(served),
            None => self.load(key, load).await,
        }
    }

    /// What `load` finds, for whoever has asked [`get`](Self::get) already. On its own where a hit must not pay for
    /// the size of a future that loads.
    ///
    /// `load` must read from the primary, in no transaction that began earlier. It runs at most once, in this
    /// task, and not at all if somebody else's load answers the question. Cancelling this future cancels the
    /// load; whoever else waits for it begins a new one.
    ///
    /// # Errors
    /// The load failed, took too long, or had to wait behind too many others.
    pub async fn load<E, F, Fut>(&self, key: &K, load: F) -> Result<Served<K::Value>, CacheError<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Loaded<K::Value>, E>>,
        E: Send + Sync + 'static,
    {
        if !self.options.enabled {
            let (loaded, _) = self.run(load).await?;
            return Ok(Served::of(loaded.value.map(Arc::new), Outcome::Miss));
        }
        let slot = [self.core().slot(key.hash64())];
        let arrived = self.flights.next_number();
        loop {
            let mut landed = match self.join_or_lead(key, &slot, arrived) {
                Turn::Answer(served) => return Ok(served),
                Turn::Lead(lead) => return self.lead(lead, key, load).await,
                Turn::Wait(number, landed) => (number, landed),
            };
            match self.wait(&mut landed.1).await {
                Some(result) => {
                    if let Some(answer) = self.accept(result, landed.0 >= arrived) {
                        self.counters.shared.fetch_add(1, Relaxed);
                        return answer;
                    }
                }
                // The leader was cancelled or panicked: one of those who waited leads next.
                None => continue,
            }
        }
    }

    /// The value last known, though it may not be served as a hit; for revalidation.
    pub fn suspect(&self, key: &K) -> Option<Option<Arc<K::Value>>> {
        self.storage.peek(key).map(|entry| entry.value)
    }

    /// Counters and size.
    pub fn stats(&self) -> CacheStats {
        CacheStats {
            loads_under_way: self.flights.under_way() as u64,
            entries: self.storage.len() as u64,
            bytes: self.storage.weight(),
            ..self.counters.snapshot()
        }
    }

    /// The feed that it follows.
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    #[inline]
    fn core(&self) -> &Core {
        self.feed.core()
    }

    /// Fetches the entry first and checks the floors after, so no change can slip in between.
    #[inline]
    fn look(&self, key: &K, now: Nanos) -> Found<K::Value> {
        let Some(entry) = self.storage.get(key) else {
            self.counters.absent.fetch_add(1, Relaxed);
            return Found::Nothing;
        };
        let validity = self.core().check(entry.stamp, entry.seen, entry.slots.as_slice(), now);
        if validity == Validity::Valid && now < entry.expires {
            self.counters.hits.add_one();
            self.slide(key, &entry, now);
            if self.wishes.is_due(entry.expires - now) && entry.ends_for_good() {
                self.wishes.wish(key);
            }
            return Found::Answer(Served::of(entry.value, Outcome::Hit));
        }
        self.look_again(entry, validity, now)
    }

    /// A refused entry is the answer only while SQL does not answer, and only if it is not known to be wrong.
    #[cold]
    fn look_again(&self, entry: Entry<K::Value>, validity: Validity, now: Nanos) -> Found<K::Value> {
        let failing = self.core().failing_since();
        let fail_safe = failing.is_some_and(|since| {
            now < since.saturating_add(nanos(self.options.fail_safe_max)) && now < entry.valid_until
        });
        if fail_safe && !self.core().is_changed(entry.stamp, entry.slots.as_slice()) {
            self.counters.stale.fetch_add(1, Relaxed);
            return Found::Answer(Served::of(entry.value, Outcome::Stale));
        }
        let counter = match validity {
            Validity::Valid => &self.counters.expired,
            Validity::NoLease => &self.counters.no_lease,
            Validity::OldGeneration => &self.counters.old_generation,
            Validity::Unconfirmed => &self.counters.unconfirmed,
            Validity::Changed => &self.counters.changed,
        };
        counter.fetch_add(1, Relaxed);
        Found::Nothing
    }

    /// Moves a sliding expiry on, at most once in half its length: a hit normally writes nothing.
    #[inline]
    fn slide(&self, key: &K, entry: &Entry<K::Value>, now: Nanos) {
        let Some(sliding) = self.options.sliding.map(nanos) else { return };
        if entry.expires - now < sliding / 2 && entry.expires < entry.expires_at_last {
            let expires = now.saturating_add(self.jittered(sliding)).min(entry.expires_at_last);
            self.store(key, Entry { expires, ..entry.clone() });
        }
    }

    fn join_or_lead(&self, key: &K, slot: &[u32], arrived: u64) -> Turn<'_, K> {
        let mut shard = self.flights.shard(key);
        if let Some(flight) = shard.get(key)
            && (flight.number >= arrived || !self.core().is_changed(flight.stamp, slot))
        {
            return Turn::Wait(flight.number, flight.landed.clone());
        }
        // Somebody may have finished between the first look and this lock.
        if let Some(entry) = self.storage.peek(key) {
            let now = self.feed.now();
            let validity = self.core().check(entry.stamp, entry.seen, entry.slots.as_slice(), now);
            if validity == Validity::Valid && now < entry.expires {
                self.counters.hits.add_one();
                return Turn::Answer(Served::of(entry.value, Outcome::Hit));
            }
        }
        Turn::Lead(self.flights.begin(&mut shard, key, self.core().position()))
    }

    /// Bounded by what a load may take; none if its leader is gone.
    async fn wait(
        &self,
        landed: &mut tokio::sync::watch::Receiver<Option<Landed<K::Value>>>,
    ) -> Option<Landed<K::Value>> {
        let limit = self.options.load_wait_max + self.options.load_timeout;
        match tokio::time::timeout(limit, landed.wait_for(Option::is_some)).await {
            Ok(Ok(landed)) => landed.clone(),
            Ok(Err(_)) => None,
            Err(_) => Some(Landed::TimedOut),
        }
    }

    /// Whether the result of somebody else's load answers this read: surely if it began after this read did,
    /// else only if nothing has changed since.
    fn accept<E: Send + Sync + 'static>(
        &self,
        landed: Landed<K::Value>,
        began_after: bool,
    ) -> Option<Result<Served<K::Value>, CacheError<E>>> {
        match landed {
            Landed::Value { value, stamp, slots, began } => {
                let recent = self.feed.now() < began.saturating_add(nanos(self.feed.max_staleness()));
                let present = stamp != Position::NONE
                    && stamp.generation() == self.core().position().generation()
                    && !self.core().is_changed(stamp, slots.as_slice());
                (began_after || (recent && present)).then(|| Ok(Served::of(value, Outcome::Miss)))
            }
            Landed::Overloaded => Some(Err(self.overloaded())),
            Landed::TimedOut => Some(Err(CacheError::Timeout { limit: self.options.load_timeout })),
            // Another error type can only come from another call site with the same key: load for oneself.
            Landed::Failed(error) => {
                error.downcast::<E>().ok().map(|error| Err(CacheError::LoadFailed(error)))
            }
        }
    }

    async fn lead<E, F, Fut>(
        &self,
        lead: Lead<'_, K, K::Value>,
        key: &K,
        load: F,
    ) -> Result<Served<K::Value>, CacheError<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Loaded<K::Value>, E>>,
        E: Send + Sync + 'static,
    {
        let began = self.feed.now();
        match self.run(load).await {
            Ok((loaded, stamp)) => {
                let slots = Slots::new(self.core(), key.hash64(), &loaded.tags);
                let value = self.keep(key, loaded, stamp, &slots);
                lead.land(Landed::Value { value: value.clone(), stamp, slots, began });
                Ok(Served::of(value, Outcome::Miss))
            }
            Err(error) => {
                lead.land(match &error {
                    CacheError::Overloaded { .. } => Landed::Overloaded,
                    CacheError::Timeout { .. } => Landed::TimedOut,
                    CacheError::LoadFailed(error) => {
                        let error: Arc<dyn Any + Send + Sync> = error.clone();
                        Landed::Failed(error)
                    }
                });
                Err(error)
            }
        }
    }

    /// Runs a load in its turn, with its time-out. The stamp is read before the load begins.
    async fn run<E, F, Fut>(&self, load: F) -> Result<(Loaded<K::Value>, Position), CacheError<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Loaded<K::Value>, E>>,
    {
        let _turn = self.turn().await.ok_or_else(|| self.overloaded())?;
        self.counters.loads.fetch_add(1, Relaxed);
        let stamp = self.core().position();
        let began = tokio::time::Instant::now();
        let limit = self.options.load_timeout;
        let result = tokio::time::timeout(limit, load()).await;
        self.counters.load_nanos.fetch_add(nanos(began.elapsed()), Relaxed);
        match result {
            Ok(Ok(loaded)) => Ok((loaded, stamp)),
            Ok(Err(error)) => {
                self.counters.load_failures.fetch_add(1, Relaxed);
                Err(CacheError::LoadFailed(Arc::new(error)))
            }
            Err(_) => {
                self.counters.load_timeouts.fetch_add(1, Relaxed);
                Err(CacheError::Timeout { limit })
            }
        }
    }

    async fn turn(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        if let Ok(turn) = self.turns.try_acquire() {
            return Some(turn);
        }
        let _waiting = Waiting::new(&self.waiting, self.options.loads_waiting_max)?;
        tokio::time::timeout(self.options.load_wait_max, self.turns.acquire()).await.ok()?.ok()
    }

    fn overloaded<E>(&self) -> CacheError<E> {
        self.counters.overloaded.fetch_add(1, Relaxed);
        CacheError::Overloaded { retry_after: self.options.load_wait_max.max(Duration::from_secs(1)) }
    }

    /// Stores what was loaded, unless it cannot become a hit.
    fn keep(
        &self,
        key: &K,
        loaded: Loaded<K::Value>,
        stamp: Position,
        slots: &Slots,
    ) -> Option<Arc<K::Value>> {
        let now = self.feed.now();
        let bytes = loaded.value.as_ref().map_or(0, Weigh::weigh);
        let weight = bytes.saturating_add(overhead::<K, K::Value>(key.heap_bytes(), slots)) as u64;
        let value = loaded.value.map(Arc::new);
        if weight > self.item_weight_max || loaded.tags.len() > TAGS_MAX {
            self.counters.too_heavy.fetch_add(1, Relaxed);
            return value;
        }
        if stamp == Position::NONE || self.core().is_changed(stamp, slots.as_slice()) {
            self.counters.born_changed.fetch_add(1, Relaxed);
            return value;
        }
        let seen = loaded.seen.as_ref().map_or(Some(stamp), |seen| self.feed.saw(stamp, seen));
        let Some(seen) = seen else {
            self.counters.unconfirmed.fetch_add(1, Relaxed);
            return value;
        };
        let after = |time: Option<Duration>| time.map_or(u64::MAX, |time| now.saturating_add(nanos(time)));
        let valid_until = after(loaded.valid_for);
        let absolute = self.options.absolute.map(|time| self.jittered(nanos(time)));
        let expires_at_last = absolute.map_or(u64::MAX, |time| now.saturating_add(time)).min(valid_until);
        let sliding = self.options.sliding.map(|time| self.jittered(nanos(time)));
        let expires = sliding.map_or(u64::MAX, |time| now.saturating_add(time)).min(expires_at_last);
        if expires > now {
            let weight = u32::try_from(weight).unwrap_or(u32::MAX);
            let slots = slots.clone();
            let value = value.clone();
            self.store(
                key,
                Entry { value, stamp, seen, expires, expires_at_last, valid_until, slots, weight },
            );
        }
        value
    }

    /// Never replaces what was loaded later, so that a key's versions do not go back: of two loads that began at one
    /// position, the one that saw more of the log.
    fn store(&self, key: &K, entry: Entry<K::Value>) {
        let _shard = self.flights.shard(key);
        let order = |entry: &Entry<K::Value>| (entry.stamp, entry.seen);
        if self.storage.peek(key).is_none_or(|present| order(&present) <= order(&entry)) {
            self.storage.insert(key.clone(), entry);
        }
    }

    fn jittered(&self, time: Nanos) -> Nanos {
        let off = rand::rng().random_range(0.0..=self.options.jitter.clamp(0.0, 1.0));
        (time as f64 * (1.0 - off)) as Nanos
    }
}

/// What a read that found nothing does next.
enum Turn<'a, K: CacheKey + Eq + Hash> {
    Answer(Served<K::Value>),
    Lead(Lead<'a, K, K::Value>),
    Wait(u64, tokio::sync::watch::Receiver<Option<Landed<K::Value>>>),
}

/// A place in the bounded queue for a turn.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize, limit: usize) -> Option<Self> {
        let waiting = Self(count);
        // Counted before it is compared; dropping takes it off again.
        (count.fetch_add(1, Relaxed) < limit).then_some(()).map(|()| waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
