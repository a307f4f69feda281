//! A real server on a real port: error answers, limits, ids, draining.

use std::io::Write;

use host::health::{Observed, SqlState};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::configuration::Setup;
use crate::tiny::{problem, raw, start};

#[actix_web::test]
async fn every_error_leaves_as_a_problem_whoever_made_it() {
    let tiny = start(Setup::with_members("").flag("Http:MaxBodyBytes", "1024")).await;
    problem(tiny.get("/nowhere").await, 404, "not_found").await;
    problem(tiny.get("/items/seven").await, 404, "not_found").await;
    problem(tiny.get("/items").await, 400, "bad_request").await;
    problem(tiny.get("/items?size=x").await, 400, "bad_request").await;
    problem(tiny.get("/internal").await, 500, "internal_error").await;
    problem(tiny.get("/foreign").await, 502, "internal_error").await;
    problem(tiny.get("/bare").await, 409, "refused").await;
    problem(tiny.get("/panic").await, 500, "internal_error").await;

    let post = |path: &str| tiny.client.post(format!("{}{path}", tiny.url));
    let response = post("/items").json(&json!({"size": "x"})).send().await.unwrap();
    problem(response, 400, "bad_request").await;
    problem(post("/items").body("{}").send().await.unwrap(), 415, "unsupported_media_type").await;
    let large = json!({"size": 1, "filler": "x".repeat(1024)});
    problem(post("/items").json(&large).send().await.unwrap(), 413, "payload_too_large").await;
    problem(post("/text").body("x".repeat(1025)).send().await.unwrap(), 413, "payload_too_large").await;

    let response = tiny.client.delete(format!("{}/items", tiny.url)).send().await.unwrap();
    assert_eq!(response.headers()["allow"], "GET, POST");
    problem(response, 405, "method_not_allowed").await;
    assert_eq!(tiny.get("/items?size=3").await.text().await.unwrap(), "3");
    tiny.stop().await;
}

#[actix_web::test]
async fn addresses_and_bodies_that_are_no_text_leave_as_problems() {
    let tiny = start(Setup::with_members("")).await;
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let targets = [
        ("/items/%zz", 404),
        ("/items/%ff", 404),
        ("/nowhere/%00%ff%", 404),
        ("/items?size=%ff", 400),
        ("/items?size=%zz", 400),
        ("/items?%", 400),
    ];
    for (target, status) in targets {
        let (head, body) = raw(&tiny, get(target).as_bytes()).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{target}: {head}");
        assert!(head.contains("content-type: application/problem+json"), "{target}: {head}");
        assert!(body.contains("urn:stoa:problem:"), "{target}: {body}");
    }
    let json = b"POST /items HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
                 content-length: 3\r\n\r\n\"\xff\"";
    let (head, body) = raw(&tiny, json).await;
    assert!(head.starts_with("HTTP/1.1 400 ") && body.contains("\"code\":\"bad_request\""), "{head} {body}");
    tiny.stop().await;
}

#[actix_web::test]
async fn what_is_no_http_is_refused_and_the_connection_closed() {
    let tiny = start(Setup::with_members("")).await;
    let many = (0..200).map(|n| format!("x-{n}: y\r\n")).collect::<String>();
    let requests = [
        "nonsense\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\nhost: x\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nbad header\r\n\r\n".to_owned(),
        "POST /items HTTP/1.1\r\nhost: x\r\ncontent-length: many\r\n\r\n".to_owned(),
        "POST /items HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
            .to_owned(),
        format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n"),
    ];
    for request in requests {
        let (head, _) = raw(&tiny, request.as_bytes()).await;
        assert!(head.starts_with("HTTP/1.1 4"), "{request}: {head}");
    }
    assert_eq!(tiny.get("/items?size=3").await.text().await.unwrap(), "3");
    tiny.stop().await;
}

