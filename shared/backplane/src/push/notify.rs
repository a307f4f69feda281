//! Raising: a row in the caller's transaction, a hint after its commit.

use serde_json::Value;
use sql::{RowExt, Transaction};
use uuid::Uuid;

use super::Push;
use super::error::{Error, Result};
use super::notification::Payload;

/// Longest user id, UTF-16 units.
pub const USER_ID_MAX: usize = 100;
/// Longest collapse key, UTF-16 units.
pub const COLLAPSE_KEY_MAX: usize = 100;
/// A longer title is cut, UTF-16 units.
pub const TITLE_MAX: usize = 500;
/// A longer description is cut, UTF-16 units.
pub const DESCRIPTION_MAX: usize = 2_000;
/// Largest content, bytes of JSON. SignalR clients take messages of 32 KiB without being told otherwise.
pub const CONTENT_BYTES_MAX: usize = 24 * 1_024;
/// Most users whom [`Push::update`] tells. Each is a lock that is held until the transaction ends.
pub const FOLLOWERS_MAX: usize = 100;

/// Width of the column; longer names of people are cut.
const CREATOR_MAX: usize = 255;

/// A notification that is to be raised for one user.
#[derive(Debug, Clone, Copy)]
pub struct New<'a, P> {
    /// Whose feed it goes to.
    pub user_id: &'a str,
    /// What people call the user.
    pub creator: &'a str,
    /// If not empty, it takes the place of the user's notification with the same key, and is unread again. If empty and
    /// nothing differs from the user's newest one, that one is counted once more instead.
    pub collapse_key: &'a str,
    /// One line; cut at [`TITLE_MAX`].
    pub title: &'a str,
    /// A few lines; cut at [`DESCRIPTION_MAX`].
    pub description: &'a str,
    /// The fields of its type.
    pub content: &'a P,
}

/// What becomes of the notifications with a collapse key, whoever has them.
#[derive(Debug, Clone, Copy)]
pub struct Update<'a, P> {
    /// Which notifications; must not be empty.
    pub collapse_key: &'a str,
    /// One line.
    pub title: &'a str,
    /// A few lines.
    pub description: &'a str,
    /// The fields of its type.
    pub content: &'a P,
}

impl Push {
    /// Raises a notification, in the transaction of what it tells of: both are committed or neither is. Returns its
    /// number in the user's feed.
    ///
    /// **Call it last**: the user's feed stays locked until the transaction ends. For several users call it in the order
    /// of their ids, so that two transactions do not wait for each other.
    ///
    /// # Errors
    /// SQL Server; a user id, key or type that is empty or too long; content that is too large or no JSON object.
    pub async fn notify<P: Payload>(&self, tx: &mut Transaction<'_>, new: &New<'_, P>) -> Result<i64> {
        check_name("the user id", new.user_id, 1, USER_ID_MAX)?;
        check_name("the collapse key", new.collapse_key, 0, COLLAPSE_KEY_MAX)?;
        let content = content(new.content)?;
        let number = take_numbers(tx, new.user_id, 1).await?;
        let id = Uuid::new_v4();
        let params: &[&dyn sql::ToSql] = &[
            &new.user_id,
            &number,
            &id,
            &new.collapse_key,
            &P::NOTIFY_TYPE,
            &cut(&self.server_id, USER_ID_MAX),
            &cut(new.creator, CREATOR_MAX),
            &cut(new.title, TITLE_MAX),
            &cut(new.description, DESCRIPTION_MAX),
            &content.as_str(),
        ];
        tx.execute(include_str!("write.sql"), params).await?;
        self.announce_after_commit(tx, new.user_id, number);
        Ok(number)
    }

    /// Raises again what users have under a collapse key, for each of them: a job that reports its progress need not know
    /// who waits for it. Returns how many users that were, at most [`FOLLOWERS_MAX`]; zero where nobody has it (any more).
    /// Call it last in the transaction, and not for every step ([`Throttle`](super::Throttle)).
    ///
    /// # Errors
    /// As [`notify`](Self::notify).
    pub async fn update<P: Payload>(
        &self,
        tx: &mut Transaction<'_>,
        update: &Update<'_, P>,
    ) -> Result<usize> {
        check_name("the collapse key", update.collapse_key, 1, COLLAPSE_KEY_MAX)?;
        let most = i32::try_from(FOLLOWERS_MAX).unwrap_or(i32::MAX);
        let rows = tx.query(include_str!("followers.sql"), &[&update.collapse_key, &most]).await?;
        for row in &rows {
            let new = New {
                user_id: row.read("UserId")?,
                creator: row.read("Creator")?,
                collapse_key: update.collapse_key,
                title: update.title,
                description: update.description,
                content: update.content,
            };
            self.notify(tx, &new).await?;
        }
        Ok(rows.len())
    }

    pub(super) fn announce_after_commit(&self, tx: &mut Transaction<'_>, user_id: &str, number: i64) {
        let (hints, user_id) = (self.hints.clone(), user_id.to_owned());
        tx.after_commit(move || hints.announce(&user_id, number));
    }
}

/// Takes `count` numbers of the user's feed and returns the last; the feed is locked until the transaction ends.
pub(super) async fn take_numbers(tx: &mut Transaction<'_>, user_id: &str, count: i64) -> Result<i64> {
    let rows = tx.query(include_str!("take_numbers.sql"), &[&user_id, &count]).await?;
    let head = rows.first().map(|row| row.read("Head")).transpose()?;
    head.ok_or_else(|| {
        let message = "the feed of the user has no row".to_owned();
        sql::Error::Column { column: "Head".to_owned(), message }.into()
    })
}

fn content<P: Payload>(payload: &P) -> Result<String> {
    check_name("the notification type", P::NOTIFY_TYPE, 1, USER_ID_MAX)?;
    let not_an_object = || Error::Content { notify_type: P::NOTIFY_TYPE.to_owned() };
    let value = serde_json::to_value(payload).ok().filter(Value::is_object).ok_or_else(not_an_object)?;
    let text = value.to_string();
    if text.len() > CONTENT_BYTES_MAX {
        return Err(Error::ContentTooLarge {
            notify_type: P::NOTIFY_TYPE,
            bytes: text.len(),
            limit: CONTENT_BYTES_MAX,
        });
    }
    Ok(text)
}

fn check_name(what: &'static str, name: &str, min: usize, limit: usize) -> Result<()> {
    let length = name.encode_utf16().count();
    if (min..=limit).contains(&length) { Ok(()) } else { Err(Error::Name { what, length, limit }) }
}

/// At most `max` UTF-16 units, whole characters.
fn cut(text: &str, max: usize) -> &str {
    let mut units = 0;
    let end = text.char_indices().find(|(_, character)| {
        units += character.len_utf16();
        units > max
    });
    end.map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "abc");
        assert_eq!(cut("ab😀", 3), "ab");
        assert_eq!(cut("ab😀", 4), "ab😀");
        assert_eq!(cut("", 0), "");
    }
}
