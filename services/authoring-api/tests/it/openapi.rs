//! The API document against the routes that exist, and its form.

use std::collections::BTreeSet;

use actix_web::App;
use actix_web::introspection::IntrospectionTree;
use actix_web::test::{TestRequest, call_and_read_body_json, init_service};
use actix_web::web::{self, Data};
use authoring_api::{openapi, routes};
use serde_json::Value;

use crate::app::{database, settings, state};

/// Where this test's app lists its routes.
const LIST: &str = "/test/routes";
/// What `host` serves on every port and adds to every document.
const OF_HOST: [&str; 3] = ["GET /health", "GET /health/live", "GET /health/ready"];

#[test]
fn the_document_keeps_its_form() {
    insta::assert_json_snapshot!(openapi::document().unwrap().json().unwrap());
}

#[actix_web::test]
async fn the_document_has_every_route_and_no_other() {
    let database = database().await;
    let state = state(&database, &settings(&[])).await;
    let app = App::new()
        .configure(|config| routes::configure(config, state))
        .route(LIST, web::get().to(async |tree: Data<IntrospectionTree>| tree.report_as_json()));
    let app = init_service(app).await;
    let request = TestRequest::get().uri(LIST).to_request();
    let listed: Value = call_and_read_body_json(&app, request).await;

    let documented = openapi::document().unwrap().operations().unwrap();
    let routes = registered(&listed).into_iter().chain(OF_HOST.map(str::to_owned)).collect::<BTreeSet<_>>();
    assert!(routes.len() > OF_HOST.len());
    assert_eq!(documented, routes);
    database.close().await;
}

/// `GET /things/{id}` of each route that answers.
fn registered(listed: &Value) -> Vec<String> {
    let items = listed.as_array().unwrap().iter().filter(|item| item["full_path"] != LIST);
    items
        .flat_map(|item| {
            let path = item["full_path"].as_str().unwrap();
            let methods = item["methods"].as_array().unwrap().iter();
            methods.map(move |method| format!("{} {path}", method.as_str().unwrap()))
        })
        .collect()
}
