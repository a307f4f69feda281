//! Managing users: the rules of every change.

use std::collections::BTreeSet;

use actix_web::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};
use sql::RowExt;

use crate::api_keys::{access_token, assert_unauthenticated, key, sign_in as sign_in_with_key};
use crate::app::{PASSWORD, app_with, database, request_with, send, settings};
use crate::people::{Person, assert_refused, audit, count, refresh, refresh_token, sign_in};

const NEW_PASSWORD: &str = "staple-and-paper-clip";
/// What a user needs who manages users, and no more.
const MANAGER: [&str; 6] =
    ["user:read", "user:update", "role:read", "role:update", "session:read", "session:end"];

#[actix_web::test]
async fn a_user_is_made_found_changed_and_deleted_and_the_audit_tells_who_did_it_and_no_password() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;

    let body = json!({ "userName": " Jo ", "email": "jo@example.com", "roles": ["read-only"], "password": PASSWORD });
    let made = admin.post(&app, "/users", &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!((&made.body["userName"], &made.body["displayName"]), (&json!("jo"), &json!("jo")));
    assert_eq!((&made.body["roles"], &made.body["isEnabled"]), (&json!(["read-only"]), &json!(true)));
    let path = made.header("location").strip_prefix("/api/platform/security").unwrap();
    assert_eq!(admin.get(&app, path).await.body, made.body);
    Person::signed_in(&app, "JO", PASSWORD).await;

    let change =
        json!({ "displayName": "Jo Miller", "email": null, "roles": ["catalog-manager", "read-only"] });
    let changed = admin.edit(&app, path, &change).await;
    assert_eq!((changed.status.as_u16(), changed.header("etag")), (200, "\"2\""), "{}", changed.body);
    let read = admin.get(&app, path).await;
    assert_eq!(read.body, changed.body);
    assert_eq!((&read.body["displayName"], &read.body["email"]), (&json!("Jo Miller"), &Value::Null));
    assert_eq!(read.body["roles"], json!(["catalog-manager", "read-only"]));

    assert_eq!(admin.delete(&app, path).await.status, 204);
    admin.get(&app, path).await.assert_problem(404, "not_found");
    assert_refused(&sign_in(&app, "jo", PASSWORD).await, "invalid_grant");

    let by_admin: Vec<String> =
        audit(&database).await.into_iter().filter(|row| row.0 == "admin").map(|row| row.1).collect();
    assert_eq!(by_admin, ["user.signed_in", "user.created", "user.updated", "user.deleted"]);
    let rows = "SELECT a.Action, a.Detail FROM Platform.AuditLog AS a";
    let rows = database.database.query(rows, &[]).await.unwrap();
    for row in &rows {
        let detail: &str = row.read("Detail").unwrap();
        if row.read::<&str>("Action").unwrap() == "user.updated" {
            let detail: Value = serde_json::from_str(detail).unwrap();
            assert_eq!(detail["before"]["roles"], json!(["read-only"]));
            assert_eq!(detail["after"]["roles"], json!(["catalog-manager", "read-only"]));
        }
        assert!(!detail.contains(PASSWORD) && !detail.contains("argon2"), "{detail}");
    }
    database.close().await;
}

#[actix_web::test]
async fn a_change_of_a_user_names_the_version_that_it_is_based_on() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    let jo = admin.hire(&app, "jo", &[]).await;
    let path = format!("/users/{}", jo.id);
    let body = json!({ "displayName": "Jo", "email": null, "roles": [], "isEnabled": true });

    admin.put(&app, &path, &body).await.assert_problem(428, "version_required");
    let with = async |tag: &str| {
        let address = format!("/api/platform/security{path}");
        let request = request_with(&admin.token, Method::PUT, &address).insert_header(("If-Match", tag));
        send(&app, request.set_json(&body)).await
    };
    with("*").await.assert_problem(400, "bad_request");
    with("\"7\"").await.assert_problem(412, "version_mismatch");
    assert_eq!(with("\"1\"").await.status, 200);
    with("\"1\"").await.assert_problem(412, "version_mismatch");
    database.close().await;
}

