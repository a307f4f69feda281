//! Uploads: what is taken, what is refused at the door, and that nothing is left behind by a refusal.

use std::rc::Rc;

use actix_web::dev::Service;
use actix_web::http::Method;
use actix_web::test::TestRequest;
use sql::testing::TestDatabase;

use actix_web::web::Bytes;
use host::auth::Permissions;

use crate::app::{
    Answer, MAX_CONCURRENT_UPLOADS, MAX_UPLOAD_BYTES, app, app_with, database, get, put_store, request,
    request_with, send, settings, token_of,
};

const CATALOG: &str = "Handle,Title,Variant Price\nlamp,Lamp,12.50\n";
const BOUNDARY: &str = "a-boundary";

pub(crate) enum Part<'a> {
    Store(&'a str),
    File(&'a str, &'a str),
    Other(&'a str),
}

pub(crate) fn upload(parts: &[Part<'_>]) -> TestRequest {
    let mut body = String::new();
    for part in parts {
        let (disposition, text) = match part {
            Part::Store(store) => ("name=\"store\"".to_owned(), *store),
            Part::File(name, text) => (format!("name=\"file\"; filename=\"{name}\""), *text),
            Part::Other(name) => (format!("name=\"{name}\""), "x"),
        };
        body += &format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{text}\r\n");
    }
    body += &format!("--{BOUNDARY}--\r\n");
    request(Method::POST, "/admin/imports")
        .insert_header(("Content-Type", format!("multipart/form-data; boundary={BOUNDARY}")))
        .set_payload(body)
}

async fn count(database: &TestDatabase, query: &'static str) -> i32 {
    sql::RowExt::read(&database.database.query(query, &[]).await.unwrap()[0], "N").unwrap()
}

async fn assert_nothing_written(database: &TestDatabase) {
    assert_eq!(count(database, "SELECT COUNT(*) AS N FROM Commerce.Import").await, 0);
    assert_eq!(count(database, "SELECT COUNT(*) AS N FROM Platform.Blob").await, 0);
    assert_eq!(count(database, "SELECT COUNT(*) AS N FROM HangFire.Job").await, 0);
}

#[actix_web::test]
async fn a_catalog_is_queued_with_its_file_and_its_job() {
    let database = database().await;
    let app = app(&database).await;
    put_store(&app).await;

    for parts in [
        [Part::Store("outdoor"), Part::File("summer.csv", CATALOG)],
        [Part::File("summer.csv", CATALOG), Part::Store("outdoor")],
    ] {
        let queued = send(&app, upload(&parts)).await;
        assert_eq!(queued.status, 202, "{}", queued.body);
        assert_eq!(queued.body["state"], "Queued");
        assert_eq!(queued.body["fileName"], "summer.csv");
        assert!(queued.body["jobId"].is_i64());
        assert_eq!(get(&app, queued.header("location")).await.body, queued.body);
    }

    assert_eq!(count(&database, "SELECT COUNT(*) AS N FROM HangFire.JobQueue").await, 2);
    let stored =
        count(&database, "SELECT CAST(SUM(DATALENGTH(p.Data)) AS int) AS N FROM Platform.BlobPart AS p")
            .await;
    assert_eq!(stored as usize, 2 * CATALOG.len());
    database.close().await;
}

#[actix_web::test]
async fn a_file_that_is_no_catalog_or_for_no_store_is_refused_and_leaves_nothing() {
    let database = database().await;
    let app = app(&database).await;
    put_store(&app).await;

    let no_handle = send(&app, upload(&[Part::Store("outdoor"), Part::File("a.csv", "Title\nLamp\n")])).await;
    no_handle.assert_problem(422, "validation_failed");
    assert_eq!(no_handle.fields(), ["file"]);
    let empty = send(&app, upload(&[Part::Store("outdoor"), Part::File("a.csv", "")])).await;
    assert_eq!(empty.body["errors"][0]["reason"], "the file is empty");
    for store in ["nowhere", "-", ""] {
        let unknown = send(&app, upload(&[Part::Store(store), Part::File("a.csv", CATALOG)])).await;
        unknown.assert_problem(422, "validation_failed");
        assert_eq!(unknown.fields(), ["store"]);
    }
    assert_nothing_written(&database).await;
    database.close().await;
}

#[actix_web::test]
async fn an_upload_that_cannot_be_read_is_refused_and_leaves_nothing() {
    let database = database().await;
    let app = app(&database).await;
    put_store(&app).await;
    let missing = |answer: &Answer, field: &str| {
        answer.assert_problem(422, "validation_failed");
        assert_eq!(answer.fields(), [field]);
    };

    missing(&send(&app, upload(&[Part::Store("outdoor")])).await, "file");
    missing(&send(&app, upload(&[Part::File("a.csv", CATALOG)])).await, "store");
    let twice = send(&app, upload(&[Part::Store("outdoor"), Part::Store("outdoor")])).await;
    twice.assert_problem(400, "bad_request");
    send(&app, upload(&[Part::Other("notes")])).await.assert_problem(400, "bad_request");
    let json = request(Method::POST, "/admin/imports").set_json("x");
    send(&app, json).await.assert_problem(415, "unsupported_media_type");
    let broken = request(Method::POST, "/admin/imports")
        .insert_header(("Content-Type", format!("multipart/form-data; boundary={BOUNDARY}")))
        .set_payload("no boundary in here");
    send(&app, broken).await.assert_problem(400, "bad_request");
    assert_nothing_written(&database).await;
    database.close().await;
}

/// A body as it is, after this `Content-Type`.
fn multipart(content_type: &str, body: impl Into<Bytes>) -> TestRequest {
    request(Method::POST, "/admin/imports").insert_header(("Content-Type", content_type)).set_payload(body)
}

#[actix_web::test]
async fn a_body_whose_parts_are_broken_is_refused_wherever_it_breaks_and_leaves_nothing() {
    let database = database().await;
    let app = app(&database).await;
    put_store(&app).await;
    let with_boundary = format!("multipart/form-data; boundary={BOUNDARY}");
    let store = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"store\"\r\n\r\noutdoor\r\n");
    let file = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n{CATALOG}\r\n"
    );
    let whole = format!("{store}{file}--{BOUNDARY}--\r\n");

    for (content_type, status, code) in [
        ("multipart/form-data", 400, "bad_request"),
        ("multipart/form-data; boundary=", 400, "bad_request"),
        ("multipart/mixed; boundary=a-boundary", 415, "unsupported_media_type"),
        ("text/csv", 415, "unsupported_media_type"),
        ("multipart/form-data; boundary=another", 400, "bad_request"),
    ] {
        let answer = send(&app, multipart(content_type, whole.clone())).await;
        assert_eq!((answer.status.as_u16(), &answer.body["code"]), (status, &code.into()), "{content_type}");
    }
    // Cut off anywhere before its last boundary, it is not whole.
    for length in (0..whole.len() - 4).step_by(7) {
        let answer = send(&app, multipart(&with_boundary, whole[..length].to_owned())).await;
        assert!(answer.status.is_client_error(), "{length}: {} {}", answer.status, answer.body);
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    let part = |head: &str| format!("--{BOUNDARY}\r\n{head}\r\n\r\nx\r\n--{BOUNDARY}--\r\n");
    let long = format!("Content-Disposition: form-data; name=\"store\"\r\nX-Long: {}", "x".repeat(1 << 20));
    let many = format!("Content-Disposition: form-data; name=\"store\"{}", "\r\nX-Many: x".repeat(200));
    for head in [
        &long,
        &many,
        "Content-Type: text/csv",
        "Content-Disposition: form-data",
        "Content-Disposition: attachment; name=\"file\"",
        "nonsense",
        "\u{0}: x",
    ] {
        let answer = send(&app, multipart(&with_boundary, part(head))).await;
        assert_eq!(answer.status, 400, "{}: {}", &head[..head.len().min(60)], answer.body);
        assert_eq!(answer.body["code"], "bad_request");
    }
    assert_nothing_written(&database).await;
    assert_eq!(send(&app, multipart(&with_boundary, whole)).await.status, 202);
    database.close().await;
}

#[actix_web::test]
async fn while_all_places_for_uploads_are_taken_another_is_asked_to_come_back() {
    let database = database().await;
    let settings = settings(&[]);
    let app = Rc::new(app_with(&database, &settings).await);
    let token = token_of(&database, &settings, Permissions::All).await;
    let upload = || {
        request_with(&token, Method::POST, "/admin/imports")
            .insert_header(("Content-Type", format!("multipart/form-data; boundary={BOUNDARY}")))
    };
    // Bodies of which nothing comes, until they end early.
    let (mut senders, mut slow) = (Vec::new(), Vec::new());
    for _ in 0..MAX_CONCURRENT_UPLOADS {
        let (sender, payload) = actix_http::h1::Payload::create(false);
        let (request, _) = upload().to_request().replace_payload(payload.into());
        let app = app.clone();
        senders.push(sender);
        slow.push(actix_web::rt::spawn(async move { app.call(request).await.unwrap().status() }));
    }
    // What is let in is refused for its form.
    let answered = async |status: u16| loop {
        let answer = send(&app, upload().set_payload("no boundary")).await;
        if answer.status == status {
            return answer;
        }
        tokio::task::yield_now().await;
    };

    let refused = answered(503).await;
    refused.assert_problem(503, "unavailable");
    assert_eq!(refused.header("retry-after"), "5");

    senders.pop();
    answered(400).await.assert_problem(400, "bad_request");
    drop(senders);
    for answer in slow {
        assert_eq!(answer.await.unwrap(), 400, "a body that ends early");
    }
    assert_nothing_written(&database).await;
    database.close().await;
}

#[actix_web::test]
async fn a_file_above_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let database = database().await;
    let app = app(&database).await;
    put_store(&app).await;
    let of_length = |bytes: usize| format!("{CATALOG}{}", "\n".repeat(bytes - CATALOG.len()));

    let fits = of_length(MAX_UPLOAD_BYTES as usize);
    assert_eq!(send(&app, upload(&[Part::Store("outdoor"), Part::File("a.csv", &fits)])).await.status, 202);
    let large = of_length(MAX_UPLOAD_BYTES as usize + 1);
    let refused = send(&app, upload(&[Part::Store("outdoor"), Part::File("a.csv", &large)])).await;
    refused.assert_problem(413, "payload_too_large");
    database.close().await;
}

#[actix_web::test]
async fn an_import_that_does_not_exist_is_not_found() {
    let database = database().await;
    let app = app(&database).await;
    for path in ["/admin/imports/7", "/admin/imports/x", "/admin/imports/-1"] {
        get(&app, path).await.assert_problem(404, "not_found");
    }
    let limit = get(&app, "/admin/imports/7?refusalsLimit=5000").await;
    limit.assert_problem(422, "validation_failed");
    database.close().await;
}
