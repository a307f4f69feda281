//! A stored notification, and how clients see it: the JSON that Virto Commerce's clients know.

use serde::Serialize;
use serde_json::{Map, Value};
use sql::{Row, RowExt};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use super::error::{Error, Result};

/// The fields of one kind of notification: a struct that serialises to a JSON object.
pub trait Payload: Serialize + Sync {
    /// `notifyType`: clients choose by it how to show the notification. At most 100 characters.
    const NOTIFY_TYPE: &'static str;
}

/// One notification of one user, as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// Stays the same while the notification changes.
    pub id: Uuid,
    /// Its place in the user's feed; a change gives it a new one.
    pub number: i64,
    /// What kind it is.
    pub notify_type: String,
    /// Which process raised it last.
    pub server_id: String,
    /// Whom it is for, as people call them.
    pub creator: String,
    /// One line.
    pub title: String,
    /// A few lines.
    pub description: String,
    /// How often it was raised again without a difference.
    pub repeat_count: i32,
    /// Nobody has marked it as read since it changed.
    pub is_new: bool,
    /// When it was raised first, by the database's clock.
    pub created: OffsetDateTime,
    /// The fields of its type.
    pub content: Map<String, Value>,
}

impl Notification {
    pub(super) fn read(row: &Row) -> Result<Self> {
        let notify_type: &str = row.read("NotifyType")?;
        let content = serde_json::from_str(row.read("Content")?)
            .map_err(|_| Error::Content { notify_type: notify_type.to_owned() })?;
        Ok(Self {
            id: row.read("Id")?,
            number: row.read("Number")?,
            notify_type: notify_type.to_owned(),
            server_id: row.read::<&str>("ServerId")?.to_owned(),
            creator: row.read::<&str>("Creator")?.to_owned(),
            title: row.read::<&str>("Title")?.to_owned(),
            description: row.read::<&str>("Description")?.to_owned(),
            repeat_count: row.read("RepeatCount")?,
            is_new: row.read("IsNew")?,
            created: row.read::<PrimitiveDateTime>("CreatedAt")?.assume_utc(),
            content,
        })
    }

    /// The one argument of `Send`, and an element of `notifyEvents`: the fields of the type, and beside them those
    /// that all notifications have, which win where names are equal.
    pub fn to_json(&self) -> Value {
        let mut json = self.content.clone();
        let created = self.created.format(&Rfc3339).unwrap_or_default();
        let common: [(&str, Value); 10] = [
            ("id", self.id.to_string().into()),
            ("number", self.number.into()),
            ("serverId", self.server_id.as_str().into()),
            ("creator", self.creator.as_str().into()),
            ("created", created.into()),
            ("isNew", self.is_new.into()),
            ("notifyType", self.notify_type.as_str().into()),
            ("title", self.title.as_str().into()),
            ("description", self.description.as_str().into()),
            ("repeatCount", self.repeat_count.into()),
        ];
        json.extend(common.map(|(name, value)| (name.to_owned(), value)));
        Value::Object(json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_fields_win_over_those_of_the_type() {
        let content = serde_json::json!({ "id": "theirs", "finished": null }).as_object().cloned();
        let notification = Notification {
            id: Uuid::nil(),
            number: 7,
            notify_type: "T".to_owned(),
            server_id: "s".to_owned(),
            creator: "jo".to_owned(),
            title: String::new(),
            description: String::new(),
            repeat_count: 0,
            is_new: true,
            created: OffsetDateTime::UNIX_EPOCH,
            content: content.unwrap_or_default(),
        };
        let json = notification.to_json();
        assert_eq!(json["id"], Uuid::nil().to_string());
        assert_eq!(json["finished"], Value::Null);
        assert_eq!(json["created"], "1970-01-01T00:00:00Z");
    }
}
