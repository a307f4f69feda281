//! The HTTP boundary of the real processes: every address with every method, requests that no good client sends, pages of
//! other origins, answers while SQL is away.

use std::time::Duration;

use anyhow::{Context, Result};
use e2e::{Instance, Layout, World, eventually, raw};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

use crate::{STORE, with_demo_catalog, with_one_position};

const BOTH: [Instance; 2] = [Instance::Frontend(0), Instance::Authoring(0)];
/// Only ends a hung test.
const LIMIT: Duration = Duration::from_secs(60);

async fn start(set: &'static [&'static str]) -> Result<World> {
    World::start(Layout { frontends: 1, workers: 0, redis: false, set, ..Layout::default() }).await
}

/// `path` with the examples of the document, or something, in place of its parameters.
fn address(path: &str, operation: &Value) -> String {
    let example = |name: &str| {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let example =
            parameters.filter(|p| p["in"] == "path" && p["name"] == name).map(|p| &p["example"]).next();
        match example {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => "1".to_owned(),
        }
    };
    let segment = |part: &str| part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).map(example);
    path.split('/').map(|part| segment(part).unwrap_or_else(|| part.to_owned())).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_address_answers_every_method_as_its_document_says_or_with_405() -> Result<()> {
    let world = start(Layout::default().set).await?;
    let token = world.merchant.token().await?;
    let client = Client::new();
    for instance in BOTH {
        let origin = format!("http://{}", world.address(instance)?);
        let document: Value = client.get(format!("{origin}/openapi.json")).send().await?.json().await?;
        let paths = document["paths"].as_object().context("no paths")?;
        assert!(paths.len() >= 5, "{instance}");
        for (path, item) in paths {
            let first = item.as_object().and_then(|item| item.values().next()).context("no operation")?;
            let url = format!("{origin}{}", address(path, first));
            for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
                let request =
                    client.request(Method::from_bytes(method.as_bytes())?, &url).bearer_auth(&token);
                let answer = request.send().await?;
                let (status, headers) = (answer.status(), answer.headers().clone());
                let shown = format!("{method} {path} of {instance}: {status}");
                let body = answer.bytes().await?;
                assert!(headers.contains_key("x-request-id"), "{shown}");
                let operation = &item[method.to_ascii_lowercase()];
                if operation.is_object() {
                    assert!(!operation["responses"][status.as_str()].is_null(), "{shown} is not documented");
                } else {
                    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{shown}");
                    assert!(headers.contains_key("allow"), "{shown}");
                    is_problem(&headers, &shown);
                }
                assert!(method != "HEAD" || body.is_empty(), "{shown}");
            }
        }
    }
    world.stop().await
}

fn is_problem(headers: &HeaderMap, shown: &str) {
    let content_type = headers.get("content-type").map(HeaderValue::as_bytes);
    assert_eq!(content_type, Some(&b"application/problem+json"[..]), "{shown}");
}

