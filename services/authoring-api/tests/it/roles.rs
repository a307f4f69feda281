//! Managing roles.

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::app::{app_with, database, request_with, send, settings};
use crate::people::{Person, audit, refresh};

#[actix_web::test]
async fn a_role_is_made_changed_and_deleted_and_the_audit_tells_who_did_it() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    let body = json!({ "name": " Price-Editor", "description": "Prices", "permissions": ["product:update", "product:read"] });
    let made = admin.post(&app, "/roles", &body).await;
    assert_eq!((made.status.as_u16(), made.header("etag")), (201, "\"1\""), "{}", made.body);
    assert_eq!(made.body["name"], "price-editor");
    assert_eq!(made.body["permissions"], json!(["product:read", "product:update"]));
    let path = made.header("location").strip_prefix("/api/platform/security").unwrap();
    assert_eq!(admin.get(&app, path).await.body, made.body);

    let changed = admin.edit(&app, path, &json!({ "name": "pricing", "permissions": [] })).await;
    assert_eq!((changed.status.as_u16(), changed.header("etag")), (200, "\"2\""), "{}", changed.body);
    let read = admin.get(&app, path).await;
    assert_eq!((&read.body["name"], &read.body["permissions"]), (&json!("pricing"), &json!([])));

    assert_eq!(admin.delete(&app, path).await.status, 204);
    admin.get(&app, path).await.assert_problem(404, "not_found");
    let actions: Vec<String> = audit(&database).await.into_iter().skip(2).map(|row| row.1).collect();
    assert_eq!(actions, ["role.created", "role.updated", "role.deleted"]);
    database.close().await;
}

#[actix_web::test]
async fn a_change_of_a_role_names_the_version_that_it_is_based_on() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    let path = format!("/roles/{}", admin.make_role(&app, "one", &[]).await);
    let body = json!({ "name": "one", "permissions": [] });
    admin.put(&app, &path, &body).await.assert_problem(428, "version_required");
    let address = format!("/api/platform/security{path}");
    let request = request_with(&admin.token, Method::PUT, &address).insert_header(("If-Match", "\"2\""));
    send(&app, request.set_json(&body)).await.assert_problem(412, "version_mismatch");
    database.close().await;
}

#[actix_web::test]
async fn every_field_of_a_role_that_does_not_fit_is_named() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    for (body, field) in [
        (json!({ "name": " ", "permissions": [] }), "name"),
        (json!({ "name": "__mine", "permissions": [] }), "name"),
        (json!({ "name": "a\"b", "permissions": [] }), "name"),
        (json!({ "name": "a", "description": "x".repeat(501), "permissions": [] }), "description"),
        (json!({ "name": "a", "permissions": ["product:read", "product:eat"] }), "permissions"),
        (json!({ "name": "a", "permissions": ["*"] }), "permissions"),
        (json!({ "name": "a", "permissions": vec!["product:read"; 101] }), "permissions"),
    ] {
        let answer = admin.post(&app, "/roles", &body).await;
        answer.assert_problem(422, "validation_failed");
        assert_eq!(answer.fields(), [field]);
    }
    let taken = json!({ "name": "READ-ONLY", "permissions": [] });
    admin.post(&app, "/roles", &taken).await.assert_problem(409, "name_taken");
    let path = format!("/roles/{}", admin.make_role(&app, "one", &[]).await);
    admin.edit(&app, &path, &json!({ "name": "read-only" })).await.assert_problem(409, "name_taken");
    database.close().await;
}

#[actix_web::test]
async fn a_system_role_stays_and_so_does_one_that_somebody_has() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    let page = admin.get(&app, "/roles").await;
    let system = page.body["items"].as_array().unwrap().iter().find(|role| role["isSystem"] == true).unwrap();
    assert_eq!((&system["name"], &system["permissions"]), (&json!("__administrator"), &json!(["*"])));
    let path = format!("/roles/{}", system["id"]);
    let change = json!({ "name": "mine", "permissions": [] });
    admin.edit(&app, &path, &change).await.assert_problem(409, "system_role");
    admin.delete(&app, &path).await.assert_problem(409, "system_role");

    let path = format!("/roles/{}", admin.make_role(&app, "one", &[]).await);
    let jo = admin.hire(&app, "jo", &["one"]).await;
    let answer = admin.delete(&app, &path).await;
    answer.assert_problem(409, "role_in_use");
    assert_eq!(answer.body["detail"], "1 user has the role; take it away first");
    admin.edit(&app, &format!("/users/{}", jo.id), &json!({ "roles": [] })).await;
    assert_eq!(admin.delete(&app, &path).await.status, 204);
    database.close().await;
}

