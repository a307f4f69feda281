//! Snapshots of notifications as browsers get them.

use backplane::push::{Notification, Payload};
use contracts::push::{CatalogImport, messages_missed};

fn import() -> CatalogImport {
    CatalogImport {
        import_id: 42,
        store: "outdoor".to_owned(),
        file_name: "summer.csv".to_owned(),
        job_id: Some("7".to_owned()),
        state: "Completed",
        finished: Some("2026-03-01T09:05:07.25Z".to_owned()),
        total_count: Some(1_000),
        processed_count: 1_000,
        error_count: 2,
        errors: Vec::new(),
        total_bytes: 65_536,
        processed_bytes: 65_536,
        products_created: 400,
        products_updated: 90,
        products_unchanged: 9,
        products_refused: 1,
    }
}

#[test]
fn the_notification_of_an_import_keeps_its_form() {
    let import = import();
    let content = serde_json::to_value(&import).unwrap();
    let notification = Notification {
        id: "6f9619ff-8b86-d011-b42d-00c04fc964ff".parse().unwrap(),
        number: 17,
        notify_type: CatalogImport::NOTIFY_TYPE.to_owned(),
        server_id: "worker-1_0a1b".to_owned(),
        creator: "jo".to_owned(),
        title: import.title(),
        description: import.description(),
        repeat_count: 0,
        is_new: true,
        created: time::macros::datetime!(2026-03-01 09:00 UTC),
        content: content.as_object().unwrap().clone(),
    };
    insta::assert_json_snapshot!(notification.to_json());
    insta::assert_snapshot!(CatalogImport::key(42), @"import:42");
}

#[test]
fn a_person_reads_where_the_import_is() {
    let completed = import();
    let clean = CatalogImport { error_count: 0, ..completed.clone() };
    let queued = CatalogImport { state: "Queued", ..completed.clone() };
    let running = CatalogImport { state: "Running", processed_count: 250, ..completed.clone() };
    let failed =
        CatalogImport { state: "Failed", errors: vec!["row 6 is too large".to_owned()], ..completed.clone() };
    let said = [completed, clean, queued, running, failed].map(|import| import.description());
    insta::assert_debug_snapshot!(said, @r#"
    [
        "Completed: 1000 rows, 2 of them refused",
        "Completed: 1000 rows",
        "Waits for a worker",
        "250 rows so far",
        "row 6 is too large",
    ]
    "#);
}

#[test]
fn what_is_said_after_redis_was_away_keeps_its_form() {
    insta::assert_json_snapshot!(messages_missed(), @r#"
    {
      "description": "Messages of other servers may have been missed; ask for what you show.",
      "notifyType": "MessagesMissedPushNotification",
      "title": "Live messages were interrupted"
    }
    "#);
}