#[actix_web::test]
async fn of_two_changes_based_on_one_version_the_second_is_refused() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    let path = format!("/users/{}", admin.hire(&app, "jo", &[]).await.id);
    let read = admin.get(&app, &path).await;
    let rename = async |name: &str| {
        let mut body = read.body.clone();
        body["displayName"] = json!(name);
        let address = format!("/api/platform/security{path}");
        let request = request_with(&admin.token, Method::PUT, &address);
        send(&app, request.insert_header(("If-Match", read.header("etag"))).set_json(body)).await
    };
    let answers = join_all([rename("One"), rename("Other")]).await;
    let statuses: BTreeSet<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, BTreeSet::from([200, 412]));
    let saved = answers.iter().find(|answer| answer.status == 200).unwrap();
    assert_eq!(admin.get(&app, &path).await.body, saved.body);
    database.close().await;
}

#[actix_web::test]
async fn every_field_of_a_user_that_does_not_fit_is_named_and_no_password_is_shown() {
    let database = database().await;
    let app = app_with(&database, &settings(&[("IdentityOptions:Password:RequiredLength", "16")])).await;
    let admin = Person::admin(&app).await;
    let body = json!({
        "userName": "a\nb", "displayName": "x".repeat(256), "email": "nobody", "roles": [""], "password": "fifteen-letters",
    });
    let answer = admin.post(&app, "/users", &body).await;
    answer.assert_problem(422, "validation_failed");
    assert_eq!(answer.fields(), ["userName", "displayName", "email", "roles[0]", "password"]);
    assert!(!answer.body.to_string().contains("fifteen-letters"));

    let unknown = json!({ "userName": "jo", "roles": ["read-only", "nonsense"], "password": PASSWORD });
    let answer = admin.post(&app, "/users", &unknown).await;
    answer.assert_problem(422, "validation_failed");
    assert_eq!((answer.fields(), &answer.body["errors"][0]["value"]), (vec!["roles"], &json!("nonsense")));

    let long = json!({ "userName": "jo", "password": "x".repeat(1_025) });
    assert_eq!(admin.post(&app, "/users", &long).await.fields(), ["password"]);
    admin.post(&app, "/users", &json!({ "userName": "jo" })).await.assert_problem(400, "bad_request");
    let password = json!({ "password": "fifteen-letters" });
    let answer = admin.put(&app, &format!("/users/{}/password", admin.id), &password).await;
    assert_eq!((answer.status.as_u16(), answer.fields()), (422, vec!["password"]));
    assert_eq!(count(&database, "SELECT COUNT(*) AS N FROM Accounts.[User]").await, 1);
    database.close().await;
}

#[actix_web::test]
async fn a_user_name_is_taken_whatever_its_capitals() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    let body = json!({ "userName": "ADMIN", "password": PASSWORD });
    admin.post(&app, "/users", &body).await.assert_problem(409, "name_taken");
    let twice = json!({ "userName": "jo", "password": PASSWORD });
    let answers = join_all([admin.post(&app, "/users", &twice), admin.post(&app, "/users", &twice)]).await;
    let statuses: BTreeSet<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, BTreeSet::from([201, 409]));
    database.close().await;
}

#[actix_web::test]
async fn nobody_gives_what_they_do_not_hold() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    admin.make_role(&app, "user-manager", &MANAGER).await;
    let manager = admin.hire(&app, "manager", &["user-manager"]).await;
    let before = audit(&database).await.len();

    for role in ["__administrator", "read-only"] {
        let body = json!({ "userName": "friend", "roles": [role], "password": PASSWORD });
        manager.post(&app, "/users", &body).await.assert_problem(403, "exceeds_own_permissions");
        let own = manager.edit(&app, &format!("/users/{}", manager.id), &json!({ "roles": [role] })).await;
        own.assert_problem(403, "exceeds_own_permissions");
    }
    let body = json!({ "name": "more", "permissions": ["user:read", "product:read"] });
    manager.post(&app, "/roles", &body).await.assert_problem(403, "exceeds_own_permissions");
    let role = admin.make_role(&app, "less", &["user:read"]).await;
    let grown = json!({ "permissions": ["user:read", "product:read"] });
    let answer = manager.edit(&app, &format!("/roles/{role}"), &grown).await;
    answer.assert_problem(403, "exceeds_own_permissions");

    assert_eq!(audit(&database).await.len(), before + 1, "only the role of the administrator was made");
    manager.hire(&app, "colleague", &["user-manager"]).await;
    database.close().await;
}

