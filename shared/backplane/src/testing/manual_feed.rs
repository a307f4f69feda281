//! A feed without SQL, Redis or tasks: a test says what happens, and when.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Clock;
use crate::feed::{Change, Feed, FeedOptions, ProbeAnswer, Probed, Received, Source};

/// The log that the feed would read, and the feed's clock.
pub struct ManualFeed {
    feed: Arc<Feed>,
    now: Arc<AtomicU64>,
    log_id: i64,
    head: AtomicU64,
}

impl Default for ManualFeed {
    fn default() -> Self {
        Self::new(FeedOptions { slots: 1 << 12, ..FeedOptions::default() })
    }
}

impl ManualFeed {
    /// At second one of its own clock, without a lease.
    pub fn new(options: FeedOptions) -> Self {
        let now = Arc::new(AtomicU64::new(1_000_000_000));
        let feed = Arc::new(Feed::detached(None, options, Clock::Manual(now.clone())));
        Self { feed, now, log_id: 1, head: AtomicU64::new(0) }
    }

    /// What a cache is made with.
    pub fn feed(&self) -> Arc<Feed> {
        self.feed.clone()
    }

    /// Time passes.
    pub fn advance(&self, time: Duration) {
        self.now.fetch_add(u64::try_from(time.as_nanos()).expect("a short time"), Ordering::SeqCst);
    }

    /// A probe that SQL answers at once.
    pub fn probe(&self) -> Probed {
        let head = self.head.load(Ordering::SeqCst) as i64;
        let now = self.feed.now();
        let ticket = self.feed.core().probe_begin(now);
        let mark_at_asked = Some(mark(ticket.asked()));
        let answer = ProbeAnswer { log_id: self.log_id, head, mark: mark(head), pruned_to: 0, mark_at_asked };
        let probed = self.feed.core().probe_end(ticket, &answer, now);
        self.feed.moved();
        probed
    }

    /// A probe that fails.
    pub fn probe_fails(&self) {
        self.feed.core().probe_failed(self.feed.now());
    }

    /// A commit of this process that changes `tags`.
    pub fn commit(&self, tags: &[i64]) -> Received {
        let count = tags.len() as u64;
        let before = self.head.fetch_add(count, Ordering::SeqCst) as i64;
        let last = before + count as i64;
        let change = Change {
            log_id: self.log_id,
            first: before + 1,
            last,
            mark: mark(last),
            previous_mark: Some(mark(before)),
            tags: tags.into(),
        };
        self.feed.core().receive(&change, Source::Own)
    }

    /// The log gets another identity.
    pub fn new_log(&mut self) {
        self.log_id += 1;
    }
}

fn mark(sequence: i64) -> i64 {
    sequence.wrapping_mul(7_919)
}
