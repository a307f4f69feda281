//! A server with the hubs and methods that functional tests of SignalR clients call, and some that show limits. The
//! judges of the repository run unmodified clients against it.
//!
//! `cargo run -p signalr --example functional -- [PORT]` prints the address and serves until it is killed.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use actix_cors::Cors;
use actix_web::web::{Data, Path, Query, get, post, scope};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use futures_util::{FutureExt, StreamExt, stream};
use serde::{Deserialize, Serialize};
use signalr::{
    ByteArray, Caller, ConnectRequest, Hub, HubBuilder, HubError, HubOptions, Origins, Redirect, Rejection,
    Timestamp, Transports, Upload, User,
};

/// How long a generated token is good, as in the functional tests.
const TOKEN_SECONDS: u64 = 5;

#[derive(Debug, thiserror::Error)]
#[error("An error occurred.")]
struct InvalidOperationException;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ComplexObject {
    byte_array: ByteArray,
    date_time: Timestamp,
    #[serde(rename = "GUID")]
    guid: String,
    int_array: Vec<i32>,
    string: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CustomObject {
    name: String,
    value: i32,
}

fn options() -> HubOptions {
    HubOptions {
        detailed_errors: true,
        origins: Origins::Any,
        kept_headers: ["content-type", "cookie", "header", "x-test", "user-agent"].map(str::to_owned).into(),
        ..HubOptions::default()
    }
}

/// What the functional tests call.
fn functional(builder: HubBuilder) -> HubBuilder {
    builder
        .method("Echo", async |_: Caller, (message,): (serde_json::Value,)| Ok(message))
        .method("GetCallerConnectionId", async |caller: Caller, (): ()| Ok(caller.connection_id().to_owned()))
        .method("GetNumRedirects", async |caller: Caller, (): ()| {
            Ok(caller.query("numRedirects").and_then(|text| text.parse::<i64>().ok()).unwrap_or(0))
        })
        .method("ThrowException", async |_: Caller, (_message,): (String,)| -> Result<(), HubError> {
            Err(InvalidOperationException.into())
        })
        .method("InvokeWithString", async |caller: Caller, (message,): (String,)| {
            Ok(caller.clients().caller().send("Message", (message,)).await?)
        })
        .method("SendCustomObject", async |caller: Caller, (object,): (CustomObject,)| {
            Ok(caller.clients().caller().send("CustomObject", (object,)).await?)
        })
        .method("GetActiveTransportName", async |caller: Caller, (): ()| Ok(caller.transport().name()))
        .method("EchoComplexObject", async |_: Caller, (object,): (ComplexObject,)| Ok(object))
        .method("SendComplexObject", async |caller: Caller, (): ()| {
            let object = ComplexObject {
                byte_array: ByteArray(vec![1, 2, 3]),
                date_time: Timestamp(time::macros::datetime!(2002-04-01 00:00:00 UTC)),
                guid: "00010203-0405-0607-0706-050403020100".to_owned(),
                int_array: vec![5, 6],
                string: "hello world".to_owned(),
            };
            Ok(caller.clients().caller().send("ComplexObject", (object,)).await?)
        })
        .method("GetContentTypeHeader", async |caller: Caller, (): ()| {
            Ok(caller.header("content-type").map(str::to_owned))
        })
        .method("GetHeader", async |caller: Caller, (name,): (String,)| {
            Ok(caller.header(&name).map(str::to_owned))
        })
        .method("GetCookie", async |caller: Caller, (name,): (String,)| Ok(cookie(&caller, &name)))
        .method("StreamingConcat", async |_: Caller, (mut parts,): (Upload<String>,)| {
            let mut text = String::new();
            while let Some(part) = parts.next().await {
                text.push_str(&part?);
            }
            Ok(text)
        })
        .stream("Stream", async |_: Caller, (): ()| Ok(stream::iter(["a", "b", "c"].map(Ok))))
        .stream("InfiniteStream", async |caller: Caller, (): ()| Ok(told_when_dropped(caller)))
        .stream("EmptyStream", async |_: Caller, (): ()| Ok(stream::empty::<Result<i32, HubError>>()))
        .stream("StreamThrowException", async |_: Caller, (_message,): (String,)| {
            Err::<stream::Empty<Result<i32, HubError>>, _>(HubError::from(InvalidOperationException))
        })
}

/// A stream without items that tells its caller when it is dropped, which is what cancelling does.
fn told_when_dropped(caller: Caller) -> impl futures_util::Stream<Item = Result<i32, HubError>> + Send {
    struct Told(Caller);
    impl Drop for Told {
        fn drop(&mut self) {
            let caller = self.0.clone();
            tokio::spawn(async move { caller.clients().caller().send("StreamCanceled", ()).await });
        }
    }
    let told = Told(caller);
    stream::poll_fn(move |_| {
        let _ = &told;
        std::task::Poll::Pending
    })
}

fn cookie(caller: &Caller, name: &str) -> Option<String> {
    let cookies = caller.header("cookie")?.split("; ");
    cookies
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

/// What the judges call besides.
fn more(builder: HubBuilder) -> HubBuilder {
    builder
        .method("Add", async |_: Caller, (a, b): (i64, i64)| Ok(a + b))
        .method("Void", async |_: Caller, (): ()| Ok(()))
        .method("Null", async |_: Caller, (): ()| Ok(None::<String>))
        .method("Optional", async |_: Caller, (text,): (Option<String>,)| Ok(text.is_none()))
        .method("HubException", async |_: Caller, (text,): (String,)| Err::<(), _>(HubError::new(text)))
        .method("Panic", async |_: Caller, (): ()| -> Result<(), HubError> { panic!("as the judge wants") })
        .method("EchoBytes", async |_: Caller, (bytes,): (ByteArray,)| Ok(bytes))
        .method("EchoTimestamp", async |_: Caller, (timestamp,): (Timestamp,)| Ok(timestamp))
        .method("EchoFloat", async |_: Caller, (number,): (f64,)| Ok(number))
        .method("WhoAmI", async |caller: Caller, (): ()| Ok(caller.user_id().map(str::to_owned)))
        .method("Protocol", async |caller: Caller, (): ()| Ok(caller.protocol().name()))
        .method("Wait", async |_: Caller, (ms,): (u64,)| {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            Ok(ms)
        })
        .method("Burst", async |caller: Caller, (count,): (i64,)| {
            for number in 0..count {
                caller.clients().caller().send("Number", (number,)).await?;
            }
            Ok(count)
        })
        .method("Large", async |_: Caller, (length,): (usize,)| Ok("x".repeat(length.min(1 << 20))))
        .method("Abort", async |caller: Caller, (): ()| {
            caller.abort();
            Ok(())
        })
        .method("CloseMe", async |caller: Caller, (error, again): (Option<String>, bool)| {
            caller.close(error.as_deref(), again);
            Ok(())
        })
        .method(
            "SumUploads",
            async |_: Caller, (mut first, start, mut second): (Upload<i64>, i64, Upload<i64>)| {
                let mut sum = start;
                while let Some(number) = first.next().await {
                    sum += number?;
                }
                while let Some(number) = second.next().await {
                    sum += number?;
                }
                Ok(sum)
            },
        )
        .method("ConcatBack", async |caller: Caller, (mut parts,): (Upload<String>,)| {
            let mut text = String::new();
            while let Some(part) = parts.next().await {
                text.push_str(&part?);
            }
            Ok(caller.clients().caller().send("Concatenated", (text,)).await?)
        })
        .stream("Counter", async |_: Caller, (count, delay_ms): (i64, u64)| {
            let numbers = stream::iter(0..count).then(move |number| async move {
                if delay_ms > 0 {
                    tokio::time::sleep(Duration::from_millis(delay_ms)).await;
                }
                Ok(number)
            });
            Ok(numbers)
        })
        .stream("UploadEcho", async |_: Caller, (items,): (Upload<serde_json::Value>,)| Ok(items))
        .stream("StreamHubException", async |_: Caller, (): ()| {
            Ok(stream::iter([Ok(1), Err(HubError::new("out of numbers"))]))
        })
}

/// Calls of other clients.
fn talking(builder: HubBuilder) -> HubBuilder {
    builder
        .method("Join", async |caller: Caller, (group,): (String,)| Ok(caller.join(&group).await?))
        .method("Leave", async |caller: Caller, (group,): (String,)| Ok(caller.leave(&group).await?))
        .method("ToAll", async |caller: Caller, (text,): (String,)| {
            Ok(caller.clients().all().send("Message", (text,)).await?)
        })
        .method("ToOthers", async |caller: Caller, (text,): (String,)| {
            Ok(caller.clients().others().send("Message", (text,)).await?)
        })
        .method("ToGroup", async |caller: Caller, (group, text): (String, String)| {
            Ok(caller.clients().by().group(&group).send("Message", (text,)).await?)
        })
        .method("ToOthersInGroup", async |caller: Caller, (group, text): (String, String)| {
            Ok(caller.clients().others_in_group(&group).send("Message", (text,)).await?)
        })
        .method("ToAllExcept", async |caller: Caller, (ids, text): (Vec<String>, String)| {
            Ok(caller.clients().by().all_except(ids).send("Message", (text,)).await?)
        })
        .method("ToClient", async |caller: Caller, (id, text): (String, String)| {
            Ok(caller.clients().by().client(&id).send("Message", (text,)).await?)
        })
        .method("ToUser", async |caller: Caller, (user, text): (String, String)| {
            Ok(caller.clients().by().user(&user).send("Message", (text,)).await?)
        })
        .method("AskMe", async |caller: Caller, (number,): (i64,)| {
            let answer: i64 = caller.clients().caller().invoke("Result", (number,)).await?;
            Ok(answer)
        })
        .method("AskClient", async |caller: Caller, (id,): (String,)| {
            let answer: i64 = caller.clients().by().client(&id).invoke("Result", ()).await.map_err(told)?;
            Ok(answer)
        })
}

fn told(error: signalr::Error) -> HubError {
    HubError::new(error.to_string())
}

/// `user:expires`; what matters here is who connects and until when, not how a token is proved.
fn token_user(request: ConnectRequest) -> Result<User, Rejection> {
    let token = request.token.ok_or(Rejection::Unauthorized)?;
    let (user, expires) = token.expose().split_once(':').ok_or(Rejection::Unauthorized)?;
    let expires = expires.parse().map_err(|_| Rejection::Unauthorized)?;
    let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(expires);
    if expires <= SystemTime::now() {
        return Err(Rejection::Unauthorized);
    }
    Ok(User { expires: Some(expires), ..User::new(user) })
}

fn authorized(builder: HubBuilder) -> HubBuilder {
    builder
        .authenticator(|request: ConnectRequest| async move { token_user(request) }.boxed())
        .authorize(|user| user.id.as_deref() != Some("banned"))
        .method("AdminOnly", async |_: Caller, (): ()| Ok("secret"))
        .authorize_method("AdminOnly", |caller| caller.user_id() == Some("admin"))
}

/// How often hooks ran.
#[derive(Default)]
struct Counts {
    here: AtomicI64,
    left: AtomicUsize,
}

fn counted(builder: HubBuilder, counts: &Data<Counts>) -> HubBuilder {
    let (coming, going) = (counts.clone(), counts.clone());
    builder
        .on_connected(move |caller| {
            coming.here.fetch_add(1, Ordering::SeqCst);
            async move {
                match caller.query("refuse") {
                    Some(_) => Err(HubError::new("not you")),
                    None => Ok(()),
                }
            }
        })
        .on_disconnected(move |_, _| {
            going.here.fetch_sub(1, Ordering::SeqCst);
            going.left.fetch_add(1, Ordering::SeqCst);
            async {}
        })
}

#[derive(Clone)]
struct Hubs {
    test: Hub,
    others: Vec<(&'static str, Hub)>,
}

fn hubs(counts: &Data<Counts>) -> Hubs {
    let all = || talking(more(functional(Hub::builder().options(options()))));
    let without_sockets = Transports { web_sockets: false, ..Transports::default() };
    let limited = HubOptions {
        max_message_bytes: Some(1024),
        keep_alive_interval: Duration::from_millis(500),
        client_timeout: Duration::from_secs(3),
        handshake_timeout: Duration::from_secs(1),
        disconnect_timeout: Duration::from_secs(2),
        long_poll_timeout: Duration::from_secs(2),
        heartbeat_interval: Duration::from_millis(100),
        max_groups_per_connection: 2,
        max_streams: 2,
        detailed_errors: false,
        ..options()
    };
    let redirecting = Hub::builder().options(options()).redirect(async |request: ConnectRequest, _| {
        let number =
            |name: &str| request.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let base = number("baseUrl").unwrap_or_default();
        let redirects = number("numRedirects").and_then(|text| text.parse::<u32>().ok()).unwrap_or(0) + 1;
        let url = if redirects < 3 {
            format!("{base}/redirect?numRedirects={redirects}&baseUrl={base}")
        } else {
            format!("{base}/testhub?numRedirects={redirects}")
        };
        Ok(Some(Redirect { url, access_token: None }))
    });
    let endless = async |request: ConnectRequest, _| {
        Ok(Some(Redirect { url: format!("{}/endless-redirect", origin(&request)), access_token: None }))
    };
    let to_authorized = async |request: ConnectRequest, _| {
        let access_token = Some(format!("redirected:{}", seconds_from_now(600)));
        Ok(Some(Redirect { url: format!("{}/authorizedhub", origin(&request)), access_token }))
    };
    Hubs {
        test: counted(all(), counts).start(),
        others: vec![
            (
                "/testhub-nowebsockets",
                all().options(HubOptions { transports: without_sockets, ..options() }).start(),
            ),
            ("/authorizedhub", authorized(all()).start()),
            ("/limited", all().options(limited).start()),
            ("/small", all().options(HubOptions { max_connections: 1, ..options() }).start()),
            ("/same-origin", all().options(HubOptions { origins: Origins::SameHost, ..options() }).start()),
            ("/redirect", redirecting.start()),
            ("/endless-redirect", Hub::builder().options(options()).redirect(endless).start()),
            ("/redirect-with-token", Hub::builder().options(options()).redirect(to_authorized).start()),
        ],
    }
}

/// Where the client reached this server.
fn origin(request: &ConnectRequest) -> String {
    let host = request.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    format!("http://{host}")
}

fn seconds_from_now(seconds: u64) -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.as_secs() + seconds
}

#[derive(Deserialize)]
struct TokenQuery {
    user: Option<String>,
    seconds: Option<u64>,
}

async fn token(query: Query<TokenQuery>) -> String {
    let user = query.user.clone().unwrap_or_else(|| "testuser".to_owned());
    format!("{user}:{}", seconds_from_now(query.seconds.unwrap_or(TOKEN_SECONDS)))
}

async fn client_result(hubs: Data<Hubs>, id: Path<String>) -> String {
    match hubs.test.clients().client(&id).invoke::<i64>("Result", ()).await {
        Ok(number) => number.to_string(),
        Err(error) => error.to_string(),
    }
}

async fn counts(counts: Data<Counts>, hubs: Data<Hubs>) -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({
        "here": counts.here.load(Ordering::SeqCst),
        "left": counts.left.load(Ordering::SeqCst),
        "connections": hubs.test.status().connections,
    }))
}

