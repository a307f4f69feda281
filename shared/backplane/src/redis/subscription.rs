//! What a subscriber receives: a bounded mailbox of messages and connection changes.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

/// Messages that wait for a slow subscriber. More are dropped and counted: Redis never waits for us.
pub const MAILBOX_MESSAGES_MAX: usize = 4_096;

/// Something that happened on a subscribed channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The server has confirmed the subscription: messages published from now on arrive, until the next
    /// `Disconnected`. Whatever was published before may be lost.
    Connected,
    /// A message.
    Message(Bytes),
    /// The connection ended; it is being replaced.
    Disconnected,
}

#[derive(Default)]
struct Queue {
    /// With the channel; a connection change is of all channels.
    events: VecDeque<(Arc<str>, Event)>,
    messages: usize,
    /// The connection, by number, whose confirmation was reported last.
    told: u64,
    closed: bool,
}

/// Shared by the connection's task, which fills it, and one [`Subscription`] or [`Inbox`](super::Inbox).
#[derive(Default)]
pub(crate) struct Mailbox {
    queue: Mutex<Queue>,
    filled: Notify,
}

impl Mailbox {
    /// False if it was full and the message is lost.
    pub(crate) fn message(&self, channel: &Arc<str>, message: Bytes) -> bool {
        let mut queue = self.queue.lock();
        if queue.messages >= MAILBOX_MESSAGES_MAX {
            return false;
        }
        queue.messages += 1;
        queue.events.push_back((channel.clone(), Event::Message(message)));
        drop(queue);
        self.filled.notify_one();
        true
    }

    /// The subscription is confirmed on the `connection`-th connection; reported once for each.
    pub(crate) fn connected(&self, connection: u64) {
        let mut queue = self.queue.lock();
        if queue.told == connection {
            return;
        }
        queue.told = connection;
        self.changed(queue, Event::Connected);
    }

    pub(crate) fn disconnected(&self) {
        self.changed(self.queue.lock(), Event::Disconnected);
    }

    /// Only the last of several changes in a row is kept, so changes cannot fill the memory either.
    fn changed(&self, mut queue: MutexGuard<'_, Queue>, event: Event) {
        match queue.events.back_mut() {
            Some((_, last @ (Event::Connected | Event::Disconnected))) => *last = event,
            _ => queue.events.push_back(("".into(), event)),
        }
        drop(queue);
        self.filled.notify_one();
    }

    pub(crate) fn close(&self) {
        self.queue.lock().closed = true;
        self.filled.notify_one();
    }

    /// The next event and its channel, in order; none once it is closed. Cancel-safe.
    pub(super) async fn next(&self) -> Option<(Arc<str>, Event)> {
        loop {
            match self.take() {
                Ok(event) => return Some(event),
                Err(true) => return None,
                // `notify_one` leaves a permit when nobody waits: nothing is missed in between.
                Err(false) => self.filled.notified().await,
            }
        }
    }

    fn take(&self) -> Result<(Arc<str>, Event), bool> {
        let mut queue = self.queue.lock();
        match queue.events.pop_front() {
            Some(event) => {
                queue.messages -= usize::from(matches!(event.1, Event::Message(_)));
                Ok(event)
            }
            None => Err(queue.closed),
        }
    }
}

/// A subscription to one channel. It survives reconnects and ends when dropped.
pub struct Subscription {
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) channel: String,
    pub(super) registry: Arc<super::Registry>,
}

impl Subscription {
    /// The next event, in order; none once the connection was stopped for good. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        self.mailbox.next().await.map(|(_, event)| event)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.registry.remove(&self.channel, &self.mailbox);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_mailbox_drops_messages_and_keeps_the_last_connection_change() {
        let (mailbox, channel) = (Mailbox::default(), Arc::from("c"));
        mailbox.connected(1);
        mailbox.connected(1);
        for _ in 0..MAILBOX_MESSAGES_MAX {
            assert!(mailbox.message(&channel, Bytes::from_static(b"x")));
        }
        assert!(!mailbox.message(&channel, Bytes::from_static(b"lost")));
        for connection in 2..1_000 {
            mailbox.disconnected();
            mailbox.connected(connection);
        }
        let take = || mailbox.take().map(|(_, event)| event);
        assert_eq!(take(), Ok(Event::Connected));
        for _ in 0..MAILBOX_MESSAGES_MAX {
            assert_eq!(take(), Ok(Event::Message(Bytes::from_static(b"x"))));
        }
        assert_eq!(take(), Ok(Event::Connected));
        assert_eq!(take(), Err(false));
        assert!(mailbox.message(&channel, Bytes::new()));
    }
}
