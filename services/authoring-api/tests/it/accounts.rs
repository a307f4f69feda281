//! Signing in: the first user, passwords, refresh tokens, lock-out, rate limits.

use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::http::Method;
use actix_web::test::TestRequest;
use authoring_api::accounts::bootstrap;
use futures_util::future::join_all;
use host::Secret;
use serde_json::json;
use sql::RowExt;

use crate::app::{PASSWORD, accounts, app_with, connect, database, request_with, send, settings};
use crate::people::{assert_refused, audit, count, refresh, refresh_token, sign_in};

#[actix_web::test]
async fn several_instances_that_start_at_once_make_one_user_and_one_key_and_tell_one_password() {
    static SHOWN: AtomicUsize = AtomicUsize::new(0);
    fn show(password: &Secret) {
        assert_eq!(password.expose().len(), 24);
        SHOWN.fetch_add(1, Ordering::Relaxed);
    }
    let database = database().await;
    let settings = settings(&[("STOA_BOOTSTRAP_PASSWORD", "")]);
    let mut instances = Vec::new();
    for _ in 0..4 {
        instances.push(accounts(&database, &settings).await);
    }
    let starts = join_all(instances.iter().map(|accounts| bootstrap(accounts, show))).await;
    assert!(starts.iter().all(Result::is_ok), "{starts:?}");
    bootstrap(&instances[0], show).await.unwrap();

    assert_eq!(SHOWN.load(Ordering::Relaxed), 1);
    assert_eq!(count(&database, "SELECT COUNT(*) AS N FROM Accounts.[User]").await, 1);
    assert_eq!(count(&database, "SELECT COUNT(*) AS N FROM Accounts.UserRole").await, 1);
    assert_eq!(count(&database, "SELECT COUNT(*) AS N FROM Accounts.SigningKey").await, 1);
    assert_eq!(audit(&database).await, [("bootstrap".to_owned(), "user.created".to_owned())]);
    database.close().await;
}

#[actix_web::test]
async fn a_right_password_gives_a_token_that_every_instance_believes_and_the_audit_names_the_user() {
    let database = database().await;
    let settings = settings(&[]);
    let (one, other) = (app_with(&database, &settings).await, app_with(&database, &settings).await);
    let answer = sign_in(&one, " Admin ", PASSWORD).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["token_type"], "Bearer");
    assert_eq!(answer.body["expires_in"], 600);
    assert_eq!(answer.body["scope"], "offline_access");

    let token = answer.body["access_token"].as_str().unwrap();
    let body = json!({ "name": "Stoa Outdoor", "currency": "EUR", "language": "en" });
    let put = request_with(token, Method::PUT, "/admin/stores/outdoor").set_json(body);
    assert_eq!(send(&other, put).await.status, 200);
    let expected = [("bootstrap", "user.created"), ("admin", "user.signed_in"), ("admin", "store.put")];
    let expected = expected.map(|(actor, action)| (actor.to_owned(), action.to_owned()));
    assert_eq!(audit(&database).await, expected);
    database.close().await;
}

#[actix_web::test]
async fn without_the_scope_there_is_no_refresh_token_and_no_session() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let parameters = [("grant_type", "password"), ("username", "admin"), ("password", PASSWORD)];
    let answer = connect(&app, &parameters).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.get("refresh_token").is_none() && answer.body.get("scope").is_none());
    assert_eq!(count(&database, "SELECT COUNT(*) AS N FROM Accounts.Session").await, 0);
    database.close().await;
}

#[actix_web::test]
async fn wrong_user_wrong_password_and_disabled_user_get_the_same_answer() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let wrong = sign_in(&app, "admin", "wrong-password").await;
    assert_refused(&wrong, "invalid_grant");
    for user in ["nobody", "a\u{0}b", &"x".repeat(2_000)] {
        assert_eq!(sign_in(&app, user, PASSWORD).await.body, wrong.body);
    }
    assert_eq!(sign_in(&app, "admin", &"x".repeat(2_000)).await.body, wrong.body);
    database.database.execute("UPDATE u SET u.IsEnabled = 0 FROM Accounts.[User] AS u", &[]).await.unwrap();
    assert_eq!(sign_in(&app, "admin", PASSWORD).await.body, wrong.body);
    database.close().await;
}

#[actix_web::test]
async fn requests_that_are_no_token_requests_are_refused_as_the_standard_says() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    for parameters in [
        &[][..],
        &[("grant_type", "")],
        &[("grant_type", "password"), ("username", "admin")],
        &[("grant_type", "password"), ("username", "admin"), ("username", "b"), ("password", "x")],
        &[("grant_type", "refresh_token")],
    ] {
        assert_refused(&connect(&app, parameters).await, "invalid_request");
    }
    let other = connect(&app, &[("grant_type", "implicit")]).await;
    assert_refused(&other, "unsupported_grant_type");
    let as_json = TestRequest::post().uri("/connect/token").set_json(json!({ "grant_type": "password" }));
    assert_refused(&send(&app, as_json).await, "invalid_request");
    let large = "x".repeat(300 * 1024);
    assert_refused(&connect(&app, &[("grant_type", &large)]).await, "invalid_request");
    database.close().await;
}

