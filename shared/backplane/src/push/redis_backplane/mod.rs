//! A hub's calls through Redis, to whichever server has the clients: channels and messages are those of ASP.NET Core's
//! StackExchangeRedis package, so servers of both kinds can stand side by side.
//!
//! Where it differs, on purpose: clients of this process get a call at once and not by way of Redis, so they are served
//! while Redis is away or slow; the copy that Redis brings back is left out ([`echoes`]). After Redis was away, clients
//! are told that they may have missed calls of other servers. Nothing is buffered meanwhile: what must not be lost is a
//! row ([`Push`](super::Push)).
//!
//! [`messages`] is the codec, `receive` what comes from other servers. Start at the [`ScaleOut`] below.

mod echoes;
pub mod messages;
mod receive;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use parking_lot::Mutex;
use signalr::protocol::Protocol;
use signalr::{
    ClientAnswer, ConnectionInfo, Error, LocalConnections, Recipients, ScaleOut, SerializedInvocation,
};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::echoes::Echoes;
use self::messages::{GroupAction, GroupCommand, Invocation, WantedAnswer};
use crate::redis::{Channels, Inbox, MESSAGE_BYTES_MAX, Redis, Subscribed};

/// Answers of clients of other servers, and acknowledgements of group commands, that are waited for; more fail.
const WAITING_MAX: usize = 10_000;
/// How long the server may take to confirm a subscription before the caller goes on; it is confirmed later then.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(5);

/// Names and times of a backplane.
#[derive(Debug, Clone)]
pub struct RedisBackplaneOptions {
    /// Put before every channel, without a separator: .NET's `ChannelPrefix`. Separates systems on one Redis.
    pub channel_prefix: String,
    /// The hub's full type name in .NET; servers of one hub share it.
    pub hub: String,
    /// How long another server may take to acknowledge a group command. 30 s.
    pub ack_timeout: Duration,
    /// How long a client here may take to answer a call of another server. 30 s.
    pub answer_timeout: Duration,
    /// What clients are called with when Redis is back: calls of other servers may have been missed.
    pub recovered: Option<SerializedInvocation>,
}

impl RedisBackplaneOptions {
    /// The defaults for one hub.
    pub fn new(channel_prefix: &str, hub: &str) -> Self {
        Self {
            channel_prefix: channel_prefix.to_owned(),
            hub: hub.to_owned(),
            ack_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(30),
            recovered: None,
        }
    }
}

/// What can be observed of a backplane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RedisBackplaneCounts {
    /// Calls handed to Redis.
    pub published: u64,
    /// Calls that only clients of this process got: Redis was away, or its queue full.
    pub unshared: u64,
    /// Calls of other servers given to clients here.
    pub received: u64,
    /// Messages that were none; ignored.
    pub malformed: u64,
    /// How often clients were told that they may have missed something.
    pub recoveries: u64,
}

/// Carries one hub's calls through Redis. Make one for each hub and give it to its builder.
pub struct RedisBackplane {
    shared: Arc<Shared>,
    inbox: Mutex<Option<Inbox>>,
    tasks: TaskTracker,
}

struct Shared {
    redis: Redis,
    channels: Channels,
    names: Names,
    options: RedisBackplaneOptions,
    local: OnceLock<LocalConnections>,
    /// Channels of users and groups that are subscribed.
    subscribed: Mutex<HashSet<String>>,
    echoes: Mutex<Echoes>,
    next_command: AtomicI32,
    acks: Mutex<HashMap<i32, oneshot::Sender<()>>>,
    answers: Mutex<HashMap<String, oneshot::Sender<ClientAnswer>>>,
    counters: Counters,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Default)]
struct Counters {
    published: AtomicU64,
    unshared: AtomicU64,
    received: AtomicU64,
    malformed: AtomicU64,
    recoveries: AtomicU64,
}

/// Channel names, as .NET makes them; without the prefix.
struct Names {
    hub: String,
    server: String,
}

