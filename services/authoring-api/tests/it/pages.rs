//! The pages at `/hangfire`: signing in, who may see what, and that no other site's form does anything.

use actix_http::Request;
use actix_web::Error;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use authoring_api::pages::PAGES;
use serde_json::json;

use crate::app::{Answer, PASSWORD, app, app_with, database, request, send, settings};
use crate::jobs::{enqueue, recur};

/// `name=value` of the cookie that an answer sets.
fn cookie_of(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

async fn sign_in<S>(app: &S, name: &str, password: &str) -> Answer
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let form = [("username", name), ("password", password)];
    send(app, TestRequest::post().uri("/hangfire/sign-in?back=%2Fhangfire%2Fjobs").set_form(form)).await
}

/// A page as a browser with this cookie asks for it.
async fn page<S>(app: &S, cookie: &str, path: &str) -> (u16, String)
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let answer = send(app, TestRequest::get().uri(path).insert_header(("Cookie", cookie))).await;
    (answer.status.as_u16(), String::from_utf8(answer.bytes.to_vec()).unwrap())
}

async fn submit<S>(app: &S, cookie: &str, path: &str, form: &[(&str, &str)]) -> Answer
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    send(app, TestRequest::post().uri(path).insert_header(("Cookie", cookie)).set_form(form)).await
}

/// The hidden token of a page's forms.
fn token_in(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"token\" value=\"").expect("a form with a token");
    rest.split('"').next().unwrap().to_owned()
}

#[actix_web::test]
async fn nobody_sees_a_page_without_signing_in_and_everybody_gets_back_to_what_they_wanted() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let mut guarded = 0;
    for line in PAGES.iter().filter(|line| line.permission.is_some()) {
        let path = format!("/hangfire{}", line.path.replace("{id}", "1"));
        let request = TestRequest::default().method(line.method.clone()).uri(&path);
        let answer = send(&app, request.insert_header(("Cookie", "stoa-pages=made-up"))).await;
        assert_eq!(answer.status, 303, "{path}");
        assert!(answer.header("location").starts_with("/hangfire/sign-in?back=%2Fhangfire"), "{path}");
        guarded += 1;
    }
    assert_eq!(guarded, 13);
    let open: Vec<&str> =
        PAGES.iter().filter(|line| line.permission.is_none()).map(|line| line.path).collect();
    assert_eq!(open, ["/sign-in", "/sign-in", "/sign-out", "/style.css", "/refresh.js"]);
    // A token of the API is no key to the pages, nor the cookie one to the API.
    send(&app, TestRequest::get().uri("/hangfire/nowhere")).await.assert_problem(404, "not_found");

    let refused = sign_in(&app, "admin", "wrong").await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.header("set-cookie").is_empty()
            && String::from_utf8_lossy(&refused.bytes).contains("is wrong")
    );
    let answer = sign_in(&app, "admin", PASSWORD).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/hangfire/jobs"));
    let set = answer.header("set-cookie");
    for attribute in ["Path=/hangfire", "HttpOnly", "SameSite=Strict", "Max-Age=43200"] {
        assert!(set.contains(attribute), "{set}");
    }
    let cookie = cookie_of(&answer);
    for line in PAGES
        .iter()
        .filter(|line| line.method == Method::GET && !line.path.contains('{') && !line.path.contains("edit"))
    {
        let (status, text) = page(&app, &cookie, &format!("/hangfire{}", line.path)).await;
        assert_eq!(status, 200, "{}: {text}", line.path);
    }
    let api =
        send(&app, TestRequest::get().uri("/api/platform/jobs").insert_header(("Cookie", cookie.as_str())))
            .await;
    api.assert_problem(401, "unauthorized");
    let elsewhere = [("username", "admin"), ("password", PASSWORD)];
    let answer = send(
        &app,
        TestRequest::post().uri("/hangfire/sign-in?back=%2F%2Felsewhere.example").set_form(elsewhere),
    )
    .await;
    assert_eq!(answer.header("location"), "/hangfire");
    database.close().await;
}

#[actix_web::test]
async fn a_form_counts_only_with_the_token_of_its_own_session() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    let ids = enqueue(&database, &["one", "two", "three"]).await;
    let cookie = cookie_of(&sign_in(&app, "admin", PASSWORD).await);
    let other = cookie_of(&sign_in(&app, "admin", PASSWORD).await);
    let job = format!("/hangfire/jobs/{}", ids[0]);
    let token = token_in(&page(&app, &cookie, &job).await.1);
    let foreign = token_in(&page(&app, &other, &job).await.1);
    assert_ne!(token, foreign);
    for wrong in ["", "made-up", &foreign] {
        let answer = submit(&app, &cookie, &job, &[("token", wrong), ("action", "delete")]).await;
        assert_eq!(answer.status, 403, "{wrong}");
        let answer = submit(&app, &cookie, "/hangfire/sign-out", &[("token", wrong)]).await;
        assert_eq!(answer.status, 403, "{wrong}");
    }
    assert!(page(&app, &cookie, &job).await.1.contains("data-state=\"Enqueued\""));
    let answer = submit(&app, &cookie, &job, &[("token", &token), ("action", "delete")]).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, job.as_str()));
    assert!(page(&app, &cookie, &job).await.1.contains("Deleted by admin"));

    let chosen =
        [("token", token.as_str()), ("action", "delete"), ("which", "chosen"), ("id", &ids[1].to_string())];
    let answer = submit(&app, &cookie, "/hangfire/jobs?state=Enqueued", &chosen).await;
    assert_eq!(answer.header("location"), "/hangfire/jobs?state=Enqueued&done=1");
    let found = [("token", token.as_str()), ("action", "requeue"), ("which", "found")];
    let answer = submit(&app, &cookie, "/hangfire/jobs?state=Deleted", &found).await;
    assert_eq!(answer.header("location"), "/hangfire/jobs?state=Deleted&done=2");
    let answer = submit(&app, &cookie, "/hangfire/jobs", &found).await;
    assert_eq!(answer.status, 422);
    assert!(String::from_utf8_lossy(&answer.bytes).contains("choose the state"));

    let answer = submit(&app, &cookie, "/hangfire/sign-out", &[("token", &token)]).await;
    assert_eq!(answer.status, 303);
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(page(&app, &cookie, &job).await.0, 303, "the session has ended, not only the cookie");
    assert_eq!(page(&app, &other, &job).await.0, 200);
    database.close().await;
}

