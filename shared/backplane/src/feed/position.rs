//! A place in the change feed as this process sees it: generation and distance from where it began.
//!
//! Both halves share one `u64`, the generation in the high bits. So positions of a later generation are
//! greater than every position of an earlier one, and the floors need no clearing when a generation begins:
//! an old floor is below every new stamp, a late raise from an old generation changes nothing, and one atomic
//! store moves generation and applied position together. The alternative, a fresh floor array for each
//! generation behind a pointer, costs a hazard pointer on every hit.

/// Bits for the distance: 17.6 million million changes in one generation. A longer one starts anew.
const OFFSET_BITS: u32 = 44;
/// The greatest distance from the beginning of a generation.
pub(crate) const OFFSET_MAX: u64 = (1 << OFFSET_BITS) - 1;
/// The last generation. A process that gets there (a million local flushes) serves no hits any more.
pub(crate) const GENERATION_MAX: u64 = (1 << (64 - OFFSET_BITS)) - 1;

/// A position: ordered by generation, then by distance. [`Position::NONE`] is before all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// No position is known: nothing that is loaded now may become a hit.
    pub const NONE: Position = Position(0);

    /// `offset` changes after the beginning of `generation` (1, 2, 3 …).
    pub(crate) fn new(generation: u64, offset: u64) -> Self {
        debug_assert!(generation <= GENERATION_MAX && offset <= OFFSET_MAX);
        Self(generation << OFFSET_BITS | offset)
    }

    /// The generation; 0 in [`Position::NONE`].
    #[inline]
    pub fn generation(self) -> u64 {
        self.0 >> OFFSET_BITS
    }

    #[inline]
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    #[inline]
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_generation_is_after_every_position_of_an_earlier_one() {
        assert!(Position::NONE < Position::new(1, 0));
        assert!(Position::new(1, OFFSET_MAX) < Position::new(2, 0));
        assert!(Position::new(2, 0) < Position::new(2, 1));
        assert_eq!(Position::new(7, 9).generation(), 7);
    }
}