#[actix_web::test]
async fn nobody_touches_a_user_who_holds_more_than_they_do() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    admin.make_role(&app, "user-manager", &MANAGER).await;
    let manager = admin.hire(&app, "manager", &["user-manager"]).await;
    let editor = admin.hire(&app, "editor", &["catalog-manager"]).await;
    let before = audit(&database).await.len();

    for victim in [&admin, &editor] {
        let path = format!("/users/{}", victim.id);
        let session = admin.get(&app, &format!("{path}/sessions")).await.body["items"][0]["id"].clone();
        let answers = [
            manager.edit(&app, &path, &json!({ "isEnabled": false })).await,
            manager.edit(&app, &path, &json!({ "roles": [] })).await,
            manager.put(&app, &format!("{path}/password"), &json!({ "password": NEW_PASSWORD })).await,
            manager.post(&app, &format!("{path}/lock"), &json!(null)).await,
            manager.post(&app, &format!("{path}/unlock"), &json!(null)).await,
            manager.delete(&app, &format!("{path}/sessions")).await,
            manager.delete(&app, &format!("{path}/sessions/{session}")).await,
            manager.delete(&app, &path).await,
        ];
        for answer in answers {
            answer.assert_problem(403, "exceeds_own_permissions");
        }
        assert_eq!(refresh(&app, &victim.refresh_token).await.status, 200);
    }
    assert_eq!(audit(&database).await.len(), before);
    database.close().await;
}

#[actix_web::test]
async fn a_token_that_outlived_its_permission_changes_nothing() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    admin.make_role(&app, "user-manager", &MANAGER).await;
    let manager = admin.hire(&app, "manager", &["user-manager"]).await;
    let jo = admin.hire(&app, "jo", &[]).await;
    let (path, lock) = (format!("/users/{}", manager.id), format!("/users/{}/lock", jo.id));

    assert_eq!(admin.edit(&app, &path, &json!({ "roles": [] })).await.status, 200);
    assert_eq!(manager.get(&app, "/users").await.status, 200, "the guard believes the token");
    manager.post(&app, &lock, &json!(null)).await.assert_problem(403, "forbidden");
    let role = json!({ "name": "none", "permissions": [] });
    manager.post(&app, "/roles", &role).await.assert_problem(403, "forbidden");

    let manage = json!({ "roles": ["user-manager"] });
    assert_eq!(admin.edit(&app, &path, &manage).await.status, 200);
    for change in [
        admin.edit(&app, &path, &json!({ "isEnabled": false })).await,
        admin.edit(&app, &path, &json!({ "isEnabled": true })).await,
    ] {
        assert_eq!(change.status, 200, "{}", change.body);
    }
    assert_eq!(manager.post(&app, &lock, &json!(null)).await.status, 200);
    assert_eq!(admin.post(&app, &format!("{path}/lock"), &json!(null)).await.status, 200);
    manager.post(&app, &lock, &json!(null)).await.assert_problem(401, "unauthorized");
    assert_eq!(admin.post(&app, &format!("{path}/unlock"), &json!(null)).await.status, 200);
    admin.edit(&app, &path, &json!({ "isEnabled": false })).await;
    manager.post(&app, &lock, &json!(null)).await.assert_problem(401, "unauthorized");
    assert_eq!(admin.delete(&app, &path).await.status, 204);
    manager.post(&app, &lock, &json!(null)).await.assert_problem(401, "unauthorized");
    manager.get(&app, "/currentuser").await.assert_problem(401, "unauthorized");
    database.close().await;
}

