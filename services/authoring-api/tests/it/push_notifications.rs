//! Notifications over REST: replay, pages, marking as read, and that everybody sees their own.

use actix_http::Request;
use actix_web::Error;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use backplane::Push;
use backplane::push::New;
use contracts::push::CatalogImport;
use host::auth::Permissions;
use serde_json::{Value, json};
use sql::testing::TestDatabase;

use crate::app::{
    Answer, app, app_with, database, get, put_store, request, request_with, send, settings, token_of,
};
use crate::imports::{Part, upload};

const PATH: &str = "/api/platform/pushnotifications";
/// Whom `request` signs in.
const USER: &str = "user:1";

pub(crate) fn import(id: i64) -> CatalogImport {
    CatalogImport {
        import_id: id,
        store: "outdoor".to_owned(),
        file_name: format!("{id}.csv"),
        job_id: None,
        state: "Running",
        finished: None,
        total_count: None,
        processed_count: 0,
        error_count: 0,
        errors: Vec::new(),
        total_bytes: 0,
        processed_bytes: 0,
        products_created: 0,
        products_updated: 0,
        products_unchanged: 0,
        products_refused: 0,
    }
}

/// Raises as a worker would.
async fn raise(database: &TestDatabase, user_id: &str, id: i64) {
    let push = Push::start(database.database.clone(), None, "test", "worker-1");
    let raised = database.database.transaction("test.raise", |tx| {
        let push = push.clone();
        Box::pin(async move {
            let content = import(id);
            let new = New {
                user_id,
                creator: "tester",
                collapse_key: &CatalogImport::key(id),
                title: &content.title(),
                description: &content.description(),
                content: &content,
            };
            push.notify(tx, &new).await
        })
    });
    raised.await.unwrap();
    push.stop().await;
}

async fn post<S>(app: &S, path: &str, body: Value) -> Answer
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    send(app, request(Method::POST, path).set_json(body)).await
}

fn ids(answer: &Answer) -> Vec<i64> {
    let events = answer.body["notifyEvents"].as_array();
    events.into_iter().flatten().map(|event| event["importId"].as_i64().unwrap()).collect()
}

#[actix_web::test]
async fn what_was_missed_is_read_on_from_the_last_number_and_ends() {
    let database = database().await;
    let app = app(&database).await;
    for id in 1..=3 {
        raise(&database, USER, id).await;
    }
    raise(&database, "user:2", 9).await;

    let first = get(&app, &format!("{PATH}?limit=2")).await;
    assert_eq!((first.status.as_u16(), ids(&first)), (200, vec![1, 2]), "{}", first.body);
    assert_eq!((&first.body["head"], &first.body["newCount"]), (&json!(3), &json!(3)));
    let event = &first.body["notifyEvents"][1];
    assert_eq!(event["notifyType"], "CatalogImportPushNotification");
    assert_eq!((&event["title"], &event["isNew"]), (&json!("Import of 2.csv"), &json!(true)));

    let rest = get(&app, &format!("{PATH}?after={}", event["number"])).await;
    assert_eq!(ids(&rest), [3]);
    let none = get(&app, &format!("{PATH}?after=3")).await;
    assert_eq!(none.body["notifyEvents"], json!([]));

    for (query, field) in [("after=-1", "after"), ("limit=0", "limit"), ("limit=201", "limit")] {
        let refused = get(&app, &format!("{PATH}?{query}")).await;
        refused.assert_problem(422, "validation_failed");
        assert_eq!(refused.fields(), [field]);
    }
    get(&app, &format!("{PATH}?after=x")).await.assert_problem(400, "bad_request");
    database.close().await;
}

