//! Sessions, and what users do with their own account.

use serde_json::{Value, json};
use sql::RowExt;

use crate::app::{PASSWORD, app_with, connect, database, settings};
use crate::people::{Person, assert_refused, audit, refresh, refresh_token, sign_in};

const NEW_PASSWORD: &str = "staple-and-paper-clip";

fn passwords(current: &str, new: &str) -> Value {
    json!({ "currentPassword": current, "newPassword": new })
}

#[actix_web::test]
async fn users_see_who_they_are_and_what_they_may_do_now() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    assert_eq!(admin.get(&app, "/currentuser").await.body["permissions"], json!(["*"]));
    let jo = admin.hire(&app, "jo", &["read-only"]).await;
    let shown = jo.get(&app, "/currentuser").await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    assert_eq!((&shown.body["userName"], &shown.body["roles"]), (&json!("jo"), &json!(["read-only"])));
    assert_eq!(shown.body["permissions"], json!(["import:read", "product:read", "store:read"]));
    admin.edit(&app, &format!("/users/{}", jo.id), &json!({ "roles": [] })).await;
    assert_eq!(jo.get(&app, "/currentuser").await.body["permissions"], json!([]));
    database.close().await;
}

#[actix_web::test]
async fn a_changed_password_ends_the_other_sessions_and_keeps_this_one() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    let jo = admin.hire(&app, "jo", &[]).await;
    let elsewhere = refresh_token(&sign_in(&app, "jo", PASSWORD).await);
    let answer = jo.put(&app, "/currentuser/password", &passwords(PASSWORD, NEW_PASSWORD)).await;
    assert_eq!(answer.status, 204, "{}", answer.body);
    assert_refused(&refresh(&app, &elsewhere).await, "invalid_grant");
    assert_eq!(refresh(&app, &jo.refresh_token).await.status, 200);
    assert_refused(&sign_in(&app, "jo", PASSWORD).await, "invalid_grant");
    assert_eq!(sign_in(&app, "jo", NEW_PASSWORD).await.status, 200);
    assert!(audit(&database).await.contains(&("jo".to_owned(), "user.password_changed".to_owned())));
    let rows = database.database.query("SELECT a.Detail FROM Platform.AuditLog AS a", &[]).await.unwrap();
    for row in &rows {
        let detail: &str = row.read("Detail").unwrap();
        assert!(!detail.contains(PASSWORD) && !detail.contains(NEW_PASSWORD) && !detail.contains("argon2"));
    }
    let short = jo.put(&app, "/currentuser/password", &passwords(NEW_PASSWORD, "eleven-char")).await;
    assert_eq!((short.status.as_u16(), short.fields()), (422, vec!["newPassword"]));
    database.close().await;
}

#[actix_web::test]
async fn a_wrong_current_password_counts_towards_the_lock_out() {
    let database = database().await;
    let app =
        app_with(&database, &settings(&[("IdentityOptions:Lockout:MaxFailedAccessAttempts", "3")])).await;
    let admin = Person::admin(&app).await;
    let jo = admin.hire(&app, "jo", &[]).await;
    sign_in(&app, "jo", "wrong-password").await;
    for _ in 0..2 {
        let answer = jo.put(&app, "/currentuser/password", &passwords("wrong-password", NEW_PASSWORD)).await;
        answer.assert_problem(403, "wrong_password");
    }
    assert_refused(&sign_in(&app, "jo", PASSWORD).await, "invalid_grant");
    let locked = jo.put(&app, "/currentuser/password", &passwords(PASSWORD, NEW_PASSWORD)).await;
    locked.assert_problem(403, "wrong_password");
    assert_eq!(admin.get(&app, &format!("/users/{}", jo.id)).await.body["isLocked"], true);
    assert_eq!(audit(&database).await.last().unwrap(), &("jo".to_owned(), "user.locked".to_owned()));
    database.close().await;
}

#[actix_web::test]
async fn guesses_of_the_current_password_are_limited_like_sign_ins() {
    let database = database().await;
    let limits = [
        ("Authorization:RateLimit:PerAccountPerMinute", "3"),
        ("IdentityOptions:Lockout:MaxFailedAccessAttempts", "1000"),
    ];
    let app = app_with(&database, &settings(&limits)).await;
    let admin = Person::admin(&app).await;
    let guess = passwords("wrong-password", NEW_PASSWORD);
    for _ in 0..2 {
        admin.put(&app, "/currentuser/password", &guess).await.assert_problem(403, "wrong_password");
    }
    let answer = admin.put(&app, "/currentuser/password", &guess).await;
    answer.assert_problem(429, "too_many_requests");
    assert!(answer.header("retry-after").parse::<u32>().is_ok());
    database.close().await;
}

