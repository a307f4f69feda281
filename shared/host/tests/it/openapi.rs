//! The API document and its viewer, served.

use actix_web::App;
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use host::openapi::Document;
use utoipa::OpenApi;

#[derive(OpenApi)]
struct Nothing;

fn header<B>(response: &ServiceResponse<B>, name: &str) -> String {
    response.headers().get(name).unwrap().to_str().unwrap().to_owned()
}

#[actix_web::test]
async fn the_document_is_served_with_an_entity_tag_and_not_sent_twice() {
    let document = Document::of(Nothing::openapi(), &[]).unwrap();
    let app = init_service(App::new().configure(|config| document.routes(config))).await;
    let first = call_service(&app, TestRequest::get().uri("/openapi.json").to_request()).await;
    assert_eq!(header(&first, "content-type"), "application/json");
    let etag = header(&first, "etag");
    let body: serde_json::Value = serde_json::from_slice(&read_body(first).await).unwrap();
    assert_eq!(body["openapi"], "3.1.0");
    assert_eq!(body, document.json().unwrap());

    let again = TestRequest::get().uri("/openapi.json").insert_header(("if-none-match", etag));
    let again = call_service(&app, again.to_request()).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
}

#[actix_web::test]
async fn the_viewer_loads_nothing_from_elsewhere() {
    let document = Document::of(Nothing::openapi(), &[]).unwrap();
    let app = init_service(App::new().configure(|config| document.routes(config))).await;
    let get = async |path: &str| call_service(&app, TestRequest::get().uri(path).to_request()).await;

    assert_eq!(header(&get("/docs").await, "location"), "/docs/");
    let page = get("/docs/").await;
    assert_eq!(page.status(), StatusCode::OK);
    let policy = header(&page, "content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self';"), "{policy}");
    let page = String::from_utf8(read_body(page).await.to_vec()).unwrap();
    assert!(!page.contains("://"), "{page}");
    for part in page.split(['"', '\'']).filter_map(|part| part.strip_prefix("./")) {
        assert_eq!(get(&format!("/docs/{part}")).await.status(), StatusCode::OK, "{part}");
    }
    let start = read_body(get("/docs/swagger-initializer.js").await).await;
    let start = String::from_utf8(start.to_vec()).unwrap();
    assert!(start.contains("/openapi.json") && !start.contains("://"), "{start}");
    assert_eq!(get("/docs/nothing.js").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(get("/docs/../openapi.json").await.status(), StatusCode::NOT_FOUND);
}
