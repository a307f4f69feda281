//! The seam between a hub and the other processes that serve it.
//!
//! A hub never delivers anything itself: it gives each call to its [`ScaleOut`], which carries it to every process, and
//! each process delivers to its own clients through [`LocalConnections`]. [`Local`] is the one for a single process.

use std::sync::Arc;
use std::sync::OnceLock;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

use crate::local::LocalConnections;
use crate::protocol::{Completion, Outcome, Protocol};
use crate::{Error, SerializedInvocation};

/// Who receives a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// Every connection except these.
    All {
        /// Connection ids that are left out.
        except: Vec<String>,
    },
    /// One connection.
    Connection(String),
    /// The members of a group except these.
    Group {
        /// Its name; compared exactly.
        name: String,
        /// Connection ids that are left out.
        except: Vec<String>,
    },
    /// Every connection of a user.
    User(String),
}

/// A connection as a scale-out sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// Its public id. No secret; of no use to anybody else.
    pub id: Arc<str>,
    /// Its user.
    pub user_id: Option<Arc<str>>,
    /// What it speaks.
    pub protocol: Protocol,
}

/// A client's answer to a call: what it means, and the bytes that it sent, for passing on.
#[derive(Clone, Debug)]
pub struct ClientAnswer {
    /// The answer. Its `invocation_id` is that of the call.
    pub completion: Completion,
    /// What the client speaks.
    pub protocol: Protocol,
    /// The complete hub message, record separator or length prefix included.
    pub blob: Bytes,
}

impl ClientAnswer {
    /// An answer that the server gives in place of a client.
    pub fn error(invocation_id: &str, error: &str) -> Self {
        let completion =
            Completion { invocation_id: invocation_id.to_owned(), outcome: Outcome::Error(error.to_owned()) };
        Self::encode(completion, Protocol::Json)
    }

    pub(crate) fn encode(completion: Completion, protocol: Protocol) -> Self {
        let message = crate::protocol::Message::Completion(completion.clone());
        // An error is text, and a value came in this protocol: it always encodes.
        let blob = protocol.encode(&message).map(|frame| frame.payload()).unwrap_or_default();
        Self { completion, protocol, blob }
    }

    /// An answer that another server passed on.
    ///
    /// # Errors
    /// The blob is no completion.
    pub fn from_blob(protocol: Protocol, blob: &[u8]) -> Result<Self, Error> {
        let mut buffer = bytes::BytesMut::from(blob);
        match protocol.parse(&mut buffer, None)? {
            Some(crate::protocol::Message::Completion(completion)) => {
                Ok(Self { completion, protocol, blob: Bytes::copy_from_slice(blob) })
            }
            _ => Err(Error::Decode("the message is no completion".to_owned())),
        }
    }
}

/// Carries calls and group changes to all processes that serve a hub.
pub trait ScaleOut: Send + Sync + 'static {
    /// Called once, before the first connection, inside a Tokio runtime. What arrives from elsewhere goes to `local`.
    fn start(&self, local: LocalConnections);

    /// A connection is complete and registered in `local`; its first hub method has not run. An error ends it.
    fn connected<'a>(&'a self, connection: &'a ConnectionInfo) -> BoxFuture<'a, Result<(), Error>>;

    /// A connection has ended and is registered no more; `groups` were its groups.
    fn disconnected<'a>(&'a self, connection: &'a ConnectionInfo, groups: &'a [String]) -> BoxFuture<'a, ()>;

    /// Delivers a call. Returns when it was handed on, not when clients have it.
    fn send<'a>(
        &'a self,
        recipients: &'a Recipients,
        invocation: &'a SerializedInvocation,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// Calls one client and waits for its answer; the invocation has an id. Dropping the future forgets the call.
    fn invoke<'a>(
        &'a self,
        connection_id: &'a str,
        invocation: &'a SerializedInvocation,
    ) -> BoxFuture<'a, Result<ClientAnswer, Error>>;

    /// Puts a connection, wherever it is, into a group.
    fn add_to_group<'a>(&'a self, connection_id: &'a str, group: &'a str)
    -> BoxFuture<'a, Result<(), Error>>;

    /// Takes a connection out of a group.
    fn remove_from_group<'a>(
        &'a self,
        connection_id: &'a str,
        group: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// The hub has closed; no connection is left.
    fn stop(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }
}

/// One process, no scale-out.
#[derive(Debug, Default)]
pub struct Local {
    connections: OnceLock<LocalConnections>,
}

impl Local {
    /// For one hub.
    pub fn new() -> Self {
        Self::default()
    }
}

impl ScaleOut for Local {
    fn start(&self, local: LocalConnections) {
        // A second hub would get the messages of the first.
        assert!(self.connections.set(local).is_ok(), "one scale-out serves one hub");
    }

    fn connected<'a>(&'a self, _: &'a ConnectionInfo) -> BoxFuture<'a, Result<(), Error>> {
        ready(Ok(())).boxed()
    }

    fn disconnected<'a>(&'a self, _: &'a ConnectionInfo, _: &'a [String]) -> BoxFuture<'a, ()> {
        ready(()).boxed()
    }

    fn send<'a>(
        &'a self,
        recipients: &'a Recipients,
        invocation: &'a SerializedInvocation,
    ) -> BoxFuture<'a, Result<(), Error>> {
        if let Some(local) = self.connections.get() {
            local.deliver(recipients, invocation);
        }
        ready(Ok(())).boxed()
    }

    fn invoke<'a>(
        &'a self,
        connection_id: &'a str,
        invocation: &'a SerializedInvocation,
    ) -> BoxFuture<'a, Result<ClientAnswer, Error>> {
        match self.connections.get() {
            Some(local) => local.invoke(connection_id, invocation).boxed(),
            None => ready(Err(Error::NoConnection(connection_id.to_owned()))).boxed(),
        }
    }

    fn add_to_group<'a>(
        &'a self,
        connection_id: &'a str,
        group: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>> {
        // As in .NET, a connection that is gone is no error.
        ready(
            self.connections.get().map_or(Ok(()), |local| local.add_to_group(connection_id, group).map(drop)),
        )
        .boxed()
    }

    fn remove_from_group<'a>(
        &'a self,
        connection_id: &'a str,
        group: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>> {
        if let Some(local) = self.connections.get() {
            local.remove_from_group(connection_id, group);
        }
        ready(Ok(())).boxed()
    }
}
