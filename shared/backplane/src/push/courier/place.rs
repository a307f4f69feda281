//! Where the connections of one user stand in the user's feed.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::MutexGuard;

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It will say itself; nothing is delivered before.
    Held,
    /// From the head on, which is not known yet.
    Joining,
    /// It has had everything above `from` up to `upto`.
    Live {
        /// Nothing of what stands up to here was delivered to it.
        from: i64,
        /// What comes next stands above.
        upto: i64,
    },
}

/// The connections of one user.
#[derive(Default)]
pub(super) struct Connections {
    /// Reading a feed and delivering what was read is one step: two at once would mix their orders.
    turn: tokio::sync::Mutex<()>,
    places: Mutex<HashMap<Arc<str>, Place>>,
}

impl Connections {
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    pub(super) fn insert(&self, connection_id: &str, place: Place) {
        self.places.lock().insert(connection_id.into(), place);
    }

    /// Whether it was the last one.
    pub(super) fn remove(&self, connection_id: &str) -> bool {
        let mut places = self.places.lock();
        places.remove(connection_id);
        places.is_empty()
    }

    /// Whether there is something to do for a feed that stands at `head`.
    pub(super) fn lacks(&self, head: i64) -> bool {
        self.places.lock().values().any(|place| match *place {
            Place::Held => false,
            Place::Joining => true,
            // Below: the feed was restored.
            Place::Live { upto, .. } => upto != head,
        })
    }

    pub(super) fn has_joining(&self) -> bool {
        self.places.lock().values().any(|place| *place == Place::Joining)
    }

    pub(super) fn join_at(&self, head: i64) {
        for place in self.places.lock().values_mut().filter(|place| **place == Place::Joining) {
            *place = Place::Live { from: head, upto: head };
        }
    }

    /// The lowest number up to which some live connection has had everything.
    pub(super) fn lowest(&self) -> Option<i64> {
        let live = |place: &Place| match *place {
            Place::Live { upto, .. } => Some(upto),
            Place::Held | Place::Joining => None,
        };
        self.places.lock().values().filter_map(live).min()
    }

    /// Numbers above were given by a database that was restored since.
    pub(super) fn begin_again_at(&self, head: i64) {
        for place in self.places.lock().values_mut() {
            if let Place::Live { from, upto } = place
                && *upto > head
            {
                (*from, *upto) = ((*from).min(head), head);
            }
        }
    }

    /// Gives a notification to each live connection that has not had it.
    pub(super) fn give(&self, number: i64, mut deliver: impl FnMut(&str)) {
        for (connection_id, place) in self.places.lock().iter_mut() {
            if let Place::Live { upto, .. } = place
                && *upto < number
            {
                deliver(connection_id);
                *upto = number;
            }
        }
    }

    /// Everything above this number was or will be delivered to the connection as a live one; none if it has ended.
    pub(super) fn known_from(&self, connection_id: &str) -> Option<i64> {
        match *self.places.lock().get(connection_id)? {
            Place::Held | Place::Joining => Some(i64::MAX),
            Place::Live { from, .. } => Some(from),
        }
    }

    /// The connection named `after` and has had everything from there up to `number`.
    pub(super) fn subscribed(&self, connection_id: &str, after: i64, number: i64, more: bool) {
        if let Some(place) = self.places.lock().get_mut(connection_id) {
            match place {
                Place::Held | Place::Joining if more => *place = Place::Held,
                Place::Held | Place::Joining => *place = Place::Live { from: after, upto: number },
                Place::Live { from, .. } => *from = (*from).min(after),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(connections: &Connections, number: i64) -> Vec<String> {
        let mut to = Vec::new();
        connections.give(number, |connection_id| to.push(connection_id.to_owned()));
        to.sort();
        to
    }

    #[test]
    fn each_live_connection_is_given_a_number_once_and_a_held_one_not_before_it_has_caught_up() {
        let connections = Connections::default();
        connections.insert("live", Place::Joining);
        connections.insert("held", Place::Held);
        assert!(connections.lacks(0) && connections.lowest().is_none());
        connections.join_at(5);
        assert_eq!(connections.lowest(), Some(5));
        assert!(!connections.lacks(5) && connections.lacks(6));
        assert_eq!(given(&connections, 6), ["live"]);
        assert!(given(&connections, 6).is_empty());

        connections.subscribed("held", 2, 4, true);
        assert!(given(&connections, 6).is_empty(), "more is to come first");
        connections.subscribed("held", 4, 6, false);
        assert_eq!(given(&connections, 7), ["held", "live"]);
        assert_eq!(connections.known_from("live"), Some(5), "6 and 7 it has had");
        assert_eq!(connections.known_from("held"), Some(4));
        assert_eq!(connections.known_from("gone"), None);
        assert!(!connections.remove("live"));
        assert!(connections.remove("held"));
    }

    #[test]
    fn after_a_restore_live_connections_go_on_from_the_new_head() {
        let connections = Connections::default();
        connections.insert("c", Place::Live { from: 8, upto: 9 });
        connections.begin_again_at(3);
        assert_eq!(given(&connections, 4), ["c"]);
        assert_eq!(connections.known_from("c"), Some(3));
    }
}
