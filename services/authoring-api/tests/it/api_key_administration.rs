//! Managing API keys: who may give them what, secrets that are shown once and replaced without an outage.

use actix_web::http::Method;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sql::RowExt;
use sql::testing::TestDatabase;

use crate::api_keys::{Key, access_token, assert_unauthenticated, execute, key, sign_in, world};
use crate::app::{PASSWORD, request_with, send};
use crate::people::Person;

/// Actor, action and detail of the audit rows about keys.
async fn audit_of_keys(database: &TestDatabase) -> Vec<(String, String, Value)> {
    let rows = "SELECT a.Actor, a.Action, a.Detail FROM Platform.AuditLog AS a WHERE a.Entity = N'api-key' ORDER BY a.Id";
    let rows = database.database.query(rows, &[]).await.unwrap();
    let read = |row: &sql::Row| {
        let text = |column| row.read::<&str>(column).unwrap().to_owned();
        (text("Actor"), text("Action"), serde_json::from_str(&text("Detail")).unwrap())
    };
    rows.iter().map(read).collect()
}

#[actix_web::test]
async fn a_secret_is_shown_once_and_the_database_has_nothing_but_its_hash() {
    let (database, app, _) = world(&[]).await;
    let admin = Person::admin(&app).await;
    let body =
        json!({ "name": " ERP ", "permissions": ["store:read"], "expiresAt": "2999-01-01T01:00:00+01:00" });
    let made = admin.post(&app, "/apikeys", &body).await;
    assert_eq!((made.status.as_u16(), made.header("location")), (201, "/api/platform/security/apikeys/1"));
    assert_eq!(
        (made.header("etag"), &made.body["name"], &made.body["userName"]),
        ("\"1\"", &json!("erp"), &json!("admin"))
    );
    assert_eq!(made.body["expiresAt"], "2999-01-01T00:00:00Z");
    let made = Key::shown(&made);
    let rotated = Key::shown(&admin.post(&app, "/apikeys/1/secret", &json!({})).await);
    access_token(&sign_in(&app, &rotated).await);

    let shown = [admin.get(&app, "/apikeys").await, admin.get(&app, "/apikeys/1").await];
    let audit = audit_of_keys(&database).await;
    assert_eq!(
        audit.iter().map(|row| row.1.as_str()).collect::<Vec<_>>(),
        ["api-key.created", "api-key.secret_rotated", "api-key.first_used",]
    );
    let rows = "SELECT k.SecretHash, k.PreviousSecretHash FROM Accounts.ApiKey AS k";
    let rows = database.database.query(rows, &[]).await.unwrap();
    for (secret, column) in [(&made.secret, "PreviousSecretHash"), (&rotated.secret, "SecretHash")] {
        let secret_bytes = BASE64_URL_SAFE_NO_PAD.decode(secret).unwrap();
        assert_eq!(secret_bytes.len(), 32);
        assert_eq!(rows[0].read::<&[u8]>(column).unwrap(), Sha256::digest(&secret_bytes).as_slice());
        for text in shown
            .iter()
            .map(|answer| answer.body.to_string())
            .chain(audit.iter().map(|row| row.2.to_string()))
        {
            assert!(!text.contains(secret.as_str()) && !text.to_lowercase().contains("hash"), "{text}");
        }
    }
    database.close().await;
}

