//! Reading a feed on from a number: what every way to catch up stands on.

use std::collections::HashMap;

use sql::RowExt;

use super::Push;
use super::error::Result;
use super::notification::Notification;

/// Most notifications of one answer.
pub const REPLAY_MAX: u16 = 200;

/// What stands above a number.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// The number that was given last, 0 for a user who never had a notification. Below the number that was asked from: the
    /// database was restored, and the client should begin again at 0.
    pub head: i64,
    /// Notifications up to this number may have been deleted for their age or count.
    pub pruned_to: i64,
    /// How many of all the user's notifications are unread.
    pub new_count: u32,
    /// By number, at most as many as were asked for. More may follow: ask again from the last number.
    pub notifications: Vec<Notification>,
}

impl Push {
    /// Notifications of a user above `after`, oldest change first, at most `limit` (up to [`REPLAY_MAX`]).
    ///
    /// Who asks again from the last number of each answer gets every notification exactly once in the order of their
    /// numbers, and each one again that has changed since: a number is visible only after all smaller ones.
    ///
    /// # Errors
    /// SQL Server.
    pub async fn replay(&self, user_id: &str, after: i64, limit: u16) -> Result<Replay> {
        let limit = i32::from(limit.min(REPLAY_MAX));
        let sets = self.database.query_sets(include_str!("replay.sql"), &[&user_id, &after, &limit]).await?;
        let [feed, rows, unread] = sets.as_slice() else { return Err(missing_set()) };
        let feed = feed.first();
        let new_count: i32 = unread.first().map(|row| row.read("NewCount")).transpose()?.unwrap_or(0);
        Ok(Replay {
            head: feed.map(|row| row.read("Head")).transpose()?.unwrap_or(0),
            pruned_to: feed.map(|row| row.read("PrunedTo")).transpose()?.unwrap_or(0),
            new_count: u32::try_from(new_count).unwrap_or_default(),
            notifications: rows.iter().map(Notification::read).collect::<Result<_>>()?,
        })
    }

    /// The last number of each feed; users without a feed are not in it. One statement, however many users.
    ///
    /// # Errors
    /// SQL Server.
    pub async fn heads(&self, user_ids: &[&str]) -> Result<HashMap<String, i64>> {
        let user_ids = serde_json::Value::from(user_ids).to_string();
        let rows = self.database.query(include_str!("heads.sql"), &[&user_ids.as_str()]).await?;
        rows.iter().map(|row| Ok((row.read::<&str>("UserId")?.to_owned(), row.read("Head")?))).collect()
    }
}

pub(super) fn missing_set() -> super::Error {
    let message = "the batch answered with fewer results than it has".to_owned();
    sql::Error::Column { column: "Head".to_owned(), message }.into()
}
