//! Rotating the keys that sign access tokens: nobody is signed out, no instance is restarted.

use std::time::Duration;

use actix_http::Request;
use actix_web::Error;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use host::auth::Permissions;
use serde_json::Value;
use sql::RowExt;
use sql::testing::TestDatabase;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::api_keys::execute;
use crate::app::{Answer, PASSWORD, app_with, database, request_with, send, settings, token_of};
use crate::people::{self, audit};

const KEYS: &str = "/api/platform/security/signingkeys";
const ROTATE: &str = "/api/platform/security/signingkeys/rotate";
/// How long instances believe the keys that they have read, s.
const REFRESH_SECS: i64 = 30;

/// An access token of the first user.
async fn sign_in<S>(app: &S) -> String
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let answer = people::sign_in(app, "admin", PASSWORD).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["access_token"].as_str().unwrap().to_owned()
}

async fn is_believed<S>(app: &S, token: &str) -> bool
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let answer = send(app, request_with(token, Method::GET, "/admin/stores/none")).await;
    assert!([401, 404].contains(&answer.status.as_u16()), "{}", answer.body);
    answer.status == 404
}

async fn rotate<S>(app: &S, token: &str) -> Answer
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    send(app, request_with(token, Method::POST, ROTATE)).await
}

/// The id of the key that has signed a token.
fn key_of(token: &str) -> String {
    let header = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

fn time_in(key: &Value, field: &str) -> OffsetDateTime {
    OffsetDateTime::parse(key[field].as_str().unwrap(), &Rfc3339).unwrap()
}

/// Every instance looks at the keys again when it needs them next.
async fn keys_become_old() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(REFRESH_SECS as u64 + 1)).await;
    tokio::time::resume();
}

#[actix_web::test]
async fn tokens_from_before_during_and_after_a_rotation_are_believed_by_every_instance() {
    let database = database().await;
    let settings = settings(&[]);
    let (one, other) = (app_with(&database, &settings).await, app_with(&database, &settings).await);
    let before = sign_in(&one).await;
    // The worst case: the other instance has looked a moment before the rotation.
    assert!(is_believed(&other, &before).await);

    let new = rotate(&one, &before).await;
    assert_eq!((new.status.as_u16(), &new.body["state"]), (200, &Value::from("next")), "{}", new.body);
    let during = [sign_in(&one).await, sign_in(&other).await];
    for token in &during {
        assert_eq!(key_of(token), key_of(&before), "a key that others may not know yet signs nothing");
    }

    keys_become_old().await;
    assert!(is_believed(&other, &during[0]).await);
    let sign_now = "UPDATE k SET k.SignsFrom = DATEADD(second, -60, k.SignsFrom) FROM Accounts.SigningKey AS k \
                    WHERE k.SignsFrom > SYSUTCDATETIME()";
    execute(&database, sign_now).await;
    // The other instance has looked a moment before the key signs, and goes on with the old one.
    let late = sign_in(&other).await;
    assert_eq!(key_of(&late), key_of(&before));
    keys_become_old().await;
    let after = [sign_in(&one).await, sign_in(&other).await];
    for token in &after {
        assert_eq!(key_of(token), new.body["id"].as_str().unwrap());
    }
    for token in [&before, &during[0], &during[1], &late, &after[0], &after[1]] {
        assert!(is_believed(&one, token).await && is_believed(&other, token).await);
    }
    let rotated: Vec<_> =
        audit(&database).await.into_iter().filter(|row| row.1 == "signing-key.rotated").collect();
    assert_eq!(rotated, [("admin".to_owned(), "signing-key.rotated".to_owned())]);
    database.close().await;
}

