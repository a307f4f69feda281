//! `/api/platform/jobs`: what operators see and do.

use actix_web::http::Method;
use jobs::{Client, JobId, NoWakeUp, Payload, Recurring};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sql::testing::TestDatabase;
use std::sync::Arc;

use crate::app::{app, database, get, request, send};

/// A kind of job that nobody runs here.
#[derive(Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) text: String,
}

impl Payload for Note {
    const TYPE: &'static str = "Example.Notes.Note, Example";
}

/// Enqueues notes with these texts.
pub(crate) async fn enqueue(database: &TestDatabase, texts: &[&str]) -> Vec<JobId> {
    let client = &Client::new(Arc::new(NoWakeUp));
    let notes: &Vec<Note> = &texts.iter().map(|text| Note { text: (*text).to_owned() }).collect();
    database
        .database
        .transaction("test", |tx| Box::pin(async move { client.enqueue_many(tx, notes).await }))
        .await
        .unwrap()
}

/// A recurring job of this name.
pub(crate) async fn recur(database: &TestDatabase, id: &str) {
    let client = &Client::new(Arc::new(NoWakeUp));
    let recurring = &Recurring::new(id, "0 3 * * *").zone("Europe/Berlin");
    database
        .database
        .transaction("test", |tx| {
            Box::pin(
                async move { client.set_recurring(tx, recurring, &Note { text: "again".to_owned() }).await },
            )
        })
        .await
        .unwrap();
}

#[actix_web::test]
async fn jobs_are_listed_found_read_and_changed() {
    let database = database().await;
    let app = app(&database).await;
    let ids = enqueue(&database, &["one", "two", "three"]).await;

    let page = get(&app, "/api/platform/jobs?state=Enqueued&limit=2").await;
    assert_eq!(page.body["items"].as_array().unwrap().len(), 2, "{}", page.body);
    assert_eq!(page.body["items"][0]["id"], ids[2].0);
    let next =
        get(&app, &format!("/api/platform/jobs?state=Enqueued&before={}", page.body["nextBefore"])).await;
    assert_eq!(next.body["items"][0]["id"], ids[0].0);
    let found = get(&app, "/api/platform/jobs?type=notes.note&argument=two").await;
    assert_eq!(found.body["items"].as_array().unwrap().len(), 1);
    assert_eq!(found.body["items"][0]["queue"], "default");

    let one = format!("/api/platform/jobs/{}", ids[0]);
    let job = get(&app, &one).await;
    assert_eq!(
        (job.body["state"].as_str(), job.body["type"].as_str()),
        (Some("Enqueued"), Some("Example.Notes.Note, Example"))
    );
    assert_eq!(job.body["history"][0]["state"], "Enqueued");

    assert_eq!(send(&app, request(Method::DELETE, &one)).await.status, 204);
    assert_eq!(get(&app, &one).await.body["reason"], "Deleted by tester");
    send(&app, request(Method::DELETE, &one)).await.assert_problem(409, "conflict");
    assert_eq!(send(&app, request(Method::POST, &format!("{one}/requeue"))).await.status, 204);
    send(&app, request(Method::POST, &format!("{one}/run"))).await.assert_problem(409, "conflict");
    send(&app, request(Method::POST, "/api/platform/jobs/999/requeue"))
        .await
        .assert_problem(404, "not_found");

    let order = json!({ "action": "delete", "filter": { "state": "Enqueued", "type": "Note" } });
    let done = send(&app, request(Method::POST, "/api/platform/jobs/actions").set_json(order)).await;
    assert_eq!(done.body, json!({ "done": 3, "more": false }));
    let order = json!({ "action": "requeue", "ids": [ids[1].0, 999] });
    let done = send(&app, request(Method::POST, "/api/platform/jobs/actions").set_json(order)).await;
    assert_eq!(done.body["done"], 1);
    let audited = database
        .database
        .query("SELECT COUNT(*) AS n FROM Platform.AuditLog AS a WHERE a.Entity = N'job'", &[])
        .await
        .unwrap();
    assert_eq!(sql::RowExt::read::<i32>(&audited[0], "n").unwrap(), 4);
    database.close().await;
}

#[actix_web::test]
async fn what_cannot_be_asked_for_is_named_field_by_field() {
    let database = database().await;
    let app = app(&database).await;
    let wrong =
        get(&app, "/api/platform/jobs?state=Done&queue=No%20Queue&from=yesterday&limit=501&before=0").await;
    wrong.assert_problem(422, "validation_failed");
    assert_eq!(wrong.fields(), ["state", "queue", "from", "limit", "before"]);
    for (order, fields) in [
        (json!({ "action": "boil", "ids": [1] }), vec!["action"]),
        (json!({ "action": "delete" }), vec!["ids"]),
        (json!({ "action": "delete", "filter": { "type": "Note" } }), vec!["filter.state"]),
        (json!({ "action": "delete", "ids": [1], "filter": { "state": "Failed" } }), vec!["ids"]),
        (json!({ "action": "delete", "ids": vec![1; 501] }), vec!["ids"]),
    ] {
        let answer = send(&app, request(Method::POST, "/api/platform/jobs/actions").set_json(&order)).await;
        answer.assert_problem(422, "validation_failed");
        assert_eq!(answer.fields(), fields, "{order}");
    }
    get(&app, "/api/platform/jobs/history?period=year").await.assert_problem(422, "validation_failed");
    database.close().await;
}