#[actix_web::test]
async fn keys_are_listed_changed_by_version_and_deleted_and_refused_at_once() {
    let (database, app, token) = world(&[]).await;
    let admin = Person::admin(&app).await;
    let (erp, _) = (key(&app, &token, "erp", &["store:read"]).await, key(&app, &token, "pim", &[]).await);
    let page = admin.get(&app, "/apikeys?limit=1").await;
    assert_eq!(
        (&page.body["items"][0]["name"], page.body["items"].as_array().unwrap().len()),
        (&json!("erp"), 1)
    );
    let next = format!("/apikeys?limit=1&cursor={}", page.body["nextCursor"].as_str().unwrap());
    let page = admin.get(&app, &next).await;
    assert_eq!((&page.body["items"][0]["name"], &page.body["nextCursor"]), (&json!("pim"), &Value::Null));
    admin.get(&app, "/apikeys?limit=0").await.assert_problem(422, "validation_failed");

    let read = admin.get(&app, "/apikeys/1").await;
    admin.put(&app, "/apikeys/1", &read.body).await.assert_problem(428, "version_required");
    let stale = request_with(&admin.token, Method::PUT, "/api/platform/security/apikeys/1");
    let stale = send(&app, stale.insert_header(("If-Match", "\"7\"")).set_json(&read.body)).await;
    stale.assert_problem(412, "version_mismatch");
    let change =
        json!({ "name": "erp, old", "isEnabled": false, "permissions": ["product:read", "store:read"] });
    let changed = admin.edit(&app, "/apikeys/1", &change).await;
    assert_eq!((changed.status.as_u16(), changed.header("etag")), (200, "\"2\""), "{}", changed.body);
    assert_eq!(changed.body["permissions"], json!(["product:read", "store:read"]));
    assert_unauthenticated(&sign_in(&app, &erp).await);
    admin.edit(&app, "/apikeys/1", &json!({ "isEnabled": true })).await;
    access_token(&sign_in(&app, &erp).await);
    let expired = admin.edit(&app, "/apikeys/1", &json!({ "expiresAt": "2020-01-01T00:00:00Z" })).await;
    assert_eq!(expired.status, 200, "{}", expired.body);
    assert_unauthenticated(&sign_in(&app, &erp).await);
    admin.edit(&app, "/apikeys/1", &json!({ "expiresAt": null })).await;
    access_token(&sign_in(&app, &erp).await);

    assert_eq!(admin.delete(&app, "/apikeys/1").await.status, 204);
    assert_unauthenticated(&sign_in(&app, &erp).await);
    for gone in [admin.delete(&app, "/apikeys/1").await, admin.get(&app, "/apikeys/1").await] {
        gone.assert_problem(404, "not_found");
    }
    let audit = audit_of_keys(&database).await;
    let by_admin: Vec<_> = audit.iter().filter(|row| row.0 == "admin").collect();
    assert_eq!(by_admin.last().unwrap().1, "api-key.deleted");
    let detail = &by_admin[0].2;
    assert_eq!((&detail["before"]["name"], &detail["after"]["name"]), (&json!("erp"), &json!("erp, old")));
    database.close().await;
}

#[actix_web::test]
async fn nobody_gives_a_key_what_they_do_not_hold_at_that_moment() {
    let (database, app, token) = world(&[]).await;
    let admin = Person::admin(&app).await;
    let permissions = ["api-key:read", "api-key:update", "store:read"];
    let role = admin.make_role(&app, "integrator", &permissions).await;
    let jo = admin.hire(&app, "jo", &["integrator"]).await;
    key(&app, &token, "of admin", &["product:update"]).await;
    let make = async |name: &str, permissions: &[&str]| {
        jo.post(&app, "/apikeys", &json!({ "name": name, "permissions": permissions })).await
    };
    assert_eq!(make("of jo", &["store:read"]).await.status, 201);
    let of_jo = "/apikeys/2";
    for refused in [
        make("x", &["store:read", "product:read"]).await,
        make("x", &["*"]).await,
        jo.edit(&app, of_jo, &json!({ "permissions": ["store:update"] })).await,
        // Whoever saw the secret of this one would have its permissions; it is not theirs to end, either.
        jo.post(&app, "/apikeys/1/secret", &json!({})).await,
        jo.edit(&app, "/apikeys/1", &json!({ "permissions": ["store:read"] })).await,
        jo.delete(&app, "/apikeys/1").await,
        jo.post(&app, "/apikeys", &json!({ "name": "x", "permissions": [], "userName": "admin" })).await,
    ] {
        refused.assert_problem(403, "exceeds_own_permissions");
    }

    // The access token says what was so when it was issued.
    let less = json!({ "permissions": ["api-key:update", "api-key:read"] });
    assert_eq!(admin.edit(&app, &format!("/roles/{role}"), &less).await.status, 200);
    make("x", &["store:read"]).await.assert_problem(403, "exceeds_own_permissions");
    jo.edit(&app, of_jo, &json!({ "name": "y" })).await.assert_problem(403, "exceeds_own_permissions");
    assert_eq!(jo.edit(&app, of_jo, &json!({ "permissions": [] })).await.status, 200, "it is jo's own");
    let none = json!({ "permissions": ["api-key:read"] });
    assert_eq!(admin.edit(&app, &format!("/roles/{role}"), &none).await.status, 200);
    make("x", &[]).await.assert_problem(403, "forbidden");
    database.close().await;
}