#[actix_web::test]
async fn the_last_administrator_stays_one() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    let path = format!("/users/{}", admin.id);
    let try_all = async |by: &Person| {
        [
            by.edit(&app, &path, &json!({ "isEnabled": false })).await,
            by.edit(&app, &path, &json!({ "roles": ["catalog-manager"] })).await,
            by.post(&app, &format!("{path}/lock"), &json!(null)).await,
            by.delete(&app, &path).await,
        ]
    };
    for answer in try_all(&admin).await {
        answer.assert_problem(409, "last_administrator");
    }
    let other = admin.hire(&app, "other", &["__administrator"]).await;
    let other_path = format!("/users/{}", other.id);
    assert_eq!(admin.edit(&app, &other_path, &json!({ "isEnabled": false })).await.status, 200);
    for answer in try_all(&admin).await {
        answer.assert_problem(409, "last_administrator");
    }
    assert_eq!(admin.edit(&app, &other_path, &json!({ "isEnabled": true })).await.status, 200);
    assert_eq!(admin.post(&app, &format!("{other_path}/lock"), &json!(null)).await.status, 200);
    for answer in try_all(&admin).await {
        answer.assert_problem(409, "last_administrator");
    }
    assert_eq!(admin.post(&app, &format!("{other_path}/unlock"), &json!(null)).await.status, 200);
    assert_eq!(other.delete(&app, &path).await.status, 204);
    other.delete(&app, &other_path).await.assert_problem(409, "last_administrator");
    database.close().await;
}

#[actix_web::test]
async fn of_two_administrators_who_remove_each_other_at_the_same_time_exactly_one_does() {
    let database = database().await;
    let settings = settings(&[("Authorization:RateLimit:PerAddressPerMinute", "1000")]);
    let (one_app, other_app) = (app_with(&database, &settings).await, app_with(&database, &settings).await);
    let admin = Person::admin(&one_app).await;
    for (name, change) in [
        ("disabled", json!({ "isEnabled": false })),
        ("stripped", json!({ "roles": [] })),
        ("locked", Value::Null),
        ("deleted", Value::Null),
    ] {
        let one = admin.hire(&one_app, &format!("one-{name}"), &["__administrator"]).await;
        let other = admin.hire(&one_app, &format!("other-{name}"), &["__administrator"]).await;
        // Only these two are left.
        let disable = "UPDATE u SET u.IsEnabled = 0 FROM Accounts.[User] AS u WHERE u.Id NOT IN (@P1, @P2)";
        database.database.execute(disable, &[&one.id, &other.id]).await.unwrap();
        let remove = async |app: usize, by: &Person, whom: &Person| {
            let path = format!("/users/{}", whom.id);
            match (name, app) {
                ("locked", 0) => by.post(&one_app, &format!("{path}/lock"), &Value::Null).await,
                ("locked", _) => by.post(&other_app, &format!("{path}/lock"), &Value::Null).await,
                ("deleted", 0) => by.delete(&one_app, &path).await,
                ("deleted", _) => by.delete(&other_app, &path).await,
                (_, 0) => by.edit(&one_app, &path, &change).await,
                (..) => by.edit(&other_app, &path, &change).await,
            }
        };
        let (first, second) = tokio::join!(remove(0, &one, &other), remove(1, &other, &one));
        let done = [&first, &second].iter().filter(|answer| answer.status.is_success()).count();
        assert_eq!(done, 1, "{name}: {} {}", first.body, second.body);
        for refused in [&first, &second].iter().filter(|answer| !answer.status.is_success()) {
            assert!([401, 403].contains(&refused.status.as_u16()), "{name}: {}", refused.body);
        }
        let enable = "UPDATE u SET u.IsEnabled = 1 FROM Accounts.[User] AS u WHERE u.UserName = N'admin'";
        database.database.execute(enable, &[]).await.unwrap();
    }
    database.close().await;
}

