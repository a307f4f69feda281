//! The Redis connection: publish and subscribe, best effort, without ever making anybody wait.
//!
//! Redis carries hints only. What is lost here arrives later by SQL, so every queue is bounded and drops, a
//! start does not wait for the server, and a lost connection is replaced in the background for ever. Values
//! are never kept in Redis. Start at [`Redis::start`]; `supervisor` is the state machine.

mod connect;
mod inbox;
mod options;
mod registry;
mod subscription;
mod supervisor;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use inbox::{Channels, Inbox, InboxEvent, Subscribed};
pub use options::{Endpoint, RedisOptions, RedisOptionsError};
pub use subscription::{Event, MAILBOX_MESSAGES_MAX, Subscription};

use registry::Registry;
use subscription::Mailbox;

/// Messages waiting to be published. More are dropped and counted.
pub const PUBLISH_QUEUE_MAX: usize = 1_024;
/// A longer message is dropped and counted, going out and coming in.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1_024;

/// A handle to the connection; clones share it. Dropping all handles does not end it: [`Redis::stop`] does.
#[derive(Clone)]
pub struct Redis {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

struct Shared {
    options: RedisOptions,
    outgoing: mpsc::Sender<Outgoing>,
    registry: Arc<Registry>,
    connected: watch::Sender<bool>,
    last_error: Mutex<Option<String>>,
    stopping: CancellationToken,
    counters: Counters,
}

struct Outgoing {
    channel: String,
    /// None: only asks how many subscribers the channel has.
    message: Option<Bytes>,
    /// Told how many subscribers the server has for it.
    subscribers: Option<oneshot::Sender<u64>>,
}

#[derive(Default)]
struct Counters {
    published: AtomicU64,
    dropped_out: AtomicU64,
    received: AtomicU64,
    dropped_in: AtomicU64,
    connects: AtomicU64,
}

/// What can be observed of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisStatus {
    /// Both connections stand and the subscriptions are confirmed.
    pub connected: bool,
    /// Why not, or why the last connection ended. Never contains the password.
    pub last_error: Option<String>,
    /// Messages acknowledged by the server.
    pub published: u64,
    /// Messages dropped: not connected, queue full, too long, or the connection ended.
    pub dropped_out: u64,
    /// Messages delivered to mailboxes.
    pub received: u64,
    /// Messages dropped before a mailbox: too slow a subscriber, or too long.
    pub dropped_in: u64,
    /// How often a connection was established.
    pub connects: u64,
}

impl Redis {
    /// Begins to connect in the background and returns at once. Must be called in a tokio runtime.
    pub fn start(options: RedisOptions) -> Self {
        let (outgoing, queue) = mpsc::channel(PUBLISH_QUEUE_MAX);
        for note in &options.notes {
            tracing::info!(keyword = %note, "redis connection string");
        }
        let shared = Arc::new(Shared {
            options,
            outgoing,
            registry: Arc::new(Registry::default()),
            connected: watch::Sender::new(false),
            last_error: Mutex::new(None),
            stopping: CancellationToken::new(),
            counters: Counters::default(),
        });
        let tasks = TaskTracker::new();
        tasks.spawn(supervisor::run(shared.clone(), queue));
        tasks.close();
        Self { shared, tasks }
    }

    /// Queues a message, without waiting. Dropped and counted when there is no connection, when
    /// [`PUBLISH_QUEUE_MAX`] messages wait, or when it is longer than [`MESSAGE_BYTES_MAX`].
    /// Returns whether it was queued.
    pub fn publish(&self, channel: &str, message: Bytes) -> bool {
        self.queue(channel, Some(message), None)
    }

    /// [`publish`](Self::publish), and how many subscribers the server gave the message to; none if that will not be
    /// known. On a cluster the server counts its own subscribers alone.
    pub async fn publish_counted(&self, channel: &str, message: Bytes) -> Option<u64> {
        let (tell, subscribers) = oneshot::channel();
        if self.queue(channel, Some(message), Some(tell)) { subscribers.await.ok() } else { None }
    }

    /// How many subscribers a channel has; none if that cannot be known. On a cluster the server counts its own alone.
    pub async fn subscribers(&self, channel: &str) -> Option<u64> {
        let (tell, subscribers) = oneshot::channel();
        if self.queue(channel, None, Some(tell)) { subscribers.await.ok() } else { None }
    }

    fn queue(
        &self,
        channel: &str,
        message: Option<Bytes>,
        subscribers: Option<oneshot::Sender<u64>>,
    ) -> bool {
        let outgoing = Outgoing { channel: self.full_name(channel), message, subscribers };
        let queued = self.is_connected()
            && outgoing.message.as_ref().is_none_or(|message| message.len() <= MESSAGE_BYTES_MAX)
            && self.shared.outgoing.try_send(outgoing).is_ok();
        if !queued {
            self.shared.counters.dropped_out.fetch_add(1, Relaxed);
        }
        queued
    }

    /// Subscribes to one channel. The first event is `Connected`, as soon as the server has confirmed.
    pub fn subscribe(&self, channel: &str) -> Subscription {
        let channel = self.full_name(channel);
        let mailbox = Arc::new(Mailbox::default());
        self.shared.registry.add(&channel, mailbox.clone());
        if self.shared.stopping.is_cancelled() {
            mailbox.close();
        }
        Subscription { mailbox, channel, registry: self.shared.registry.clone() }
    }

    /// Whether both connections stand and all subscriptions are confirmed.
    pub fn is_connected(&self) -> bool {
        *self.shared.connected.borrow()
    }

    /// Follows [`Redis::is_connected`].
    pub fn connection(&self) -> watch::Receiver<bool> {
        self.shared.connected.subscribe()
    }

    /// Counters and the last error.
    pub fn status(&self) -> RedisStatus {
        let counters = &self.shared.counters;
        RedisStatus {
            connected: self.is_connected(),
            last_error: self.shared.last_error.lock().clone(),
            published: counters.published.load(Relaxed),
            dropped_out: counters.dropped_out.load(Relaxed),
            received: counters.received.load(Relaxed),
            dropped_in: counters.dropped_in.load(Relaxed),
            connects: counters.connects.load(Relaxed),
        }
    }

    /// Closes the connection and waits for its tasks. Messages still queued are dropped.
    pub async fn stop(&self) {
        self.shared.stopping.cancel();
        self.tasks.wait().await;
    }

    fn full_name(&self, channel: &str) -> String {
        format!("{}{channel}", self.shared.options.channel_prefix)
    }
}
