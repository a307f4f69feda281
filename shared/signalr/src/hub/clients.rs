//! Calling clients: whom, then what.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::de::DeserializeOwned;

use super::HubInner;
use crate::protocol::{Arguments, Outcome};
use crate::scale_out::Recipients;
use crate::{Error, SerializedInvocation};

/// Whom to call.
#[derive(Clone, Copy)]
pub struct Clients<'a> {
    hub: &'a Arc<HubInner>,
}

impl std::fmt::Debug for Clients<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Clients")
    }
}

fn owned<S: AsRef<str>>(ids: impl IntoIterator<Item = S>) -> Vec<String> {
    ids.into_iter().map(|id| id.as_ref().to_owned()).collect()
}

impl<'a> Clients<'a> {
    pub(super) fn new(hub: &'a Arc<HubInner>) -> Self {
        Self { hub }
    }

    /// Those recipients.
    pub fn to(self, recipients: Recipients) -> To<'a> {
        To { hub: self.hub, recipients: vec![recipients] }
    }

    fn each(self, recipients: Vec<Recipients>) -> To<'a> {
        To { hub: self.hub, recipients }
    }

    /// Everybody.
    pub fn all(self) -> To<'a> {
        self.to(Recipients::All { except: Vec::new() })
    }

    /// Everybody except these connections.
    pub fn all_except<S: AsRef<str>>(self, ids: impl IntoIterator<Item = S>) -> To<'a> {
        self.to(Recipients::All { except: owned(ids) })
    }

    /// One connection; it can also be asked ([`To::invoke`]).
    pub fn client(self, connection_id: &str) -> To<'a> {
        self.to(Recipients::Connection(connection_id.to_owned()))
    }

    /// These connections.
    pub fn clients<S: AsRef<str>>(self, ids: impl IntoIterator<Item = S>) -> To<'a> {
        self.each(owned(ids).into_iter().map(Recipients::Connection).collect())
    }

    /// A group.
    pub fn group(self, name: &str) -> To<'a> {
        self.to(Recipients::Group { name: name.to_owned(), except: Vec::new() })
    }

    /// A group except these connections.
    pub fn group_except<S: AsRef<str>>(self, name: &str, ids: impl IntoIterator<Item = S>) -> To<'a> {
        self.to(Recipients::Group { name: name.to_owned(), except: owned(ids) })
    }

    /// These groups; a connection that is in several gets the call several times, as in .NET.
    pub fn groups<S: AsRef<str>>(self, names: impl IntoIterator<Item = S>) -> To<'a> {
        let group = |name| Recipients::Group { name, except: Vec::new() };
        self.each(owned(names).into_iter().map(group).collect())
    }

    /// Every connection of a user.
    pub fn user(self, user_id: &str) -> To<'a> {
        self.to(Recipients::User(user_id.to_owned()))
    }

    /// Every connection of these users.
    pub fn users<S: AsRef<str>>(self, user_ids: impl IntoIterator<Item = S>) -> To<'a> {
        self.each(owned(user_ids).into_iter().map(Recipients::User).collect())
    }
}

/// Recipients, ready to be called.
#[derive(Clone)]
pub struct To<'a> {
    hub: &'a Arc<HubInner>,
    recipients: Vec<Recipients>,
}

impl std::fmt::Debug for To<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("To").field(&self.recipients).finish()
    }
}

impl To<'_> {
    /// Calls `target` with these arguments; nobody answers. Encoded once per protocol. Returns when the message was
    /// handed on, not when clients have it.
    ///
    /// # Errors
    /// An argument cannot be encoded, or the scale-out fails.
    pub async fn send(&self, target: &str, arguments: impl Arguments) -> Result<(), Error> {
        self.send_serialized(&SerializedInvocation::new(target, arguments)?).await
    }

    /// Sends a call that was encoded before.
    ///
    /// # Errors
    /// The scale-out fails.
    pub async fn send_serialized(&self, invocation: &SerializedInvocation) -> Result<(), Error> {
        for recipients in &self.recipients {
            self.hub.scale_out.send(recipients, invocation).await?;
        }
        Ok(())
    }

    /// Calls `target` on one client and waits for what it returns (client results).
    ///
    /// # Errors
    /// The recipient is not exactly one connection or is gone; it answers with an error, with another type or not in
    /// time.
    pub async fn invoke<R: DeserializeOwned>(
        &self,
        target: &str,
        arguments: impl Arguments,
    ) -> Result<R, Error> {
        let [Recipients::Connection(connection_id)] = self.recipients.as_slice() else {
            return Err(Error::NoConnection("only a single connection can be asked".to_owned()));
        };
        let invocation_id = STANDARD_NO_PAD.encode(rand::random::<[u8; 16]>());
        let invocation = SerializedInvocation::with_id(target, arguments, &invocation_id)?;
        let asked = self.hub.scale_out.invoke(connection_id, &invocation);
        let timeout = self.hub.options.client_result_timeout;
        let answer = tokio::time::timeout(timeout, asked).await.map_err(|_| Error::ClientTimeout)??;
        match answer.completion.outcome {
            Outcome::Value(value) => value.decode(),
            Outcome::Error(error) => Err(Error::Client(error)),
            Outcome::Void => serde_json::from_str("null").map_err(|error| Error::Decode(error.to_string())),
        }
    }
}

/// Group membership, for connections anywhere.
#[derive(Clone, Copy)]
pub struct Groups<'a> {
    hub: &'a Arc<HubInner>,
}

impl std::fmt::Debug for Groups<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Groups")
    }
}

impl<'a> Groups<'a> {
    pub(super) fn new(hub: &'a Arc<HubInner>) -> Self {
        Self { hub }
    }

    /// Puts a connection into a group. One that is gone is no error.
    ///
    /// # Errors
    /// It is in too many groups, or the scale-out fails.
    pub async fn add(self, connection_id: &str, group: &str) -> Result<(), Error> {
        self.hub.scale_out.add_to_group(connection_id, group).await
    }

    /// Takes a connection out of a group.
    ///
    /// # Errors
    /// The scale-out fails.
    pub async fn remove(self, connection_id: &str, group: &str) -> Result<(), Error> {
        self.hub.scale_out.remove_from_group(connection_id, group).await
    }
}
