//! "The feeds of these users have grown", on channel `{ChannelName}:push`.
//!
//! A hint carries no notification and may be lost; whoever serves connections asks SQL as well. Announcements are
//! gathered for a few milliseconds, so a job that tells many users sends one message. Without Redis only this process
//! hears its announcements. The message crosses process boundaries and releases; a snapshot test holds it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::notify::USER_ID_MAX;
use crate::redis::{Event, Redis};

/// Users in one message; more go into the next.
pub const HINT_USERS_MAX: usize = 128;
/// Users who wait to be announced. Of more nothing is told: SQL has them.
const WAITING_MAX: usize = 4_096;
/// Announcements within this time share a message.
const GATHER: Duration = Duration::from_millis(2);
/// Announcements that wait for a slow listener; it is told to look at everything if there are more.
const HEARD_MAX: usize = 1_024;
const VERSION: u32 = 1;

/// The message.
#[derive(Serialize, Deserialize)]
struct Message {
    version: u32,
    /// Tells one's own messages, which were heard before they were published.
    from: String,
    /// User and the number given last.
    raised: Vec<(String, i64)>,
}

/// Announces and hears. Clones share it.
#[derive(Clone)]
pub(super) struct Hints {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

struct Shared {
    heard: broadcast::Sender<Option<(Arc<str>, i64)>>,
    waiting: Mutex<BTreeMap<String, i64>>,
    announced: Notify,
    instance: String,
    malformed: AtomicU64,
    stopping: CancellationToken,
}

/// Whose feeds have grown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// This user's, up to this number.
    User(Arc<str>, i64),
    /// Perhaps everybody's: something was missed.
    Everybody,
}

/// A listener's end.
pub struct Raised {
    heard: broadcast::Receiver<Option<(Arc<str>, i64)>>,
}

impl Raised {
    /// The next announcement; none once [`Push`](super::Push) was stopped. Cancel-safe.
    pub async fn next(&mut self) -> Option<Heard> {
        match self.heard.recv().await {
            Ok(Some((user_id, number))) => Some(Heard::User(user_id, number)),
            Ok(None) | Err(broadcast::error::RecvError::Lagged(_)) => Some(Heard::Everybody),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

impl Hints {
    pub(super) fn start(redis: Option<Redis>, channel_name: &str) -> Self {
        let shared = Arc::new(Shared {
            heard: broadcast::Sender::new(HEARD_MAX),
            waiting: Mutex::new(BTreeMap::new()),
            announced: Notify::new(),
            instance: format!("{:016x}", rand::random::<u64>()),
            malformed: AtomicU64::new(0),
            stopping: CancellationToken::new(),
        });
        let tasks = TaskTracker::new();
        if let Some(redis) = redis {
            let channel = format!("{channel_name}:push");
            tasks.spawn(shared.clone().listen(redis.clone(), channel.clone()));
            tasks.spawn(shared.clone().publish(redis, channel));
        }
        tasks.close();
        Self { shared, tasks }
    }

    pub(super) fn raised(&self) -> Raised {
        Raised { heard: self.shared.heard.subscribe() }
    }

    /// Never waits. Call it after the commit.
    pub(super) fn announce(&self, user_id: &str, number: i64) {
        self.shared.hear(user_id, number);
        let mut waiting = self.shared.waiting.lock();
        if let Some(known) = waiting.get_mut(user_id) {
            *known = number.max(*known);
        } else if waiting.len() < WAITING_MAX {
            waiting.insert(user_id.to_owned(), number);
        }
        drop(waiting);
        self.shared.announced.notify_one();
    }

    /// Messages on the channel that were no hints.
    pub(super) fn malformed(&self) -> u64 {
        self.shared.malformed.load(Relaxed)
    }

    pub(super) async fn stop(&self) {
        self.shared.stopping.cancel();
        self.tasks.wait().await;
    }
}

impl Shared {
    /// Nobody may listen: workers raise and serve no connections.
    fn hear(&self, user_id: &str, number: i64) {
        let _ = self.heard.send(Some((user_id.into(), number)));
    }

    async fn listen(self: Arc<Self>, redis: Redis, channel: String) {
        let mut subscription = redis.subscribe(&channel);
        loop {
            let event = tokio::select! {
                () = self.stopping.cancelled() => return,
                event = subscription.next() => event,
            };
            match event {
                Some(Event::Message(message)) => self.take(&message),
                // What was announced while nobody listened is lost: look once.
                Some(Event::Connected) => {
                    let _ = self.heard.send(None);
                }
                Some(Event::Disconnected) => {}
                None => return,
            }
        }
    }

    fn take(&self, message: &[u8]) {
        let Some(message) = decode(message) else {
            if self.malformed.fetch_add(1, Relaxed) == 0 {
                tracing::warn!("a message on the push channel is no hint of this version; ignored");
            }
            return;
        };
        if message.from != self.instance {
            for (user_id, number) in message.raised {
                self.hear(&user_id, number);
            }
        }
    }

    async fn publish(self: Arc<Self>, redis: Redis, channel: String) {
        loop {
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = self.announced.notified() => {}
            }
            tokio::time::sleep(GATHER).await;
            let waiting = std::mem::take(&mut *self.waiting.lock());
            let waiting: Vec<(String, i64)> = waiting.into_iter().collect();
            for raised in waiting.chunks(HINT_USERS_MAX) {
                if let Some(message) = encode(&self.instance, raised) {
                    redis.publish(&channel, message);
                }
            }
        }
    }
}

fn encode(from: &str, raised: &[(String, i64)]) -> Option<Bytes> {
    let message = Message { version: VERSION, from: from.to_owned(), raised: raised.to_vec() };
    serde_json::to_vec(&message).ok().map(Bytes::from)
}

fn decode(message: &[u8]) -> Option<Message> {
    let message: Message = serde_json::from_slice(message).ok()?;
    let fits = |user_id: &str| (1..=USER_ID_MAX).contains(&user_id.encode_utf16().count());
    let is_hint = message.version == VERSION
        && message.raised.len() <= HINT_USERS_MAX
        && message.raised.iter().all(|(user_id, _)| fits(user_id));
    is_hint.then_some(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_message_keeps_its_form() {
        let message = encode("0011223344556677", &[("user:42".to_owned(), 7)]).expect("a message");
        let text = str::from_utf8(&message).expect("text");
        insta::assert_snapshot!(text, @r#"{"version":1,"from":"0011223344556677","raised":[["user:42",7]]}"#);
    }

    #[test]
    fn what_is_no_hint_of_this_version_is_refused() {
        let many: Vec<_> = (0..=HINT_USERS_MAX).map(|n| (n.to_string(), 1)).collect();
        let long = [("x".repeat(USER_ID_MAX + 1), 1)];
        for wrong in [encode("a", &many), encode("a", &long), encode("a", &[(String::new(), 1)])] {
            assert!(decode(&wrong.expect("a message")).is_none());
        }
        assert!(decode(br#"{"version":2,"from":"a","raised":[]}"#).is_none());
    }

    proptest! {
        #[test]
        fn every_hint_reads_back_and_nothing_makes_the_reader_fail(
            raised in prop::collection::vec(("[a-z:0-9]{1,100}", any::<i64>()), 0..=HINT_USERS_MAX),
            noise in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let message = encode("a", &raised).expect("a message");
            prop_assert_eq!(decode(&message).map(|read| read.raised), Some(raised));
            decode(&noise);
        }
    }
}