#[actix_web::test]
async fn every_answer_has_an_id_and_security_headers() {
    let tiny = start(Setup::with_members("")).await;
    let response = tiny.get("/items?size=3").await;
    assert!(response.headers().contains_key("x-request-id"));
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert_eq!(response.headers()["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
    // It confirms a stored answer, whose headers stay in force.
    let unchanged = tiny.get("/unchanged").await;
    assert!(unchanged.headers().contains_key("x-request-id"));
    assert!(!unchanged.headers().contains_key("content-security-policy"));
    let request = tiny.client.get(format!("{}/nowhere", tiny.url)).header("x-request-id", "from-the-proxy");
    let body = problem(request.send().await.unwrap(), 404, "not_found").await;
    assert_eq!(body["requestId"], "from-the-proxy");
    tiny.stop().await;
}

#[actix_web::test]
async fn an_answer_past_the_router_has_all_that_an_answer_of_a_route_has() {
    let tiny = start(Setup::with_members("")).await;
    let known = tiny.get("/known/at-once").await;
    assert_eq!(known.headers()["x-content-type-options"], "nosniff");
    assert!(known.headers().contains_key("x-request-id"));
    assert_eq!(known.text().await.unwrap(), "by memory");
    assert_eq!(tiny.get("/known/otherwise").await.text().await.unwrap(), "by route");
    let posted = tiny.client.post(format!("{}/known/at-once", tiny.url)).send().await.unwrap();
    assert_eq!(posted.text().await.unwrap(), "by route", "only GET and HEAD are asked past the router");
    problem(tiny.get("/known/panic").await, 500, "internal_error").await;
    let metrics = tiny.get("/metrics").await.text().await.unwrap();
    let counted =
        r#"_count{http_request_method="GET",http_response_status_code="200",http_route="/known/{what}"} 2"#;
    assert!(metrics.contains(counted), "{metrics}");
    tiny.stop().await;
}

#[actix_web::test]
async fn headers_above_the_limit_are_refused() {
    let tiny = start(Setup::with_members("").flag("Http:MaxHeaderBytes", "1KiB")).await;
    let request = tiny.client.get(format!("{}/items?size=3", tiny.url)).header("x-filler", "x".repeat(1024));
    problem(request.send().await.unwrap(), 431, "headers_too_large").await;
    assert_eq!(tiny.get("/items?size=3").await.status(), StatusCode::OK);
    tiny.stop().await;
}

#[actix_web::test]
async fn an_answer_that_does_not_begin_in_time_is_a_503() {
    let tiny = start(Setup::with_members("").flag("Http:RequestTimeout", "00:00:00.1")).await;
    let response = tiny.get("/slow").await;
    assert_eq!(response.headers()["retry-after"], "1");
    problem(response, 503, "timed_out").await;
    tiny.stop().await;
}

#[actix_web::test]
async fn a_stop_drains_what_runs_and_closes_what_idles() {
    let tiny = start(Setup::with_members("")).await;
    let mut idle = tokio::net::TcpStream::connect(tiny.url.trim_start_matches("http://")).await.unwrap();
    idle.write_all(b"GET /items?size=3 HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 1024];
    let read = idle.read(&mut answer).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 200 OK"));

    let running = tokio::spawn(tiny.client.get(format!("{}/slow", tiny.url)).send());
    tiny.entered.notified().await;
    tiny.lifecycle.request_stop();
    tiny.release.notify_one();
    let response = running.await.unwrap().unwrap();
    assert_eq!(response.headers()["connection"], "close");
    assert_eq!(response.text().await.unwrap(), "done");
    assert_eq!(idle.read(&mut answer).await.unwrap(), 0, "an idle connection is closed");
    tiny.task.await.unwrap().unwrap();
    assert!(tiny.client.get(format!("{}/items?size=3", tiny.url)).send().await.is_err());
}

#[actix_web::test]
async fn a_stop_is_announced_before_connections_are_refused() {
    let tiny = start(Setup::with_members("").flag("Http:StopDelay", "00:00:10")).await;
    tiny.health.set_look(Box::new(answering));
    assert_eq!(tiny.get("/health/ready").await.status(), StatusCode::OK);
    let mut kept = tokio::net::TcpStream::connect(tiny.url.trim_start_matches("http://")).await.unwrap();
    let request = b"GET /items?size=3 HTTP/1.1\r\nhost: x\r\n\r\n";
    kept.write_all(request).await.unwrap();
    let mut answer = [0; 1024];
    let read = kept.read(&mut answer).await.unwrap();
    assert!(!String::from_utf8_lossy(&answer[..read]).contains("close"));

    tiny.lifecycle.request_stop();

    let unready = problem(tiny.get("/health/ready").await, 503, "not_ready").await;
    assert_eq!(unready["detail"], "the process is stopping");
    let late = tiny.get("/items?size=3").await;
    assert_eq!(late.headers()["connection"], "close", "who connects before the balancer notices is served");
    assert_eq!(late.text().await.unwrap(), "3");
    kept.write_all(request).await.unwrap();
    let mut last = String::new();
    kept.read_to_string(&mut last).await.unwrap();
    assert!(last.starts_with("HTTP/1.1 200 OK") && last.contains("connection: close"), "{last}");
    let running = tokio::spawn(tiny.client.get(format!("{}/slow", tiny.url)).send());
    tiny.entered.notified().await;
    tiny.lifecycle.request_stop_without_delay();
    tiny.release.notify_one();
    assert_eq!(running.await.unwrap().unwrap().text().await.unwrap(), "done");
    tiny.task.await.unwrap().unwrap();
    assert!(tiny.client.get(format!("{}/items?size=3", tiny.url)).send().await.is_err());
}

fn answering() -> Observed {
    Observed { stopping: false, sql: SqlState::Answering, redis: None, feed: None, job_server: None }
}

#[actix_web::test]
async fn health_tells_the_state_of_the_parts_and_asks_nobody() {
    let tiny = start(Setup::with_members("")).await;
    assert_eq!(tiny.get("/health/live").await.json::<Value>().await.unwrap(), json!({"status": "live"}));
    let body = problem(tiny.get("/health/ready").await, 503, "not_ready").await;
    assert_eq!(body["detail"], "SQL Server has not been reached yet");
    tiny.health.set_look(Box::new(|| Observed { redis: Some(false), ..answering() }));
    assert_eq!(tiny.get("/health/ready").await.json::<Value>().await.unwrap(), json!({"status": "degraded"}));
    let detail: Value = tiny.get("/health").await.json().await.unwrap();
    assert_eq!(detail["status"], "degraded");
    assert_eq!(detail["service"], "frontend-api");
    assert_eq!(detail["redis"], "away");
    assert_eq!(detail["sql"], "answering");
    tiny.stop().await;
}

#[actix_web::test]
async fn a_body_in_a_content_coding_is_refused_before_anything_is_decoded() {
    let tiny = start(Setup::with_members("").flag("Http:MaxBodyBytes", "64KiB")).await;
    // Ten megabytes of the same letter, in far fewer bytes than the limit.
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    coder.write_all(&vec![b'x'; 10 << 20]).unwrap();
    let bomb = coder.finish().unwrap();
    let post = |path: &str, coding: &'static str, body: Vec<u8>| {
        tiny.client.post(format!("{}{path}", tiny.url)).header("content-encoding", coding).body(body)
    };
    for path in ["/text", "/items", "/nowhere"] {
        for coding in ["gzip", "br", "deflate", "GZIP", "identity, gzip", "nonsense"] {
            let refused = post(path, coding, bomb.clone()).send().await.unwrap();
            assert_eq!(refused.headers()["accept-encoding"], "identity");
            problem(refused, 415, "unsupported_media_type").await;
        }
    }
    assert_eq!(post("/text", "identity", b"xyz".to_vec()).send().await.unwrap().text().await.unwrap(), "3");
    tiny.stop().await;
}