#[actix_web::test]
async fn a_rotation_leaves_time_for_every_instance_and_every_token() {
    let database = database().await;
    let app = app_with(&database, &settings(&[("Authorization:AccessTokenLifeTime", "00:20:00")])).await;
    let token = sign_in(&app).await;
    rotate(&app, &token).await;
    let list = send(&app, request_with(&token, Method::GET, KEYS)).await;
    assert_eq!(list.status, 200, "{}", list.body);
    let [new, old] = list.body["items"].as_array().unwrap().as_slice() else { panic!("{}", list.body) };
    assert_eq!((new["state"].as_str(), old["state"].as_str()), (Some("next"), Some("signing")));
    assert!(new["verifiesUntil"].is_null());
    let signs_from = time_in(new, "signsFrom");
    let lead = (signs_from - time_in(new, "createdAt")).whole_seconds();
    assert_eq!(lead, 2 * REFRESH_SECS);
    // What the old key signs last: an instance notices the change a refresh late; 30 s: clocks that differ.
    let overlap = (time_in(old, "verifiesUntil") - signs_from).whole_seconds();
    assert_eq!(overlap, REFRESH_SECS + 1_200 + 30);
    let fields: Vec<_> = new.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["createdAt", "id", "signsFrom", "state", "verifiesUntil"]);
    database.close().await;
}

#[actix_web::test]
async fn of_rotations_at_once_one_happens_and_the_next_has_to_wait_for_it() {
    let database = database().await;
    let settings = settings(&[]);
    let (one, other) = (app_with(&database, &settings).await, app_with(&database, &settings).await);
    let token = &sign_in(&one).await;
    let (first, second) = futures_util::join!(
        join_all((0..3).map(|_| rotate(&one, token))),
        join_all((0..3).map(|_| rotate(&other, token)))
    );
    let answers: Vec<Answer> = first.into_iter().chain(second).collect();
    let done: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(done.len(), 1);
    let signs_from = done[0].body["signsFrom"].as_str().unwrap();
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        refused.assert_problem(409, "conflict");
        let expected = format!("a rotation is under way: its key signs from {signs_from} on");
        assert_eq!(refused.body["detail"], expected);
    }
    assert_eq!(keys(&database).await.len(), 2);
    database.close().await;
}

/// Ids of the keys that are stored.
async fn keys(database: &TestDatabase) -> Vec<String> {
    let rows = database.database.query("SELECT k.KeyId FROM Accounts.SigningKey AS k", &[]).await.unwrap();
    rows.iter().map(|row| row.read::<&str>("KeyId").unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn a_key_that_verifies_no_more_is_refused_then_removed() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let old = sign_in(&app).await;
    rotate(&app, &old).await;
    let both_over = "UPDATE k SET k.SignsFrom = CASE WHEN k.VerifiesUntil IS NULL THEN SYSUTCDATETIME() ELSE k.SignsFrom END, \
                     k.VerifiesUntil = CASE WHEN k.VerifiesUntil IS NULL THEN NULL ELSE SYSUTCDATETIME() END \
                     FROM Accounts.SigningKey AS k";
    execute(&database, both_over).await;
    keys_become_old().await;
    assert!(!is_believed(&app, &old).await);
    let new = sign_in(&app).await;
    assert!(is_believed(&app, &new).await);
    assert!(keys(&database).await.contains(&key_of(&old)));
    assert_eq!(rotate(&app, &new).await.status, 200);
    let left = keys(&database).await;
    assert!(left.len() == 2 && left.contains(&key_of(&new)) && !left.contains(&key_of(&old)));
    database.close().await;
}

#[actix_web::test]
async fn there_is_a_limit_to_keys_whose_tokens_hold() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let token = sign_in(&app).await;
    let more = "INSERT INTO Accounts.SigningKey (KeyId, Secret, SignsFrom, VerifiesUntil) \
                SELECT CONCAT(N'old-', x.value), k.Secret, DATEADD(day, -1, k.SignsFrom), DATEADD(day, 1, k.SignsFrom) \
                FROM Accounts.SigningKey AS k CROSS JOIN OPENJSON(N'[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]') AS x";
    execute(&database, more).await;
    let refused = rotate(&app, &token).await;
    refused.assert_problem(409, "conflict");
    assert!(refused.body["detail"].as_str().unwrap().contains("16 keys"), "{}", refused.body);
    assert!(is_believed(&app, &token).await);
    database.close().await;
}