impl Names {
    fn all(&self) -> String {
        format!("{}:all", self.hub)
    }

    fn connection(&self, id: &str) -> String {
        format!("{}:connection:{id}", self.hub)
    }

    fn group(&self, name: &str) -> String {
        format!("{}:group:{name}", self.hub)
    }

    fn user(&self, id: &str) -> String {
        format!("{}:user:{id}", self.hub)
    }

    fn group_commands(&self) -> String {
        format!("{}:internal:groups", self.hub)
    }

    fn acks(&self, server: &str) -> String {
        format!("{}:internal:ack:{server}", self.hub)
    }

    fn answers(&self) -> String {
        format!("{}:internal:return:{}", self.hub, self.server)
    }

    fn of(&self, recipients: &Recipients) -> String {
        match recipients {
            Recipients::All { .. } => self.all(),
            Recipients::Connection(id) => self.connection(id),
            Recipients::Group { name, .. } => self.group(name),
            Recipients::User(id) => self.user(id),
        }
    }
}

impl RedisBackplane {
    /// On a connection that others may share. `server_name` must be different in each process.
    pub fn new(redis: Redis, server_name: &str, options: RedisBackplaneOptions) -> Self {
        let (channels, inbox) = redis.inbox();
        let tasks = TaskTracker::new();
        let shared = Shared {
            redis,
            channels,
            names: Names { hub: options.hub.clone(), server: server_name.to_owned() },
            options,
            local: OnceLock::new(),
            subscribed: Mutex::default(),
            echoes: Mutex::default(),
            next_command: AtomicI32::new(0),
            acks: Mutex::default(),
            answers: Mutex::default(),
            counters: Counters::default(),
            stopping: CancellationToken::new(),
            tasks: tasks.clone(),
        };
        Self { shared: Arc::new(shared), inbox: Mutex::new(Some(inbox)), tasks }
    }

    /// Counters.
    pub fn counts(&self) -> RedisBackplaneCounts {
        let counters = &self.shared.counters;
        RedisBackplaneCounts {
            published: counters.published.load(Relaxed),
            unshared: counters.unshared.load(Relaxed),
            received: counters.received.load(Relaxed),
            malformed: counters.malformed.load(Relaxed),
            recoveries: counters.recoveries.load(Relaxed),
        }
    }
}

impl ScaleOut for RedisBackplane {
    fn start(&self, local: LocalConnections) {
        // A second hub would get the messages of the first.
        assert!(self.shared.local.set(local).is_ok(), "one scale-out serves one hub");
        let names = &self.shared.names;
        for channel in [names.all(), names.group_commands(), names.acks(&names.server), names.answers()] {
            self.shared.add(&channel);
        }
        if let Some(inbox) = self.inbox.lock().take() {
            self.tasks.spawn(self.shared.clone().receive(inbox));
        }
    }

    fn connected<'a>(&'a self, connection: &'a ConnectionInfo) -> BoxFuture<'a, Result<(), Error>> {
        let shared = &self.shared;
        async move {
            let mut last = shared.add(&shared.names.connection(&connection.id));
            if let Some(user_id) = &connection.user_id {
                let user = shared.names.user(user_id);
                last = shared.follow(user, |local| local.has_user(user_id)).unwrap_or(last);
            }
            shared.confirmed(last).await;
            Ok(())
        }
        .boxed()
    }

