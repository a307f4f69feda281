//! Pages of products.

use crate::app::{World, get, product};

#[actix_web::test]
async fn pages_follow_each_other_without_gap_or_repeat() {
    let world = World::new().await;
    let products: Vec<_> = (0..5).map(|n| product(&format!("p-{n}"), "Product", "Home > Light")).collect();
    world.publish(1, &products).await;
    let app = world.app(true).await;

    let mut slugs = Vec::new();
    let mut path = "/v1/outdoor/products?limit=2".to_owned();
    loop {
        let page = get(&app, &path, &[]).await.json();
        let items = page["items"].as_array().unwrap().clone();
        slugs.extend(items.iter().map(|item| item["slug"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        assert_eq!(items.len(), 2);
        path = format!("/v1/outdoor/products?limit=2&cursor={cursor}");
    }

    assert_eq!(slugs, ["p-0", "p-1", "p-2", "p-3", "p-4"]);
    world.close().await;
}

#[actix_web::test]
async fn a_category_contains_what_lies_below_it() {
    let world = World::new().await;
    let products = [product("lamp", "Lamp", "Home > Light"), product("rope", "Rope", "Outdoor")];
    world.publish(1, &products).await;
    let app = world.app(true).await;

    for (category, expected) in [("home", 1), ("home/light", 1), ("Home%20%2F%20Light", 1), ("garden", 0)] {
        let page = get(&app, &format!("/v1/outdoor/products?category={category}"), &[]).await;
        assert_eq!(page.json()["items"].as_array().unwrap().len(), expected, "{category}");
    }
    world.close().await;
}

#[actix_web::test]
async fn a_page_is_fresh_after_a_change_and_304_before() {
    let world = World::new().await;
    world.publish(1, &[product("lamp", "Lamp", "Home")]).await;
    let app = world.app(true).await;
    let path = "/v1/outdoor/products?category=home";
    let etag = get(&app, path, &[]).await.header("etag").to_owned();
    assert_eq!(get(&app, path, &[("If-None-Match", &etag)]).await.status, 304);

    world.publish(2, &[product("chair", "Chair", "Home")]).await;

    let after = get(&app, path, &[("If-None-Match", &etag)]).await;
    assert_eq!(after.json()["items"].as_array().unwrap().len(), 2);
    world.close().await;
}

#[actix_web::test]
async fn parameters_that_do_not_fit_are_named() {
    let world = World::new().await;
    let app = world.app(true).await;

    let answer = get(&app, "/v1/outdoor/products?limit=101&cursor=nonsense&category=%2F", &[]).await;

    answer.assert_problem(400, "bad_request");
    let fields: Vec<_> =
        answer.json()["errors"].as_array().unwrap().iter().map(|e| e["field"].clone()).collect();
    assert_eq!(fields, ["category", "limit", "cursor"]);
    get(&app, "/v1/outdoor/products?limit=1&limit=2", &[]).await.assert_problem(400, "bad_request");
    get(&app, "/v1/nowhere/products", &[]).await.assert_problem(404, "not_found");
    world.close().await;
}
