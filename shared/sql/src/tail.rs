//! The last batch of a transaction: feed rows, the record of the commit, COMMIT – in one round trip.
//!
//! Why one batch: the row lock on `Platform.FeedHead` makes sequence order equal commit order without gaps,
//! and so it is never held while the server waits for a client. Why literals: COMMIT inside `sp_executesql`
//! ends in error 266, so the batch has no parameters; its only literals are integers made here.
//! Why no `SET NOCOUNT ON`: in a batch it would stay on for whoever gets the connection next.
//! Why it starts with a guard: without an open transaction each statement would commit alone.
//! Why the head is read after the UPDATE and not by its OUTPUT clause: under concurrency Babelfish fills
//! `OUTPUT … INTO` from the row as it was before the wait for the lock (seen: one number given twice).
//! Why two UPDATEs: between them this transaction has the row and reads the mark of the commit before its own, which
//! others need to know that nothing is missing in between. Read before the first UPDATE it could be out of date.

use std::fmt::Write;

const TAIL_WITH_FEED: &str = include_str!("tail_with_feed.sql");
const TAIL: &str = include_str!("tail.sql");

/// The numbers of one attempt to commit. Fresh for each attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// Key in `Platform.[Commit]`.
    pub(crate) tx_id: i64,
    /// Mark of the feed rows.
    pub(crate) mark: i64,
}

impl Numbers {
    /// Random and positive, so that they need no sign as literals.
    pub(crate) fn random() -> Self {
        Self { tx_id: rand::random_range(1..=i64::MAX), mark: rand::random_range(1..=i64::MAX) }
    }
}

/// The batch that commits, with feed rows if there are tags.
pub(crate) fn text(numbers: Numbers, tags: &[i64]) -> String {
    let Numbers { tx_id, mark } = numbers;
    if tags.is_empty() {
        return format!("DECLARE @TxId bigint = {tx_id};\n{TAIL}");
    }
    let count = tags.len();
    let mut list = String::with_capacity(count * 21);
    for (index, tag) in tags.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(list, "{comma}{tag}");
    }
    format!(
        "DECLARE @TxId bigint = {tx_id}, @Mark bigint = {mark}, @Count bigint = {count}, \
         @Tags nvarchar(max) = N'[{list}]';\n{TAIL_WITH_FEED}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_batch_holds_nothing_but_integers_from_us() {
        let numbers = Numbers { tx_id: 42, mark: 777 };
        insta::assert_snapshot!("tail", text(numbers, &[]));
        insta::assert_snapshot!("tail_with_feed", text(numbers, &[11, -22, i64::MIN]));
    }
}
