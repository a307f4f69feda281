//! Durable push notifications: rows first, pushed second.
//!
//! [`Push::notify`] writes a row in the caller's transaction, under the user's next number; after the commit whoever
//! holds a connection of that user is told that there is something above what it has delivered. What is told is only the
//! user and the number: it may be lost, because everybody who listens asks SQL as well, and [`replay`](Push::replay)
//! gives each row above a number exactly once and in order, whenever it is asked.
//!
//! Knows no commerce: what a notification carries is declared by the application ([`Payload`]). Hubs and their
//! connections are those of crate `signalr`: [`Courier`] brings notifications to the connections of one process,
//! [`RedisBackplane`] carries a hub's other calls between processes. Start at [`notify`](Push::notify), then
//! `take_numbers.sql`, then [`replay`](Push::replay).

pub mod courier;
mod error;
mod hints;
mod mark_read;
mod notification;
mod notify;
mod prune;
pub mod redis_backplane;
mod replay;
mod search;
mod throttle;

use std::sync::Arc;

use sql::Database;

pub use courier::{Courier, CourierOptions};
pub use error::{Error, Result};
pub use hints::{HINT_USERS_MAX, Heard, Raised};
pub use notification::{Notification, Payload};
pub use notify::{
    COLLAPSE_KEY_MAX, CONTENT_BYTES_MAX, DESCRIPTION_MAX, FOLLOWERS_MAX, New, TITLE_MAX, USER_ID_MAX, Update,
};
pub use prune::{prune, prune_surplus};
pub use redis_backplane::{RedisBackplane, RedisBackplaneOptions};
pub use replay::{REPLAY_MAX, Replay};
pub use search::{IDS_MAX, Page, Search};
pub use throttle::Throttle;

use crate::redis::Redis;
use hints::Hints;

/// The tables of this module. Apply them after [`sql::MIGRATIONS`].
pub const MIGRATIONS: &[sql::Migration] = &[sql::Migration {
    component: "Push",
    version: 1,
    name: "push notifications and the feeds of users",
    min_binary: 1,
    text: include_str!("../../migrations/push_0001.sql"),
}];

/// Raises, reads and marks notifications of one database. Clones share it.
#[derive(Clone)]
pub struct Push {
    database: Database,
    /// `serverId` of what this process raises.
    server_id: Arc<str>,
    hints: Hints,
}

impl Push {
    /// With `redis`, what is raised here is heard by every process that listens on `{channel_name}:push`, at once;
    /// without, only by this one, and others find it when they next ask SQL. Must be called in a tokio runtime.
    pub fn start(database: Database, redis: Option<Redis>, channel_name: &str, server_id: &str) -> Self {
        Self { database, server_id: server_id.into(), hints: Hints::start(redis, channel_name) }
    }

    /// Whose feeds have grown, here or elsewhere, from now on.
    pub fn raised(&self) -> Raised {
        self.hints.raised()
    }

    /// `serverId` of what this process raises.
    pub fn server_id(&self) -> &str {
        &self.server_id
    }

    /// Messages on the push channel that were no hints of this version; ignored.
    pub fn malformed_hints(&self) -> u64 {
        self.hints.malformed()
    }

    /// Ends the tasks and waits for them. Hints that are still queued are lost; rows are not.
    pub async fn stop(&self) {
        self.hints.stop().await;
    }
}