/// A configured key with this letter in it.
fn configured(letter: char) -> String {
    letter.to_string().repeat(32)
}

#[actix_web::test]
async fn a_configured_key_is_changed_in_two_restarts_and_its_tokens_hold() {
    let database = database().await;
    let with = |signing: char, previous: Option<char>| {
        let (signing, previous) = (configured(signing), previous.map(configured));
        let mut keys = vec![("Authorization:SigningKey", signing.as_str())];
        keys.extend(previous.as_deref().map(|key| ("Authorization:PreviousSigningKey", key)));
        settings(&keys)
    };
    let instances = [with('a', None), with('a', Some('b')), with('b', Some('a')), with('b', None)];
    let (mut tokens, mut apps) = (Vec::new(), Vec::new());
    for instance in &instances {
        tokens.push(token_of(&database, instance, Permissions::All).await);
        apps.push(app_with(&database, instance).await);
    }
    let mut believed = Vec::new();
    for app in &apps {
        let mut by_app = String::new();
        for token in &tokens {
            by_app.push(if is_believed(app, token).await { '1' } else { '0' });
        }
        believed.push(by_app);
    }
    // In a row of restarts neighbours run side by side; only the first and the last do not understand each other.
    assert_eq!(believed, ["1100", "1111", "1111", "0011"]);
    database.close().await;
}

#[actix_web::test]
async fn with_a_configured_key_the_keys_in_sql_are_not_rotated_and_the_answer_says_what_to_do() {
    let database = database().await;
    let settings = settings(&[("Authorization:SigningKey", &configured('a'))]);
    let app = app_with(&database, &settings).await;
    let token = token_of(&database, &settings, Permissions::All).await;
    for answer in [rotate(&app, &token).await, send(&app, request_with(&token, Method::GET, KEYS)).await] {
        answer.assert_problem(409, "conflict");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains("with the new key as Authorization:PreviousSigningKey"), "{detail}");
    }
    assert_eq!(keys(&database).await, Vec::<String>::new());
    database.close().await;
}

/// Runs `authoring-api` with these words: exit code and everything that it wrote.
async fn run(database: &TestDatabase, words: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_authoring-api"));
    command.args(words).envs(variables.iter().copied()).env_remove("RUST_LOG").kill_on_drop(true);
    command.env("ConnectionStrings__VirtoCommerce", database.connection.to_secret_string());
    let output = command.output().await.unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.code(), text)
}

#[actix_web::test]
async fn an_operator_rotates_the_key_from_the_command_line() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let token = sign_in(&app).await;
    let (code, output) = run(&database, &["rotate-signing-key"], &[]).await;
    assert_eq!(code, Some(0), "{output}");
    let list = send(&app, request_with(&token, Method::GET, KEYS)).await;
    let new = list.body["items"][0]["id"].as_str().unwrap();
    assert!(output.contains("signing key rotated") && output.contains(new), "{output}");
    assert_eq!(list.body["items"][0]["state"], "next");
    let expected = ("rotate-signing-key".to_owned(), "signing-key.rotated".to_owned());
    assert_eq!(audit(&database).await.last(), Some(&expected));

    let (code, output) = run(&database, &["rotate-signing-key"], &[]).await;
    assert!(code == Some(1) && output.contains("a rotation is under way"), "{code:?} {output}");
    let key = configured('a');
    let (code, output) =
        run(&database, &["rotate-signing-key"], &[("Authorization__SigningKey", &key)]).await;
    assert!(code == Some(1) && output.contains("as Authorization:PreviousSigningKey"), "{code:?} {output}");
    let (code, output) = run(&database, &["rotate-signing-key", "--list"], &[]).await;
    assert!(code == Some(2) && output.contains("--list belongs to migrate"), "{code:?} {output}");
    assert_eq!(keys(&database).await.len(), 2);
    database.close().await;
}