#[actix_web::test]
async fn a_refresh_token_is_good_once_and_gives_the_next() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let mut token = refresh_token(&sign_in(&app, "admin", PASSWORD).await);
    for _ in 0..3 {
        let answer = refresh(&app, &token).await;
        assert!(answer.body["access_token"].is_string());
        let next = refresh_token(&answer);
        assert_ne!(next, token);
        token = next;
    }
    assert_eq!(count(&database, "SELECT COUNT(*) AS N FROM Accounts.Session").await, 1);
    assert_refused(&refresh(&app, "no-token").await, "invalid_grant");
    database.close().await;
}

#[actix_web::test]
async fn a_refresh_token_used_twice_revokes_its_family() {
    let database = database().await;
    let app = app_with(&database, &settings(&[("Authorization:RefreshTokenReuseLeeway", "00:00:00")])).await;
    let first = refresh_token(&sign_in(&app, "admin", PASSWORD).await);
    let other_session = refresh_token(&sign_in(&app, "admin", PASSWORD).await);
    let second = refresh_token(&refresh(&app, &first).await);
    assert_refused(&refresh(&app, &first).await, "invalid_grant");
    assert_refused(&refresh(&app, &second).await, "invalid_grant");
    refresh_token(&refresh(&app, &other_session).await);
    assert_eq!(audit(&database).await.last().unwrap().1, "user.session_revoked");
    database.close().await;
}

#[actix_web::test]
async fn a_lost_answer_may_be_asked_for_again_and_the_lost_token_then_revokes_the_family() {
    let database = database().await;
    let app = app_with(&database, &settings(&[("Authorization:RefreshTokenReuseLeeway", "00:05:00")])).await;
    let first = refresh_token(&sign_in(&app, "admin", PASSWORD).await);
    let lost = refresh_token(&refresh(&app, &first).await);
    let again = refresh_token(&refresh(&app, &first).await);
    let next = refresh_token(&refresh(&app, &again).await);
    assert_refused(&refresh(&app, &lost).await, "invalid_grant");
    assert_refused(&refresh(&app, &next).await, "invalid_grant");
    database.close().await;
}

#[actix_web::test]
async fn a_session_ends_with_its_user_and_its_time() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let token = refresh_token(&sign_in(&app, "admin", PASSWORD).await);
    let enable = "UPDATE u SET u.IsEnabled = 1 - u.IsEnabled FROM Accounts.[User] AS u";
    database.database.execute(enable, &[]).await.unwrap();
    assert_refused(&refresh(&app, &token).await, "invalid_grant");
    database.database.execute(enable, &[]).await.unwrap();
    let token = refresh_token(&refresh(&app, &token).await);
    let expire =
        "UPDATE s SET s.ExpiresAt = DATEADD(second, -1, SYSUTCDATETIME()) FROM Accounts.Session AS s";
    database.database.execute(expire, &[]).await.unwrap();
    assert_refused(&refresh(&app, &token).await, "invalid_grant");
    sign_in(&app, "admin", PASSWORD).await;
    assert_eq!(count(&database, "SELECT COUNT(*) AS N FROM Accounts.Session").await, 1);
    database.close().await;
}

#[actix_web::test]
async fn a_user_has_fifty_sessions_and_the_one_not_used_for_longest_makes_room() {
    let database = database().await;
    let app =
        app_with(&database, &settings(&[("Authorization:RateLimit:PerAccountPerMinute", "1000")])).await;
    let first = refresh_token(&sign_in(&app, "admin", PASSWORD).await);
    let fill = "INSERT INTO Accounts.Session (UserId, Handle, CurrentHash, RotatedAt, ExpiresAt, ClientAddress, UserAgent) \
                SELECT s.UserId, NEWID(), s.CurrentHash, s.RotatedAt, s.ExpiresAt, s.ClientAddress, s.UserAgent \
                FROM Accounts.Session AS s WHERE s.Id = 1";
    for _ in 0..49 {
        database.database.execute(fill, &[]).await.unwrap();
    }
    let last = refresh_token(&sign_in(&app, "admin", PASSWORD).await);
    assert_eq!(count(&database, "SELECT COUNT(*) AS N FROM Accounts.Session").await, 50);
    refresh_token(&refresh(&app, &last).await);
    assert_refused(&refresh(&app, &first).await, "invalid_grant");
    database.close().await;
}

