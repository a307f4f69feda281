//! Who is let in, and that nobody gets at what is another's.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use reqwest::{Client as Http, StatusCode};
use signalr::testing::{Client, ClientOptions, Socket, TestServer};
use signalr::{Caller, ConnectRequest, Hub, HubOptions, Origins, Rejection, TransportKind, User};

use crate::hub::{Outcome, declare, every_way};

/// The token is the user's name; `brief` expires at once.
fn guarded(options: HubOptions) -> Hub {
    declare(options)
        .authenticator(|request: ConnectRequest| {
            async move {
                let token = request.token.ok_or(Rejection::Unauthorized)?;
                let expires = (token.expose() == "brief").then(|| SystemTime::now() + Duration::from_secs(1));
                Ok(User { expires, ..User::new(token.expose()) })
            }
            .boxed()
        })
        .authorize(|user| user.id.as_deref() != Some("banned"))
        .method("Admin", async |_: Caller, (): ()| Ok(1))
        .authorize_method("admin", |caller| caller.user_id() == Some("admin"))
        .start()
}

fn with_token(token: &str, way: &ClientOptions) -> ClientOptions {
    ClientOptions { access_token: Some(token.to_owned()), ..way.clone() }
}

#[actix_web::test]
async fn only_who_is_known_and_allowed_comes_in_over_every_transport() -> Outcome {
    let hub = guarded(HubOptions::default());
    let server = TestServer::start(&hub).await?;
    for way in every_way() {
        let nobody = Client::connect(&server.url(), way.clone()).await;
        assert!(nobody.is_err_and(|error| error.to_string().contains("401")));
        let banned = Client::connect(&server.url(), with_token("banned", &way)).await;
        assert!(banned.is_err_and(|error| error.to_string().contains("403")));
        let mut user = Client::connect(&server.url(), with_token("anna", &way)).await?;
        let refused = user.invoke::<i32>("Admin", ()).await;
        let text = "Failed to invoke 'Admin' because user is unauthorized";
        assert!(refused.is_err_and(|error| error.to_string() == text));
        let mut admin = Client::connect(&server.url(), with_token("admin", &way)).await?;
        assert_eq!(admin.invoke::<i32>("Admin", ()).await?, 1);
    }
    let in_query =
        Socket::open(&format!("{}?access_token=anna", server.url()), &ClientOptions::default()).await;
    assert!(in_query.is_ok());
    Ok(())
}

#[actix_web::test]
async fn the_connection_token_of_another_user_is_useless() -> Outcome {
    let hub = guarded(HubOptions::default());
    let server = TestServer::start(&hub).await?;
    for (transport, version) in [
        (TransportKind::LongPolling, 1),
        (TransportKind::LongPolling, 0),
        (TransportKind::ServerSentEvents, 1),
        (TransportKind::WebSockets, 1),
    ] {
        let way = ClientOptions { transport, negotiate_version: version, ..ClientOptions::default() };
        let victim = Client::connect(&server.url(), with_token("anna", &way)).await?;
        let url = format!("{}?id={}", server.url(), victim.negotiated().token);
        let http = Http::new();
        for request in [
            http.get(&url),
            http.post(&url),
            http.delete(&url),
            http.get(&url).header("Accept", "text/event-stream"),
        ] {
            assert_eq!(request.bearer_auth("mallory").send().await?.status(), StatusCode::NOT_FOUND);
        }
        let socket = Socket::open(&url, &with_token("mallory", &way)).await;
        assert!(socket.is_err_and(|error| error.to_string().contains("404")));
        // The public id is no token.
        let public = format!("{}?id={}", server.url(), victim.connection_id());
        if version == 1 {
            assert_eq!(http.post(&public).bearer_auth("anna").send().await?.status(), StatusCode::NOT_FOUND);
        }
        assert!(hub.local().contains(victim.connection_id()));
    }
    Ok(())
}

#[actix_web::test]
async fn a_connection_ends_with_its_token_and_may_come_back_with_another() -> Outcome {
    let hub = guarded(HubOptions { heartbeat_interval: Duration::from_millis(20), ..HubOptions::default() });
    let server = TestServer::start(&hub).await?;
    for way in every_way() {
        let mut brief = Client::connect(&server.url(), with_token("brief", &way)).await?;
        let (error, allow_reconnect) = loop {
            match brief.next().await? {
                signalr::protocol::Message::Close { error, allow_reconnect } => {
                    break (error, allow_reconnect);
                }
                _ => continue,
            }
        };
        assert_eq!((error.as_deref(), allow_reconnect), (Some("The access token has expired."), true));
        // Long polling renews itself with each poll of a fresh token: here the same one comes every time.
        if way.transport == TransportKind::LongPolling {
            break;
        }
    }
    Ok(())
}

#[actix_web::test]
async fn pages_of_other_hosts_are_refused_unless_they_are_listed() -> Outcome {
    let listed = Origins::Listed(vec!["https://admin.example.com".to_owned()]);
    for (origins, allowed, refused) in [
        (
            Origins::SameHost,
            vec!["http://{host}"],
            vec!["https://admin.example.com", "http://{host}.evil.com", "null"],
        ),
        (
            listed,
            vec!["http://{host}", "https://admin.example.com"],
            vec!["https://evil.com", "http://admin.example.com"],
        ),
        (Origins::Any, vec!["https://evil.com"], vec![]),
    ] {
        let hub = declare(HubOptions { origins, ..HubOptions::default() }).start();
        let server = TestServer::start(&hub).await?;
        let host = server.address().to_string();
        let open = |origin: &str| {
            let headers = vec![("Origin".to_owned(), origin.replace("{host}", &host))];
            let options = ClientOptions { headers, ..ClientOptions::default() };
            let url = server.url();
            async move { Socket::open(&url, &options).await }
        };
        for origin in allowed {
            assert!(open(origin).await.is_ok(), "{origin}");
        }
        for origin in refused {
            assert!(open(origin).await.is_err_and(|error| error.to_string().contains("403")), "{origin}");
        }
    }
    Ok(())
}

#[actix_web::test]
async fn an_authenticator_that_cannot_tell_says_so() -> Outcome {
    let hub = declare(HubOptions::default())
        .authenticator(|_: ConnectRequest| async { Err(Rejection::Unavailable) }.boxed())
        .start();
    let server = TestServer::start(&hub).await?;
    let answer = Http::new().post(format!("{}/negotiate", server.url())).send().await?;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key("retry-after"));
    Ok(())
}

#[actix_web::test]
async fn tokens_are_shown_nowhere() -> Outcome {
    let seen = Arc::new(Mutex::new(String::new()));
    let writer = seen.clone();
    let hub = declare(HubOptions::default())
        .authenticator(move |request: ConnectRequest| {
            let shown = format!("{:?} {:?} {:?}", request.token, request.query, request.path);
            writer.lock().unwrap().push_str(&shown);
            async move {
                    Ok(User::new(request.token.map(|token| token.expose().to_owned()).unwrap_or_default()))
                }
                .boxed()
        })
        .start();
    let server = TestServer::start(&hub).await?;
    let url = format!("{}?access_token=geheim&id=auch-geheim&x=1", server.url());
    let _ = Http::new().get(url).send().await?;
    let shown = seen.lock().unwrap().clone();
    assert!(shown.contains("AccessToken(hidden)") && shown.contains('x'), "{shown}");
    assert!(!shown.contains("geheim"), "{shown}");
    Ok(())
}
