//! What hits read: floors, position, generation and lease. Atomics only; a hit waits for nobody.
//!
//! Writing is [`Core`](super::Core)'s, under its mutex, and in this order: floors are raised before the position moves,
//! the lease is granted after both, and a hit reads the lease first. So whoever sees a lease sees the floors it was
//! granted on. `tests/it/interleavings.rs` runs this file under every order that the memory model allows.

use super::atomic::{AtomicU64, Ordering};
use super::{Nanos, Position};

/// Whether a value may be served as a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Yes.
    Valid,
    /// Nobody knows: no lease. The value may be right.
    NoLease,
    /// From before the present generation. The value may be right.
    OldGeneration,
    /// Its load saw changes that are not applied here yet: they may still turn out lost. Soon it may be right.
    Unconfirmed,
    /// Something that it depends on has changed since its load began.
    Changed,
}

/// See the module.
pub(crate) struct Gate {
    /// Hits are allowed while `now` is below this.
    lease_until: AtomicU64,
    /// The first position of the present generation; `u64::MAX` while no log is followed.
    generation_start: AtomicU64,
    applied: AtomicU64,
    floors: Box<[AtomicU64]>,
    /// `64 - log2(floors.len())`: the slot is the high bits of the mixed tag.
    shift: u32,
}

impl Gate {
    /// Closed, with this many floors: a power of two, at least 2.
    pub(crate) fn new(slots: usize) -> Self {
        debug_assert!(slots.is_power_of_two() && slots > 1);
        Self {
            lease_until: AtomicU64::new(0),
            generation_start: AtomicU64::new(u64::MAX),
            applied: AtomicU64::new(Position::NONE.bits()),
            floors: (0..slots).map(|_| AtomicU64::new(0)).collect(),
            shift: 64 - slots.trailing_zeros(),
        }
    }

    /// The slot of a tag or key hash. The multiplication spreads tags that are not hashes.
    #[inline]
    pub(crate) fn slot(&self, tag: i64) -> u32 {
        ((tag as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as u32
    }

    /// How many slots there are.
    pub(crate) fn slots(&self) -> usize {
        self.floors.len()
    }

    /// Everything up to here is applied.
    #[inline]
    pub(crate) fn position(&self) -> Position {
        Position::from_bits(self.applied.load(Ordering::Acquire))
    }

    /// Whether a value loaded at `stamp`, whose load saw the log up to `seen`, and that depends on `slots`, may
    /// be served as a hit at `now`.
    #[inline]
    pub(crate) fn check(&self, stamp: Position, seen: Position, slots: &[u32], now: Nanos) -> Validity {
        // The lease first: whoever sees it sees the floors and the generation it was granted on.
        if now >= self.lease_until() {
            return Validity::NoLease;
        }
        if stamp.bits() < self.generation_start.load(Ordering::Acquire) {
            return Validity::OldGeneration;
        }
        if self.is_changed(stamp, slots) {
            return Validity::Changed;
        }
        // `seen` is of the stamp's generation, which is the present one.
        if self.position() < seen { Validity::Unconfirmed } else { Validity::Valid }
    }

    /// Whether anything in `slots` is known to have changed after `stamp`.
    #[inline]
    pub(crate) fn is_changed(&self, stamp: Position, slots: &[u32]) -> bool {
        slots.iter().any(|&slot| {
            self.floors.get(slot as usize).is_none_or(|floor| stamp.bits() < floor.load(Ordering::Acquire))
        })
    }

    /// When hits end.
    #[inline]
    pub(crate) fn lease_until(&self) -> Nanos {
        self.lease_until.load(Ordering::Acquire)
    }

    /// What `tag` stands for has changed at `position`.
    pub(crate) fn raise(&self, tag: i64, position: Position) {
        if let Some(floor) = self.floors.get(self.slot(tag) as usize) {
            floor.fetch_max(position.bits(), Ordering::AcqRel);
        }
    }

    /// Everything up to `position` is in the floors.
    pub(crate) fn advance(&self, position: Position) {
        self.applied.store(position.bits(), Ordering::Release);
    }

    /// A generation begins at `start`. No lease yet.
    pub(crate) fn begin(&self, start: Position) {
        self.applied.store(start.bits(), Ordering::Release);
        self.generation_start.store(start.bits(), Ordering::Release);
    }

    /// Hits are allowed until then; 0: no hits.
    pub(crate) fn lease(&self, until: Nanos) {
        self.lease_until.store(until, Ordering::Release);
    }

    /// The generation is over: nothing stamped in it is a hit again. The lease has ended before.
    pub(crate) fn end(&self) {
        self.generation_start.store(u64::MAX, Ordering::Release);
        self.applied.store(Position::NONE.bits(), Ordering::Release);
    }
}

/// What a gate shows at one moment: lease, generation, position, and the floors that are not 0.
#[cfg(feature = "testing")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct GateState {
    lease_until: u64,
    generation_start: u64,
    applied: u64,
    floors: Vec<(usize, u64)>,
}

#[cfg(feature = "testing")]
impl Gate {
    pub(crate) fn state(&self) -> GateState {
        let floors = self.floors.iter().map(|floor| floor.load(Ordering::Acquire)).enumerate();
        GateState {
            lease_until: self.lease_until(),
            generation_start: self.generation_start.load(Ordering::Acquire),
            applied: self.applied.load(Ordering::Acquire),
            floors: floors.filter(|(_, floor)| *floor > 0).collect(),
        }
    }

    pub(crate) fn restore(&self, state: &GateState) {
        self.lease_until.store(state.lease_until, Ordering::Release);
        self.generation_start.store(state.generation_start, Ordering::Release);
        self.applied.store(state.applied, Ordering::Release);
        for (slot, floor) in &state.floors {
            if let Some(place) = self.floors.get(*slot) {
                place.store(*floor, Ordering::Release);
            }
        }
    }
}