#[actix_web::test]
async fn who_may_only_read_has_no_buttons_and_no_forms_and_a_lost_role_is_lost_at_once() {
    let database = database().await;
    let admin = app(&database).await;
    let ids = enqueue(&database, &["<script>alert(1)</script>"]).await;
    recur(&database, "nightly \"<b>\"").await;
    let role = json!({ "name": "watcher", "permissions": ["jobs:read"] });
    assert_eq!(
        send(&admin, request(Method::POST, "/api/platform/security/roles").set_json(role)).await.status,
        201
    );
    let user = json!({ "userName": "jo", "roles": ["watcher"], "password": "twelve-letters-and-more" });
    let user = send(&admin, request(Method::POST, "/api/platform/security/users").set_json(user)).await;
    assert_eq!(user.status, 201, "{}", user.body);
    let cookie = cookie_of(&sign_in(&admin, "jo", "twelve-letters-and-more").await);
    let job = format!("/hangfire/jobs/{}", ids[0]);
    for path in ["/hangfire/jobs", "/hangfire/recurring", "/hangfire/queues", &job] {
        let (status, text) = page(&admin, &cookie, path).await;
        assert_eq!(status, 200, "{text}");
        assert_eq!(
            text.matches("<button").count(),
            text.matches("Sign out").count() + text.matches(">Search</button>").count(),
            "{path}"
        );
        assert!(!text.contains("<script>alert") && !text.contains("<b>\""), "{path} escapes everything");
        assert!(text.contains("read only"));
    }
    let token = token_in(&page(&admin, &cookie, &job).await.1);
    for (path, field) in [
        (job.as_str(), "action"),
        ("/hangfire/jobs", "action"),
        ("/hangfire/recurring", "order"),
        ("/hangfire/queues", "order"),
    ] {
        let answer = submit(&admin, &cookie, path, &[("token", &token), (field, "delete")]).await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(String::from_utf8_lossy(&answer.bytes).contains("jobs:manage"));
    }
    let disable = json!({ "displayName": "Jo", "email": null, "roles": [], "isEnabled": true });
    let path = format!("/api/platform/security/users/{}", user.body["id"]);
    let answer = send(
        &admin,
        request(Method::PUT, &path).insert_header(("If-Match", user.header("etag"))).set_json(disable),
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(page(&admin, &cookie, "/hangfire").await.0, 403);
    database.close().await;
}

#[actix_web::test]
async fn recurring_jobs_and_queues_are_managed_by_forms() {
    let database = database().await;
    let app = app_with(&database, &settings(&[])).await;
    enqueue(&database, &["one"]).await;
    recur(&database, "nightly").await;
    let cookie = cookie_of(&sign_in(&app, "admin", PASSWORD).await);
    let (_, text) = page(&app, &cookie, "/hangfire/recurring").await;
    let token = token_in(&text);
    let order = async |order: &str| {
        submit(
            &app,
            &cookie,
            "/hangfire/recurring",
            &[("token", &token), ("id", "nightly"), ("order", order)],
        )
        .await
    };
    assert!(order("trigger").await.header("location").starts_with("/hangfire/recurring?triggered="));
    assert_eq!(order("pause").await.status, 303);
    assert!(page(&app, &cookie, "/hangfire/recurring").await.1.contains("data-state=\"Paused\""));
    assert_eq!(order("resume").await.status, 303);
    assert!(page(&app, &cookie, "/hangfire/recurring/edit?id=nightly").await.1.contains("0 3 * * *"));
    let edited = |cron: &'static str| {
        [
            ("token", token.clone()),
            ("cron", cron.to_owned()),
            ("timeZone", "UTC".to_owned()),
            ("misfire", "strict".to_owned()),
            ("jitterSecs", String::new()),
        ]
    };
    let save = async |cron| {
        let form = edited(cron);
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        submit(&app, &cookie, "/hangfire/recurring/edit?id=nightly", &form).await
    };
    let refused = save("61 * * * *").await;
    assert_eq!(refused.status, 422);
    assert!(String::from_utf8_lossy(&refused.bytes).contains("61 is not between 0 and 59"));
    assert_eq!(save("15 4 * * *").await.header("location"), "/hangfire/recurring?search=nightly");
    assert!(page(&app, &cookie, "/hangfire/recurring").await.1.contains("15 4 * * *"));

    let pause = [("token", token.as_str()), ("queue", "default"), ("order", "pause")];
    assert_eq!(submit(&app, &cookie, "/hangfire/queues", &pause).await.status, 303);
    assert!(page(&app, &cookie, "/hangfire/queues").await.1.contains("by admin"));
    assert_eq!(order("remove").await.status, 303);
    let gone = page(&app, &cookie, "/hangfire/recurring/edit?id=nightly").await;
    assert_eq!(gone.0, 404);
    database.close().await;
}
