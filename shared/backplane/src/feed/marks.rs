//! The marks of the last few thousand changes applied: tells a repeated message from another past.

/// Changes remembered. A report about an older one is answered with "unknown".
pub(crate) const REMEMBERED: usize = 8192;

/// A ring of (sequence number + 1, mark): zeros, which cost nothing to allocate, mean empty.
#[cfg_attr(feature = "testing", derive(Debug, Clone, PartialEq, Eq, Hash))]
pub(crate) struct RecentMarks(Box<[(i64, i64)]>);

impl RecentMarks {
    /// Knows the mark at one position, and will remember this many.
    pub(crate) fn new(sequence: i64, mark: i64, remembered: usize) -> Self {
        let mut marks = Self(vec![(0, 0); remembered.max(1)].into_boxed_slice());
        marks.put(sequence, mark);
        marks
    }

    pub(crate) fn put(&mut self, sequence: i64, mark: i64) {
        let place = self.place(sequence);
        if let Some(entry) = self.0.get_mut(place) {
            *entry = (sequence + 1, mark);
        }
    }

    pub(crate) fn get(&self, sequence: i64) -> Option<i64> {
        self.0.get(self.place(sequence)).filter(|entry| entry.0 == sequence + 1).map(|entry| entry.1)
    }

    fn place(&self, sequence: i64) -> usize {
        sequence.rem_euclid(self.0.len() as i64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_changes_are_remembered() {
        let mut marks = RecentMarks::new(0, 5, REMEMBERED);
        assert_eq!(marks.get(0), Some(5));
        for sequence in 1..=REMEMBERED as i64 {
            marks.put(sequence, sequence * 10);
        }
        assert_eq!(marks.get(0), None);
        assert_eq!(marks.get(1), Some(10));
        assert_eq!(marks.get(REMEMBERED as i64 + 1), None);
    }
}
