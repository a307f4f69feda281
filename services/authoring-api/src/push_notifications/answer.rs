//! Notifications in JSON.

use backplane::push::{Notification, Page};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A page of notifications.
#[derive(Serialize, ToSchema)]
#[schema(as = PushNotificationPage)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageAnswer {
    /// How many there are on all pages.
    total_count: u32,
    /// How many of all of the user's notifications are unread.
    new_count: u32,
    #[schema(value_type = Vec<PushNotification>)]
    notify_events: Vec<Value>,
}

impl PageAnswer {
    pub(super) fn of(page: &Page) -> Self {
        Self {
            total_count: page.total_count,
            new_count: page.new_count,
            notify_events: events(&page.notifications),
        }
    }
}

/// As `Send` delivers them.
pub(super) fn events(notifications: &[Notification]) -> Vec<Value> {
    notifications.iter().map(Notification::to_json).collect()
}

/// A notification: the fields that all have, and beside them those of its `notifyType`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "the form of what `Notification::to_json` makes, for the document")]
pub(super) struct PushNotification {
    /// Stays the same while the notification changes.
    #[schema(format = "uuid")]
    id: String,
    /// Its place in the user's feed; each change gives it a new one.
    number: i64,
    /// Which process raised it last.
    server_id: String,
    /// Whom it is for.
    creator: String,
    /// When it was raised first.
    #[schema(format = DateTime)]
    created: String,
    /// Not marked as read since it changed.
    is_new: bool,
    /// What kind it is, such as `CatalogImportPushNotification`.
    notify_type: String,
    title: String,
    description: String,
    /// How often it was raised again without a difference.
    repeat_count: i32,
}