#[tokio::test]
async fn broken_requests_are_answered_and_break_nothing() -> Result<()> {
    let world = start(Layout::default().set).await?;
    world.merchant.put_store(STORE, "Stoa Outdoor", "EUR").await?;
    let token = world.merchant.token().await?;
    let long = "x".repeat(100_000);
    let targets = [
        "/v1/%00/products/%00",
        "/v1/outdoor/products/%ff%fe",
        "/v1/outdoor/products/..%2f..%2fetc",
        "/v1/outdoor/products?cursor=%00&limit=%zz",
        "/v1/outdoor/products?category=%f0%28%8c%bc",
        "/admin/products/%00",
        "/admin/imports/%2e%2e?refusalsAfter=%00",
        "/admin/stores/%c3%28",
        &format!("/v1/outdoor/products?category={}", &long[..10_000]),
        &format!("/v1/outdoor/products?{long}"),
        "/connect/token?%00",
    ];
    let mut requests = Vec::new();
    for target in targets {
        for method in ["GET", "PUT", "POST", "BREW"] {
            requests
                .push(format!("{method} {target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n"));
        }
    }
    let bodies = [
        "content-type: application/json\r\ncontent-length: 9\r\n\r\n{\"a\":\0\0\0}",
        "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n",
        "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "\r\n",
    ];
    for instance in BOTH {
        for request in &requests {
            for body in bodies {
                let request = format!("{request}connection: close\r\n{body}");
                let (head, _) = raw(world.address(instance)?, request.as_bytes()).await?;
                let status = head.split(' ').nth(1).context("no status")?;
                let shown = &request[..request.len().min(120)];
                assert!(status.starts_with('4') || status == "200", "{instance}: {shown}\n→ {head}");
            }
        }
        let health = reqwest::get(format!("http://{}/health/live", world.address(instance)?)).await?;
        assert_eq!(health.status(), StatusCode::OK, "{instance}");
    }
    world.stop().await
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_uses_both_apis_and_another_changes_nothing() -> Result<()> {
    const SHOP: &str = "https://shop.example";
    let world =
        start(&["Http:StopDelay=00:00:00", "Http:Cors:AllowedOrigins:0=https://shop.example"]).await?;
    world.merchant.put_store(STORE, "Stoa Outdoor", "EUR").await?;
    let (client, token) = (Client::new(), world.merchant.token().await?);
    let url =
        |instance, path: &str| Ok::<_, anyhow::Error>(format!("http://{}{path}", world.address(instance)?));
    let admin = url(Instance::Authoring(0), "/admin/stores/outdoor")?;

    // A browser asks without the token whether it may send one.
    let preflight = client
        .request(Method::OPTIONS, &admin)
        .header("origin", SHOP)
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "authorization,content-type,if-match");
    let preflight = preflight.send().await?;
    assert_eq!(preflight.status(), StatusCode::OK);
    assert_eq!(preflight.headers()["access-control-allow-origin"], SHOP);

    let put = async |origin: &str, name: &str| {
        let body = serde_json::json!({ "name": name, "currency": "EUR", "language": "en" });
        client.put(&admin).bearer_auth(&token).header("origin", origin).json(&body).send().await
    };
    let changed = put(SHOP, "Renamed").await?;
    assert!(changed.status().is_success());
    assert_eq!(changed.headers()["access-control-allow-origin"], SHOP);
    let refused = put("https://evil.example", "Stolen").await?;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert_eq!(refused.json::<Value>().await?["code"], "cross_origin_refused");
    assert_eq!(world.merchant.get("/admin/stores/outdoor").await?.body["name"], "Renamed");

    // What the guard refuses can be read by the page, too.
    let unauthorized = client.get(&admin).header("origin", SHOP).send().await?;
    assert_eq!(unauthorized.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(unauthorized.headers()["access-control-allow-origin"], SHOP);
    let listing = url(Instance::Frontend(0), "/v1/outdoor/products")?;
    let listing = client.get(listing).header("origin", SHOP).send().await?.error_for_status()?;
    assert_eq!(listing.headers()["access-control-allow-origin"], SHOP);
    world.stop().await
}

#[tokio::test]
async fn while_sql_is_away_a_frontend_marks_what_it_answers_from_memory() -> Result<()> {
    let set = &["Http:StopDelay=00:00:00", "Caching:MaxStaleness=00:00:01"];
    let layout = Layout { frontends: 1, redis: false, durable_sql: true, set, ..Layout::default() };
    let mut world = World::start(layout).await?;
    with_demo_catalog(&world).await?;
    // What was read before the import was applied must be read again, and then nobody answers.
    with_one_position(&world).await?;
    let path = format!("/v1/{STORE}/products/enamel-mug");
    let fresh = world.shoppers[0].get(&path).await?;
    assert!(!fresh.headers.contains_key("warning"));
    let etag = fresh.etag.context("a product without entity tag")?;

    world.kill_sql()?;

    let (marked, _) = eventually("the answer is marked", LIMIT, async || {
        let answer = world.shoppers[0].get(&path).await?;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        Ok(answer.headers.contains_key("warning").then_some(answer))
    })
    .await?;
    assert_eq!(marked.headers["warning"], "110 - \"Response is Stale\"");
    assert_eq!((&marked.body, marked.etag.as_ref()), (&fresh.body, Some(&etag)));
    let unchanged = world.shoppers[0].get_if_none_match(&path, &etag).await?;
    assert_eq!(unchanged.status, StatusCode::NOT_MODIFIED);
    assert!(unchanged.headers.contains_key("warning"));

    world.restart_sql().await?;
    eventually("the answer is no longer marked", LIMIT, async || {
        let answer = world.shoppers[0].get(&path).await?;
        Ok((!answer.headers.contains_key("warning")).then_some(()))
    })
    .await?;
    world.stop().await
}
