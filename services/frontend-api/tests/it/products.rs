//! One product: documents, entity tags, absence.

use crate::app::{World, get, product};

#[actix_web::test]
async fn a_product_is_found_by_slug_and_by_id_with_the_same_bytes_and_entity_tag() {
    let world = World::new().await;
    world.publish(1, &[product("lamp", "Lamp", "Home > Light")]).await;
    let app = world.app(true).await;

    let by_slug = get(&app, "/v1/outdoor/products/lamp", &[]).await;
    let id = by_slug.json()["id"].as_i64().unwrap();
    let by_id = get(&app, &format!("/v1/outdoor/products/{id}"), &[]).await;

    assert_eq!(by_slug.status, 200);
    assert_eq!(by_slug.header("content-type"), "application/json");
    assert_eq!(by_slug.header("cache-control"), "no-cache");
    assert!(by_slug.header("etag").starts_with('"'), "a strong tag");
    assert_eq!(by_slug.bytes, by_id.bytes);
    assert_eq!(by_slug.header("etag"), by_id.header("etag"));
    world.close().await;
}

#[actix_web::test]
async fn a_client_that_has_the_document_gets_304_without_a_body() {
    let world = World::new().await;
    world.publish(1, &[product("lamp", "Lamp", "")]).await;
    let app = world.app(true).await;
    let etag = get(&app, "/v1/outdoor/products/lamp", &[]).await.header("etag").to_owned();

    for sent in [etag.clone(), format!("\"other\", {etag}"), "*".to_owned()] {
        let again = get(&app, "/v1/outdoor/products/lamp", &[("If-None-Match", &sent)]).await;
        assert_eq!(again.status, 304, "{sent}");
        assert_eq!(again.header("etag"), etag);
        assert!(again.bytes.is_empty());
    }
    let other = get(&app, "/v1/outdoor/products/lamp", &[("If-None-Match", "\"other\"")]).await;
    assert_eq!(other.status, 200);
    world.close().await;
}

#[actix_web::test]
async fn an_edit_is_shown_at_once_by_the_process_that_wrote_it() {
    let world = World::new().await;
    world.publish(1, &[product("lamp", "Lamp", "")]).await;
    let app = world.app(true).await;
    let before = get(&app, "/v1/outdoor/products/lamp", &[]).await;

    world.publish(2, &[product("lamp", "Lamp, edited", "")]).await;

    let etag = before.header("etag");
    let after = get(&app, "/v1/outdoor/products/lamp", &[("If-None-Match", etag)]).await;
    assert_eq!(after.status, 200);
    assert_eq!(after.json()["title"], "Lamp, edited");
    world.close().await;
}

#[actix_web::test]
async fn what_does_not_exist_is_a_problem_until_it_comes_into_being() {
    let world = World::new().await;
    let app = world.app(true).await;
    for path in ["/v1/outdoor/products/lamp", "/v1/outdoor/products/7", "/v1/nowhere/products/lamp"] {
        get(&app, path, &[]).await.assert_problem(404, "not_found");
        get(&app, path, &[]).await.assert_problem(404, "not_found");
    }
    // Names that nothing can have.
    for path in
        ["/v1/outdoor/products/a.b", "/v1/%20/products/lamp", "/v1/outdoor/products/99999999999999999999"]
    {
        get(&app, path, &[]).await.assert_problem(404, "not_found");
    }

    world.publish(1, &[product("lamp", "Lamp", "")]).await;

    assert_eq!(get(&app, "/v1/outdoor/products/lamp", &[]).await.status, 200);
    world.close().await;
}

#[actix_web::test]
async fn without_a_cache_the_answers_are_the_same() {
    let world = World::new().await;
    world.publish(1, &[product("lamp", "Lamp", "")]).await;
    let (with, without) = (world.app(true).await, world.app(false).await);

    let expected = get(&with, "/v1/outdoor/products/lamp", &[]).await;
    let found = get(&without, "/v1/outdoor/products/lamp", &[]).await;

    assert_eq!(found.bytes, expected.bytes);
    assert_eq!(found.header("etag"), expected.header("etag"));
    get(&without, "/v1/outdoor/products/chair", &[]).await.assert_problem(404, "not_found");
    world.close().await;
}