    fn disconnected<'a>(&'a self, connection: &'a ConnectionInfo, groups: &'a [String]) -> BoxFuture<'a, ()> {
        let shared = &self.shared;
        shared.channels.remove(&shared.full(&shared.names.connection(&connection.id)));
        if let Some(user_id) = &connection.user_id {
            shared.follow(shared.names.user(user_id), |local| local.has_user(user_id));
        }
        for group in groups {
            shared.follow(shared.names.group(group), |local| local.has_group(group));
        }
        ready(()).boxed()
    }

    fn send<'a>(
        &'a self,
        recipients: &'a Recipients,
        invocation: &'a SerializedInvocation,
    ) -> BoxFuture<'a, Result<(), Error>> {
        ready(self.shared.send(recipients, invocation)).boxed()
    }

    fn invoke<'a>(
        &'a self,
        connection_id: &'a str,
        invocation: &'a SerializedInvocation,
    ) -> BoxFuture<'a, Result<ClientAnswer, Error>> {
        match self.shared.local.get() {
            Some(local) if local.contains(connection_id) => local.invoke(connection_id, invocation).boxed(),
            _ => self.shared.invoke_elsewhere(connection_id, invocation).boxed(),
        }
    }

    fn add_to_group<'a>(
        &'a self,
        connection_id: &'a str,
        group: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let shared = &self.shared;
        async move {
            let Some(local) = shared.local.get() else { return Ok(()) };
            if !local.add_to_group(connection_id, group)? {
                return shared.command(GroupAction::Add, connection_id, group).await;
            }
            if let Some(subscribed) = shared.follow(shared.names.group(group), |local| local.has_group(group))
            {
                shared.confirmed(subscribed).await;
            }
            Ok(())
        }
        .boxed()
    }

    fn remove_from_group<'a>(
        &'a self,
        connection_id: &'a str,
        group: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let shared = &self.shared;
        async move {
            let Some(local) = shared.local.get() else { return Ok(()) };
            if !local.remove_from_group(connection_id, group) {
                return shared.command(GroupAction::Remove, connection_id, group).await;
            }
            shared.follow(shared.names.group(group), |local| local.has_group(group));
            Ok(())
        }
        .boxed()
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        async {
            self.shared.stopping.cancel();
            self.tasks.close();
            self.tasks.wait().await;
        }
        .boxed()
    }
}

impl Shared {
    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.options.channel_prefix)
    }

    fn add(&self, name: &str) -> Subscribed {
        self.channels.add(&self.full(name))
    }

    /// Subscribes to a channel or leaves it, as it is wanted now. Under the lock, so that of a client that comes and one
    /// that goes at the same time the last one to look decides.
    fn follow(&self, name: String, is_wanted: impl Fn(&LocalConnections) -> bool) -> Option<Subscribed> {
        let local = self.local.get()?;
        let mut subscribed = self.subscribed.lock();
        match (is_wanted(local), subscribed.contains(&name)) {
            (true, false) => {
                let change = self.add(&name);
                subscribed.insert(name);
                return Some(change);
            }
            (false, true) => {
                subscribed.remove(&name);
                self.channels.remove(&self.full(&name));
            }
            _ => {}
        }
        None
    }

    /// Returns when other servers' messages arrive, or it is clear that they will not yet: local clients go on.
    async fn confirmed(&self, subscribed: Subscribed) {
        if self.redis.is_connected() {
            let confirmed = self.channels.confirmed(subscribed);
            if tokio::time::timeout(CONFIRM_TIMEOUT, confirmed).await.is_err() {
                tracing::debug!("redis has not confirmed a subscription yet");
            }
        }
    }

    fn send(&self, recipients: &Recipients, invocation: &SerializedInvocation) -> Result<(), Error> {
        let Some(local) = self.local.get() else { return Ok(()) };
        let given = local.deliver(recipients, invocation);
        if given > 0 && matches!(recipients, Recipients::Connection(_)) {
            return Ok(());
        }
        let excluded = match recipients {
            Recipients::All { except } | Recipients::Group { except, .. } => except.clone(),
            Recipients::Connection(_) | Recipients::User(_) => Vec::new(),
        };
        let name = self.names.of(recipients);
        let message = encode(excluded, invocation, None)?;
        let comes_back =
            matches!(recipients, Recipients::All { .. }) || self.subscribed.lock().contains(&name);
        let channel = self.full(&name);
        if comes_back {
            self.echoes.lock().expect(&channel, &message);
        }
        if self.redis.publish(&channel, message.clone()) {
            self.counters.published.fetch_add(1, Relaxed);
        } else {
            self.counters.unshared.fetch_add(1, Relaxed);
            self.echoes.lock().came_back(&channel, &message);
        }
        Ok(())
    }

    async fn invoke_elsewhere(
        &self,
        connection_id: &str,
        invocation: &SerializedInvocation,
    ) -> Result<ClientAnswer, Error> {
        let invocation_id =
            invocation.invocation_id().ok_or_else(|| Error::Encode("the call has no id".to_owned()))?;
        let wanted =
            WantedAnswer { invocation_id: invocation_id.to_owned(), return_channel: self.names.answers() };
        let message = encode(Vec::new(), invocation, Some(wanted))?;
        let (_waiting, answer) = Waiting::begin(&self.answers, invocation_id.to_owned())?;
        let channel = self.full(&self.names.connection(connection_id));
        match self.redis.publish_counted(&channel, message).await {
            None => Err(failed("redis is away")),
            Some(0) => Err(Error::NoConnection(connection_id.to_owned())),
            Some(_) => answer.await.map_err(|_| Error::NoConnection(connection_id.to_owned())),
        }
    }

    /// Lets the server that owns the connection change its groups.
    async fn command(&self, action: GroupAction, connection_id: &str, group: &str) -> Result<(), Error> {
        let owners = self.redis.subscribers(&self.full(&self.names.connection(connection_id))).await;
        match owners {
            None => return Err(failed("redis is away")),
            // Nobody would answer. As in .NET, a connection that is gone is no error.
            Some(0) => return Ok(()),
            Some(_) => {}
        }
        let id = self.next_command.fetch_add(1, Relaxed);
        let command = GroupCommand {
            id,
            server_name: self.names.server.clone(),
            action,
            group: group.to_owned(),
            connection_id: connection_id.to_owned(),
        };
        let (_waiting, acknowledged) = Waiting::begin(&self.acks, id)?;
        if !self.redis.publish(&self.full(&self.names.group_commands()), command.encode()) {
            return Err(failed("redis is away"));
        }
        match tokio::time::timeout(self.options.ack_timeout, acknowledged).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(failed("no server acknowledged the change of the group")),
        }
    }
}

