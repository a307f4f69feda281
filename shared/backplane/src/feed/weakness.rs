//! Rules left out on purpose, to prove that whoever judges a feed notices. Only in tests.

/// Rules left out on purpose, to prove that the checker notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// Applies a change whatever is missing before it.
    NoGapDetection,
    /// Takes a contiguous number for a common past.
    NoChain,
    /// Does not compare the mark at the applied position.
    NoIdentity,
    /// Counts the lease from the answer.
    LeaseFromAnswer,
    /// Grants the lease before the rows up to SQL's head are applied.
    LeaseBeforeApplied,
    /// Keeps the generation when another log is adopted.
    NoGeneration,
    /// Continues after rows that are gone.
    NoPruneDetection,
}

impl std::str::FromStr for Weakness {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|weakness| format!("{weakness:?}") == text)
            .ok_or_else(|| format!("{text:?} is none of {:?}", Self::ALL))
    }
}

impl Weakness {
    /// Every one there is.
    pub const ALL: [Self; 7] = [
        Self::NoGapDetection,
        Self::NoChain,
        Self::NoIdentity,
        Self::LeaseFromAnswer,
        Self::LeaseBeforeApplied,
        Self::NoGeneration,
        Self::NoPruneDetection,
    ];
}
