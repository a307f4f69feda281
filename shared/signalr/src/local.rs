//! The connections of this process: who is here, in which groups, of which users. Sending never waits.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::oneshot;

use crate::connection::{Connection, EndReason};
use crate::scale_out::{ClientAnswer, Recipients};
use crate::{Error, SerializedInvocation};

type Members = HashMap<Arc<str>, Arc<Connection>>;

/// The connections that this process owns, after their handshake. Cloning shares them.
#[derive(Clone, Default)]
pub struct LocalConnections(Arc<Registry>);

#[derive(Default)]
struct Registry {
    all: RwLock<Members>,
    groups: RwLock<HashMap<String, Members>>,
    users: RwLock<HashMap<Arc<str>, Members>>,
    max_groups_per_connection: usize,
}

impl std::fmt::Debug for LocalConnections {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LocalConnections").field("count", &self.count()).finish()
    }
}

impl LocalConnections {
    pub(crate) fn new(max_groups_per_connection: usize) -> Self {
        Self(Arc::new(Registry { max_groups_per_connection, ..Registry::default() }))
    }

    /// Gives a call to the recipients that are here; how many there were. A recipient whose buffer is full is cut.
    pub fn deliver(&self, recipients: &Recipients, invocation: &SerializedInvocation) -> usize {
        match recipients {
            Recipients::All { except } => send_to(&self.0.all.read(), except, invocation),
            Recipients::Connection(id) => match self.0.all.read().get(id.as_str()) {
                Some(connection) => usize::from(connection.send_invocation(invocation)),
                None => 0,
            },
            Recipients::Group { name, except } => {
                self.0.groups.read().get(name).map_or(0, |members| send_to(members, except, invocation))
            }
            Recipients::User(id) => {
                self.0.users.read().get(id.as_str()).map_or(0, |members| send_to(members, &[], invocation))
            }
        }
    }

    /// Calls a client that is here and waits for its answer, without a time limit. Dropping the future forgets the call.
    ///
    /// # Errors
    /// [`Error::NoConnection`]: the connection is not here.
    pub async fn invoke(
        &self,
        connection_id: &str,
        invocation: &SerializedInvocation,
    ) -> Result<ClientAnswer, Error> {
        let gone = || Error::NoConnection(connection_id.to_owned());
        let connection = self.get(connection_id).ok_or_else(gone)?;
        let invocation_id =
            invocation.invocation_id().ok_or_else(|| Error::Encode("the call has no id".to_owned()))?;
        let (reply, answer) = oneshot::channel();
        let _forget = connection.await_answer(invocation_id, reply).ok_or_else(gone)?;
        connection.send_invocation(invocation);
        answer.await.map_err(|_| gone())
    }

    /// Whether the connection is here.
    pub fn contains(&self, connection_id: &str) -> bool {
        self.0.all.read().contains_key(connection_id)
    }

    /// Whether a connection of the user is here.
    pub fn has_user(&self, user_id: &str) -> bool {
        self.0.users.read().contains_key(user_id)
    }

    /// Whether a member of the group is here.
    pub fn has_group(&self, group: &str) -> bool {
        self.0.groups.read().contains_key(group)
    }

    /// How many connections are here.
    pub fn count(&self) -> usize {
        self.0.all.read().len()
    }

    /// The users that have a connection here.
    pub fn users(&self) -> Vec<Arc<str>> {
        self.0.users.read().keys().cloned().collect()
    }

    /// The groups that have a member here.
    pub fn groups(&self) -> Vec<String> {
        self.0.groups.read().keys().cloned().collect()
    }

    /// The ids of the connections that are here.
    pub fn connection_ids(&self) -> Vec<Arc<str>> {
        self.0.all.read().keys().cloned().collect()
    }

    /// Puts a connection that is here into a group; whether it is here.
    ///
    /// # Errors
    /// It is in too many groups.
    pub fn add_to_group(&self, connection_id: &str, group: &str) -> Result<bool, Error> {
        let Some(connection) = self.get(connection_id) else { return Ok(false) };
        // Under this lock a connection that ends either sees the membership or is seen to have ended.
        let mut groups = self.0.groups.write();
        if connection.has_ended() {
            return Ok(false);
        }
        let max = self.0.max_groups_per_connection;
        if !connection.note_group(group, max) {
            return Err(Error::TooManyGroups(max));
        }
        groups.entry(group.to_owned()).or_default().insert(connection.id().clone(), connection);
        Ok(true)
    }

    /// Takes a connection that is here out of a group; whether it is here.
    pub fn remove_from_group(&self, connection_id: &str, group: &str) -> bool {
        let Some(connection) = self.get(connection_id) else { return false };
        let mut groups = self.0.groups.write();
        connection.forget_group(group);
        leave(&mut groups, group.to_owned(), connection_id);
        true
    }

    /// Ends a connection that is here; whether it is.
    pub fn abort(&self, connection_id: &str) -> bool {
        let connection = self.get(connection_id);
        if let Some(connection) = &connection {
            connection.close(EndReason::Aborted, None, false);
        }
        connection.is_some()
    }

    pub(crate) fn get(&self, connection_id: &str) -> Option<Arc<Connection>> {
        self.0.all.read().get(connection_id).cloned()
    }

    pub(crate) fn insert(&self, connection: &Arc<Connection>) {
        let id = connection.id().clone();
        self.0.all.write().insert(id.clone(), connection.clone());
        if let Some(user) = connection.user().id.clone() {
            self.0.users.write().entry(user).or_default().insert(id, connection.clone());
        }
    }

    /// Removes a connection that has ended; the groups that it was in.
    pub(crate) fn remove(&self, connection: &Connection) -> Vec<String> {
        let id = &**connection.id();
        self.0.all.write().remove(id);
        if let Some(user) = connection.user().id.clone() {
            leave(&mut self.0.users.write(), user, id);
        }
        let mut groups = self.0.groups.write();
        let left = connection.take_groups();
        for group in &left {
            leave(&mut groups, group.clone(), id);
        }
        left
    }
}

fn send_to(members: &Members, except: &[String], invocation: &SerializedInvocation) -> usize {
    let wanted = |connection: &&Arc<Connection>| !except.iter().any(|id| **id == **connection.id());
    members.values().filter(wanted).filter(|connection| connection.send_invocation(invocation)).count()
}

/// Takes one out; the last one takes the entry along.
fn leave<K: Hash + Eq>(sets: &mut HashMap<K, Members>, key: K, id: &str) {
    if let Entry::Occupied(mut members) = sets.entry(key) {
        members.get_mut().remove(id);
        if members.get().is_empty() {
            members.remove();
        }
    }
}