#[actix_web::test]
async fn a_page_is_found_as_virto_commerce_clients_ask_for_it() {
    let database = database().await;
    let app = app(&database).await;
    for id in 1..=3 {
        raise(&database, USER, id).await;
    }

    let page = post(&app, PATH, json!({ "skip": 0, "take": 2 })).await;
    assert_eq!((page.status.as_u16(), ids(&page)), (200, vec![3, 2]), "{}", page.body);
    assert_eq!((&page.body["totalCount"], &page.body["newCount"]), (&json!(3), &json!(3)));
    let id = page.body["notifyEvents"][1]["id"].clone();
    assert_eq!(ids(&post(&app, PATH, json!({ "ids": [id] })).await), [2]);
    assert_eq!(ids(&post(&app, PATH, json!({ "sort": "created:asc", "onlyNew": true })).await), [1, 2, 3]);
    let earlier = json!({ "endDate": "2000-01-01T00:00:00Z", "ids": null, "sort": null });
    assert_eq!(post(&app, PATH, earlier).await.body["totalCount"], 0);

    let wrong = json!({ "ids": ["x"], "startDate": "now", "sort": "title", "skip": 1_000_001, "take": 101 });
    let refused = post(&app, PATH, wrong).await;
    refused.assert_problem(422, "validation_failed");
    assert_eq!(refused.fields(), ["ids", "startDate", "sort", "skip", "take"]);
    let many = post(&app, PATH, json!({ "ids": vec![id; 101] })).await;
    many.assert_problem(422, "validation_failed");
    database.close().await;
}

#[actix_web::test]
async fn one_or_all_are_marked_as_read_and_only_by_their_user() {
    let database = database().await;
    let app = app(&database).await;
    for id in 1..=3 {
        raise(&database, USER, id).await;
    }
    raise(&database, "user:2", 9).await;
    let page = post(&app, PATH, json!({})).await;
    let id = page.body["notifyEvents"][0]["id"].as_str().unwrap();

    assert_eq!(post(&app, &format!("{PATH}/{id}/markAsRead"), json!({})).await.status, 204);
    assert_eq!(post(&app, PATH, json!({ "onlyNew": true })).await.body["newCount"], 2);
    for unknown in ["x", "6f9619ff-8b86-d011-b42d-00c04fc964ff"] {
        let answer = post(&app, &format!("{PATH}/{unknown}/markAsRead"), json!({})).await;
        answer.assert_problem(404, "not_found");
    }

    let all = post(&app, &format!("{PATH}/markAllAsRead"), json!({})).await;
    assert_eq!((all.status.as_u16(), &all.body["newCount"]), (200, &json!(0)));
    assert_eq!(all.body["totalCount"], 3);
    assert!(all.body["notifyEvents"].as_array().unwrap().iter().all(|event| event["isNew"] == false));
    let push = Push::start(database.database.clone(), None, "test", "test");
    assert_eq!(push.replay("user:2", 0, 10).await.unwrap().new_count, 1, "somebody else's stay unread");
    push.stop().await;
    database.close().await;
}

#[actix_web::test]
async fn whoever_uploads_a_catalog_is_told_of_its_import_in_the_same_transaction() {
    let database = database().await;
    let app = app(&database).await;
    put_store(&app).await;
    let catalog = Part::File("summer.csv", "Handle,Title,Variant Price\nlamp,Lamp,12.50\n");
    let queued = send(&app, upload(&[Part::Store("outdoor"), catalog])).await;
    assert_eq!(queued.status, 202, "{}", queued.body);

    let told = get(&app, PATH).await;

    let event = &told.body["notifyEvents"][0];
    assert_eq!(event["importId"], queued.body["id"]);
    assert_eq!(event["jobId"], queued.body["jobId"].as_i64().unwrap().to_string());
    assert_eq!((&event["state"], &event["creator"]), (&json!("Queued"), &json!("tester")));
    assert_eq!((&event["description"], &event["finished"]), (&json!("Waits for a worker"), &Value::Null));
    database.close().await;
}

#[actix_web::test]
async fn no_permission_is_needed_for_ones_own_notifications() {
    let database = database().await;
    let settings = settings(&[]);
    let app = app_with(&database, &settings).await;
    let token = token_of(&database, &settings, Permissions::from_names([])).await;
    let answer = send(&app, request_with(&token, Method::GET, PATH)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    database.close().await;
}
