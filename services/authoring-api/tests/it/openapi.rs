//! The API document against the routes that exist, and its form.

use authoring_api::{openapi, routes};

use crate::app::{database, settings, state};

#[test]
fn the_document_keeps_its_form() {
    insta::assert_json_snapshot!(openapi::document().unwrap().json().unwrap());
}

#[actix_web::test]
async fn the_document_has_every_route_and_no_other() {
    let database = database().await;
    let state = state(&database, &settings(&[])).await;
    let document = openapi::document().unwrap();
    host::testing::assert_documents_every_route(&document, |config| routes::configure_api(config, state))
        .await;
    database.close().await;
}
