//! The connection that called, as hub methods and hooks see it.

use std::sync::Arc;

use super::clients::{Clients, Groups, To};
use crate::Error;
use crate::connection::{Connection, EndReason, TransportKind};
use crate::protocol::Protocol;
use crate::scale_out::Recipients;
use crate::user::User;

/// Who called, and whom it can reach from there. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Caller {
    connection: Arc<Connection>,
}

impl Caller {
    pub(crate) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    /// The public id of the connection.
    pub fn connection_id(&self) -> &str {
        self.connection.id()
    }

    /// Whose connection it is.
    pub fn user(&self) -> &User {
        self.connection.user()
    }

    /// The user's id.
    pub fn user_id(&self) -> Option<&str> {
        self.user().id.as_deref()
    }

    /// What carries the connection.
    pub fn transport(&self) -> TransportKind {
        // Before its transport a connection calls nothing.
        self.connection.transport().unwrap_or(TransportKind::WebSockets)
    }

    /// What the client speaks.
    pub fn protocol(&self) -> Protocol {
        self.connection.protocol().unwrap_or(Protocol::Json)
    }

    /// A header of the request that made the connection, if [`kept_headers`](crate::HubOptions::kept_headers) names it.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.connection.header(name)
    }

    /// A value of the query of that request; never the token.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.connection.query(name)
    }

    /// Completes when the connection has ended.
    pub async fn ended(&self) {
        self.connection.ended().cancelled().await;
    }

    /// Whether the connection has ended.
    pub fn has_ended(&self) -> bool {
        self.connection.has_ended()
    }

    /// Ends the connection with a Close message.
    pub fn abort(&self) {
        self.connection.close(EndReason::Aborted, None, false);
    }

    /// Ends the connection with a Close message that says why, and whether to come back.
    pub fn close(&self, error: Option<&str>, allow_reconnect: bool) {
        self.connection.close(EndReason::Aborted, error.map(str::to_owned), allow_reconnect);
    }

    /// Whom the caller can call.
    pub fn clients(&self) -> CallerClients<'_> {
        CallerClients { caller: self }
    }

    /// Puts the caller into a group.
    ///
    /// # Errors
    /// It is in too many, or the scale-out fails.
    pub async fn join(&self, group: &str) -> Result<(), Error> {
        self.groups().add(self.connection_id(), group).await
    }

    /// Takes the caller out of a group.
    ///
    /// # Errors
    /// The scale-out fails.
    pub async fn leave(&self, group: &str) -> Result<(), Error> {
        self.groups().remove(self.connection_id(), group).await
    }

    /// Adds other connections to groups, and takes them out.
    pub fn groups(&self) -> Groups<'_> {
        Groups::new(self.connection.hub())
    }
}

/// Whom a caller can call: everybody, and those that only make sense seen from it.
#[derive(Clone, Copy, Debug)]
pub struct CallerClients<'a> {
    caller: &'a Caller,
}

impl<'a> CallerClients<'a> {
    fn everybody(self) -> Clients<'a> {
        Clients::new(self.caller.connection.hub())
    }

    fn own_id(self) -> String {
        self.caller.connection_id().to_owned()
    }

    /// The caller itself.
    pub fn caller(self) -> To<'a> {
        self.everybody().to(Recipients::Connection(self.own_id()))
    }

    /// Everybody else.
    pub fn others(self) -> To<'a> {
        self.everybody().to(Recipients::All { except: vec![self.own_id()] })
    }

    /// Everybody else in a group.
    pub fn others_in_group(self, group: &str) -> To<'a> {
        self.everybody().to(Recipients::Group { name: group.to_owned(), except: vec![self.own_id()] })
    }

    /// Everybody.
    pub fn all(self) -> To<'a> {
        self.everybody().all()
    }

    /// All the rest: groups, users, single connections.
    pub fn by(self) -> Clients<'a> {
        self.everybody()
    }
}
