//! Wake-up hints: "there may be work in these queues", on channel `{ChannelName}:jobs`.
//!
//! A hint carries no work and may be lost; whoever waits polls as well. Announcements are gathered for a few
//! milliseconds, so a bulk enqueue is one message. Without Redis only this process hears its announcements.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::redis::{Event, Redis};

/// Queue names in one message. Listeners wake for any message, so names beyond these are only not shown.
const QUEUES_MAX: usize = 64;
/// Announcements within this time share a message.
const GATHER: Duration = Duration::from_millis(2);

/// Announces and hears work. Clones share it.
#[derive(Clone)]
pub struct Wake {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

struct Shared {
    /// Grows with every announcement heard, one's own included.
    heard: watch::Sender<u64>,
    waiting: Mutex<BTreeSet<String>>,
    announced: Notify,
    /// Tells one's own messages, which were heard before they were published.
    instance: String,
    stopping: CancellationToken,
}

impl Wake {
    /// Listens on `{channel_name}:jobs` if there is a Redis. Must be called in a tokio runtime.
    pub fn start(redis: Option<Redis>, channel_name: &str) -> Self {
        let shared = Arc::new(Shared {
            heard: watch::Sender::new(0),
            waiting: Mutex::new(BTreeSet::new()),
            announced: Notify::new(),
            instance: format!("{:016x}", rand::random::<u64>()),
            stopping: CancellationToken::new(),
        });
        let tasks = TaskTracker::new();
        if let Some(redis) = redis {
            let channel = format!("{channel_name}:jobs");
            tasks.spawn(shared.clone().listen(redis.clone(), channel.clone()));
            tasks.spawn(shared.clone().publish(redis, channel));
        }
        tasks.close();
        Self { shared, tasks }
    }

    /// Says that `queue` may have work. Call it after the commit. Never waits.
    pub fn announce(&self, queue: &str) {
        self.shared.wake();
        let mut waiting = self.shared.waiting.lock();
        if waiting.len() < QUEUES_MAX && !waiting.contains(queue) {
            waiting.insert(queue.to_owned());
        }
        drop(waiting);
        self.shared.announced.notify_one();
    }

    /// Changes whenever work may have come: announced here or elsewhere, or the connection was replaced.
    pub fn listen(&self) -> watch::Receiver<u64> {
        self.shared.heard.subscribe()
    }

    /// Ends the tasks and waits for them.
    pub async fn stop(&self) {
        self.shared.stopping.cancel();
        self.tasks.wait().await;
    }
}

impl Shared {
    fn wake(&self) {
        self.heard.send_modify(|count| *count = count.wrapping_add(1));
    }

    async fn listen(self: Arc<Self>, redis: Redis, channel: String) {
        let mut subscription = redis.subscribe(&channel);
        loop {
            let event = tokio::select! {
                () = self.stopping.cancelled() => return,
                event = subscription.next() => event,
            };
            match event {
                Some(Event::Message(message)) if message.starts_with(self.instance.as_bytes()) => {}
                // Announcements made while nobody listened are lost: look once.
                Some(Event::Message(_) | Event::Connected) => self.wake(),
                Some(Event::Disconnected) => {}
                None => return,
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
            let queues = std::mem::take(&mut *self.waiting.lock());
            let names: Vec<&str> = queues.iter().map(String::as_str).collect();
            let message = format!("{}\n{}", self.instance, names.join("\n"));
            redis.publish(&channel, Bytes::from(message));
        }
    }
}
