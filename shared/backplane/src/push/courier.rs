//! Brings the notifications of the users who are connected here to their connections: each change once and in the order
//! of its numbers, whoever raised it and whatever hints get lost.
//!
//! Every connection has a place in its user's feed. Whenever a feed may have grown – a hint says so, or SQL when it is
//! asked – what stands above the lowest place is read and given to each connection that has not had it. Nothing is
//! delivered from memory, so no order of events between processes can put it out of order. Start at [`Courier::connect`]
//! and `deliver`.
//!
//! A connection is *live* from its beginning on, or, where it says that it will ask, *held* until it has named the number
//! it knows and has caught up ([`Courier::subscribe`]).

mod place;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use signalr::{LocalConnections, Recipients, SerializedInvocation};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::place::{Connections, Place};
use super::error::{Error, Result};
use super::{Heard, Notification, Push};
use crate::redis::Redis;

/// Notifications that are read and delivered at once; more follow in the next round.
const PAGE: u16 = 100;
/// Bytes that one [`Courier::subscribe`] delivers; a client has this much waiting for it and no more.
pub const SUBSCRIBE_BYTES_MAX: usize = 256 * 1_024;
/// Feeds that are read at the same time. Each takes a connection to SQL Server.
const DELIVERIES_MAX: usize = 4;
/// Users in one question for heads.
const USERS_PER_QUESTION: usize = 500;

/// How often SQL is asked, and what is called.
#[derive(Debug, Clone)]
pub struct CourierOptions {
    /// The client method that notifications go to.
    pub target: &'static str,
    /// Between two questions while hints arrive.
    pub poll_with_hints: Duration,
    /// Between two questions while they do not.
    pub poll_without_hints: Duration,
}

impl Default for CourierOptions {
    fn default() -> Self {
        Self {
            target: "Send",
            poll_with_hints: Duration::from_secs(5),
            poll_without_hints: Duration::from_secs(1),
        }
    }
}

/// What a client that subscribed is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CaughtUp {
    /// The number up to which the connection has had everything; what to subscribe from if `more` follows.
    pub number: i64,
    /// There is more: subscribe again, from `number`. Until then the connection gets nothing new.
    pub more: bool,
    /// Notifications up to this number may have been deleted because they were old or too many.
    pub pruned_to: i64,
    /// How many of the user's notifications are unread.
    pub new_count: u32,
}

/// Delivers to the connections of one hub in this process.
pub struct Courier {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

struct Shared {
    push: Push,
    options: CourierOptions,
    redis: Option<Redis>,
    hub: OnceLock<LocalConnections>,
    users: Mutex<HashMap<Arc<str>, Arc<Connections>>>,
    stopping: CancellationToken,
}

/// A task of the courier that has ended.
enum Done {
    Delivered(Arc<str>, Result<()>),
    /// Whose feeds have grown.
    Asked(Result<Vec<Arc<str>>>),
}

impl Courier {
    /// With the connection that carries hints, if there is one. Begins with [`serve`](Self::serve).
    pub fn new(push: Push, redis: Option<Redis>, options: CourierOptions) -> Self {
        let shared = Shared {
            push,
            options,
            redis,
            hub: OnceLock::new(),
            users: Mutex::new(HashMap::new()),
            stopping: CancellationToken::new(),
        };
        Self { shared: Arc::new(shared), tasks: TaskTracker::new() }
    }

    /// Begins to deliver through these connections. Must be called once, in a tokio runtime.
    pub fn serve(&self, hub: LocalConnections) {
        if self.shared.hub.set(hub).is_ok() {
            self.tasks.spawn(self.shared.clone().run());
            self.tasks.close();
        }
    }

    /// A connection of the user has begun. `held`: it gets nothing until it has subscribed; otherwise it gets what is
    /// raised from now on.
    pub async fn connect(&self, user_id: &str, connection_id: &str, held: bool) {
        let place = if held { Place::Held } else { Place::Joining };
        self.shared.join(user_id, connection_id, place);
        if !held {
            // The head as of now; if SQL does not answer, as of its next answer.
            if let Err(error) = self.shared.deliver(user_id).await {
                tracing::debug!(%error, "a connection joins its feed later");
            }
        }
    }

    /// It has ended.
    pub fn disconnect(&self, user_id: &str, connection_id: &str) {
        self.shared.leave(user_id, connection_id);
    }

    /// Delivers what stands above `after`, in order, at most [`SUBSCRIBE_BYTES_MAX`] bytes, and makes the connection live
    /// when nothing is left. A number above the head comes from before a restore: everything is delivered.
    ///
    /// A live connection gets only what it has not had: it should subscribe first, or be held, for its messages to come in
    /// the order of their numbers.
    ///
    /// # Errors
    /// SQL Server; the connection has ended.
    pub async fn subscribe(&self, user_id: &str, connection_id: &str, after: i64) -> Result<CaughtUp> {
        self.shared.subscribe(user_id, connection_id, after.max(0)).await
    }

