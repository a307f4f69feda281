//! The guard in front of routes: no token, 401; a token without the permission, 403.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};

use super::principal::Principal;
use super::tokens::{AccessTokens, Refusal};
use crate::problem::Problem;

/// What a 503 tells clients while the signing keys cannot be read.
const RETRY_AFTER_SECS: u32 = 1;

/// Lets requests with a valid access token pass and tells what is behind who is asking.
pub(super) async fn authenticate<B: MessageBody + 'static>(
    tokens: Data<AccessTokens>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let token = bearer(&request).ok_or_else(|| Problem::unauthorized("send Authorization: Bearer …"))?;
    let principal = match tokens.verify(token).await {
        Ok(principal) => principal,
        Err(Refusal::Invalid(reason)) => return Err(Problem::invalid_token(reason).into()),
        Err(Refusal::Unavailable(error)) => return Err(Problem::unavailable(RETRY_AFTER_SECS, error).into()),
    };
    request.extensions_mut().insert(principal);
    next.call(request).await
}

/// Lets requests pass whose principal holds the permission.
pub(super) async fn require<B: MessageBody + 'static>(
    permission: &'static str,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let is_allowed =
        request.extensions().get::<Principal>().map(|principal| principal.permissions.holds(permission));
    match is_allowed {
        Some(true) => next.call(request).await,
        Some(false) => Err(Problem::forbidden(permission).into()),
        None => Err(Problem::unauthorized("send Authorization: Bearer …").into()),
    }
}

fn bearer(request: &ServiceRequest) -> Option<&str> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty()).then_some(token)
}
