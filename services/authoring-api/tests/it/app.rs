//! The app under test, and requests to it.

use std::sync::{Arc, OnceLock};

use actix_http::Request;
use actix_web::body::to_bytes;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Data};
use actix_web::{App, Error, test};
use authoring_api::accounts::{self, Accounts};
use authoring_api::routes;
use authoring_api::state::AppState;
use host::auth::{AccessTokens, Keyring, Permissions, Principal, Subject};
use host::configuration::{FlagValue, Imports, Sources};
use host::{Configuration, Service as Process, Settings};
use serde_json::{Value, json};
use sql::testing::TestDatabase;

/// Of the first user.
pub(crate) const PASSWORD: &str = "correct-horse-battery";
/// What signs in tests that do not look at keys: their tokens hold in each of them.
const SIGNING_KEY: &str = "a-signing-key-for-tests-that-nobody-else-has";
/// May do everything.
static TOKEN: OnceLock<String> = OnceLock::new();
/// Small, so that tests can exceed it.
pub(crate) const MAX_UPLOAD_BYTES: u64 = 4_096;
pub(crate) const MAX_CONCURRENT_UPLOADS: usize = 3;
const MAX_BODY_BYTES: usize = 256 * 1024;

/// What one request came back with.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// As JSON; `Null` if it is none.
    pub(crate) body: Value,
    pub(crate) bytes: Bytes,
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

/// The service with the least that starts it, and these keys besides.
pub(crate) fn settings(keys: &[(&str, &str)]) -> Settings {
    let flag = |(key, value): &(&str, &str)| FlagValue {
        flag: "--set".to_owned(),
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    };
    let connection = "Server=127.0.0.1,1433;Database=stoa;User ID=sa;Password=unused";
    let least = [("ConnectionStrings:VirtoCommerce", connection), ("STOA_BOOTSTRAP_PASSWORD", PASSWORD)];
    let flags = least.iter().chain(keys).map(flag).collect();
    let sources = Sources { file: None, variables: Vec::new(), flags };
    Configuration::load(&sources, Process::AuthoringApi).unwrap().settings
}

/// What signs in, on this database.
pub(crate) async fn accounts(database: &TestDatabase, settings: &Settings) -> Accounts {
    let keyring = Arc::new(Keyring::new(&settings.authorization, &database.database));
    let tokens = Data::new(AccessTokens::new(keyring, &settings.authorization));
    Accounts::new(database.database.clone(), tokens, settings).await.unwrap()
}

/// An app whose requests by [`request`] may do everything.
pub(crate) async fn app(
    database: &TestDatabase,
) -> impl Service<Request, Response = ServiceResponse, Error = Error> + use<> {
    let settings = settings(&[("Authorization:SigningKey", SIGNING_KEY)]);
    if TOKEN.get().is_none() {
        let token = token_of(database, &settings, Permissions::All).await;
        // Another test may have been faster; its token is as good.
        let _ = TOKEN.set(token);
    }
    app_with(database, &settings).await
}

/// A token with these permissions, without any user behind it.
pub(crate) async fn token_of(
    database: &TestDatabase,
    settings: &Settings,
    permissions: Permissions,
) -> String {
    let keyring = Arc::new(Keyring::new(&settings.authorization, &database.database));
    let tokens = AccessTokens::new(keyring, &settings.authorization);
    let principal =
        Principal { subject: Subject::User { id: 1 }, name: "tester".to_owned(), session: None, permissions };
    tokens.issue(&principal).await.unwrap().token
}

/// An app after its first start.
pub(crate) async fn app_with(
    database: &TestDatabase,
    settings: &Settings,
) -> impl Service<Request, Response = ServiceResponse, Error = Error> + use<> {
    let state = state(database, settings).await;
    let app = App::new()
        .app_data(Data::new(settings.http.compression))
        .configure(|config| host::http::extractor_configs(config, MAX_BODY_BYTES))
        .configure(|config| routes::configure(config, state));
    test::init_service(app).await
}

/// What the routes work with, after the first start.
pub(crate) async fn state(database: &TestDatabase, settings: &Settings) -> Data<AppState> {
    let accounts = accounts(database, settings).await;
    accounts::bootstrap(&accounts, |_| panic!("the password is configured")).await.unwrap();
    let jobs = jobs::Client::new(Arc::new(jobs::NoWakeUp));
    let imports =
        Imports { max_upload_bytes: MAX_UPLOAD_BYTES, max_concurrent_uploads: MAX_CONCURRENT_UPLOADS };
    let push = backplane::Push::start(database.database.clone(), None, "test", "test");
    Data::new(AppState::with(database.database.clone(), jobs, push, accounts, &imports))
}

/// A request with a token that may do everything.
pub(crate) fn request(method: Method, path: &str) -> test::TestRequest {
    let token = TOKEN.get().expect("app() has been called");
    request_with(token, method, path)
}

/// A request with this token.
pub(crate) fn request_with(token: &str, method: Method, path: &str) -> test::TestRequest {
    test::TestRequest::default()
        .method(method)
        .uri(path)
        .insert_header(("Authorization", format!("Bearer {token}")))
}

/// `POST /connect/token` with these parameters.
pub(crate) async fn connect<S>(app: &S, parameters: &[(&str, &str)]) -> Answer
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let request = test::TestRequest::post().uri("/connect/token").set_form(parameters);
    let answer = send(app, request).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    answer
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
    Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null), bytes }
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
