//! Pages of other origins: what a browser is told, and what is refused whatever the browser does.

use reqwest::header::HeaderMap;
use reqwest::{Method, Response};

use crate::configuration::Setup;
use crate::tiny::{Tiny, problem, start};

const SHOP: &str = "https://shop.example";

async fn ask(tiny: &Tiny, method: Method, path: &str, headers: &[(&'static str, &'static str)]) -> Response {
    let mut request = tiny.client.request(method, format!("{}{path}", tiny.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

/// What a browser asks before a script's `PUT` with a token.
async fn preflight(tiny: &Tiny, path: &str, origin: &'static str, header: &'static str) -> Response {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", header),
    ];
    ask(tiny, Method::OPTIONS, path, &headers).await
}

fn has_cors(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| name.as_str().starts_with("access-control-")) || headers.contains_key("vary")
}

/// The entries of a list, sorted.
fn list(headers: &HeaderMap, name: &str) -> Vec<String> {
    let mut entries: Vec<_> =
        headers[name].to_str().unwrap().split(',').map(|entry| entry.trim().to_ascii_lowercase()).collect();
    entries.sort();
    entries
}

#[actix_web::test]
async fn without_configured_origins_no_answer_has_cors_headers() {
    let tiny = start(Setup::with_members("")).await;
    let read = ask(&tiny, Method::GET, "/items?size=3", &[("origin", SHOP)]).await;
    assert_eq!(read.status(), 200);
    assert!(!has_cors(read.headers()), "{:?}", read.headers());
    let preflight = preflight(&tiny, "/items", SHOP, "authorization").await;
    assert!(!has_cors(preflight.headers()));
    problem(preflight, 405, "method_not_allowed").await;
    tiny.stop().await;
}

#[actix_web::test]
async fn a_page_of_an_allowed_origin_reads_answers_and_errors_and_their_headers() {
    let tiny =
        start(Setup::with_members("").flag("Http:Cors:AllowedOrigins:0", "HTTPS://Shop.Example:443")).await;
    for (path, status) in [
        ("/items?size=3", 200),
        ("/known/at-once", 200),
        ("/items", 400),
        ("/nowhere", 404),
        ("/guarded", 401),
    ] {
        let answer = ask(&tiny, Method::GET, path, &[("origin", SHOP)]).await;
        assert_eq!(answer.status().as_u16(), status, "{path}");
        assert_eq!(answer.headers()["access-control-allow-origin"], SHOP, "{path}");
        assert!(!answer.headers().contains_key("access-control-allow-credentials"), "{path}");
        assert!(list(answer.headers(), "vary").contains(&"origin".to_owned()), "{path}");
        let exposed = list(answer.headers(), "access-control-expose-headers");
        for name in ["etag", "location", "retry-after", "warning", "www-authenticate", "x-request-id"] {
            assert!(exposed.iter().any(|exposed| exposed == name), "{path}: {name}");
        }
    }
    let other = ask(&tiny, Method::GET, "/items?size=3", &[("origin", "https://evil.example")]).await;
    assert_eq!(other.status(), 200);
    assert!(!other.headers().contains_key("access-control-allow-origin"));
    // What is for operators is for no page.
    let health = ask(&tiny, Method::GET, "/health/live", &[("origin", SHOP)]).await;
    assert!(!has_cors(health.headers()));
    tiny.stop().await;
}

#[actix_web::test]
async fn a_preflight_is_answered_in_front_of_the_guard() {
    let setup = Setup::with_members(
        r#""Http": {"Cors": {
            "AllowedOrigins": ["https://shop.example"],
            "AllowedHeaders": ["X-Tenant"],
            "AllowCredentials": true,
            "MaxAge": "00:10:00",
        }},"#,
    );
    let tiny = start(setup).await;
    for (path, header) in [("/guarded", "authorization, if-match"), ("/items", "content-type,x-tenant")] {
        let answer = preflight(&tiny, path, SHOP, header).await;
        assert_eq!(answer.status(), 200, "{path}");
        let headers = answer.headers();
        assert_eq!(headers["access-control-allow-origin"], SHOP);
        assert_eq!(headers["access-control-allow-credentials"], "true");
        assert_eq!(headers["access-control-max-age"], "600");
        assert!(headers.contains_key("x-request-id"), "it is a request like any other");
        assert_eq!(
            list(headers, "access-control-allow-methods"),
            ["delete", "get", "head", "patch", "post", "put"]
        );
        let allowed = list(headers, "access-control-allow-headers");
        for name in ["authorization", "if-match", "idempotency-key", "x-tenant"] {
            assert!(allowed.iter().any(|allowed| allowed == name), "{name}");
        }
    }
    let other = preflight(&tiny, "/guarded", "https://evil.example", "authorization").await;
    assert!(!other.headers().contains_key("access-control-allow-origin"));
    problem(other, 403, "cross_origin_refused").await;
    let unknown = preflight(&tiny, "/guarded", SHOP, "x-anything").await;
    problem(unknown, 403, "cross_origin_refused").await;
    tiny.stop().await;
}

