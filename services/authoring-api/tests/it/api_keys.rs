//! API keys: how programs sign in, and when they are refused.

use actix_http::Request;
use actix_web::Error;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use host::auth::Permissions;
use serde_json::json;
use sql::testing::TestDatabase;

use crate::app::{Answer, app_with, connect, database, request_with, send, settings, token_of};
use crate::people::{assert_refused, audit};

/// An app with these settings, and the token of somebody who may do everything.
pub(crate) async fn world(
    keys: &[(&str, &str)],
) -> (TestDatabase, impl Service<Request, Response = ServiceResponse, Error = Error> + use<>, String) {
    let (database, settings) = (database().await, settings(keys));
    let app = app_with(&database, &settings).await;
    let token = token_of(&database, &settings, Permissions::All).await;
    (database, app, token)
}

pub(crate) const KEYS: &str = "/api/platform/security/apikeys";

/// What a program knows.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) client_id: String,
    pub(crate) secret: String,
}

impl Key {
    /// From the answer that shows it.
    pub(crate) fn shown(answer: &Answer) -> Self {
        assert!([200, 201].contains(&answer.status.as_u16()), "{}", answer.body);
        assert_eq!(answer.header("cache-control"), "no-store");
        let text = |field: &str| answer.body[field].as_str().unwrap().to_owned();
        Self { client_id: text("clientId"), secret: text("clientSecret") }
    }
}

/// Makes a key with these permissions.
pub(crate) async fn key<S>(app: &S, token: &str, name: &str, permissions: &[&str]) -> Key
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let body = json!({ "name": name, "permissions": permissions });
    Key::shown(&send(app, request_with(token, Method::POST, KEYS).set_json(body)).await)
}

pub(crate) async fn sign_in<S>(app: &S, key: &Key) -> Answer
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let parameters = [
        ("grant_type", "client_credentials"),
        ("client_id", &key.client_id),
        ("client_secret", &key.secret),
        ("scope", "offline_access"),
    ];
    connect(app, &parameters).await
}

/// By HTTP Basic, with these parameters besides.
async fn sign_in_by_basic<S>(app: &S, key: &Key, parameters: &[(&str, &str)]) -> Answer
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let pair = BASE64_STANDARD.encode(format!("{}:{}", key.client_id, key.secret));
    let parameters = [&[("grant_type", "client_credentials")], parameters].concat();
    let request = TestRequest::post().uri("/connect/token").set_form(parameters);
    send(app, request.insert_header(("Authorization", format!("Basic {pair}")))).await
}

pub(crate) fn access_token(answer: &Answer) -> &str {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["access_token"].as_str().unwrap()
}

pub(crate) fn assert_unauthenticated(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), &answer.body["error"]), (401, &json!("invalid_client")));
    assert!(answer.header("www-authenticate").starts_with("Basic "));
    assert_eq!(answer.header("cache-control"), "no-store");
}

pub(crate) async fn execute(database: &TestDatabase, text: &'static str) {
    // On a new connection: Babelfish gives no number where a statement before said NOCOUNT.
    let pool = database.pool(sql::Options::default()).await;
    assert_ne!(pool.execute(text, &[]).await.unwrap(), 0, "{text}");
    pool.close().await;
}