#[actix_web::test]
async fn whoever_is_disabled_locked_or_given_a_password_is_signed_out_everywhere() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    let jo = admin.hire(&app, "jo", &["read-only"]).await;
    let path = format!("/users/{}", jo.id);
    let sessions = "SELECT COUNT(*) AS N FROM Accounts.Session AS s INNER JOIN Accounts.[User] AS u ON u.Id = s.UserId \
                    WHERE u.UserName = N'jo'";
    let assert_signed_out = async |token: &str| {
        assert_refused(&refresh(&app, token).await, "invalid_grant");
        assert_eq!(count(&database, sessions).await, 0);
    };

    refresh_token(&sign_in(&app, "jo", PASSWORD).await);
    assert_eq!(count(&database, sessions).await, 2);
    assert_eq!(admin.edit(&app, &path, &json!({ "isEnabled": false })).await.status, 200);
    assert_signed_out(&jo.refresh_token).await;
    assert_refused(&sign_in(&app, "jo", PASSWORD).await, "invalid_grant");
    assert_eq!(admin.edit(&app, &path, &json!({ "isEnabled": true })).await.status, 200);

    let token = refresh_token(&sign_in(&app, "jo", PASSWORD).await);
    let locked = admin.post(&app, &format!("{path}/lock"), &Value::Null).await;
    assert_eq!((&locked.body["isLocked"], &locked.body["lockedUntil"]), (&json!(true), &Value::Null));
    assert_signed_out(&token).await;
    assert_refused(&sign_in(&app, "jo", PASSWORD).await, "invalid_grant");
    let unlocked = admin.post(&app, &format!("{path}/unlock"), &Value::Null).await;
    assert_eq!((unlocked.status.as_u16(), &unlocked.body["isLocked"]), (200, &json!(false)));

    let token = refresh_token(&sign_in(&app, "jo", PASSWORD).await);
    let body = json!({ "password": NEW_PASSWORD });
    assert_eq!(admin.put(&app, &format!("{path}/password"), &body).await.status, 204);
    assert_signed_out(&token).await;
    assert_refused(&sign_in(&app, "jo", PASSWORD).await, "invalid_grant");

    let token = refresh_token(&sign_in(&app, "jo", NEW_PASSWORD).await);
    assert_eq!(admin.delete(&app, &path).await.status, 204);
    assert_signed_out(&token).await;
    assert_eq!(refresh(&app, &admin.refresh_token).await.status, 200, "others stay signed in");
    database.close().await;
}

#[actix_web::test]
async fn a_change_that_cannot_be_audited_does_not_happen() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    let jo = admin.hire(&app, "jo", &[]).await;
    let path = format!("/users/{}", jo.id);
    let role = format!("/roles/{}", admin.make_role(&app, "one", &[]).await);
    let (before, role_before) = (admin.get(&app, &path).await.body, admin.get(&app, &role).await.body);
    database.database.execute("DROP TABLE Platform.AuditLog", &[]).await.unwrap();

    let own = json!({ "currentPassword": PASSWORD, "newPassword": NEW_PASSWORD });
    let answers = [
        admin.edit(&app, &path, &json!({ "isEnabled": false })).await,
        admin.post(&app, &format!("{path}/lock"), &Value::Null).await,
        admin.put(&app, &format!("{path}/password"), &json!({ "password": NEW_PASSWORD })).await,
        admin.delete(&app, &format!("{path}/sessions")).await,
        admin.delete(&app, &path).await,
        admin.post(&app, "/users", &json!({ "userName": "jim", "password": PASSWORD })).await,
        admin.edit(&app, &role, &json!({ "permissions": ["user:read"] })).await,
        admin.delete(&app, &role).await,
        admin.post(&app, "/roles", &json!({ "name": "two", "permissions": [] })).await,
        jo.put(&app, "/currentuser/password", &own).await,
        jo.delete(&app, "/currentuser/session").await,
        jo.delete(&app, "/currentuser/sessions").await,
    ];
    for answer in answers {
        answer.assert_problem(500, "internal_error");
    }
    assert_eq!(admin.get(&app, &path).await.body, before);
    assert_eq!(admin.get(&app, &role).await.body, role_before);
    assert_eq!(count(&database, "SELECT COUNT(*) AS N FROM Accounts.[User]").await, 2);
    assert_eq!(count(&database, "SELECT COUNT(*) AS N FROM Accounts.Role").await, 4);
    assert_eq!(refresh(&app, &jo.refresh_token).await.status, 200);
    database.close().await;
}

