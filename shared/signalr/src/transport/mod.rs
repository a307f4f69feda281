//! HTTP: who is let in, which transport a request means, and the answers that official clients expect.
//!
//! The status codes and texts are those of ASP.NET Core; see the README for sources.

mod events;
mod long_polling;
mod negotiate;
mod post;
mod websocket;

use std::sync::Arc;

use actix_web::http::header::{
    ACCEPT, CACHE_CONTROL, ContentType, HOST, ORIGIN, PRAGMA, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

use crate::connection::{AttachError, Connection, NewConnection};
use crate::hub::HubInner;
use crate::user::{ConnectRequest, Rejection, User};

/// Registers the hub's routes.
pub(crate) fn configure(config: &mut ServiceConfig, hub: &Arc<HubInner>, path: &str) {
    let negotiating = hub.clone();
    let negotiate = move |request: HttpRequest| {
        let hub = negotiating.clone();
        async move { settle(negotiate::answer(&hub, &request).await) }
    };
    let carrying = hub.clone();
    let carry = move |request: HttpRequest, payload: Payload| {
        let hub = carrying.clone();
        async move { settle(carry(&hub, &request, payload).await) }
    };
    config
        .service(web::resource(format!("{path}/negotiate")).to(negotiate))
        .service(web::resource([path.to_owned(), format!("{path}/")]).to(carry));
}

/// An answer, good or bad; `?` leaves with a bad one.
type Answer = Result<HttpResponse, Refusal>;

/// An answer that refuses; boxed, because answers are large.
type Refusal = Box<HttpResponse>;

fn settle(answer: Answer) -> HttpResponse {
    answer.unwrap_or_else(|refused| *refused)
}

async fn carry(hub: &Arc<HubInner>, request: &HttpRequest, payload: Payload) -> Answer {
    let admitted = admit(hub, request).await?;
    match *request.method() {
        Method::GET if header(request, UPGRADE).eq_ignore_ascii_case("websocket") => {
            websocket::start(hub, request, payload, admitted).await
        }
        Method::GET if header(request, ACCEPT).contains("text/event-stream") => events::start(hub, &admitted),
        Method::GET => long_polling::poll(hub, &admitted).await,
        Method::POST => post::take(hub, payload, &admitted).await,
        Method::DELETE => long_polling::delete(hub, &admitted),
        _ => Err(refused(StatusCode::METHOD_NOT_ALLOWED, "")),
    }
}

fn header(request: &HttpRequest, name: actix_web::http::header::HeaderName) -> &str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// An answer that nobody may keep.
fn answer(status: StatusCode) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(status);
    builder.insert_header((CACHE_CONTROL, "no-cache, no-store")).insert_header((PRAGMA, "no-cache"));
    builder
}

fn refused(status: StatusCode, text: &'static str) -> Refusal {
    Box::new(answer(status).insert_header(ContentType::plaintext()).body(text))
}

fn not_found() -> Refusal {
    refused(StatusCode::NOT_FOUND, "No Connection with that ID")
}

/// A request that may go on: who sends it, and its query.
struct Admitted {
    user: User,
    query: Vec<(String, String)>,
}

impl Admitted {
    /// The value of a name in the query; names are compared without regard to case, as ASP.NET does.
    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The connection that the request's token names. A token of somebody else names nothing.
    fn connection(&self, hub: &HubInner) -> Result<Arc<Connection>, Refusal> {
        let token = self
            .query("id")
            .filter(|token| !token.is_empty())
            .ok_or_else(|| refused(StatusCode::BAD_REQUEST, "Connection ID required"))?;
        let connection = hub.find(token).filter(|connection| connection.user().id == self.user.id);
        let connection = connection.ok_or_else(not_found)?;
        connection.extend_expiry(&self.user);
        Ok(connection)
    }

    /// What a new connection of this request is made of.
    fn new_connection(&self, hub: &HubInner, request: &HttpRequest) -> NewConnection {
        let kept = |name: &String| {
            let value = request.headers().get(name.as_str())?.to_str().ok()?;
            Some((name.clone(), value.to_owned()))
        };
        let secret = |key: &str| ["access_token", "id"].iter().any(|secret| key.eq_ignore_ascii_case(secret));
        NewConnection {
            user: self.user.clone(),
            stateful_reconnect: false,
            token_is_id: false,
            headers: hub.options.kept_headers.iter().filter_map(kept).collect(),
            query: self.query.iter().filter(|(key, _)| !secret(key)).cloned().collect(),
        }
    }
}

/// Checks where the page came from and who sends the request.
async fn admit(hub: &HubInner, request: &HttpRequest) -> Result<Admitted, Refusal> {
    let origin = header(request, ORIGIN);
    if !origin.is_empty() && !hub.options.origins.allow(origin, header(request, HOST)) {
        return Err(refused(StatusCode::FORBIDDEN, "The origin is not allowed."));
    }
    let query: Vec<(String, String)> =
        form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
    match hub.authenticate(ConnectRequest::new(request, &query)).await {
        Ok(user) => Ok(Admitted { user, query }),
        Err(Rejection::Unauthorized) => Err(Box::new(
            answer(StatusCode::UNAUTHORIZED).insert_header((WWW_AUTHENTICATE, "Bearer")).finish(),
        )),
        Err(Rejection::Forbidden) => Err(refused(StatusCode::FORBIDDEN, "")),
        Err(Rejection::Unavailable) => Err(unavailable()),
    }
}

fn unavailable() -> Refusal {
    Box::new(answer(StatusCode::SERVICE_UNAVAILABLE).insert_header((RETRY_AFTER, "5")).finish())
}

/// Why a transport was not accepted, as ASP.NET says it.
fn not_attached(error: AttachError) -> Refusal {
    match error {
        AttachError::Changed => refused(StatusCode::BAD_REQUEST, "Cannot change transports mid-connection"),
        AttachError::Live => {
            refused(StatusCode::CONFLICT, "A connection with that ID has a transport already.")
        }
        AttachError::Ended => not_found(),
    }
}
