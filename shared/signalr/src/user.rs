//! Who connects: the request as an authenticator sees it, and what it makes of it.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use futures_util::future::BoxFuture;

/// Who a connection belongs to.
#[derive(Clone, Default)]
pub struct User {
    /// What [`Recipients::User`](crate::Recipients::User) compares. Anonymous without.
    pub id: Option<Arc<str>>,
    /// When the credential ends; the connection ends with it ([`close_on_expiry`](crate::HubOptions::close_on_expiry)).
    pub expires: Option<SystemTime>,
    /// Whatever the application wants to know in hub methods; see [`User::claims`].
    pub claims: Option<Arc<dyn Any + Send + Sync>>,
}

impl User {
    /// A user with that id.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self { id: Some(id.into()), expires: None, claims: None }
    }

    /// The claims, if they are of that type.
    pub fn claims<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.claims.as_ref()?.downcast_ref()
    }
}

impl fmt::Debug for User {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("User")
            .field("id", &self.id)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// A token; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken(String);

impl AccessToken {
    /// The token itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AccessToken(hidden)")
    }
}

/// What an authenticator and a redirect see of a request.
#[derive(Debug)]
pub struct ConnectRequest {
    /// From `Authorization: Bearer`, else from the query's `access_token` (browsers cannot set headers on WebSockets
    /// and Server-Sent Events).
    pub token: Option<AccessToken>,
    /// All headers. Do not log them.
    pub headers: HeaderMap,
    /// The path.
    pub path: String,
    /// The query's pairs, without the token and the connection token.
    pub query: Vec<(String, String)>,
}

impl ConnectRequest {
    pub(crate) fn new(request: &HttpRequest, query: &[(String, String)]) -> Self {
        let header = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim().to_owned());
        let named = |name: &str| query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        let token = header.or_else(|| named("access_token").map(|(_, token)| token.clone()));
        let public =
            |key: &str| !["access_token", "id"].iter().any(|secret| key.eq_ignore_ascii_case(secret));
        Self {
            token: token.filter(|token| !token.is_empty()).map(AccessToken),
            headers: request.headers().clone(),
            path: request.path().to_owned(),
            query: query.iter().filter(|(key, _)| public(key)).cloned().collect(),
        }
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// 401: no token, or one that is not good (any more).
    Unauthorized,
    /// 403: known, but not allowed to use this hub.
    Forbidden,
    /// 503: who it is cannot be found out at the moment.
    Unavailable,
}

/// Finds out who sends a request. Asked for every request of every transport; a WebSocket is one request.
pub trait Authenticator: Send + Sync + 'static {
    /// The user, or why the request is refused.
    fn authenticate(&self, request: ConnectRequest) -> BoxFuture<'static, Result<User, Rejection>>;
}

impl<F> Authenticator for F
where
    F: Fn(ConnectRequest) -> BoxFuture<'static, Result<User, Rejection>> + Send + Sync + 'static,
{
    fn authenticate(&self, request: ConnectRequest) -> BoxFuture<'static, Result<User, Rejection>> {
        self(request)
    }
}
