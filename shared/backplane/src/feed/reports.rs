//! What the rules of the feed are told, and what they make of it.
//!
//! Facts only: [`Core`](super::Core) judges them.

use std::sync::Arc;

use sql::RowExt;

use super::Nanos;

/// One committed transaction's entry in the feed: tag `i` has sequence number `first + i`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Change {
    /// Identity of the log.
    pub log_id: i64,
    /// First sequence number.
    pub first: i64,
    /// Last sequence number: the head after this commit.
    pub last: i64,
    /// Random mark of this commit.
    pub mark: i64,
    /// Mark of the commit before it: a contiguous number alone does not prove a common past. Where it is not
    /// known, SQL is asked for the rows instead.
    pub previous_mark: Option<i64>,
    /// The changed tags, in sequence order.
    pub tags: Arc<[i64]>,
}

impl Change {
    /// Whether the numbers can be right at all.
    pub(crate) fn is_well_formed(&self) -> bool {
        self.first >= 1
            && self.last >= self.first
            && self.last.checked_sub(self.first).and_then(|n| usize::try_from(n).ok()).map(|n| n + 1)
                == Some(self.tags.len())
    }
}

/// Who reports a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A commit of this process: certain, and visible here as soon as it is reported.
    Own,
    /// A message: believed only as far as it fits.
    Hint,
}

/// What became of a reported change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// Floors raised, position advanced.
    Applied,
    /// Floors raised; something before it is missing: read the gap.
    Gap,
    /// Already applied.
    Known,
    /// It contradicts what was applied: probe now.
    Contradiction,
    /// Too far ahead to be believed: probe now.
    FarAhead,
    /// Of another log.
    Foreign,
    /// No log is followed yet.
    Early,
    /// Its own numbers contradict each other.
    Malformed,
}

/// Asked of SQL, before it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProbeTicket {
    pub(super) t0: Nanos,
    pub(super) epoch: u64,
    pub(super) asked: Option<(i64, i64)>,
}

impl ProbeTicket {
    /// The sequence number whose mark SQL is asked for; 0 (never a row) if no log is followed.
    pub fn asked(&self) -> i64 {
        self.asked.map_or(0, |(sequence, _)| sequence)
    }
}

/// SQL's answer: the row of `Platform.FeedHead`, and the mark at the sequence number asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProbeAnswer {
    /// Identity of the log.
    pub log_id: i64,
    /// Last sequence number.
    pub head: i64,
    /// Mark of the last commit.
    pub mark: i64,
    /// Rows up to here may be gone.
    pub pruned_to: i64,
    /// Mark in the row asked for, if there is one.
    pub mark_at_asked: Option<i64>,
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probed {
    /// Everything up to SQL's head is applied; the lease is granted.
    Leased,
    /// Rows are missing: read them, the lease follows.
    Behind,
    /// A new generation began at SQL's head, and the lease is granted.
    Adopted,
    /// The state changed while SQL was asked: the answer says nothing, ask again.
    Superseded,
}

/// A gap to be read: rows with `Seq >= from`, in order, the row at `from` included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GapRequest {
    /// The position applied, which the first row must confirm.
    pub from: i64,
    pub(super) epoch: u64,
}

/// A row of `Platform.ChangeFeed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FeedRow {
    /// Sequence number.
    pub sequence: i64,
    /// The changed tag.
    pub tag: i64,
    /// Mark of its commit.
    pub mark: i64,
}

/// What became of the rows of a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// Applied as far as they were contiguous.
    Applied,
    /// They do not continue what was applied: a new generation is due, probe now.
    Broken,
    /// The state changed meanwhile; nothing was done.
    Superseded,
}

/// Where the log stood when a load had read its data: the row of `Platform.FeedHead`, read in the same batch
/// **after** the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seen {
    /// Identity of the log.
    pub log_id: i64,
    /// Last sequence number.
    pub head: i64,
    /// Mark of the last commit.
    pub mark: i64,
}

impl Seen {
    /// From the answer to a batch that ended with
    /// `SELECT h.LogId, h.Head, h.Mark FROM Platform.FeedHead AS h WHERE h.Id = 1;`.
    ///
    /// # Errors
    /// The last result set is not that.
    pub fn last_of(sets: &[Vec<sql::Row>]) -> sql::Result<Self> {
        let row = sets.last().and_then(|rows| rows.first()).ok_or_else(|| sql::Error::Column {
            column: "LogId".to_owned(),
            message: "the batch did not end with the head of the feed".to_owned(),
        })?;
        Ok(Self { log_id: row.read("LogId")?, head: row.read("Head")?, mark: row.read("Mark")? })
    }
}