#[actix_web::test]
async fn an_account_that_wrong_passwords_have_locked_is_shown_and_can_be_unlocked() {
    let database = database().await;
    let app =
        app_with(&database, &settings(&[("IdentityOptions:Lockout:MaxFailedAccessAttempts", "2")])).await;
    let admin = Person::admin(&app).await;
    let jo = admin.hire(&app, "jo", &[]).await;
    let path = format!("/users/{}", jo.id);
    for _ in 0..2 {
        sign_in(&app, "jo", "wrong-password").await;
    }
    let shown = admin.get(&app, &path).await;
    assert_eq!(shown.body["isLocked"], true);
    assert!(shown.body["lockedUntil"].is_string(), "{}", shown.body);
    assert_eq!(admin.post(&app, &format!("{path}/unlock"), &Value::Null).await.status, 200);
    assert_eq!(sign_in(&app, "jo", PASSWORD).await.status, 200);
    database.close().await;
}

#[actix_web::test]
async fn users_are_found_by_parts_of_their_texts_and_come_in_pages() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    for (name, display, email) in [
        ("anna", "Anna Ärmel", Some("a@example.com")),
        ("bert", "100%", None),
        ("cleo", "Cleo", Some("Sales@Example.org")),
        ("dora", "Dora", None),
    ] {
        let body = json!({
            "userName": name, "displayName": display, "email": email, "roles": ["read-only", "catalog-manager"],
            "password": PASSWORD,
        });
        assert_eq!(admin.post(&app, "/users", &body).await.status, 201);
    }
    let names = async |query: &str| {
        let page = admin.get(&app, &format!("/users?{query}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let items = page.body["items"].as_array().unwrap().clone();
        let names: Vec<String> =
            items.iter().map(|user| user["userName"].as_str().unwrap().to_owned()).collect();
        (names.join(" "), page.body["nextCursor"].as_str().map(str::to_owned))
    };
    assert_eq!(names("").await, ("admin anna bert cleo dora".to_owned(), None));
    let (first, cursor) = names("limit=2").await;
    assert_eq!(first, "admin anna");
    let (second, cursor) = names(&format!("limit=2&cursor={}", cursor.unwrap())).await;
    assert_eq!(second, "bert cleo");
    assert_eq!(names(&format!("limit=2&cursor={}", cursor.unwrap())).await, ("dora".to_owned(), None));

    for (search, found) in [
        ("NN", "anna"),
        ("%C3%84RM", "anna"),
        ("%25", "bert"),
        ("sales@", "cleo"),
        ("or", "cleo dora"),
        ("zzz", ""),
    ] {
        assert_eq!(names(&format!("search={search}")).await.0, found, "{search}");
    }
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("cursor=%3F", "cursor"),
        ("cursor=AA", "cursor"),
        ("search=a%00b", "search"),
        (&*format!("search={}", "x".repeat(101)), "search"),
    ] {
        let answer = admin.get(&app, &format!("/users?{query}")).await;
        answer.assert_problem(422, "validation_failed");
        assert_eq!(answer.fields(), [field]);
    }
    admin.get(&app, "/users?limit=many").await.assert_problem(400, "bad_request");
    database.close().await;
}

