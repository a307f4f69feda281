//! Which answers are compressed, and which never are.

use std::io::Read;

use actix_web::http::Method;
use host::auth::Permissions;

use serde_json::json;

use crate::app::{Answer, PASSWORD, app_with, database, request_with, send, settings, token_of};
use crate::products::imported;

/// What came before it was coded.
fn decoded(answer: &Answer) -> serde_json::Value {
    assert_eq!(answer.header("content-encoding"), "gzip");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&answer.bytes[..]).read_to_end(&mut bytes).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[actix_web::test]
async fn long_answers_are_compressed_and_those_with_secrets_or_versions_are_not() {
    let database = database().await;
    let settings = settings(&[("Http:Compression:MinBytes", "64")]);
    let app = app_with(&database, &settings).await;
    let token = token_of(&database, &settings, Permissions::All).await;
    let get = |path: &str, accepted: &str| {
        let request = request_with(&token, Method::GET, path);
        request.insert_header(("Accept-Encoding", accepted.to_owned()))
    };
    const STORE: &str = "/admin/stores/outdoor";
    let body = json!({ "name": "Stoa ".repeat(30), "currency": "EUR", "language": "en" });
    let put =
        request_with(&token, Method::PUT, STORE).set_json(body).insert_header(("Accept-Encoding", "gzip"));
    let put = send(&app, put).await;
    assert!(put.status.is_success(), "{}", put.body);
    assert_eq!(put.header("content-encoding"), "", "the answer to a change may carry a secret");

    let plain = send(&app, request_with(&token, Method::GET, STORE)).await;
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", ""));
    let coded = send(&app, get(STORE, "gzip, zstd")).await;
    assert_eq!(coded.header("vary"), "accept-encoding");
    assert!(coded.bytes.len() < plain.bytes.len());
    assert_eq!(decoded(&coded), plain.body);
    assert_eq!(send(&app, get(STORE, "br, gzip")).await.header("content-encoding"), "br");

    // Its entity tag is the version that `If-Match` names.
    let path = format!("/admin/products/{}", imported(&database, &["lamp"]).await);
    let product = send(&app, get(&path, "gzip")).await;
    assert_eq!((product.header("etag"), product.header("content-encoding")), ("\"1\"", ""));
    assert!(product.bytes.len() > 64);
    let missing = send(&app, get("/admin/stores/nowhere", "gzip")).await;
    missing.assert_problem(404, "not_found");
    assert_eq!(missing.header("content-encoding"), "");

    let form = [("grant_type", "password"), ("username", "admin"), ("password", PASSWORD)];
    let sign_in = actix_web::test::TestRequest::post().uri("/connect/token").set_form(form);
    let tokens = send(&app, sign_in.insert_header(("Accept-Encoding", "gzip, br"))).await;
    assert_eq!(tokens.status, 200);
    assert_eq!(tokens.header("cache-control"), "no-store");
    assert_eq!(
        tokens.header("content-encoding"),
        "",
        "what is as long as its secrets allow tells about them"
    );
    database.close().await;
}
