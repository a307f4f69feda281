//! One mailbox for channels that come and go: what a server subscribes to for each of its clients.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

use super::subscription::{Event, Mailbox};
use super::{Redis, Registry};

/// Adds channels to an [`Inbox`] and takes them out. Clones share it.
#[derive(Clone)]
pub struct Channels {
    mailbox: Arc<Mailbox>,
    redis: Redis,
}

/// A number to wait for, see [`Channels::confirmed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscribed(u64);

/// Messages of all channels of one [`Channels`], in the order in which they came.
pub struct Inbox {
    mailbox: Arc<Mailbox>,
    prefix: String,
}

/// Something that happened on any of the channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InboxEvent {
    /// Every channel is confirmed on a new connection. Whatever was published before may be lost.
    Connected,
    /// A message, and on which channel.
    Message(Arc<str>, Bytes),
    /// The connection ended; it is being replaced.
    Disconnected,
}

impl Redis {
    /// An inbox without channels yet.
    pub fn inbox(&self) -> (Channels, Inbox) {
        let mailbox = Arc::new(Mailbox::default());
        if self.shared.stopping.is_cancelled() {
            mailbox.close();
        }
        let prefix = self.shared.options.channel_prefix.clone();
        (Channels { mailbox: mailbox.clone(), redis: self.clone() }, Inbox { mailbox, prefix })
    }
}

impl Channels {
    /// Subscribes to one more channel; adding one twice delivers its messages twice.
    pub fn add(&self, channel: &str) -> Subscribed {
        Subscribed(self.registry().add(&self.redis.full_name(channel), self.mailbox.clone()))
    }

    /// Leaves a channel. Messages that came before may still be delivered.
    pub fn remove(&self, channel: &str) {
        self.registry().remove(&self.redis.full_name(channel), &self.mailbox);
    }

    /// Waits until the server has confirmed the subscription; `false`: there is no connection, and the channel will be
    /// subscribed together with the next one.
    pub async fn confirmed(&self, subscribed: Subscribed) -> bool {
        let mut confirmed = self.registry().confirmed();
        let mut connected = self.redis.connection();
        let answered = async { confirmed.wait_for(|change| *change >= subscribed.0).await.is_ok() };
        tokio::select! {
            answered = answered => answered,
            () = until_disconnected(&mut connected) => false,
        }
    }

    fn registry(&self) -> &Registry {
        &self.redis.shared.registry
    }
}

async fn until_disconnected(connected: &mut watch::Receiver<bool>) {
    // An error is the end of the connection for good.
    let _ = connected.wait_for(|connected| !connected).await;
}

impl Inbox {
    /// The next event, in order; none once the connection was stopped for good. Cancel-safe.
    pub async fn next(&mut self) -> Option<InboxEvent> {
        let (channel, event) = self.mailbox.next().await?;
        Some(match event {
            Event::Connected => InboxEvent::Connected,
            Event::Disconnected => InboxEvent::Disconnected,
            Event::Message(message) => match channel.strip_prefix(self.prefix.as_str()) {
                Some(name) if !self.prefix.is_empty() => InboxEvent::Message(name.into(), message),
                _ => InboxEvent::Message(channel, message),
            },
        })
    }
}
