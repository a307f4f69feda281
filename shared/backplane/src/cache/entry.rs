//! A cached value with everything that a hit checks, kept inline: a hit clones it out of the storage (one
//! reference count) and then looks at plain numbers.

use std::sync::Arc;

use crate::clock::Nanos;
use crate::feed::{Core, Position, Seen};

/// What a load returns.
#[derive(Debug, Clone)]
pub struct Loaded<V> {
    /// The value; none is an answer too ("no such product") and cached in the same way.
    pub value: Option<V>,
    /// Everything the answer depends on, as hashes. The key itself need not be among them.
    pub tags: Vec<i64>,
    /// How long the answer is right even if nothing is changed: until the next price, promotion or
    /// publication boundary, counted on the database's clock. No limit if none.
    pub valid_for: Option<std::time::Duration>,
    /// Where the log stood after the data was read, from the same batch. Without it a value that a forced
    /// fail-over took back can stay until it expires.
    pub seen: Option<Seen>,
}

impl<V> Loaded<V> {
    /// A value that depends on `tags`.
    pub fn new(value: Option<V>, tags: Vec<i64>) -> Self {
        Self { value, tags, valid_for: None, seen: None }
    }

    /// The same, loaded by a batch that ended with the head of the log.
    pub fn having_seen(self, seen: Seen) -> Self {
        Self { seen: Some(seen), ..self }
    }
}

/// Slots without an allocation: the key's and five tags'.
const INLINE: usize = 6;

/// The floor slots of the key and the tags.
#[derive(Clone)]
pub(super) enum Slots {
    Inline { len: u8, slots: [u32; INLINE] },
    Shared(Arc<[u32]>),
}

impl Slots {
    pub(super) fn new(core: &Core, key: i64, tags: &[i64]) -> Self {
        let mut slots: Vec<u32> =
            std::iter::once(key).chain(tags.iter().copied()).map(|tag| core.slot(tag)).collect();
        slots.sort_unstable();
        slots.dedup();
        if slots.len() > INLINE {
            return Self::Shared(slots.into());
        }
        let mut inline = [0; INLINE];
        for (place, slot) in inline.iter_mut().zip(&slots) {
            *place = *slot;
        }
        Self::Inline { len: slots.len() as u8, slots: inline }
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[u32] {
        match self {
            Self::Inline { len, slots } => slots.get(..usize::from(*len)).unwrap_or(slots),
            Self::Shared(slots) => slots,
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Self::Inline { .. } => 0,
            Self::Shared(slots) => size_of_val::<[u32]>(slots) + 2 * size_of::<usize>(),
        }
    }
}

/// A value in memory.
pub(super) struct Entry<V> {
    pub(super) value: Option<Arc<V>>,
    /// The position applied before the load began.
    pub(super) stamp: Position,
    /// The position that its load saw.
    pub(super) seen: Position,
    /// Not a hit from here on; moved on by hits where expiry slides.
    pub(super) expires: Nanos,
    /// Where sliding ends.
    pub(super) expires_at_last: Nanos,
    /// Wrong from here on, whatever else is true.
    pub(super) valid_until: Nanos,
    pub(super) slots: Slots,
    pub(super) weight: u32,
}

// By hand: deriving would ask for `V: Clone`.
impl<V> Clone for Entry<V> {
    #[inline]
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), slots: self.slots.clone(), ..*self }
    }
}

impl<V> Entry<V> {
    /// Whether it ends though it is read, and a renewal could live longer: not where sliding goes on, and not where it
    /// ends because the world changes then.
    pub(super) fn ends_for_good(&self) -> bool {
        self.expires == self.expires_at_last && self.expires < self.valid_until
    }
}

/// Bytes of one entry beside its value: the entry and the key in the storage's table with its reserve for
/// ghosts, the table's own bookkeeping (21 bytes, from quick_cache's documentation), and the `Arc`'s counts.
pub(super) fn overhead<K, V>(key_heap_bytes: usize, slots: &Slots) -> usize {
    const TABLE_BYTES: usize = 21;
    let in_table = (size_of::<K>() + size_of::<Entry<V>>() + TABLE_BYTES) * 3 / 2;
    in_table + 2 * size_of::<usize>() + key_heap_bytes + slots.heap_bytes()
}