#[actix_web::test]
async fn a_key_signs_in_by_form_or_basic_and_changes_name_it() {
    let (database, app, token) = world(&[]).await;
    let key = key(&app, &token, "erp", &["store:update"]).await;
    let by_form = sign_in(&app, &key).await;
    assert_eq!((&by_form.body["token_type"], &by_form.body["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert!(by_form.body.get("refresh_token").is_none() && by_form.body.get("scope").is_none());
    let by_basic = sign_in_by_basic(&app, &key, &[("client_id", &key.client_id)]).await;

    let body = json!({ "name": "Stoa Outdoor", "currency": "EUR", "language": "en" });
    for answer in [&by_form, &by_basic] {
        let put = request_with(access_token(answer), Method::PUT, "/admin/stores/outdoor").set_json(&body);
        assert_eq!(send(&app, put).await.status, 200);
    }
    let get = request_with(access_token(&by_form), Method::GET, "/admin/stores/outdoor");
    send(&app, get).await.assert_problem(403, "forbidden");
    let rows = audit(&database).await;
    let of_key: Vec<_> =
        rows.iter().filter(|(actor, _)| actor == "api-key:1 erp").map(|row| &row.1).collect();
    assert_eq!(of_key, ["api-key.first_used", "store.put", "store.put"]);
    database.close().await;
}

#[actix_web::test]
async fn wrong_secret_unknown_client_and_keys_that_hold_no_longer_get_the_same_answer() {
    let limits = [("Authorization:RateLimit:PerAccountPerMinute", "1000")];
    let (database, app, token) = world(&limits).await;
    let key = key(&app, &token, "erp", &["store:read"]).await;
    let wrong_secret = Key { secret: "A".repeat(43), client_id: key.client_id.clone() };
    let refused = sign_in(&app, &wrong_secret).await;
    assert_unauthenticated(&refused);
    for (client_id, secret) in [
        ("00000000-0000-4000-8000-000000000000", key.secret.as_str()),
        ("admin", &key.secret),
        (&key.client_id, "no secret"),
        (&key.client_id, &key.client_id),
    ] {
        let other = Key { client_id: client_id.to_owned(), secret: secret.to_owned() };
        for answer in [sign_in(&app, &other).await, sign_in_by_basic(&app, &other, &[]).await] {
            assert_unauthenticated(&answer);
            assert_eq!(answer.body, refused.body);
        }
    }
    for (obstacle, mended) in [
        (
            "UPDATE k SET k.IsEnabled = 0 FROM Accounts.ApiKey AS k",
            "UPDATE k SET k.IsEnabled = 1 FROM Accounts.ApiKey AS k",
        ),
        (
            "UPDATE u SET u.IsEnabled = 0 FROM Accounts.[User] AS u",
            "UPDATE u SET u.IsEnabled = 1 FROM Accounts.[User] AS u",
        ),
        (
            "UPDATE k SET k.ExpiresAt = SYSUTCDATETIME() FROM Accounts.ApiKey AS k",
            "UPDATE k SET k.ExpiresAt = DATEADD(minute, 1, SYSUTCDATETIME()) FROM Accounts.ApiKey AS k",
        ),
    ] {
        execute(&database, obstacle).await;
        assert_eq!(sign_in(&app, &key).await.body, refused.body, "{obstacle}");
        execute(&database, mended).await;
        access_token(&sign_in(&app, &key).await);
    }
    execute(&database, "DELETE FROM Accounts.ApiKey").await;
    assert_eq!(sign_in(&app, &key).await.body, refused.body);
    database.close().await;
}

#[actix_web::test]
async fn a_client_authenticates_in_exactly_one_way() {
    let (database, app, token) = world(&[]).await;
    let key = key(&app, &token, "erp", &["store:read"]).await;
    let grant = ("grant_type", "client_credentials");
    let (id, secret) = (("client_id", key.client_id.as_str()), ("client_secret", key.secret.as_str()));
    for both in [&[id, secret][..], &[secret], &[("client_id", "another")]] {
        assert_refused(&sign_in_by_basic(&app, &key, both).await, "invalid_request");
    }
    for half in [&[grant, id][..], &[grant, secret], &[grant, id, id, secret]] {
        assert_refused(&connect(&app, half).await, "invalid_request");
    }
    assert_unauthenticated(&connect(&app, &[grant]).await);
    for header in ["Bearer x", "Basic", "Basic x", "Basic YTpi\u{e4}"] {
        let request = TestRequest::post().uri("/connect/token").set_form([grant]);
        assert_unauthenticated(&send(&app, request.insert_header(("Authorization", header))).await);
    }
    database.close().await;
}

#[actix_web::test]
async fn a_key_never_may_more_than_its_user_at_that_moment() {
    let (database, app, token) = world(&[]).await;
    let (some, all) = (
        key(&app, &token, "erp", &["store:read", "product:read"]).await,
        key(&app, &token, "pim", &["*"]).await,
    );
    let try_read = async |key: &Key| {
        let answer = sign_in(&app, key).await;
        let mut statuses = Vec::new();
        for path in ["/admin/stores/none", "/admin/products/1", "/admin/imports/1"] {
            let get = request_with(access_token(&answer), Method::GET, path);
            statuses.push(send(&app, get).await.status.as_u16());
        }
        statuses
    };
    assert_eq!(try_read(&some).await, [404, 404, 403]);
    assert_eq!(try_read(&all).await, [404, 404, 404]);
    execute(
        &database,
        "UPDATE p SET p.Permission = N'store:read' FROM Accounts.RolePermission AS p WHERE p.Permission = N'*'",
    )
    .await;
    assert_eq!(try_read(&some).await, [404, 403, 403]);
    assert_eq!(try_read(&all).await, [404, 403, 403]);
    execute(&database, "DELETE FROM Accounts.UserRole").await;
    assert_eq!(try_read(&all).await, [403, 403, 403]);
    database.close().await;
}

#[actix_web::test]
async fn neither_a_secret_nor_a_token_of_a_key_can_be_refreshed() {
    let (database, app, token) = world(&[]).await;
    let key = key(&app, &token, "erp", &["store:read"]).await;
    let answer = sign_in(&app, &key).await;
    for token in [access_token(&answer), &key.secret] {
        let parameters = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", &key.client_id),
            ("client_secret", &key.secret),
        ];
        assert_refused(&connect(&app, &parameters).await, "invalid_grant");
    }
    database.close().await;
}

#[actix_web::test]
async fn a_client_that_asks_too_often_is_told_when_to_come_back_however_it_writes_its_id() {
    let limits = [("Authorization:RateLimit:PerAccountPerMinute", "3")];
    let (database, app, token) = world(&limits).await;
    let (key, other) =
        (key(&app, &token, "erp", &["store:read"]).await, key(&app, &token, "pim", &["store:read"]).await);
    let spelled = |client_id: String| Key { client_id, secret: key.secret.clone() };
    let upper = spelled(key.client_id.to_uppercase());
    access_token(&sign_in(&app, &upper).await);
    assert_unauthenticated(
        &sign_in(&app, &Key { secret: "wrong".to_owned(), ..spelled(key.client_id.clone()) }).await,
    );
    access_token(&sign_in(&app, &key).await);
    for again in [&key, &upper, &spelled(key.client_id.replace('-', ""))] {
        let answer = sign_in(&app, again).await;
        answer.assert_problem(429, "too_many_requests");
        assert!((1..=21).contains(&answer.header("retry-after").parse::<u32>().unwrap()));
    }
    access_token(&sign_in(&app, &other).await);
    database.close().await;
}

#[actix_web::test]
async fn too_many_clients_of_one_address_are_refused_too() {
    let (database, app, token) = world(&[("Authorization:RateLimit:PerAddressPerMinute", "2")]).await;
    for client_id in ["a", "b"] {
        let unknown = Key { client_id: client_id.to_owned(), secret: "x".to_owned() };
        assert_unauthenticated(&sign_in(&app, &unknown).await);
    }
    sign_in(&app, &key(&app, &token, "erp", &[]).await).await.assert_problem(429, "too_many_requests");
    database.close().await;
}

#[actix_web::test]
async fn the_audit_names_first_uses_and_refusals_once_a_minute_and_the_row_says_when() {
    let (database, app, token) = world(&[]).await;
    let key = key(&app, &token, "erp", &["store:read"]).await;
    let wrong = Key { secret: "wrong".to_owned(), client_id: key.client_id.clone() };
    let of_key = async || {
        let rows = audit(&database).await;
        rows.into_iter().filter(|row| row.0 == "api-key:1 erp").map(|row| row.1).collect::<Vec<_>>()
    };
    for _ in 0..3 {
        sign_in(&app, &wrong).await;
        access_token(&sign_in(&app, &key).await);
    }
    assert_eq!(of_key().await, ["api-key.refused", "api-key.first_used"]);
    let a_minute_ago = "UPDATE k SET k.LastUsedAt = DATEADD(second, -60, k.LastUsedAt), \
                        k.LastRefusedAt = DATEADD(second, -60, k.LastRefusedAt) FROM Accounts.ApiKey AS k";
    execute(&database, a_minute_ago).await;
    execute(&database, "UPDATE k SET k.IsEnabled = 0 FROM Accounts.ApiKey AS k").await;
    sign_in(&app, &key).await;
    assert_eq!(of_key().await, ["api-key.refused", "api-key.first_used", "api-key.refused"]);
    let reasons =
        "SELECT a.Detail FROM Platform.AuditLog AS a WHERE a.Action = N'api-key.refused' ORDER BY a.Id";
    let rows = database.database.query(reasons, &[]).await.unwrap();
    let reason = |row: &sql::Row| {
        let detail: &str = sql::RowExt::read(row, "Detail").unwrap();
        serde_json::from_str::<serde_json::Value>(detail).unwrap()["reason"].clone()
    };
    assert_eq!(rows.iter().map(reason).collect::<Vec<_>>(), ["the secret is wrong", "the key is disabled"]);
    database.close().await;
}
