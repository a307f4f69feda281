//! A server with a few routes on a real port, and what is asked of it.

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{RequestHead, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::{HttpResponse, web};
use host::health::Health;
use host::http::{Listener, Shortcut, Surroundings, serve, until_stopped};
use host::{Lifecycle, Metrics, Problem, Service};
use reqwest::{Client, Response};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::configuration::Setup;

/// A server with a few routes.
pub struct Tiny {
    pub url: String,
    pub lifecycle: Lifecycle,
    pub health: web::Data<Health>,
    pub client: Client,
    /// Told by `/slow` when it runs, and waited for by it.
    pub entered: Arc<Notify>,
    pub release: Arc<Notify>,
    pub task: JoinHandle<anyhow::Result<()>>,
}

#[derive(serde::Deserialize)]
struct Item {
    size: u32,
}

pub async fn start(setup: Setup) -> Tiny {
    // Flags win over variables: a test that is about the delay sets it.
    let setup = setup.variable("Http__StopDelay", "00:00:00");
    let http = setup.flag("Http:Workers", "1").flag("Http:Listen", "127.0.0.1:0").loaded().settings.http;
    let stop_delay = http.stop_delay;
    let listener = Listener::bind(http.listen).unwrap();
    let url = format!("http://{}", listener.address);
    let lifecycle = Lifecycle::new();
    let health = Health::new(Service::FrontendApi, lifecycle.clone(), Duration::from_secs(600));
    let health = web::Data::new(health);
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let gates = web::Data::new((entered.clone(), release.clone()));
    let metrics = web::Data::new(Metrics::new(Service::AuthoringApi).unwrap());
    let shortcut = Some(Shortcut::new("/known/{what}", known));
    let around =
        Surroundings { http, lifecycle: lifecycle.clone(), health: health.clone(), metrics, shortcut };
    let server = serve(listener, around, move |config| routes(config, gates.clone())).unwrap();
    let task = tokio::spawn(until_stopped(server, lifecycle.clone(), stop_delay));
    Tiny { url, lifecycle, health, client: Client::new(), entered, release, task }
}

fn routes(config: &mut web::ServiceConfig, gates: web::Data<(Arc<Notify>, Arc<Notify>)>) {
    config
        .app_data(gates)
        .service(
            web::resource("/items")
                .route(web::get().to(async |item: web::Query<Item>| item.size.to_string()))
                .route(web::post().to(async |item: web::Json<Item>| item.size.to_string())),
        )
        .service(web::resource("/items/{id}").to(async |id: web::Path<u32>| id.to_string()))
        .service(web::resource("/known/{what}").to(async || "by route"))
        .service(web::resource("/text").to(async |text: String| text.len().to_string()))
        .service(web::resource("/slow").to(slow))
        .service(web::resource("/unchanged").to(async || HttpResponse::NotModified().finish()))
        .service(web::resource("/guarded").wrap(from_fn(refuse)).to(async || "never reached"))
        .service(web::resource("/panic").to(panics))
        .service(
            web::resource("/internal")
                .to(async || -> Result<String, Problem> { Err(Problem::internal("the password is Pa55")) }),
        )
        .service(web::resource("/foreign").to(async || -> Result<String, actix_web::Error> {
            Err(actix_web::error::ErrorBadGateway("the password is Pa55"))
        }))
        .service(web::resource("/bare").to(async || HttpResponse::Conflict().body("the password is Pa55")));
}

/// Answers `/known/at-once` in front of its route.
fn known(request: &RequestHead) -> Option<HttpResponse> {
    match request.uri.path().strip_prefix("/known/")? {
        "at-once" => Some(HttpResponse::Ok().body("by memory")),
        "panic" => panic!("on purpose"),
        _ => None,
    }
}

/// As the guard in front of `/admin` does: the answer is made outside of the route.
async fn refuse(
    _request: ServiceRequest,
    _next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    Err(Problem::unauthorized("send Authorization: Bearer …").into())
}

async fn slow(gates: web::Data<(Arc<Notify>, Arc<Notify>)>) -> &'static str {
    gates.0.notify_one();
    gates.1.notified().await;
    "done"
}

async fn panics() -> &'static str {
    panic!("on purpose")
}

impl Tiny {
    pub async fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.url)).send().await.unwrap()
    }

    pub async fn stop(self) {
        self.lifecycle.request_stop();
        self.task.await.unwrap().unwrap();
    }
}

/// Checks the outer form of an error answer and gives its body.
pub async fn problem(response: Response, status: u16, code: &str) -> Value {
    assert_eq!(response.status().as_u16(), status, "{code}");
    assert_eq!(response.headers()["content-type"], "application/problem+json", "{code}");
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["code"], code);
    assert_eq!(body["status"], status);
    assert_eq!(body["requestId"], id);
    assert!(!body.to_string().contains("Pa55"), "{body}");
    body
}

/// Sends `request` as it is and reads until the server closes: status line and headers, then the body.
pub async fn raw(tiny: &Tiny, request: &[u8]) -> (String, String) {
    let mut stream = tokio::net::TcpStream::connect(tiny.url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}