#[derive(Deserialize)]
struct CloseQuery {
    again: bool,
}

/// Closes the test hub for good, as a stopping server does; the process goes on.
async fn close(hubs: Data<Hubs>, query: Query<CloseQuery>) -> &'static str {
    hubs.test.close(query.again).await;
    "closed"
}

fn cors() -> Cors {
    Cors::default().allow_any_origin().allow_any_header().allow_any_method().supports_credentials()
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    let counted: Data<Counts> = Data::new(Counts::default());
    let hubs = hubs(&counted);
    let serving = hubs.clone();
    let server = HttpServer::new(move || {
        let app = App::new().wrap(cors()).app_data(counted.clone()).app_data(Data::new(serving.clone()));
        let app = serving.others.iter().fold(app, |app, (path, hub)| app.configure(hub.configure(path)));
        app.configure(serving.test.configure("/testhub")).service(
            scope("")
                .route(
                    "/bad-negotiate/negotiate",
                    post().to(async || HttpResponse::BadRequest().body("Some response from server")),
                )
                .route("/generateJwtToken", get().to(token))
                .route("/clientresult/{id}", get().to(client_result))
                .route("/counts", get().to(counts))
                .route("/close", post().to(close))
                .route(
                    "/",
                    get().to(async |_: HttpRequest| {
                        HttpResponse::Ok()
                            .content_type("text/html")
                            .body("<!doctype html><title>signalr</title>")
                    }),
                ),
        )
    })
    .workers(2)
    .shutdown_timeout(1)
    .bind(("127.0.0.1", port))?;
    println!("listening on http://{}", server.addrs()[0]);
    server.run().await?;
    hubs.test.close(true).await;
    Ok(())
}