#[actix_web::test]
async fn a_key_makes_keys_for_its_user_only_and_none_that_may_more_than_itself() {
    let (database, app, token) = world(&[]).await;
    let admin = Person::admin(&app).await;
    let maker = key(&app, &token, "maker", &["api-key:update", "store:read"]).await;
    let answer = sign_in(&app, &maker).await;
    let make = async |permissions: &[&str]| {
        let body = json!({ "name": "made", "permissions": permissions });
        let post = request_with(access_token(&answer), Method::POST, "/api/platform/security/apikeys");
        send(&app, post.set_json(body)).await
    };
    make(&["product:read"]).await.assert_problem(403, "exceeds_own_permissions");
    let made = make(&["store:read"]).await;
    assert_eq!(
        (&made.body["userName"], &made.body["createdBy"]),
        (&json!("admin"), &json!("api-key:1 maker"))
    );
    access_token(&sign_in(&app, &Key::shown(&made)).await);
    let actors = audit_of_keys(&database).await.into_iter().filter(|row| row.1 == "api-key.created");
    assert_eq!(actors.map(|row| row.0).collect::<Vec<_>>(), ["tester", "api-key:1 maker"]);

    admin.edit(&app, "/apikeys/1", &json!({ "isEnabled": false })).await;
    make(&["store:read"]).await.assert_problem(401, "unauthorized");
    database.close().await;
}

#[actix_web::test]
async fn after_a_rotation_both_secrets_are_good_until_the_time_of_the_old_one_is_over() {
    let (database, app, token) = world(&[]).await;
    let admin = Person::admin(&app).await;
    let old = key(&app, &token, "erp", &["store:read"]).await;
    access_token(&sign_in(&app, &old).await);
    assert!(admin.get(&app, "/apikeys/1").await.body["secretLastUsedAt"].is_string());

    let rotated = admin.post(&app, "/apikeys/1/secret", &json!({ "graceSecs": 3600 })).await;
    assert!(rotated.body["secretLastUsedAt"].is_null() && rotated.body["previousSecretUntil"].is_string());
    let new = Key::shown(&rotated);
    access_token(&sign_in(&app, &old).await);
    assert!(
        admin.get(&app, "/apikeys/1").await.body["secretLastUsedAt"].is_null(),
        "the program has the old one"
    );
    access_token(&sign_in(&app, &new).await);
    assert!(admin.get(&app, "/apikeys/1").await.body["secretLastUsedAt"].is_string(), "it has the new one");
    access_token(&sign_in(&app, &old).await);

    let over = "UPDATE k SET k.PreviousSecretUntil = SYSUTCDATETIME() FROM Accounts.ApiKey AS k";
    execute(&database, over).await;
    assert_unauthenticated(&sign_in(&app, &old).await);
    access_token(&sign_in(&app, &new).await);
    assert!(admin.get(&app, "/apikeys/1").await.body["previousSecretUntil"].is_null());
    let at_once = Key::shown(&admin.post(&app, "/apikeys/1/secret", &json!({ "graceSecs": 0 })).await);
    assert_unauthenticated(&sign_in(&app, &new).await);
    access_token(&sign_in(&app, &at_once).await);
    database.close().await;
}

#[actix_web::test]
async fn a_rotation_whose_answer_was_lost_is_asked_for_again_and_the_program_goes_on() {
    let (database, app, token) = world(&[]).await;
    let admin = Person::admin(&app).await;
    let rotate = async || Key::shown(&admin.post(&app, "/apikeys/1/secret", &json!({})).await);
    let of_program = key(&app, &token, "erp", &["store:read"]).await;
    access_token(&sign_in(&app, &of_program).await);
    let lost = rotate().await;
    let next = rotate().await;
    access_token(&sign_in(&app, &of_program).await);
    assert_unauthenticated(&sign_in(&app, &lost).await);
    access_token(&sign_in(&app, &next).await);
    let after_next = rotate().await;
    access_token(&sign_in(&app, &next).await);
    access_token(&sign_in(&app, &after_next).await);
    assert_unauthenticated(&sign_in(&app, &of_program).await);
    database.close().await;
}

#[actix_web::test]
async fn a_program_signs_in_all_the_while_several_rotate_its_secret_at_once() {
    let (database, app, token) = world(&[]).await;
    let admin = Person::admin(&app).await;
    let of_program = key(&app, &token, "erp", &["store:read"]).await;
    access_token(&sign_in(&app, &of_program).await);
    let body = &json!({});
    let rotations = join_all((0..6).map(|_| admin.post(&app, "/apikeys/1/secret", body)));
    let sign_ins = join_all((0..12).map(|_| sign_in(&app, &of_program)));
    let (rotations, sign_ins) = futures_util::join!(rotations, sign_ins);
    for answer in &sign_ins {
        access_token(answer);
    }
    access_token(&sign_in(&app, &of_program).await);

    let newest = rotations.iter().max_by_key(|answer| answer.body["version"].as_i64()).unwrap();
    access_token(&sign_in(&app, &Key::shown(newest)).await);
    assert_eq!(newest.body["version"], 7);
    database.close().await;
}

