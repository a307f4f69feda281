//! Uploads: what is taken, what is refused at the door, and that nothing is left behind by a refusal.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use sql::testing::TestDatabase;

use crate::app::{Answer, MAX_UPLOAD_BYTES, app, database, get, put_store, request, send};

const CATALOG: &str = "Handle,Title,Variant Price\nlamp,Lamp,12.50\n";
const BOUNDARY: &str = "a-boundary";

enum Part<'a> {
    Store(&'a str),
    File(&'a str, &'a str),
    Other(&'a str),
}

fn upload(parts: &[Part<'_>]) -> TestRequest {
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