fn failed(reason: &str) -> Error {
    Error::ScaleOut(reason.into())
}

/// In both protocols: a .NET server whose client speaks one that is missing fails.
fn encode(
    excluded: Vec<String>,
    invocation: &SerializedInvocation,
    wanted: Option<WantedAnswer>,
) -> Result<Bytes, Error> {
    let messages =
        Protocol::ALL.map(|protocol| (protocol.name().to_owned(), invocation.blob(protocol))).to_vec();
    let message = Invocation { excluded, messages, wanted }.encode();
    if message.len() > MESSAGE_BYTES_MAX {
        let bytes = message.len();
        return Err(failed(&format!("the message has {bytes} bytes, more than {MESSAGE_BYTES_MAX}")));
    }
    Ok(message)
}

/// Somebody who waits under a key; forgotten when dropped.
struct Waiting<'a, K: std::hash::Hash + Eq, T> {
    table: &'a Mutex<HashMap<K, oneshot::Sender<T>>>,
    key: K,
}

impl<'a, K: std::hash::Hash + Eq + Clone, T> Waiting<'a, K, T> {
    fn begin(
        table: &'a Mutex<HashMap<K, oneshot::Sender<T>>>,
        key: K,
    ) -> Result<(Self, oneshot::Receiver<T>), Error> {
        let (tell, told) = oneshot::channel();
        let mut waiting = table.lock();
        if waiting.len() >= WAITING_MAX {
            return Err(failed("too many answers are waited for"));
        }
        waiting.insert(key.clone(), tell);
        Ok((Self { table, key }, told))
    }
}

impl<K: std::hash::Hash + Eq, T> Drop for Waiting<'_, K, T> {
    fn drop(&mut self) {
        self.table.lock().remove(&self.key);
    }
}