#[actix_web::test]
async fn wrong_passwords_in_a_row_lock_the_account_for_a_time() {
    let database = database().await;
    let app =
        app_with(&database, &settings(&[("IdentityOptions:Lockout:MaxFailedAccessAttempts", "3")])).await;
    for _ in 0..2 {
        assert_refused(&sign_in(&app, "admin", "wrong-password").await, "invalid_grant");
    }
    assert_eq!(sign_in(&app, "admin", PASSWORD).await.status, 200, "a right one begins the count anew");
    for _ in 0..3 {
        sign_in(&app, "admin", "wrong-password").await;
    }
    assert_refused(&sign_in(&app, "admin", PASSWORD).await, "invalid_grant");
    let locked = |rows: Vec<(String, String)>| rows.iter().filter(|row| row.1 == "user.locked").count();
    assert_eq!(locked(audit(&database).await), 1);
    let unlock = "UPDATE u SET u.LockedUntil = SYSUTCDATETIME() FROM Accounts.[User] AS u";
    database.database.execute(unlock, &[]).await.unwrap();
    assert_eq!(sign_in(&app, "admin", PASSWORD).await.status, 200);
    database.close().await;
}

#[actix_web::test]
async fn guesses_sent_all_at_once_get_no_more_tries() {
    let database = database().await;
    let app =
        app_with(&database, &settings(&[("IdentityOptions:Lockout:MaxFailedAccessAttempts", "3")])).await;
    let guesses = (0..9).map(|guess| format!("guess-number-{guess}")).collect::<Vec<_>>();
    join_all(guesses.iter().map(|guess| sign_in(&app, "admin", guess))).await;
    assert_refused(&sign_in(&app, "admin", PASSWORD).await, "invalid_grant");
    database.close().await;
}

#[actix_web::test]
async fn too_many_requests_are_told_when_to_come_back() {
    let database = database().await;
    let limits = [
        ("Authorization:RateLimit:PerAddressPerMinute", "4"),
        ("Authorization:RateLimit:PerAccountPerMinute", "2"),
        ("Http:TrustedProxyHops", "1"),
    ];
    let app = app_with(&database, &settings(&limits)).await;
    let from = async |address: &str, user: &str| {
        let form = [("grant_type", "password"), ("username", user), ("password", "wrong-password")];
        let request = TestRequest::post().uri("/connect/token").set_form(form);
        send(&app, request.insert_header(("X-Forwarded-For", address))).await
    };
    assert_eq!(from("203.0.113.1", "admin").await.status, 400);
    assert_eq!(from("203.0.113.2", "ADMIN").await.status, 400);
    let account = from("203.0.113.3", "admin").await;
    account.assert_problem(429, "too_many_requests");
    assert!((1..=31).contains(&account.header("retry-after").parse::<u32>().unwrap()));
    for user in ["a", "b", "c", "d"] {
        assert_eq!(from("203.0.113.4", user).await.status, 400);
    }
    from("203.0.113.4", "e").await.assert_problem(429, "too_many_requests");
    assert_eq!(from("203.0.113.5", "e").await.status, 400);
    database.close().await;
}

#[actix_web::test]
async fn a_session_that_is_refreshed_too_often_is_told_when_to_come_back_and_keeps_its_token() {
    let database = database().await;
    let settings = settings(&[("Authorization:RateLimit:PerAccountPerMinute", "2")]);
    let (app, other) = (app_with(&database, &settings).await, app_with(&database, &settings).await);
    let mut token = refresh_token(&sign_in(&app, "admin", PASSWORD).await);
    let another = refresh_token(&sign_in(&app, "admin", PASSWORD).await);
    for _ in 0..2 {
        token = refresh_token(&refresh(&app, &token).await);
    }
    let answer = refresh(&app, &token).await;
    answer.assert_problem(429, "too_many_requests");
    assert!((1..=31).contains(&answer.header("retry-after").parse::<u32>().unwrap()));
    refresh_token(&refresh(&app, &another).await);
    refresh_token(&refresh(&other, &token).await);
    database.close().await;
}

#[actix_web::test]
async fn the_database_holds_neither_passwords_nor_refresh_tokens() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let token = refresh_token(&sign_in(&app, "admin", PASSWORD).await);
    let rows = "SELECT u.PasswordHash FROM Accounts.[User] AS u";
    let rows = database.database.query(rows, &[]).await.unwrap();
    assert!(rows[0].read::<&str>("PasswordHash").unwrap().starts_with("$argon2id$"));
    let rows = "SELECT s.CurrentHash FROM Accounts.Session AS s";
    let rows = database.database.query(rows, &[]).await.unwrap();
    let stored: &[u8] = rows[0].read("CurrentHash").unwrap();
    assert_eq!(stored.len(), 32);
    assert!(!token.as_bytes().windows(stored.len()).any(|part| part == stored));
    let rows = database.database.query("SELECT a.Detail FROM Platform.AuditLog AS a", &[]).await.unwrap();
    for row in &rows {
        let detail: &str = row.read("Detail").unwrap();
        assert!(!detail.contains(PASSWORD) && !detail.contains("argon2") && !detail.contains(&token));
    }
    database.close().await;
}
