//! Loads under way: one for each key, shared by everybody who asks meanwhile.
//!
//! The leader's own task runs the load. If it is cancelled or panics, dropping its [`Lead`] wakes the waiting
//! and one of them leads next, with its own loader. Nothing is spawned, and no lock is held while loading.

use std::any::Any;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

use super::entry::Slots;
use crate::clock::Nanos;
use crate::feed::Position;

const SHARDS: usize = 16;

/// How a load ended, for everybody who waited.
pub(super) enum Landed<V> {
    Value { value: Option<Arc<V>>, stamp: Position, slots: Slots, began: Nanos },
    Failed(Arc<dyn Any + Send + Sync>),
    Overloaded,
    TimedOut,
}

impl<V> Clone for Landed<V> {
    fn clone(&self) -> Self {
        match self {
            Self::Value { value, stamp, slots, began } => {
                Self::Value { value: value.clone(), stamp: *stamp, slots: slots.clone(), began: *began }
            }
            Self::Failed(error) => Self::Failed(error.clone()),
            Self::Overloaded => Self::Overloaded,
            Self::TimedOut => Self::TimedOut,
        }
    }
}

/// A load under way.
pub(super) struct Flight<V> {
    /// In the order in which loads began.
    pub(super) number: u64,
    /// The position before it began, or earlier.
    pub(super) stamp: Position,
    pub(super) landed: watch::Receiver<Option<Landed<V>>>,
}

/// The flights whose keys fall into one shard.
pub(super) type Shard<K, V> = HashMap<K, Flight<V>>;

pub(super) struct Flights<K, V> {
    shards: [Mutex<Shard<K, V>>; SHARDS],
    hasher: RandomState,
    next: AtomicU64,
}

impl<K: Eq + Hash + Clone, V> Flights<K, V> {
    pub(super) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::new(HashMap::new())),
            hasher: RandomState::new(),
            next: AtomicU64::new(1),
        }
    }

    /// Loads that begin later have at least this number.
    pub(super) fn next_number(&self) -> u64 {
        self.next.load(Relaxed)
    }

    pub(super) fn shard(&self, key: &K) -> MutexGuard<'_, Shard<K, V>> {
        let index = self.hasher.hash_one(key) as usize % SHARDS;
        self.shards[index].lock()
    }

    /// Begins a load, in place of an older one whose result cannot be right any more.
    pub(super) fn begin(&self, shard: &mut Shard<K, V>, key: &K, stamp: Position) -> Lead<'_, K, V> {
        let number = self.next.fetch_add(1, Relaxed);
        let (sender, landed) = watch::channel(None);
        shard.insert(key.clone(), Flight { number, stamp, landed });
        Lead { flights: self, key: key.clone(), number, sender }
    }

    pub(super) fn under_way(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}

/// The right and the duty to load one key. Dropped without [`Lead::land`], somebody else takes over.
pub(super) struct Lead<'a, K: Eq + Hash + Clone, V> {
    flights: &'a Flights<K, V>,
    key: K,
    number: u64,
    sender: watch::Sender<Option<Landed<V>>>,
}

impl<K: Eq + Hash + Clone, V> Lead<'_, K, V> {
    /// Gives the result to the waiting. The flight leaves the table when this is dropped.
    pub(super) fn land(self, landed: Landed<V>) {
        self.sender.send_replace(Some(landed));
    }
}

impl<K: Eq + Hash + Clone, V> Drop for Lead<'_, K, V> {
    fn drop(&mut self) {
        let mut shard = self.flights.shard(&self.key);
        if shard.get(&self.key).is_some_and(|flight| flight.number == self.number) {
            shard.remove(&self.key);
        }
    }
}