#[actix_web::test]
async fn every_origin_may_be_allowed_but_not_with_credentials() {
    let tiny = start(Setup::with_members("").flag("Http:Cors:AllowedOrigins:0", "*")).await;
    let answer = ask(&tiny, Method::GET, "/items?size=3", &[("origin", SHOP)]).await;
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    let change =
        ask(&tiny, Method::POST, "/text", &[("origin", SHOP), ("sec-fetch-site", "cross-site")]).await;
    assert_eq!(change.status(), 200);
    tiny.stop().await;

    let setup = Setup::with_file(
        r#"{
  "ConnectionStrings": {"VirtoCommerce": "Server=s;Database=d;User ID=u;Password=p"},
  "Http": {"Cors": {"AllowedOrigins": ["*"], "AllowCredentials": true}}
}"#,
    );
    assert_eq!(
        setup.mistakes(),
        [
            "appsettings.json:3:66: Http:Cors:AllowCredentials = \"true\": expected false, or origins by name in \
          Http:Cors:AllowedOrigins: with *, any page could act as whoever looks at it"
        ]
    );
}

#[actix_web::test]
async fn an_origin_that_no_browser_sends_stops_the_start_and_says_where_it_stands() {
    let origins = ["https://shop.example/", "https://shop.example/de", "shop.example"];
    let lines = origins.map(|origin| format!("    \"{origin}\""));
    let setup = Setup::with_members(&format!(
        "\n\"Http\": {{\"Cors\": {{\n  \"AllowedHeaders\": [\"two words\"],\n  \"AllowedOrigins\": [\n{}\n  ]\n}}}},\n",
        lines.join(",\n")
    ));
    let mistakes = setup.mistakes();
    assert!(mistakes[0].contains("Http:Cors:AllowedHeaders:0 = \"two words\": expected"), "{mistakes:?}");
    for (at, origin) in origins.iter().enumerate() {
        let start = format!(
            "appsettings.json:{}:5: Http:Cors:AllowedOrigins:{at} = \"{origin}\": expected an array of origins",
            at + 5
        );
        assert!(mistakes[at + 1].starts_with(&start), "{mistakes:?}");
    }
}

#[actix_web::test]
async fn a_change_for_a_page_of_another_origin_is_refused_before_any_route_sees_it() {
    let tiny = start(Setup::with_members("").flag("Http:Cors:AllowedOrigins:0", SHOP)).await;
    let own: &'static str = tiny.url.clone().leak();
    for allowed in [&[][..], &[("origin", own)], &[("origin", SHOP), ("sec-fetch-site", "cross-site")]] {
        assert_eq!(ask(&tiny, Method::POST, "/text", allowed).await.status(), 200, "{allowed:?}");
    }
    for foreign in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
    ] {
        for path in ["/text", "/nowhere"] {
            problem(ask(&tiny, Method::POST, path, foreign).await, 403, "cross_origin_refused").await;
        }
    }
    tiny.stop().await;
}
