//! The guard in front of every address: the route table is walked.

use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::http::Method;
use actix_web::test::TestRequest;
use authoring_api::routes::ROUTES;
use host::auth::{Access, AccessTokens, Keyring, Permissions, Principal, Subject};
use host::configuration::Authorization;

use crate::app::{app_with, database, request_with, send, settings, token_of};

/// A path of the table with something in place of its parameters.
fn address(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect::<Vec<_>>().join("/")
}

#[actix_web::test]
async fn every_route_wants_a_token_and_its_own_permission_where_it_has_one() {
    let database = database().await;
    let settings = settings(&[]);
    let app = app_with(&database, &settings).await;
    let mut walked = 0;
    for route in ROUTES {
        let path = address(route.path);
        let is_guarded = path.starts_with("/admin/") || path.starts_with("/api/");
        assert_eq!(route.access != Access::Anyone, is_guarded, "{path}");
        if route.access == Access::Anyone {
            continue;
        }
        let without = TestRequest::default().method(route.method.clone()).uri(&path);
        let answer = send(&app, without).await;
        answer.assert_problem(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        walked += 1;

        let Access::Permission(permission) = route.access else {
            let token = token_of(&database, &settings, Permissions::from_names([])).await;
            let answer = send(&app, request_with(&token, route.method.clone(), &path)).await;
            assert!(![401, 403].contains(&answer.status.as_u16()), "{path}: {}", answer.body);
            continue;
        };
        assert!(contracts::permissions::ALL.iter().any(|known| known.name == permission), "{permission}");
        let others = contracts::permissions::ALL.iter().map(|known| known.name);
        let others = Permissions::from_names(others.filter(|other| *other != permission));
        let token = token_of(&database, &settings, others).await;
        let answer = send(&app, request_with(&token, route.method.clone(), &path)).await;
        answer.assert_problem(403, "forbidden");
        assert_eq!(answer.body["detail"], format!("it needs {permission}"));

        let token = token_of(&database, &settings, Permissions::from_names([permission])).await;
        let answer = send(&app, request_with(&token, route.method.clone(), &path)).await;
        assert!(![401, 403].contains(&answer.status.as_u16()), "{path}: {}", answer.body);
    }
    assert!(walked >= 48, "{walked}");
    database.close().await;
}

#[actix_web::test]
async fn addresses_that_do_not_exist_are_not_told_from_others_without_a_token() {
    let database = database().await;
    let settings = settings(&[]);
    let app = app_with(&database, &settings).await;
    let token = token_of(&database, &settings, Permissions::All).await;
    for path in ["/admin/nowhere", "/api/nowhere", "/admin", "/admin/", "/api"] {
        send(&app, TestRequest::get().uri(path)).await.assert_problem(401, "unauthorized");
        send(&app, request_with(&token, Method::GET, path)).await.assert_problem(404, "not_found");
    }
    database.close().await;
}

#[actix_web::test]
async fn only_a_token_of_ours_that_holds_now_is_believed() {
    let database = database().await;
    let ours = settings(&[]);
    let app = app_with(&database, &ours).await;
    let try_token = async |authorization: String| {
        let request =
            TestRequest::get().uri("/admin/stores/none").insert_header(("Authorization", authorization));
        send(&app, request).await
    };
    let issue = async |settings: &Authorization, age_secs: u64| {
        let keyring = Keyring::new(settings, &database.database).into();
        let tokens = AccessTokens::new(keyring, settings);
        let principal = Principal {
            subject: Subject::User { id: 1 },
            name: "tester".to_owned(),
            session: None,
            permissions: Permissions::All,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        tokens.issue_at(&principal, now - age_secs).await.unwrap().token
    };
    let good = issue(&ours.authorization, 0).await;
    try_token(format!("bearer {good}")).await.assert_problem(404, "not_found");

    let foreign = |keys: &[(&str, &str)]| settings(keys).authorization;
    let other_key = foreign(&[("Authorization:SigningKey", "a-key-that-this-service-does-not-know-at-all")]);
    let (head, rest) = good.split_once('.').unwrap();
    let (claims, _) = rest.split_once('.').unwrap();
    // {"alg":"none","typ":"at+jwt"}
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{claims}.");
    let cases = [
        issue(&other_key, 0).await,
        issue(&foreign(&[("Auth:Authority", "somebody-else")]), 0).await,
        issue(&foreign(&[("Auth:Audience", "something-else")]), 0).await,
        issue(&ours.authorization, 700).await,
        unsigned,
        format!("{head}.{claims}.AAAA"),
        format!("{head}.{claims}"),
        "x".to_owned(),
        "x".repeat(9_000),
    ];
    for token in cases {
        let answer = try_token(format!("Bearer {token}")).await;
        answer.assert_problem(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    }
    for none in ["Bearer", "Bearer ", "Basic YTpi", ""] {
        let answer = try_token(none.to_owned()).await;
        answer.assert_problem(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    database.close().await;
}
