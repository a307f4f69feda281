//! What a cache key is, and how keys and tags become the 64-bit numbers of the change feed.

use std::hash::Hash;

/// Names one cached value.
///
/// A key is a tag too: whoever changes exactly this value reports [`CacheKey::hash64`] as changed.
pub trait CacheKey: Eq + Hash + Clone + Send + Sync + 'static {
    /// What is cached under it.
    type Value: Weigh + Send + Sync + 'static;

    /// A number that is the same in every process and every release: build it with [`hash64`] from
    /// normalised parts. Two keys with the same number cost each other a reload, never a wrong answer.
    /// Not computed for a hit.
    fn hash64(&self) -> i64;

    /// Bytes this key owns on the heap, for the memory bound.
    fn heap_bytes(&self) -> usize {
        0
    }
}

/// The weight of a value for the memory bound.
pub trait Weigh {
    /// All bytes it keeps alive: itself and what it owns on the heap. Must not change while it is cached.
    fn weigh(&self) -> usize;
}

impl Weigh for String {
    fn weigh(&self) -> usize {
        size_of::<Self>() + self.capacity()
    }
}

impl Weigh for bytes::Bytes {
    fn weigh(&self) -> usize {
        size_of::<Self>() + self.len()
    }
}

impl Weigh for u64 {
    fn weigh(&self) -> usize {
        size_of::<Self>()
    }
}

/// The fixed hash of keys and tags (xxh3-64): `kind` separates key spaces, `parts` are joined by a byte that
/// normalised text does not contain, so ("a", "bc") and ("ab", "c") differ.
///
/// It crosses processes and releases and never changes. It is no secret-keeping hash: put no secret and no
/// personal data in it.
pub fn hash64(kind: &str, parts: &[&[u8]]) -> i64 {
    const SEPARATOR: u8 = 0xFF;
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    hasher.update(kind.as_bytes());
    for part in parts {
        hasher.update(&[SEPARATOR]);
        hasher.update(part);
    }
    hasher.digest() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fixed() {
        assert_eq!(hash64("product", &[b"b2b", &7_i64.to_le_bytes()]), -108_341_930_104_698_535);
        assert_ne!(hash64("a", &[b"bc"]), hash64("ab", &[b"c"]));
    }
}
