//! Negotiate and the transports: status codes and texts that official clients expect.

use reqwest::{Client as Http, Method, StatusCode};
use serde_json::{Value, json};
use signalr::testing::{Client, ClientOptions, Socket, TestServer};
use signalr::{Hub, HubOptions, Redirect, TransportKind, Transports};

use crate::hub::{Outcome, client, declare, start};

async fn negotiate(server: &TestServer, query: &str) -> Result<Value, reqwest::Error> {
    Http::new().post(format!("{}/negotiate{query}", server.url())).send().await?.json().await
}

async fn status(
    server: &TestServer,
    method: Method,
    query: &str,
) -> Result<(StatusCode, String), reqwest::Error> {
    let answer = Http::new().request(method, format!("{}{query}", server.url())).send().await?;
    Ok((answer.status(), answer.text().await?))
}

#[actix_web::test]
async fn negotiate_answers_in_the_version_that_is_asked_for() -> Outcome {
    let (_hub, server) = start(HubOptions::default()).await?;
    let old = negotiate(&server, "").await?;
    assert_eq!(old["negotiateVersion"], 0);
    assert_eq!(old["connectionId"].as_str().map(str::len), Some(22));
    assert!(old.get("connectionToken").is_none() && old.get("useStatefulReconnect").is_none());
    let new = negotiate(&server, "?NEGOTIATEVERSION=7&useStatefulReconnect=true").await?;
    assert_eq!(new["negotiateVersion"], 1);
    assert_ne!(new["connectionToken"], new["connectionId"]);
    assert_eq!(new["useStatefulReconnect"], true);
    assert_eq!(
        new["availableTransports"],
        json!([
            { "transport": "WebSockets", "transferFormats": ["Text", "Binary"] },
            { "transport": "ServerSentEvents", "transferFormats": ["Text"] },
            { "transport": "LongPolling", "transferFormats": ["Text", "Binary"] },
        ])
    );
    for bad in ["?negotiateVersion=x", "?negotiateVersion=-1"] {
        assert!(negotiate(&server, bad).await?["error"].is_string(), "{bad}");
    }
    assert_eq!(status(&server, Method::GET, "/negotiate").await?.0, StatusCode::METHOD_NOT_ALLOWED);
    Ok(())
}