#[actix_web::test]
async fn recurring_jobs_are_changed_paused_and_triggered() {
    let database = database().await;
    let app = app(&database).await;
    recur(&database, "nightly report").await;
    let path = "/api/platform/jobs/recurring/nightly%20report";
    let job = get(&app, path).await;
    assert_eq!(
        (job.body["timeZone"].as_str(), job.body["misfire"].as_str()),
        (Some("Europe/Berlin"), Some("relaxed"))
    );
    assert_eq!(job.body["upcoming"].as_array().unwrap().len(), 5);

    let timing = json!({ "cron": "*/5 * * * *", "timeZone": "W. Europe Standard Time", "misfire": "strict", "jitterSecs": 30 });
    let changed = send(&app, request(Method::PUT, path).set_json(timing)).await;
    assert_eq!(
        (changed.body["cron"].as_str(), changed.body["jitterSecs"].as_u64()),
        (Some("*/5 * * * *"), Some(30))
    );
    assert_eq!(changed.body["type"], "Example.Notes.Note, Example");
    for (timing, field) in [
        (json!({ "cron": "61 * * * *" }), "cron"),
        (json!({ "cron": "* * * * *", "timeZone": "Mars/Olympus" }), "timeZone"),
        (json!({ "cron": "* * * * *", "queue": "No Queue" }), "queue"),
        (json!({ "cron": "* * * * *", "jitterSecs": 86_401 }), "jitterSecs"),
        (json!({ "cron": "* * * * *", "misfire": "maybe" }), "misfire"),
    ] {
        let answer = send(&app, request(Method::PUT, path).set_json(&timing)).await;
        answer.assert_problem(422, "validation_failed");
        assert_eq!(answer.fields(), [field], "{timing}");
    }

    assert_eq!(send(&app, request(Method::POST, &format!("{path}/pause"))).await.status, 204);
    let paused = get(&app, path).await;
    assert!(paused.body["nextAt"].is_null() && paused.body["pausedAt"].is_string(), "{}", paused.body);
    let triggered = send(&app, request(Method::POST, &format!("{path}/trigger"))).await;
    assert_eq!(triggered.status, 202);
    let job = get(&app, &format!("/api/platform/jobs/{}", triggered.body["jobId"])).await;
    assert_eq!(job.body["parameters"]["RecurringJobId"], "\"nightly report\"");
    assert_eq!(send(&app, request(Method::POST, &format!("{path}/resume"))).await.status, 204);
    assert!(get(&app, path).await.body["nextAt"].is_string());

    for id in ["a", "b", "c"] {
        recur(&database, id).await;
    }
    let page = get(&app, "/api/platform/jobs/recurring?limit=2").await;
    assert_eq!(page.body["items"][1]["id"], "b");
    let cursor = page.body["nextCursor"].as_str().unwrap();
    let next = get(&app, &format!("/api/platform/jobs/recurring?limit=2&cursor={cursor}")).await;
    assert_eq!(next.body["items"][1]["id"], "nightly report");
    assert!(next.body["nextCursor"].is_null());
    assert_eq!(send(&app, request(Method::DELETE, path)).await.status, 204);
    for (method, path) in [(Method::GET, path), (Method::DELETE, path)] {
        send(&app, request(method, path)).await.assert_problem(404, "not_found");
    }
    database.close().await;
}

#[actix_web::test]
async fn queues_rest_and_the_overview_counts() {
    let database = database().await;
    let app = app(&database).await;
    enqueue(&database, &["one", "two"]).await;
    recur(&database, "nightly").await;
    assert_eq!(
        send(&app, request(Method::POST, "/api/platform/jobs/queues/default/pause")).await.status,
        204
    );
    let queues = get(&app, "/api/platform/jobs/queues").await;
    assert_eq!(
        (queues.body[0]["waiting"].as_i64(), queues.body[0]["pausedBy"].as_str()),
        (Some(2), Some("tester"))
    );
    assert_eq!(
        send(&app, request(Method::POST, "/api/platform/jobs/queues/default/resume")).await.status,
        204
    );
    assert!(get(&app, "/api/platform/jobs/queues").await.body[0]["pausedAt"].is_null());
    send(&app, request(Method::POST, "/api/platform/jobs/queues/No%20Queue/pause"))
        .await
        .assert_problem(422, "validation_failed");
    let overview = get(&app, "/api/platform/jobs/overview").await;
    assert_eq!(
        (overview.body["byState"]["Enqueued"].as_i64(), overview.body["recurring"].as_i64()),
        (Some(2), Some(1))
    );
    assert_eq!(get(&app, "/api/platform/jobs/history?period=week").await.body.as_array().unwrap().len(), 7);
    assert_eq!(get(&app, "/api/platform/jobs/servers").await.body, json!([]));
    database.close().await;
}
