//! Requests that no well-behaved client sends, byte by byte: each gets an answer, and the next request too.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::configuration::Setup;
use crate::tiny::{Tiny, raw, start};

/// Sends `request` and checks the answer: a status, and a problem with this code or, where the framework refuses before
/// anything of ours runs, no body.
async fn expect(tiny: &Tiny, request: impl AsRef<[u8]>, status: u16, code: Option<&str>) {
    let request = request.as_ref();
    let shown = String::from_utf8_lossy(&request[..request.len().min(200)]).into_owned();
    let (head, body) = raw(tiny, request).await;
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{shown}\n→ {head}\n{body}");
    match code {
        Some(code) => {
            assert!(head.contains("content-type: application/problem+json"), "{shown}\n→ {head}");
            assert!(body.contains(&format!("\"code\":\"{code}\"")), "{shown}\n→ {body}");
        }
        None => assert_eq!(body, "", "{shown}"),
    }
}

/// One request that closes its connection.
fn request(line: &str, rest: &str) -> String {
    format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{rest}")
}

async fn still_serves(tiny: &Tiny) {
    assert_eq!(tiny.get("/items?size=3").await.text().await.unwrap(), "3");
}

#[actix_web::test]
async fn a_body_whose_chunks_or_length_are_wrong_is_refused() {
    let tiny = start(Setup::with_members("").flag("Http:MaxBodyBytes", "1024")).await;
    let chunked =
        |chunks: &str| request("POST /text", &format!("transfer-encoding: chunked\r\n\r\n{chunks}"));
    for broken in [
        "zz\r\nabc\r\n0\r\n\r\n",
        "-1\r\nabc\r\n",
        "fffffffffffffffffffff\r\nabc\r\n",
        "3\r\nabcdef\r\n0\r\n\r\n",
    ] {
        expect(&tiny, chunked(broken), 400, Some("bad_request")).await;
    }
    expect(
        &tiny,
        chunked(&format!("401\r\n{}\r\n0\r\n\r\n", "x".repeat(0x401))),
        413,
        Some("payload_too_large"),
    )
    .await;
    let (_, body) = raw(&tiny, chunked("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").as_bytes()).await;
    assert_eq!(body, "5");
    // The length is looked at before a byte of the body has come.
    expect(&tiny, request("POST /text", "content-length: 1025\r\n\r\n"), 413, Some("payload_too_large"))
        .await;
    still_serves(&tiny).await;
    tiny.stop().await;
}

#[actix_web::test]
async fn a_request_whose_end_could_be_read_in_two_ways_is_refused_and_its_connection_closed() {
    let tiny = start(Setup::with_members("")).await;
    let both = "content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n";
    for rest in [
        both,
        "content-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "content-length: +3\r\n\r\nabc",
        "transfer-encoding: gzip\r\n\r\nabc",
        "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    ] {
        expect(&tiny, request("POST /text", rest), 400, None).await;
    }
    still_serves(&tiny).await;
    tiny.stop().await;
}

#[actix_web::test]
async fn a_client_that_asks_before_it_sends_its_body_is_told_to_go_on() {
    let tiny = start(Setup::with_members("")).await;
    let mut stream = TcpStream::connect(tiny.url.trim_start_matches("http://")).await.unwrap();
    let head = request("POST /text", "expect: 100-continue\r\ncontent-length: 3\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"abc").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\r\n\r\n3"), "{answer}");
    tiny.stop().await;
}

#[actix_web::test]
async fn unusual_targets_and_methods_have_the_answers_of_usual_ones() {
    let tiny = start(Setup::with_members("").flag("Http:MaxHeaderBytes", "4KiB")).await;
    let (head, body) = raw(&tiny, request("GET http://x/items?size=3", "\r\n").as_bytes()).await;
    assert!(head.starts_with("HTTP/1.1 200 ") && body == "3", "as a proxy writes it: {head}");
    for method in ["BREW", "TRACE", "OPTIONS", "PROPFIND", "get"] {
        expect(&tiny, request(&format!("{method} /items"), "\r\n"), 405, Some("method_not_allowed")).await;
        expect(&tiny, request(&format!("{method} /nowhere"), "\r\n"), 404, Some("not_found")).await;
    }
    // No body where none may be, whatever the answer.
    let (head, body) = raw(&tiny, request("HEAD /items", "\r\n").as_bytes()).await;
    assert!(head.starts_with("HTTP/1.1 405 ") && body.is_empty(), "{head}\n{body}");
    for target in [
        "/%00",
        "/items/%00",
        "/%",
        "/%2",
        "/%zz/..%2f..",
        "/items/%c3%28",
        "//",
        "/./items/../../x",
        "/items/1%0d%0ax:y",
    ] {
        expect(&tiny, request(&format!("GET {target}"), "\r\n"), 404, Some("not_found")).await;
    }
    for target in ["/items?size=%00", "/items?size=3&size=4", "/items?&&&=%", "/items?size"] {
        expect(&tiny, request(&format!("GET {target}"), "\r\n"), 400, Some("bad_request")).await;
    }
    let long = format!("GET /items?size=3&{}", "x".repeat(5_000));
    expect(&tiny, request(&long, "\r\n"), 431, Some("headers_too_large")).await;
    for target in ["", "*", "x", "/a b", "/\u{7f}", "/\0"] {
        let (head, _) = raw(&tiny, request(&format!("GET {target}"), "\r\n").as_bytes()).await;
        assert!(head.starts_with("HTTP/1.1 4"), "{target:?}: {head}");
    }
    still_serves(&tiny).await;
    tiny.stop().await;
}
