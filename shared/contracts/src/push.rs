//! Push notifications: what each kind carries beside the fields that all have (`backplane::push::Notification`), as the
//! JSON that browsers get. `notifyType` and field names keep their meaning once released.

use backplane::push::Payload;
use serde::Serialize;
use serde_json::{Value, json};

/// How far a catalog import is; one notification an import, raised again as it goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogImport {
    /// `Commerce.Import.Id`.
    pub import_id: i64,
    /// Whose products the file has.
    pub store: String,
    /// As it was uploaded.
    pub file_name: String,
    /// The job that runs it.
    pub job_id: Option<String>,
    /// `Queued`, `Running`, `Completed` or `Failed`.
    pub state: &'static str,
    /// When it completed or failed, RFC 3339; null: it goes on.
    pub finished: Option<String>,
    /// Rows of the file; null until the file was read to its end.
    pub total_count: Option<u64>,
    /// Rows that are done.
    pub processed_count: u64,
    /// Of them, rows with something wrong.
    pub error_count: u64,
    /// Why it failed.
    pub errors: Vec<String>,
    /// Size of the file.
    pub total_bytes: u64,
    /// How much of it is done.
    pub processed_bytes: u64,
    /// Products that are new.
    pub products_created: u64,
    /// Products that changed.
    pub products_updated: u64,
    /// Products that were like this already.
    pub products_unchanged: u64,
    /// Products that were not imported.
    pub products_refused: u64,
}

impl Payload for CatalogImport {
    const NOTIFY_TYPE: &'static str = "CatalogImportPushNotification";
}

impl CatalogImport {
    /// The collapse key of an import's notification.
    pub fn key(import_id: i64) -> String {
        format!("import:{import_id}")
    }

    /// For people.
    pub fn title(&self) -> String {
        format!("Import of {}", self.file_name)
    }

    /// For people.
    pub fn description(&self) -> String {
        let rows = self.processed_count;
        match (self.state, self.errors.first()) {
            (_, Some(error)) => error.clone(),
            ("Queued", _) => "Waits for a worker".to_owned(),
            ("Completed", _) if self.error_count > 0 => {
                format!("Completed: {rows} rows, {} of them refused", self.error_count)
            }
            ("Completed", _) => format!("Completed: {rows} rows"),
            _ => format!("{rows} rows so far"),
        }
    }
}

/// What `SendSystemEvents` brings after Redis was away: calls of other instances may have been missed. Notifications come
/// by themselves; a client that shows anything else asks for it anew.
pub fn messages_missed() -> Value {
    json!({
        "notifyType": "MessagesMissedPushNotification",
        "title": "Live messages were interrupted",
        "description": "Messages of other servers may have been missed; ask for what you show.",
    })
}
