//! People who use the app: signing in, making users, and what the audit log says of it.

use actix_http::Request;
use actix_web::Error;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use serde_json::{Value, json};
use sql::RowExt;
use sql::testing::TestDatabase;

use crate::app::{Answer, PASSWORD, connect, request_with, send};

/// Below this everything is that these requests ask for.
const SECURITY: &str = "/api/platform/security";

pub(crate) async fn sign_in<S>(app: &S, user_name: &str, password: &str) -> Answer
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let parameters = [
        ("grant_type", "password"),
        ("username", user_name),
        ("password", password),
        ("scope", "offline_access"),
    ];
    connect(app, &parameters).await
}

pub(crate) async fn refresh<S>(app: &S, token: &str) -> Answer
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    connect(app, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
}

pub(crate) fn refresh_token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["refresh_token"].as_str().unwrap().to_owned()
}

pub(crate) fn assert_refused(answer: &Answer, error: &str) {
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(answer.body["error"], error);
    assert_eq!(answer.header("content-type"), "application/json");
}

/// Actor and action of every audit row, in order.
pub(crate) async fn audit(database: &TestDatabase) -> Vec<(String, String)> {
    let rows =
        database.database.query("SELECT a.Actor, a.Action FROM Platform.AuditLog AS a ORDER BY a.Id", &[]);
    let read = |row: &sql::Row| {
        let text = |column| row.read::<&str>(column).unwrap().to_owned();
        (text("Actor"), text("Action"))
    };
    rows.await.unwrap().iter().map(read).collect()
}

pub(crate) async fn count(database: &TestDatabase, text: &'static str) -> i32 {
    database.database.query(text, &[]).await.unwrap()[0].read("N").unwrap()
}

/// Somebody who has signed in.
pub(crate) struct Person {
    pub(crate) id: i64,
    pub(crate) token: String,
    pub(crate) refresh_token: String,
}

impl Person {
    /// Signs in.
    pub(crate) async fn signed_in<S>(app: &S, user_name: &str, password: &str) -> Self
    where
        S: Service<Request, Response = ServiceResponse, Error = Error>,
    {
        let answer = sign_in(app, user_name, password).await;
        let refresh_token = refresh_token(&answer);
        let token = answer.body["access_token"].as_str().unwrap().to_owned();
        let mut person = Self { id: 0, token, refresh_token };
        person.id = person.get(app, "/currentuser").await.body["id"].as_i64().unwrap();
        person
    }

    /// The first user, who may do everything.
    pub(crate) async fn admin<S>(app: &S) -> Self
    where
        S: Service<Request, Response = ServiceResponse, Error = Error>,
    {
        Self::signed_in(app, "admin", PASSWORD).await
    }

    /// Makes a user with these roles, who signs in with [`PASSWORD`].
    pub(crate) async fn hire<S>(&self, app: &S, user_name: &str, roles: &[&str]) -> Self
    where
        S: Service<Request, Response = ServiceResponse, Error = Error>,
    {
        let body = json!({ "userName": user_name, "roles": roles, "password": PASSWORD });
        let answer = self.post(app, "/users", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        Self::signed_in(app, user_name, PASSWORD).await
    }

    /// Makes a role, and gives its id.
    pub(crate) async fn make_role<S>(&self, app: &S, name: &str, permissions: &[&str]) -> i64
    where
        S: Service<Request, Response = ServiceResponse, Error = Error>,
    {
        let answer = self.post(app, "/roles", &json!({ "name": name, "permissions": permissions })).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["id"].as_i64().unwrap()
    }

    pub(crate) async fn get<S>(&self, app: &S, path: &str) -> Answer
    where
        S: Service<Request, Response = ServiceResponse, Error = Error>,
    {
        send(app, request_with(&self.token, Method::GET, &format!("{SECURITY}{path}"))).await
    }

    pub(crate) async fn post<S>(&self, app: &S, path: &str, body: &Value) -> Answer
    where
        S: Service<Request, Response = ServiceResponse, Error = Error>,
    {
        let request = request_with(&self.token, Method::POST, &format!("{SECURITY}{path}"));
        send(app, request.set_json(body)).await
    }

    pub(crate) async fn put<S>(&self, app: &S, path: &str, body: &Value) -> Answer
    where
        S: Service<Request, Response = ServiceResponse, Error = Error>,
    {
        let request = request_with(&self.token, Method::PUT, &format!("{SECURITY}{path}"));
        send(app, request.set_json(body)).await
    }

    pub(crate) async fn delete<S>(&self, app: &S, path: &str) -> Answer
    where
        S: Service<Request, Response = ServiceResponse, Error = Error>,
    {
        send(app, request_with(&self.token, Method::DELETE, &format!("{SECURITY}{path}"))).await
    }

    /// Changes some fields of what is there now.
    pub(crate) async fn edit<S>(&self, app: &S, path: &str, change: &Value) -> Answer
    where
        S: Service<Request, Response = ServiceResponse, Error = Error>,
    {
        let read = self.get(app, path).await;
        assert_eq!(read.status, 200, "{}", read.body);
        let mut body = read.body.clone();
        for (field, value) in change.as_object().unwrap() {
            body[field] = value.clone();
        }
        let request = request_with(&self.token, Method::PUT, &format!("{SECURITY}{path}"));
        send(app, request.insert_header(("If-Match", read.header("etag"))).set_json(body)).await
    }
}