#[actix_web::test]
async fn an_api_key_manages_users_as_far_as_it_and_its_user_may() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    let key = key(&app, &admin.token, "erp", &["user:read", "user:update"]).await;
    let token = access_token(&sign_in_with_key(&app, &key).await).to_owned();
    let program = Person { id: 0, token, refresh_token: String::new() };

    let body = json!({ "userName": "jo", "password": PASSWORD });
    let made = program.post(&app, "/users", &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let created = ("api-key:1 erp".to_owned(), "user.created".to_owned());
    assert_eq!(audit(&database).await.last(), Some(&created));
    let more = json!({ "userName": "jim", "roles": ["read-only"], "password": PASSWORD });
    program.post(&app, "/users", &more).await.assert_problem(403, "exceeds_own_permissions");
    let own = program
        .put(&app, &format!("/users/{}/password", admin.id), &json!({ "password": NEW_PASSWORD }))
        .await;
    own.assert_problem(403, "exceeds_own_permissions");
    program.get(&app, "/currentuser").await.assert_problem(403, "forbidden");
    program.delete(&app, "/currentuser/sessions").await.assert_problem(403, "forbidden");

    let other = admin.hire(&app, "other", &["__administrator"]).await;
    let path = format!("/users/{}", admin.id);
    assert_eq!(other.post(&app, &format!("{path}/lock"), &Value::Null).await.status, 200);
    let lock = format!("/users/{}/lock", made.body["id"]);
    program.post(&app, &lock, &Value::Null).await.assert_problem(401, "unauthorized");
    assert_unauthenticated(&sign_in_with_key(&app, &key).await);
    assert_eq!(other.post(&app, &format!("{path}/unlock"), &Value::Null).await.status, 200);
    let disable = "UPDATE k SET k.IsEnabled = 0 FROM Accounts.ApiKey AS k";
    database.database.execute(disable, &[]).await.unwrap();
    program.post(&app, &lock, &Value::Null).await.assert_problem(401, "unauthorized");
    let enable = "UPDATE k SET k.IsEnabled = 1, k.ExpiresAt = SYSUTCDATETIME() FROM Accounts.ApiKey AS k";
    database.database.execute(enable, &[]).await.unwrap();
    program.post(&app, &lock, &Value::Null).await.assert_problem(401, "unauthorized");
    let restore = "UPDATE k SET k.ExpiresAt = NULL FROM Accounts.ApiKey AS k";
    database.database.execute(restore, &[]).await.unwrap();
    assert_eq!(program.post(&app, &lock, &Value::Null).await.status, 200);

    assert_eq!(other.delete(&app, &path).await.status, 204);
    assert_eq!(count(&database, "SELECT COUNT(*) AS N FROM Accounts.ApiKey").await, 0);
    database.close().await;
}

#[actix_web::test]
async fn wrong_passwords_stop_no_program_and_no_administrator_who_is_signed_in() {
    let database = database().await;
    let app =
        app_with(&database, &settings(&[("IdentityOptions:Lockout:MaxFailedAccessAttempts", "1")])).await;
    let admin = Person::admin(&app).await;
    let key = key(&app, &admin.token, "erp", &["user:read"]).await;
    sign_in(&app, "admin", "wrong-password").await;
    assert_refused(&sign_in(&app, "admin", PASSWORD).await, "invalid_grant");
    assert_eq!(sign_in_with_key(&app, &key).await.status, 200);
    assert_eq!(admin.post(&app, &format!("/users/{}/unlock", admin.id), &Value::Null).await.status, 200);
    assert_eq!(sign_in(&app, "admin", PASSWORD).await.status, 200);
    database.close().await;
}

#[actix_web::test]
async fn users_and_sessions_that_do_not_exist_are_not_found() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    for id in ["0", "-1", "99", "x", "99999999999999999999"] {
        admin.get(&app, &format!("/users/{id}")).await.assert_problem(404, "not_found");
        admin.delete(&app, &format!("/users/{id}")).await.assert_problem(404, "not_found");
        admin.post(&app, &format!("/users/{id}/lock"), &Value::Null).await.assert_problem(404, "not_found");
        admin.get(&app, &format!("/users/{id}/sessions")).await.assert_problem(404, "not_found");
        admin
            .delete(&app, &format!("/users/{}/sessions/{id}", admin.id))
            .await
            .assert_problem(404, "not_found");
    }
    database.close().await;
}