#[actix_web::test]
async fn requests_for_no_connection_or_the_wrong_transport_are_refused() -> Outcome {
    let (_hub, server) = start(HubOptions::default()).await?;
    let not_found = (StatusCode::NOT_FOUND, "No Connection with that ID".to_owned());
    let missing = (StatusCode::BAD_REQUEST, "Connection ID required".to_owned());
    for method in [Method::GET, Method::POST, Method::DELETE] {
        assert_eq!(status(&server, method.clone(), "").await?, missing, "{method}");
        assert_eq!(status(&server, method.clone(), "?id=unknown").await?, not_found, "{method}");
    }
    assert_eq!(status(&server, Method::PUT, "?id=x").await?.0, StatusCode::METHOD_NOT_ALLOWED);

    let socket = client(&server).await?;
    let id = format!("?id={}", socket.negotiated().token);
    assert_eq!(status(&server, Method::POST, &id).await?.0, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(status(&server, Method::DELETE, &id).await?.0, StatusCode::BAD_REQUEST);
    let changed = (StatusCode::BAD_REQUEST, "Cannot change transports mid-connection".to_owned());
    assert_eq!(status(&server, Method::GET, &id).await?, changed);
    let second = Socket::open(&format!("{}{id}", server.url()), &ClientOptions::default()).await;
    assert!(second.is_err_and(|error| error.to_string().contains("409")));
    Ok(())
}

#[actix_web::test]
async fn a_second_event_stream_is_refused_and_a_second_poll_ends_the_first() -> Outcome {
    let (_hub, server) = start(HubOptions::default()).await?;
    let events = ClientOptions { transport: TransportKind::ServerSentEvents, ..ClientOptions::default() };
    let events = Client::connect(&server.url(), events).await?;
    let again = Http::new()
        .get(format!("{}?id={}", server.url(), events.negotiated().token))
        .header("Accept", "text/event-stream");
    assert_eq!(again.send().await?.status(), StatusCode::CONFLICT);

    let polls = ClientOptions { transport: TransportKind::LongPolling, ..ClientOptions::default() };
    let mut polls = Client::connect(&server.url(), polls).await?;
    let url = format!("{}?id={}", server.url(), polls.negotiated().token);
    let poll = || Http::new().get(url.clone()).send();
    // Whichever comes second ends the one before it, and gets what comes next.
    let both = [tokio::spawn(poll()), tokio::spawn(poll())];
    let (ended, _, waiting) = futures_util::future::select_all(both).await;
    assert_eq!(ended??.status(), StatusCode::NO_CONTENT);
    polls.start("Echo", ("for the second",)).await?;
    let [waiting] = waiting.try_into().map_err(|_| "one of two polls waits")?;
    assert!(waiting.await??.text().await?.contains("for the second"));
    Ok(())
}

#[actix_web::test]
async fn deleting_a_long_polling_connection_ends_it() -> Outcome {
    let (_hub, server) = start(HubOptions::default()).await?;
    let polls = ClientOptions { transport: TransportKind::LongPolling, ..ClientOptions::default() };
    let client = Client::connect(&server.url(), polls).await?;
    let id = format!("?id={}", client.negotiated().token);
    assert_eq!(status(&server, Method::DELETE, &id).await?.0, StatusCode::ACCEPTED);
    assert_eq!(status(&server, Method::POST, &id).await?.0, StatusCode::NOT_FOUND);
    assert_eq!(status(&server, Method::GET, &id).await?.0, StatusCode::NO_CONTENT);
    Ok(())
}

#[actix_web::test]
async fn a_websocket_needs_no_negotiation() -> Outcome {
    let (_hub, server) = start(HubOptions::default()).await?;
    let mut socket = Socket::open(&server.url(), &ClientOptions::default()).await?;
    // Handshake and call in one frame.
    socket.send("{\"protocol\":\"json\",\"version\":0}\u{1e}{\"type\":1,\"invocationId\":\"1\",\"target\":\"Echo\",\"arguments\":[7]}\u{1e}".into()).await?;
    let mut text = Vec::new();
    while text.iter().filter(|byte| **byte == 0x1e).count() < 2 {
        let Some(actix_http::ws::Frame::Text(bytes)) = socket.next().await else { panic!("no text") };
        text.extend_from_slice(&bytes);
    }
    let text = String::from_utf8(text)?;
    assert!(text.starts_with("{}\u{1e}{\"type\":3,\"invocationId\":\"1\",\"error\":"), "{text}");
    Ok(())
}

#[actix_web::test]
async fn handshakes_that_cannot_be_are_refused_with_the_reason() -> Outcome {
    let (_hub, server) = start(HubOptions::default()).await?;
    for (asked, reason) in [
        ("{\"protocol\":\"xml\",\"version\":1}", "The protocol 'xml' is not supported."),
        (
            "{\"protocol\":\"json\",\"version\":9}",
            "The server does not support version 9 of the 'json' protocol.",
        ),
        ("nonsense", "An unexpected error occurred during connection handshake."),
    ] {
        let mut socket = Socket::open(&server.url(), &ClientOptions::default()).await?;
        socket.send(format!("{asked}\u{1e}").into()).await?;
        let Some(actix_http::ws::Frame::Text(answer)) = socket.next().await else { panic!("no text") };
        assert_eq!(String::from_utf8_lossy(&answer), format!("{}\u{1e}", json!({ "error": reason })));
        assert!(matches!(socket.next().await, Some(actix_http::ws::Frame::Close(_))));
    }
    Ok(())
}

#[actix_web::test]
async fn transports_that_are_not_offered_are_not_found() -> Outcome {
    let only_polls = Transports { web_sockets: false, server_sent_events: false, long_polling: true };
    let (_hub, server) = start(HubOptions { transports: only_polls, ..HubOptions::default() }).await?;
    let offered = negotiate(&server, "?negotiateVersion=1&useStatefulReconnect=true").await?;
    assert_eq!(offered["availableTransports"].as_array().map(Vec::len), Some(1));
    assert!(offered.get("useStatefulReconnect").is_none(), "it needs WebSockets");
    let socket = Socket::open(&server.url(), &ClientOptions::default()).await;
    assert!(socket.is_err_and(|error| error.to_string().contains("404")));
    Ok(())
}

#[actix_web::test]
async fn negotiate_redirects_where_the_application_says() -> Outcome {
    let hub: Hub = declare(HubOptions::default())
        .redirect(async |request, _| {
            let stays = request.query.iter().any(|(key, _)| key == "stay");
            let to =
                Redirect { url: "https://elsewhere/client/?hub=x".into(), access_token: Some("t".into()) };
            Ok((!stays).then_some(to))
        })
        .start();
    let server = TestServer::start(&hub).await?;
    let to =
        json!({ "url": "https://elsewhere/client/?hub=x", "accessToken": "t", "availableTransports": [] });
    assert_eq!(negotiate(&server, "?negotiateVersion=1").await?, to);
    assert!(negotiate(&server, "?negotiateVersion=1&stay=1").await?["connectionToken"].is_string());
    Ok(())
}
