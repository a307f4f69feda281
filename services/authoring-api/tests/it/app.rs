//! The app under test, and requests to it.

use std::sync::Arc;

use actix_http::Request;
use actix_web::body::to_bytes;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use actix_web::{App, Error, test};
use authoring_api::routes;
use authoring_api::state::AppState;
use host::Secret;
use host::auth::BearerGuard;
use serde_json::{Value, json};
use sql::testing::TestDatabase;

pub(crate) const TOKEN: &str = "a-token-for-tests";
/// Small, so that tests can exceed it.
pub(crate) const MAX_UPLOAD_BYTES: u64 = 4_096;
const MAX_BODY_BYTES: usize = 256 * 1024;

/// What one request came back with.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(crate) fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["code"], code, "{}", self.body);
    }

    /// The fields that a problem names.
    pub(crate) fn fields(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array();
        errors.into_iter().flatten().filter_map(|error| error["field"].as_str()).collect()
    }
}

pub(crate) async fn database() -> TestDatabase {
    TestDatabase::create(handlers::MIGRATIONS).await
}

pub(crate) async fn app(
    database: &TestDatabase,
) -> impl Service<Request, Response = ServiceResponse, Error = Error> + use<> {
    let app = App::new()
        .configure(|config| host::http::extractor_configs(config, MAX_BODY_BYTES))
        .configure(|config| routes::configure(config, state(database)));
    test::init_service(app).await
}

/// What the routes work with.
pub(crate) fn state(database: &TestDatabase) -> Data<AppState> {
    let guard = BearerGuard::new(Some(&Secret::new(TOKEN)));
    let jobs = jobs::Client::new(Arc::new(jobs::NoWakeUp));
    Data::new(AppState::with(database.database.clone(), jobs, guard, MAX_UPLOAD_BYTES))
}

/// A request with the token.
pub(crate) fn request(method: Method, path: &str) -> test::TestRequest {
    test::TestRequest::default()
        .method(method)
        .uri(path)
        .insert_header(("Authorization", format!("Bearer {TOKEN}")))
}

pub(crate) async fn send<S>(app: &S, request: test::TestRequest) -> Answer
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let response = match app.call(request.to_request()).await {
        Ok(response) => response.map_into_boxed_body().into_parts().1,
        Err(error) => error.error_response(),
    };
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = to_bytes(response.into_body()).await.unwrap();
    Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
}

pub(crate) async fn get<S>(app: &S, path: &str) -> Answer
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    send(app, request(Method::GET, path)).await
}

/// The store `outdoor` in euros.
pub(crate) async fn put_store<S>(app: &S) -> Answer
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let body = json!({ "name": "Stoa Outdoor", "currency": "EUR", "language": "en" });
    send(app, request(Method::PUT, "/admin/stores/outdoor").set_json(body)).await
}