#[actix_web::test]
async fn no_user_is_called_what_a_key_is_called_in_the_audit_log() {
    let (database, app, _) = world(&[]).await;
    let admin = Person::admin(&app).await;
    let body = json!({ "userName": "API-key:1 erp", "password": PASSWORD });
    let answer = admin.post(&app, "/users", &body).await;
    answer.assert_problem(422, "validation_failed");
    assert_eq!(answer.fields(), ["userName"]);
    database.close().await;
}

#[actix_web::test]
async fn a_key_ends_with_its_user_and_rests_while_the_user_is_locked() {
    let (database, app, _) = world(&[]).await;
    let admin = Person::admin(&app).await;
    let jo = admin.hire(&app, "jo", &["read-only"]).await;
    let body = json!({ "name": "of jo", "permissions": ["*"], "userName": " JO " });
    let made = admin.post(&app, "/apikeys", &body).await;
    assert_eq!((&made.body["userName"], &made.body["createdBy"]), (&json!("jo"), &json!("admin")));
    let key = Key::shown(&made);
    let answer = sign_in(&app, &key).await;
    let get = |path: &str| request_with(access_token(&answer), Method::GET, path);
    send(&app, get("/admin/stores/none")).await.assert_problem(404, "not_found");
    send(&app, get("/api/platform/security/users")).await.assert_problem(403, "forbidden");
    let user = format!("/users/{}", jo.id);
    assert_eq!(admin.post(&app, &format!("{user}/lock"), &json!({})).await.status, 200);
    assert_unauthenticated(&sign_in(&app, &key).await);
    assert_eq!(admin.post(&app, &format!("{user}/unlock"), &json!({})).await.status, 200);
    access_token(&sign_in(&app, &key).await);
    assert_eq!(admin.delete(&app, &user).await.status, 204);
    assert_unauthenticated(&sign_in(&app, &key).await);
    assert_eq!(admin.get(&app, "/apikeys").await.body["items"], json!([]));
    database.close().await;
}

#[actix_web::test]
async fn wrong_fields_taken_names_and_too_many_keys_have_their_own_answers() {
    let (database, app, token) = world(&[]).await;
    let admin = Person::admin(&app).await;
    key(&app, &token, "erp", &[]).await;
    key(&app, &token, "pim", &[]).await;
    let post = async |body: Value| admin.post(&app, "/apikeys", &body).await;
    let wrong = json!({ "name": " ", "permissions": ["store:fly"], "expiresAt": "tomorrow", "userName": "" });
    let answer = post(wrong).await;
    answer.assert_problem(422, "validation_failed");
    assert_eq!(answer.fields(), ["name", "permissions", "expiresAt", "userName"]);
    for (field, value) in [
        ("expiresAt", json!("2020-01-01T00:00:00Z")),
        ("expiresAt", json!("0000-01-01T00:00:00Z")),
        ("expiresAt", json!("9999-12-31T23:59:59-23:00")),
        ("userName", json!("nobody")),
        ("name", json!("x".repeat(101))),
    ] {
        let mut body = json!({ "name": "dam", "permissions": [] });
        body[field] = value.clone();
        let answer = post(body).await;
        answer.assert_problem(422, "validation_failed");
        assert_eq!(answer.fields(), [field], "{value}");
    }
    post(json!({ "permissions": [] })).await.assert_problem(400, "bad_request");
    post(json!({ "name": "ERP", "permissions": [] })).await.assert_problem(409, "name_taken");
    admin.edit(&app, "/apikeys/2", &json!({ "name": "erp" })).await.assert_problem(409, "name_taken");
    for grace in [-1, 2_592_001] {
        let answer = admin.post(&app, "/apikeys/1/secret", &json!({ "graceSecs": grace })).await;
        answer.assert_problem(422, "validation_failed");
    }
    admin.post(&app, "/apikeys/77/secret", &json!({})).await.assert_problem(404, "not_found");

    let fill = "INSERT INTO Accounts.ApiKey (ClientId, Name, UserId, SecretHash, IsEnabled, CreatedBy, Version) \
                SELECT NEWID(), CONCAT(k.Name, N' ', x.value), k.UserId, k.SecretHash, 1, N'test', 1 \
                FROM Accounts.ApiKey AS k CROSS JOIN OPENJSON(@P1) AS x";
    let numbers = json!((0..24).collect::<Vec<_>>()).to_string();
    database.database.execute(fill, &[&numbers.as_str()]).await.unwrap();
    post(json!({ "name": "one more", "permissions": [] })).await.assert_problem(409, "conflict");
    database.close().await;
}
