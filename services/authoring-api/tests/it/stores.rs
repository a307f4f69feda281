//! Stores.

use actix_web::http::Method;
use serde_json::json;

use crate::app::{app, database, get, put_store, request, send};

#[actix_web::test]
async fn a_store_is_created_renamed_and_read_back() {
    let database = database().await;
    let app = app(&database).await;
    get(&app, "/admin/stores/outdoor").await.assert_problem(404, "not_found");

    assert_eq!(put_store(&app).await.body["version"], 1);
    let body = json!({ "name": "Stoa, renamed", "currency": "eur", "language": "de" });
    let renamed = send(&app, request(Method::PUT, "/admin/stores/outdoor").set_json(body)).await;

    let expected = json!({ "id": "outdoor", "name": "Stoa, renamed", "currency": "EUR", "language": "de", "version": 2 });
    assert_eq!(renamed.body, expected);
    assert_eq!(get(&app, "/admin/stores/outdoor").await.body, expected);
    database.close().await;
}

#[actix_web::test]
async fn a_store_that_breaks_a_rule_is_refused_with_the_field() {
    let database = database().await;
    let app = app(&database).await;
    put_store(&app).await;
    let put = async |path: &str, body: serde_json::Value| {
        send(&app, request(Method::PUT, path).set_json(body)).await
    };

    let currency = put("/admin/stores/b", json!({ "name": "B", "currency": "EURO", "language": "en" })).await;
    currency.assert_problem(422, "validation_failed");
    assert_eq!(currency.fields(), ["currency"]);
    let name = put("/admin/stores/b", json!({ "name": " ", "currency": "EUR", "language": "en" })).await;
    assert_eq!(name.fields(), ["name"]);
    let id = put("/admin/stores/-b", json!({ "name": "B", "currency": "EUR", "language": "en" })).await;
    assert_eq!(id.fields(), ["store"]);
    let missing = put("/admin/stores/b", json!({ "name": "B" })).await;
    missing.assert_problem(400, "bad_request");

    let other =
        put("/admin/stores/outdoor", json!({ "name": "B", "currency": "USD", "language": "en" })).await;
    other.assert_problem(409, "conflict");
    database.close().await;
}