#[actix_web::test]
async fn users_see_and_end_their_own_sessions_and_nobody_elses() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    let jo = admin.hire(&app, "jo", &[]).await;
    let second = Person::signed_in(&app, "jo", PASSWORD).await;
    let third = Person::signed_in(&app, "jo", PASSWORD).await;
    let list = jo.get(&app, "/currentuser/sessions").await;
    let items = list.body["items"].as_array().unwrap();
    assert_eq!(items.len(), 3, "{}", list.body);
    let current: Vec<&Value> = items.iter().filter(|session| session["isCurrent"] == true).collect();
    assert_eq!(
        (current.len(), &current[0]["id"]),
        (1, &items[2]["id"]),
        "the last in the list is the oldest"
    );
    let of_admin = admin.get(&app, "/currentuser/sessions").await.body["items"][0]["id"].clone();
    let foreign = jo.delete(&app, &format!("/currentuser/sessions/{of_admin}")).await;
    foreign.assert_problem(404, "not_found");
    assert_eq!(refresh(&app, &admin.refresh_token).await.status, 200);

    assert_eq!(jo.delete(&app, &format!("/currentuser/sessions/{}", items[1]["id"])).await.status, 204);
    assert_refused(&refresh(&app, &second.refresh_token).await, "invalid_grant");
    assert_eq!(jo.delete(&app, "/currentuser/session").await.status, 204);
    assert_eq!(jo.delete(&app, "/currentuser/session").await.status, 204, "once more changes nothing");
    assert_refused(&refresh(&app, &jo.refresh_token).await, "invalid_grant");
    let next = refresh_token(&refresh(&app, &third.refresh_token).await);
    assert_eq!(jo.delete(&app, "/currentuser/sessions").await.status, 204);
    assert_refused(&refresh(&app, &next).await, "invalid_grant");

    let by_jo: Vec<String> =
        audit(&database).await.into_iter().filter(|row| row.0 == "jo").map(|row| row.1).skip(3).collect();
    assert_eq!(by_jo, ["user.session_ended", "user.signed_out", "user.sessions_ended"]);
    database.close().await;
}

#[actix_web::test]
async fn a_token_without_a_session_signs_out_without_ending_another() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    let form = [("grant_type", "password"), ("username", "admin"), ("password", PASSWORD)];
    let answer = connect(&app, &form).await;
    let token = answer.body["access_token"].as_str().unwrap().to_owned();
    let without = Person { id: admin.id, token, refresh_token: String::new() };
    assert_eq!(without.delete(&app, "/currentuser/session").await.status, 204);
    assert_eq!(refresh(&app, &admin.refresh_token).await.status, 200);
    database.close().await;
}

#[actix_web::test]
async fn an_administrator_sees_and_ends_the_sessions_of_a_user() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let admin = Person::admin(&app).await;
    let jo = admin.hire(&app, "jo", &[]).await;
    let second = Person::signed_in(&app, "jo", PASSWORD).await;
    let third = Person::signed_in(&app, "jo", PASSWORD).await;
    let path = format!("/users/{}/sessions", jo.id);
    let list = admin.get(&app, &path).await;
    let items = list.body["items"].as_array().unwrap();
    assert!(items.len() == 3 && items.iter().all(|session| session["isCurrent"] == false));

    assert_eq!(admin.delete(&app, &format!("{path}/{}", items[0]["id"])).await.status, 204);
    assert_refused(&refresh(&app, &third.refresh_token).await, "invalid_grant");
    admin.delete(&app, &format!("{path}/{}", items[0]["id"])).await.assert_problem(404, "not_found");
    assert_eq!(refresh(&app, &second.refresh_token).await.status, 200);
    assert_eq!(admin.delete(&app, &path).await.status, 204);
    assert_refused(&refresh(&app, &jo.refresh_token).await, "invalid_grant");
    assert_eq!(admin.get(&app, &path).await.body["items"], json!([]));
    let by_admin: Vec<String> =
        audit(&database).await.into_iter().filter(|row| row.0 == "admin").map(|row| row.1).skip(2).collect();
    assert_eq!(by_admin, ["user.session_ended", "user.sessions_ended"]);
    database.close().await;
}
