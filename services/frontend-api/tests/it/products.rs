//! One product: documents, entity tags, absence.

use std::io::Read;

use actix_web::http::header::HeaderMap;
use actix_web::test::TestRequest;
use frontend_api::routes;
use host::http::Shortcut;

use crate::app::{Answer, World, app_on, get, product};

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

/// The body as it was before it was coded.
/// Asks past the routes; `None`: it is left to them.
async fn ask_memory(shortcut: &Shortcut, request: TestRequest) -> Option<Answer> {
    let response = shortcut.answer(request.to_request().head())?;
    Some(Answer::of(response.map_into_boxed_body()).await)
}

#[actix_web::test]
async fn memory_answers_as_the_route_does_and_only_what_it_has() {
    let world = World::new().await;
    world.publish(1, &[product("lamp", "Lamp", "")]).await;
    let state = world.state(true);
    let (shortcut, app) = (routes::shortcut(state.clone()), app_on(state).await);
    world.caught_up().await;
    let at = |path: &str| TestRequest::get().uri(path);
    let lamp = "/v1/outdoor/products/lamp";

    assert!(ask_memory(&shortcut, at(lamp)).await.is_none(), "nothing is in memory yet");
    let etag = get(&app, lamp, &[]).await.header("etag").to_owned();
    let gzip = ("Accept-Encoding", "gzip");
    let not_coded_yet = ask_memory(&shortcut, at(lamp).insert_header(gzip)).await;
    assert!(not_coded_yet.is_none(), "what has to be compressed is left to the route");

    let coded = get(&app, lamp, &[gzip]).await.header("etag").to_owned();
    let (known, known_coded) = (("If-None-Match", &*etag), ("If-None-Match", &*coded));
    let asked: [&[(&str, &str)]; 5] = [&[], &[known], &[gzip], &[gzip, known], &[gzip, known_coded]];
    for headers in asked {
        let request = headers.iter().fold(at(lamp), |request, header| request.insert_header(*header));
        let memory = ask_memory(&shortcut, request).await.unwrap_or_else(|| panic!("in memory: {headers:?}"));
        let route = get(&app, lamp, headers).await;
        assert_eq!(memory.status, route.status, "{headers:?}");
        assert_eq!(memory.bytes, route.bytes, "{headers:?}");
        assert_eq!(sorted(&memory.headers), sorted(&route.headers), "{headers:?}");
    }
    for left in [
        at("/v1/outdoor/products/none"),
        at("/v1/outdoor/products/l%61mp"),
        at("/v1/other/products/lamp"),
        at("/v1/outdoor/products"),
        TestRequest::delete().uri(lamp),
    ] {
        assert!(ask_memory(&shortcut, left).await.is_none());
    }
    world.publish(2, &[product("lamp", "Lamp, edited", "")]).await;
    assert!(ask_memory(&shortcut, at(lamp)).await.is_none(), "what was edited is no longer valid");
    world.close().await;
}

fn sorted(headers: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    lines.sort();
    lines
}

fn decoded(answer: &Answer) -> Vec<u8> {
    let mut bytes = Vec::new();
    match answer.header("content-encoding") {
        "br" => brotli::BrotliDecompress(&mut &answer.bytes[..], &mut bytes).unwrap(),
        "gzip" => {
            flate2::read::GzDecoder::new(&answer.bytes[..]).read_to_end(&mut bytes).unwrap();
        }
        _ => bytes.extend_from_slice(&answer.bytes),
    }
    bytes
}

#[actix_web::test]
async fn each_coding_is_a_form_of_the_document_with_an_entity_tag_of_its_own() {
    let world = World::new().await;
    world.publish(1, &[product("lamp", &"Lamp ".repeat(40), "Home > Light")]).await;
    let app = world.app(true).await;
    const PATH: &str = "/v1/outdoor/products/lamp";

    let plain = get(&app, PATH, &[]).await;
    assert_eq!(plain.header("vary"), "", "the bytes as they are suit everybody");
    let plain_etag = plain.header("etag").trim_matches('"');
    for (asked, coding) in [("gzip, deflate, br, zstd", "br"), ("gzip", "gzip"), ("br;q=0.1, gzip", "gzip")] {
        let coded = get(&app, PATH, &[("Accept-Encoding", asked)]).await;
        assert_eq!((coded.status.as_u16(), coded.header("content-encoding")), (200, coding), "{asked}");
        assert_eq!(coded.header("etag"), format!("\"{plain_etag}-{coding}\""), "{asked}");
        assert_eq!(coded.header("vary"), "accept-encoding");
        assert_eq!(coded.header("content-type"), "application/json");
        assert_eq!(coded.header("cache-control"), "no-cache");
        assert!(coded.bytes.len() < plain.bytes.len());
        assert_eq!(decoded(&coded), plain.bytes);
        // Once more, from what is kept.
        assert_eq!(get(&app, PATH, &[("Accept-Encoding", asked)]).await.bytes, coded.bytes);
    }
    for asked in ["identity", "deflate, zstd", "gzip;q=0"] {
        let as_it_is = get(&app, PATH, &[("Accept-Encoding", asked)]).await;
        assert_eq!(as_it_is.header("content-encoding"), "", "{asked}");
        assert_eq!(as_it_is.bytes, plain.bytes);
    }
    let page = get(&app, "/v1/outdoor/products", &[("Accept-Encoding", "br")]).await;
    assert_eq!(page.header("content-encoding"), "br");
    world.close().await;
}

#[actix_web::test]
async fn a_client_is_told_304_for_any_form_that_it_can_use_and_which_one_that_is() {
    let world = World::new().await;
    world.publish(1, &[product("lamp", &"Lamp ".repeat(40), "")]).await;
    let app = world.app(true).await;
    const PATH: &str = "/v1/outdoor/products/lamp";
    let etag =
        async |asked: &str| get(&app, PATH, &[("Accept-Encoding", asked)]).await.header("etag").to_owned();
    let (plain, br, gzip) = (etag("identity").await, etag("br").await, etag("gzip").await);

    for (asked, known, answered) in [
        ("gzip, br", br.as_str(), br.as_str()),
        ("gzip, br", &gzip, &gzip),
        ("gzip, br", &plain, &plain),
        ("gzip", &format!("\"other\", {br}, {gzip}"), &gzip),
        ("gzip", &format!("W/{gzip}"), &gzip),
        ("gzip", "*", &plain),
    ] {
        let headers = [("Accept-Encoding", asked), ("If-None-Match", known)];
        let answer = get(&app, PATH, &headers).await;
        assert_eq!(answer.status, 304, "{asked}: {known}");
        assert_eq!(answer.header("etag"), answered, "{asked}: {known}");
        assert_eq!(answer.header("vary"), "accept-encoding");
        assert!(answer.bytes.is_empty());
    }
    // A shared cache names all that it has; this client could not read that.
    for headers in [&[("If-None-Match", &*br)][..], &[("If-None-Match", &*br), ("Accept-Encoding", "gzip")]] {
        assert_eq!(get(&app, PATH, headers).await.status, 200, "{headers:?}");
    }

    world.publish(2, &[product("lamp", &"Lamp, edited ".repeat(15), "")]).await;

    let changed = get(&app, PATH, &[("Accept-Encoding", "br"), ("If-None-Match", &br)]).await;
    assert_eq!(changed.status, 200);
    assert!(String::from_utf8(decoded(&changed)).unwrap().contains("edited"));
    world.close().await;
}
