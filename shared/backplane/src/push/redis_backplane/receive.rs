//! What other servers send.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use signalr::protocol::Protocol;
use signalr::{ClientAnswer, LocalConnections, Recipients, SerializedInvocation};

use super::Shared;
use super::messages::{
    GroupAction, GroupCommand, Invocation, ReturnedAnswer, WantedAnswer, decode_ack, encode_ack,
};
use crate::redis::{Inbox, InboxEvent};

/// Calls of other servers whose answers are waited for here; of more the caller hears nothing.
const ANSWERING_MAX: usize = 10_000;

impl Shared {
    pub(super) async fn receive(self: Arc<Self>, mut inbox: Inbox) {
        loop {
            let event = tokio::select! {
                () = self.stopping.cancelled() => return,
                event = inbox.next() => event,
            };
            match event {
                Some(InboxEvent::Message(channel, message)) => self.take(&channel, &message),
                Some(InboxEvent::Connected) => self.tell_recovered(),
                Some(InboxEvent::Disconnected) => self.echoes.lock().clear(),
                None => return,
            }
        }
    }

    /// Whoever is here now may have missed calls of other servers.
    fn tell_recovered(&self) {
        self.echoes.lock().clear();
        let (Some(local), Some(call)) = (self.local.get(), &self.options.recovered) else { return };
        if local.deliver(&Recipients::All { except: Vec::new() }, call) > 0 {
            self.counters.recoveries.fetch_add(1, Relaxed);
        }
    }

    fn take(self: &Arc<Self>, channel: &str, message: &Bytes) {
        if self.echoes.lock().came_back(channel, message) {
            return;
        }
        let name = channel.strip_prefix(self.options.channel_prefix.as_str());
        let kind = name.and_then(|name| name.strip_prefix(self.names.hub.as_str()));
        let Some(kind) = kind.and_then(|kind| kind.strip_prefix(':')) else { return };
        let Some(local) = self.local.get() else { return };
        let taken = match kind.split_once(':') {
            None if kind == "all" => self.give(local, message, |except| Recipients::All { except }),
            Some(("group", group)) => {
                let name = group.to_owned();
                self.give(local, message, |except| Recipients::Group { name, except })
            }
            Some(("user", user)) => self.give(local, message, |_| Recipients::User(user.to_owned())),
            Some(("connection", id)) => self.give_one(local, id, message),
            Some(("internal", "groups")) => GroupCommand::decode(message)
                .map(|command| self.change_group(local, command))
                .map_err(|error| error.to_string()),
            Some(("internal", rest)) if rest.starts_with("ack:") => {
                decode_ack(message).map(|id| self.acknowledged(id)).map_err(|error| error.to_string())
            }
            Some(("internal", rest)) if rest.starts_with("return:") => self.answered(message),
            _ => Err("unknown channel".to_owned()),
        };
        if let Err(error) = taken
            && self.counters.malformed.fetch_add(1, Relaxed) == 0
        {
            tracing::warn!(channel, error, "a message of the redis backplane is none; ignored");
        }
    }

    fn give(
        &self,
        local: &LocalConnections,
        message: &[u8],
        recipients: impl FnOnce(Vec<String>) -> Recipients,
    ) -> Result<(), String> {
        let (invocation, call) = read(message)?;
        local.deliver(&recipients(invocation.excluded), &call);
        self.counters.received.fetch_add(1, Relaxed);
        Ok(())
    }

    fn give_one(self: &Arc<Self>, local: &LocalConnections, id: &str, message: &[u8]) -> Result<(), String> {
        let (invocation, call) = read(message)?;
        self.counters.received.fetch_add(1, Relaxed);
        match invocation.wanted {
            None => {
                local.deliver(&Recipients::Connection(id.to_owned()), &call);
            }
            Some(wanted) if self.tasks.len() < ANSWERING_MAX => {
                let (this, local, id) = (self.clone(), local.clone(), id.to_owned());
                self.tasks.spawn(async move { this.ask(local, &id, call, wanted).await });
            }
            Some(_) => return Err("too many answers are waited for".to_owned()),
        }
        Ok(())
    }

    /// Asks a client here for another server.
    async fn ask(&self, local: LocalConnections, id: &str, call: SerializedInvocation, wanted: WantedAnswer) {
        let asked = tokio::time::timeout(self.options.answer_timeout, local.invoke(id, &call));
        let answer = tokio::select! {
            () = self.stopping.cancelled() => None,
            answer = asked => answer.ok().and_then(Result::ok),
        };
        // Whoever waits for a client that has gone must not wait for ever.
        let answer =
            answer.unwrap_or_else(|| ClientAnswer::error(&wanted.invocation_id, "Connection disconnected."));
        let returned = ReturnedAnswer { protocol: answer.protocol.name().to_owned(), message: answer.blob };
        // The channel came without the prefix, as the caller's own Redis library would put it there.
        self.redis.publish(&self.full(&wanted.return_channel), returned.encode());
    }

    fn change_group(self: &Arc<Self>, local: &LocalConnections, command: GroupCommand) {
        let GroupCommand { id, server_name, action, group, connection_id } = command;
        let is_here = match action {
            // A connection in too many groups is left out; its owner's limit is not the caller's mistake.
            GroupAction::Add => local.add_to_group(&connection_id, &group).unwrap_or(true),
            GroupAction::Remove => local.remove_from_group(&connection_id, &group),
        };
        if !is_here {
            return;
        }
        let subscribed = self.follow(self.names.group(&group), |local| local.has_group(&group));
        let channel = self.full(&self.names.acks(&server_name));
        match subscribed {
            Some(subscribed) if self.tasks.len() < ANSWERING_MAX => {
                let this = self.clone();
                self.tasks.spawn(async move {
                    tokio::select! {
                        () = this.stopping.cancelled() => return,
                        () = this.confirmed(subscribed) => {}
                    }
                    this.redis.publish(&channel, encode_ack(id));
                });
            }
            _ => {
                self.redis.publish(&channel, encode_ack(id));
            }
        }
    }

    fn acknowledged(&self, id: i32) {
        if let Some(waiting) = self.acks.lock().remove(&id) {
            // Whoever waited may have gone.
            let _ = waiting.send(());
        }
    }

    fn answered(&self, message: &[u8]) -> Result<(), String> {
        let returned = ReturnedAnswer::decode(message).map_err(|error| error.to_string())?;
        let protocol = Protocol::from_name(&returned.protocol).ok_or("an unknown protocol")?;
        let answer =
            ClientAnswer::from_blob(protocol, &returned.message).map_err(|error| error.to_string())?;
        if let Some(waiting) = self.answers.lock().remove(&answer.completion.invocation_id) {
            let _ = waiting.send(answer);
        }
        Ok(())
    }
}

fn read(message: &[u8]) -> Result<(Invocation, SerializedInvocation), String> {
    let invocation = Invocation::decode(message).map_err(|error| error.to_string())?;
    let blob = |protocol: Protocol| {
        let found = invocation.messages.iter().find(|(name, _)| name == protocol.name());
        found.map(|(_, blob)| &blob[..])
    };
    let id = invocation.wanted.as_ref().map(|wanted| wanted.invocation_id.as_str());
    let call = SerializedInvocation::from_blobs(blob(Protocol::Json), blob(Protocol::MessagePack), id)
        .map_err(|error| error.to_string())?;
    Ok((invocation, call))
}