    /// Ends the task and waits for it.
    pub async fn stop(&self) {
        self.shared.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Shared {
    fn join(&self, user_id: &str, connection_id: &str, place: Place) {
        let mut users = self.users.lock();
        users.entry(user_id.into()).or_default().insert(connection_id, place);
    }

    fn leave(&self, user_id: &str, connection_id: &str) {
        let mut users = self.users.lock();
        if users.get(user_id).is_some_and(|connections| connections.remove(connection_id)) {
            users.remove(user_id);
        }
    }

    fn connections(&self, user_id: &str) -> Option<Arc<Connections>> {
        self.users.lock().get(user_id).cloned()
    }

    async fn run(self: Arc<Self>) {
        let mut raised = self.push.raised();
        let mut waiting: HashSet<Arc<str>> = HashSet::new();
        let mut busy: HashSet<Arc<str>> = HashSet::new();
        let mut tasks: JoinSet<Done> = JoinSet::new();
        // However many hints come, SQL is asked when it is due.
        let (mut is_asking, mut is_due, mut asked_at) = (false, true, Instant::now());
        loop {
            if is_due && !is_asking {
                (is_asking, is_due, asked_at) = (true, false, Instant::now());
                let this = self.clone();
                tasks.spawn(async move { Done::Asked(this.ask().await) });
            }
            let room = DELIVERIES_MAX.saturating_sub(busy.len());
            let next: Vec<_> =
                waiting.iter().filter(|user| !busy.contains(*user)).take(room).cloned().collect();
            for user in next {
                waiting.remove(&user);
                busy.insert(user.clone());
                let this = self.clone();
                tasks.spawn(async move {
                    let delivered = this.deliver(&user).await;
                    Done::Delivered(user, delivered)
                });
            }
            tokio::select! {
                () = self.stopping.cancelled() => break,
                heard = raised.next() => match heard {
                    Some(Heard::User(user, number)) => {
                        if self.connections(&user).is_some_and(|connections| connections.lacks(number)) {
                            waiting.insert(user);
                        }
                    }
                    Some(Heard::Everybody) => is_due = true,
                    None => break,
                },
                Some(done) = tasks.join_next(), if !tasks.is_empty() => match done {
                    Ok(Done::Delivered(user, delivered)) => {
                        busy.remove(&user);
                        if let Err(error) = delivered {
                            tracing::warn!(%error, "notifications are delivered later");
                        }
                    }
                    Ok(Done::Asked(grown)) => {
                        is_asking = false;
                        match grown {
                            Ok(users) => waiting.extend(users),
                            Err(error) => tracing::debug!(%error, "feeds are asked for later"),
                        }
                    }
                    Err(error) => {
                        // A panic took its place among the busy along: begin anew.
                        tracing::error!(%error, "a delivery ended by a panic");
                        busy.clear();
                        is_asking = false;
                    }
                },
                () = tokio::time::sleep_until(asked_at + self.pause()), if !is_asking => is_due = true,
            }
        }
        tasks.shutdown().await;
    }

    fn pause(&self) -> Duration {
        if self.redis.as_ref().is_some_and(Redis::is_connected) {
            self.options.poll_with_hints
        } else {
            self.options.poll_without_hints
        }
    }

    /// Whose feeds stand above what some connection here has had.
    async fn ask(&self) -> Result<Vec<Arc<str>>> {
        let users: Vec<(Arc<str>, Arc<Connections>)> =
            self.users.lock().iter().map(|(user, connections)| (user.clone(), connections.clone())).collect();
        let mut grown = Vec::new();
        for some in users.chunks(USERS_PER_QUESTION) {
            let ids: Vec<&str> = some.iter().map(|(user, _)| &**user).collect();
            let heads = self.push.heads(&ids).await?;
            let lacking = some.iter().filter(|(user, connections)| {
                connections.lacks(heads.get(&**user).copied().unwrap_or_default())
            });
            grown.extend(lacking.map(|(user, _)| user.clone()));
        }
        Ok(grown)
    }

    /// Gives each live connection of the user what it has not had.
    async fn deliver(&self, user_id: &str) -> Result<()> {
        let (Some(hub), Some(connections)) = (self.hub.get(), self.connections(user_id)) else {
            return Ok(());
        };
        let _turn = connections.turn().await;
        if connections.has_joining() {
            let head = self.push.heads(&[user_id]).await?.get(user_id).copied().unwrap_or_default();
            connections.join_at(head);
        }
        while let Some(from) = connections.lowest() {
            let replay = self.push.replay(user_id, from, PAGE).await?;
            if replay.head < from {
                connections.begin_again_at(replay.head);
                break;
            }
            for notification in &replay.notifications {
                let call = self.call(notification)?;
                connections.give(notification.number, |connection_id| {
                    hub.deliver(&Recipients::Connection(connection_id.to_owned()), &call);
                });
            }
            if replay.notifications.len() < usize::from(PAGE) {
                break;
            }
        }
        Ok(())
    }

    async fn subscribe(&self, user_id: &str, connection_id: &str, after: i64) -> Result<CaughtUp> {
        let hub = self.hub.get().ok_or(Error::NoConnection)?;
        let connections = self.connections(user_id).ok_or(Error::NoConnection)?;
        let _turn = connections.turn().await;
        let (mut after, mut replay) = (after, self.push.replay(user_id, after, PAGE).await?);
        if replay.head < after {
            after = 0;
            replay = self.push.replay(user_id, 0, PAGE).await?;
        }
        let known_from = connections.known_from(connection_id).ok_or(Error::NoConnection)?;
        let recipient = Recipients::Connection(connection_id.to_owned());
        let (mut number, mut bytes, mut more) = (after, 0, replay.notifications.len() == usize::from(PAGE));
        for notification in replay.notifications {
            if notification.number > known_from {
                more = false;
                break;
            }
            let call = self.call(&notification)?;
            bytes += call.blob(signalr::protocol::Protocol::Json).len();
            if bytes > SUBSCRIBE_BYTES_MAX && number > after {
                more = true;
                break;
            }
            hub.deliver(&recipient, &call);
            number = notification.number;
        }
        connections.subscribed(connection_id, after, number, more);
        Ok(CaughtUp { number, more, pruned_to: replay.pruned_to, new_count: replay.new_count })
    }

    fn call(&self, notification: &Notification) -> Result<SerializedInvocation> {
        SerializedInvocation::new(self.options.target, (notification.to_json(),))
            .map_err(|_| Error::Content { notify_type: notification.notify_type.clone() })
    }
}
