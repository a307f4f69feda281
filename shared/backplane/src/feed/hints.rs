//! Hints in both directions: what others published raises floors here, what this process commits is
//! published for others. Nothing here decides: the core believes a hint only as far as it fits.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sql::{CommitObserver, FeedCommit};
use tracing::Span;

use super::Change;
use super::{Feed, Received, Source, hint};
use crate::redis::{Event, Redis, Subscription};

/// Raises this process' own floors before the writer hears of its commit, then tells the others.
pub(super) struct Observer(pub(super) Arc<Feed>);

impl CommitObserver for Observer {
    fn committed(&self, commit: &FeedCommit) {
        let change = Change {
            log_id: commit.log_id,
            first: commit.first,
            last: commit.last,
            mark: commit.mark,
            previous_mark: commit.previous_mark,
            tags: commit.tags.clone(),
        };
        let _span = publication(commit).entered();
        self.0.take(&change, Source::Own);
        if let (Some(redis), Some(message)) = (&self.0.redis, hint::encode(&change)) {
            redis.publish(&hint::channel(&self.0.options.channel_name, change.log_id), message);
        }
    }

    fn outcome_unknown(&self, tx_id: i64) {
        self.0.core.outcome_unknown(tx_id);
    }

    fn outcome_known(&self, tx_id: i64) {
        self.0.core.outcome_known(tx_id);
    }
}

/// A part of the trace of whoever changed something; none outside of any.
fn publication(commit: &FeedCommit) -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    tracing::info_span!(
        "publish",
        otel.name = "publish change",
        otel.kind = "producer",
        first = commit.first,
        last = commit.last
    )
}

/// Listens on the channel of the log followed, until the feed is stopped.
pub(super) async fn receive(feed: Arc<Feed>, redis: Redis) {
    let mut log_id = feed.log_id.subscribe();
    loop {
        let followed = *log_id.borrow_and_update();
        let listen = async {
            match followed {
                Some(log_id) => {
                    let channel = hint::channel(&feed.options.channel_name, log_id);
                    feed.listen(redis.subscribe(&channel)).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = feed.stopping.cancelled() => break,
            () = listen => break,
            changed = log_id.changed() => if changed.is_err() { break },
        }
        feed.subscribed.store(false, Ordering::Release);
    }
    feed.subscribed.store(false, Ordering::Release);
}

impl Feed {
    /// Ends when the connection is stopped for good.
    async fn listen(&self, mut subscription: Subscription) {
        while let Some(event) = subscription.next().await {
            match event {
                Event::Message(message) => self.take_hint(&message),
                Event::Connected => {
                    // What was published before this moment may be lost: ask SQL now rather than later.
                    self.subscribed.store(true, Ordering::Release);
                    self.wanted.ask(&self.wanted.probe);
                }
                Event::Disconnected => self.subscribed.store(false, Ordering::Release),
            }
        }
    }

    fn take_hint(&self, message: &[u8]) {
        let change = match hint::decode(message) {
            Ok(change) => change,
            Err(error) => {
                let before = self.core.counters.malformed();
                if before == 0 {
                    let channel_name = &self.options.channel_name;
                    tracing::warn!(%error, channel_name, "a message on the hint channel is no hint; ignored");
                }
                return;
            }
        };
        if self.take(&change, Source::Hint) == Received::Foreign
            && !self.warned_foreign.swap(true, Ordering::AcqRel)
        {
            tracing::warn!(
                channel_name = %self.options.channel_name,
                foreign_log_id = change.log_id,
                "hints of another database arrive; if this repeats, two databases share this ChannelName"
            );
        }
    }
}
