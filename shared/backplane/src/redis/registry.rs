//! Who listens to which channel, and what the server must still be told of it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::subscription::Mailbox;

/// A channel and who listens to it; nobody: it is to be left.
pub(super) type Change = (Arc<str>, Vec<Arc<Mailbox>>);

/// Who listens to which channel.
#[derive(Default)]
pub(crate) struct Registry {
    channels: Mutex<Channels>,
    changed: Notify,
    /// The last change that the server knows of.
    confirmed: watch::Sender<u64>,
}

#[derive(Default)]
struct Channels {
    listeners: HashMap<Arc<str>, Vec<Arc<Mailbox>>>,
    /// Changed since the connection's task looked: it looks at these alone, however many channels there are.
    changed: HashSet<Arc<str>>,
    /// Counts changes.
    changes: u64,
}

impl Channels {
    fn note(&mut self, channel: Arc<str>) -> u64 {
        self.changed.insert(channel);
        self.changes += 1;
        self.changes
    }
}

impl Registry {
    /// Gives the number of the change, for [`confirmed`](Self::confirmed).
    pub(super) fn add(&self, channel: &str, mailbox: Arc<Mailbox>) -> u64 {
        let mut channels = self.channels.lock();
        let known = channels.listeners.get_key_value(channel).map(|(name, _)| name.clone());
        let name = known.unwrap_or_else(|| channel.into());
        channels.listeners.entry(name.clone()).or_default().push(mailbox);
        let change = channels.note(name);
        drop(channels);
        self.changed.notify_one();
        change
    }

    pub(super) fn remove(&self, channel: &str, mailbox: &Arc<Mailbox>) {
        let mut channels = self.channels.lock();
        if let Some((name, mailboxes)) = channels.listeners.remove_entry(channel) {
            let mut mailboxes = mailboxes;
            mailboxes.retain(|other| !Arc::ptr_eq(other, mailbox));
            if !mailboxes.is_empty() {
                channels.listeners.insert(name.clone(), mailboxes);
            }
            channels.note(name);
        }
        drop(channels);
        self.changed.notify_one();
    }

    /// Everybody who listens, whatever they listen to; who listens to several channels comes several times.
    pub(super) fn mailboxes(&self) -> Vec<Arc<Mailbox>> {
        self.channels.lock().listeners.values().flatten().cloned().collect()
    }

    /// What changed since the last look, or everything; and the number of the last change.
    pub(super) fn take_changes(&self, everything: bool) -> (Vec<Change>, u64) {
        let mut channels = self.channels.lock();
        let changed = std::mem::take(&mut channels.changed);
        let listeners = |name: &Arc<str>| channels.listeners.get(name).cloned().unwrap_or_default();
        let changes = if everything {
            channels.listeners.iter().map(|(name, mailboxes)| (name.clone(), mailboxes.clone())).collect()
        } else {
            changed.iter().map(|name| (name.clone(), listeners(name))).collect()
        };
        (changes, channels.changes)
    }

    /// The server knows of everything up to this change.
    pub(super) fn confirm(&self, change: u64) {
        self.confirmed.send_replace(change);
    }

    /// Follows the last change that the server knows of.
    pub(super) fn confirmed(&self) -> watch::Receiver<u64> {
        self.confirmed.subscribe()
    }

    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Delivers to all mailboxes of a channel: (delivered, dropped).
    pub(super) fn deliver(&self, channel: &str, message: &Bytes) -> (u64, u64) {
        let channels = self.channels.lock();
        let Some((name, mailboxes)) = channels.listeners.get_key_value(channel) else { return (0, 0) };
        let delivered = mailboxes.iter().filter(|mailbox| mailbox.message(name, message.clone())).count();
        (delivered as u64, (mailboxes.len() - delivered) as u64)
    }
}