#[actix_web::test]
async fn a_changed_role_is_in_the_next_access_token() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    let role = admin.make_role(&app, "one", &[]).await;
    let jo = admin.hire(&app, "jo", &["one"]).await;
    jo.get(&app, "/users").await.assert_problem(403, "forbidden");
    let change = json!({ "permissions": ["user:read"] });
    assert_eq!(admin.edit(&app, &format!("/roles/{role}"), &change).await.status, 200);
    let answer = refresh(&app, &jo.refresh_token).await;
    let token = answer.body["access_token"].as_str().unwrap();
    let request = request_with(token, Method::GET, "/api/platform/security/users");
    assert_eq!(send(&app, request).await.status, 200);
    database.close().await;
}

#[actix_web::test]
async fn a_role_that_permits_more_than_somebody_holds_is_out_of_their_reach() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    admin.make_role(&app, "role-manager", &["role:read", "role:update"]).await;
    let strong = format!("/roles/{}", admin.make_role(&app, "strong", &["role:read", "store:read"]).await);
    let manager = admin.hire(&app, "manager", &["role-manager"]).await;
    let weaker = json!({ "permissions": ["role:read"] });
    manager.edit(&app, &strong, &weaker).await.assert_problem(403, "exceeds_own_permissions");
    manager.delete(&app, &strong).await.assert_problem(403, "exceeds_own_permissions");
    let weak = format!("/roles/{}", admin.make_role(&app, "weak", &["role:read"]).await);
    assert_eq!(manager.edit(&app, &weak, &json!({ "permissions": ["role:update"] })).await.status, 200);
    assert_eq!(manager.delete(&app, &weak).await.status, 204);
    database.close().await;
}

#[actix_web::test]
async fn the_last_role_that_permits_everything_keeps_it_even_if_it_is_no_system_role() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    let role = admin.make_role(&app, "everything", &[]).await;
    // Nobody can put `*` into a role over HTTP; whoever owns the database can.
    let by_hand = "DELETE FROM Accounts.UserRole; \
                   INSERT INTO Accounts.RolePermission (RoleId, Permission) VALUES (@P1, N'*'); \
                   INSERT INTO Accounts.UserRole (UserId, RoleId) VALUES (@P2, @P1)";
    database.database.execute(by_hand, &[&role, &admin.id]).await.unwrap();
    let answer = admin.edit(&app, &format!("/roles/{role}"), &json!({ "permissions": [] })).await;
    answer.assert_problem(409, "last_administrator");
    database.close().await;
}

#[actix_web::test]
async fn roles_come_in_pages_and_every_permission_has_a_meaning() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    let first = admin.get(&app, "/roles?limit=2").await;
    let names = |page: &Value| {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|role| role["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&first.body), ["__administrator", "catalog-manager"]);
    let cursor = first.body["nextCursor"].as_str().unwrap();
    let second = admin.get(&app, &format!("/roles?limit=2&cursor={cursor}")).await;
    assert_eq!(
        (names(&second.body), &second.body["nextCursor"]),
        (vec!["read-only".to_owned()], &Value::Null)
    );
    admin.get(&app, "/roles?limit=0").await.assert_problem(422, "validation_failed");

    let permissions = admin.get(&app, "/permissions").await;
    let items = permissions.body["items"].as_array().unwrap();
    assert_eq!(items.len(), contracts::permissions::ALL.len());
    assert!(items.iter().all(|item| item["meaning"].as_str().is_some_and(|meaning| !meaning.is_empty())));
    database.close().await;
}
