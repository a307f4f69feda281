//! Editing a product: versions that cannot be lost, fields that are named.

use actix_web::http::Method;
use domain::import::{Assembler, Columns};
use domain::{Currency, StoreId};
use serde_json::{Value, json};
use sql::testing::TestDatabase;
use store::products::{Chunk, upsert_and_publish};
use store::publication::ListingTags;

use crate::app::{app, database, get, put_store, request, send};

/// Writes products with these slugs and gives the id of the first.
pub(crate) async fn imported(database: &TestDatabase, slugs: &[&str]) -> i64 {
    let currency = Currency::parse("EUR").unwrap();
    let header = ["Handle", "Title", "Variant Price", "Variant SKU"];
    let columns = Columns::from_header(header.map(str::as_bytes)).unwrap();
    let mut assembler = Assembler::new(columns, currency);
    let mut products = Vec::new();
    for (row, slug) in (2..).zip(slugs) {
        let cells = [*slug, "Lamp", "12.50", "LAMP-1"];
        products.extend(assembler.push(row, cells.map(str::as_bytes)));
    }
    products.extend(assembler.finish());
    let products: Vec<_> = products.into_iter().map(|assembled| assembled.outcome.unwrap()).collect();
    let id = StoreId::parse("outdoor").unwrap();
    let chunk = &Chunk { store: &id, import_id: 1, actor: "test", products: &products };
    let write = database
        .database
        .transaction("test.publish", |tx| Box::pin(upsert_and_publish(tx, chunk, ListingTags::Now)));
    write.await.unwrap();
    let rows =
        database.database.query("SELECT MIN(p.Id) AS Id FROM Commerce.Product AS p", &[]).await.unwrap();
    sql::RowExt::read(&rows[0], "Id").unwrap()
}

#[actix_web::test]
async fn an_edit_with_the_right_version_is_saved_and_shown_with_the_next_one() {
    let database = database().await;
    let app = app(&database).await;
    put_store(&app).await;
    let path = &format!("/admin/products/{}", imported(&database, &["lamp"]).await);
    let read = get(&app, path).await;
    assert_eq!(read.header("etag"), "\"1\"");
    assert_eq!(read.body["variants"][0]["price"], "12.50");

    let mut product = read.body.clone();
    product["title"] = json!("Lamp, edited");
    let put = request(Method::PUT, path).insert_header(("If-Match", "\"1\"")).set_json(&product);
    let saved = send(&app, put).await;

    assert_eq!(saved.status, 200, "{}", saved.body);
    assert_eq!(saved.header("etag"), "\"2\"");
    let again = get(&app, path).await;
    assert_eq!(again.body, saved.body);
    assert_eq!((&again.body["title"], &again.body["version"]), (&json!("Lamp, edited"), &json!(2)));
    database.close().await;
}

#[actix_web::test]
async fn saving_what_is_there_already_changes_no_version() {
    let database = database().await;
    let app = app(&database).await;
    put_store(&app).await;
    let path = &format!("/admin/products/{}", imported(&database, &["lamp"]).await);
    let product = get(&app, path).await.body;

    let put = request(Method::PUT, path).insert_header(("If-Match", "\"1\"")).set_json(&product);
    let saved = send(&app, put).await;

    assert_eq!((saved.status.as_u16(), saved.header("etag")), (200, "\"1\""));
    assert_eq!(saved.body, product);
    database.close().await;
}

#[actix_web::test]
async fn an_edit_that_names_no_version_or_a_wrong_one_is_refused() {
    let database = database().await;
    let app = app(&database).await;
    put_store(&app).await;
    let path = &format!("/admin/products/{}", imported(&database, &["lamp"]).await);
    let mut product = get(&app, path).await.body;
    product["title"] = json!("Lamp, edited");
    let put = |if_match: Option<&'static str>| {
        let put = request(Method::PUT, path).set_json(&product);
        match if_match {
            Some(tag) => put.insert_header(("If-Match", tag)),
            None => put,
        }
    };

    send(&app, put(None)).await.assert_problem(428, "version_required");
    send(&app, put(Some("W/\"1\""))).await.assert_problem(400, "bad_request");
    send(&app, put(Some("*"))).await.assert_problem(400, "bad_request");
    let stale = send(&app, put(Some("\"7\""))).await;
    stale.assert_problem(412, "version_mismatch");
    assert_eq!(stale.body["detail"], "the product is at version 1 by now");
    send(&app, put(Some("\"nonsense\""))).await.assert_problem(412, "version_mismatch");
    assert_eq!(get(&app, path).await.body["title"], "Lamp");
    database.close().await;
}

#[actix_web::test]
async fn wrong_fields_a_taken_slug_and_a_missing_product_have_their_own_answers() {
    let database = database().await;
    let app = app(&database).await;
    put_store(&app).await;
    let id = imported(&database, &["lamp", "chair"]).await;
    let path = &format!("/admin/products/{id}");
    let product = get(&app, path).await.body;
    let put = async |path: &str, changes: Value| {
        let mut product = product.clone();
        product.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let put = request(Method::PUT, path).insert_header(("If-Match", "\"1\"")).set_json(&product);
        send(&app, put).await
    };

    let wrong = put(path, json!({ "title": "", "variants": [{ "price": "twelve" }] })).await;
    wrong.assert_problem(422, "validation_failed");
    assert_eq!(wrong.fields(), ["variants[0].price", "title"]);
    put(path, json!({ "slug": "chair" })).await.assert_problem(409, "conflict");
    put("/admin/products/999999", json!({})).await.assert_problem(404, "not_found");
    put("/admin/products/lamp", json!({})).await.assert_problem(404, "not_found");
    put(path, json!({ "variants": "none" })).await.assert_problem(400, "bad_request");
    database.close().await;
}
