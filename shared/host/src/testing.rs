//! For tests of services: the routes that an app has, to be compared with the document that describes them.
//!
//! Panics with the reason where something is not as it must be; never part of a service.

use std::collections::BTreeSet;

use actix_web::App;
use actix_web::introspection::IntrospectionTree;
use actix_web::test::{TestRequest, call_and_read_body_json, init_service};
use actix_web::web::{self, Data, ServiceConfig};
use serde_json::Value;

use crate::health;
use crate::openapi::Document;

/// Where the app under test lists its routes.
const LIST: &str = "/test/routes";

/// Checks that `document` has every route that `configure` adds, those that this crate adds to each service, and no
/// other.
pub async fn assert_documents_every_route(document: &Document, configure: impl FnOnce(&mut ServiceConfig)) {
    let app = App::new()
        .configure(health::routes)
        .configure(configure)
        .route(LIST, web::get().to(async |tree: Data<IntrospectionTree>| tree.report_as_json()));
    let app = init_service(app).await;
    let listed: Value = call_and_read_body_json(&app, TestRequest::get().uri(LIST).to_request()).await;

    let routes = registered(&listed);
    assert!(routes.iter().any(|route| !route.contains("/health")), "no route of the service in {listed}");
    let documented = document.operations().expect("the document is JSON");
    assert_eq!(documented, routes);
}

/// `GET /things/{id}` of each route that answers.
fn registered(listed: &Value) -> BTreeSet<String> {
    let items = listed.as_array().into_iter().flatten().filter(|item| item["full_path"] != LIST);
    let routes = items.flat_map(|item| {
        let path = item["full_path"].as_str().unwrap_or_default();
        let methods = item["methods"].as_array().into_iter().flatten();
        methods.filter_map(Value::as_str).map(move |method| format!("{method} {path}"))
    });
    routes.collect()
}
