//! The guard in front of `/admin`: one bearer token from the configuration, until accounts exist.
//!
//! A middleware rather than an extractor, so that no route behind it can forget it:
//! `web::scope("/admin").wrap(BearerGuard::new(..))`.

use std::future::{Ready, ready};

use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::AUTHORIZATION;
use futures_util::future::{Either, LocalBoxFuture};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::configuration::Secret;
use crate::problem::Problem;

/// Lets requests pass that carry the token; answers 401 to all others, and to every request while no token is
/// configured. Tokens are compared by their hashes in constant time: neither content nor length leaks.
#[derive(Clone)]
pub struct BearerGuard {
    expected: Option<[u8; 32]>,
}

impl BearerGuard {
    /// `None` refuses every request.
    pub fn new(token: Option<&Secret>) -> Self {
        Self { expected: token.map(|token| hash(token.expose())) }
    }

    fn check(&self, request: &ServiceRequest) -> Result<(), Problem> {
        let Some(expected) = &self.expected else {
            return Err(Problem::unauthorized("this instance has no token: set Authoring:BearerToken"));
        };
        let sent = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let sent = sent.ok_or_else(|| Problem::unauthorized("send Authorization: Bearer …"))?;
        let token = match sent.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("Bearer") => token.trim(),
            _ => return Err(Problem::unauthorized("send Authorization: Bearer …")),
        };
        let is_right = hash(token).ct_eq(expected).into();
        if is_right { Ok(()) } else { Err(Problem::unauthorized("this is not the token")) }
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

impl<S, B> Transform<S, ServiceRequest> for BearerGuard
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = BearerService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(BearerService { service, guard: self.clone() }))
    }
}

/// [`BearerGuard`] around a scope.
pub struct BearerService<S> {
    service: S,
    guard: BearerGuard,
}

impl<S, B> Service<ServiceRequest> for BearerService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future =
        Either<Ready<Result<Self::Response, Error>>, LocalBoxFuture<'static, Result<Self::Response, Error>>>;

    actix_web::dev::forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        match self.guard.check(&request) {
            Err(problem) => Either::Left(ready(Ok(request.error_response(problem).map_into_right_body()))),
            Ok(()) => {
                let answer = self.service.call(request);
                Either::Right(Box::pin(async move { Ok(answer.await?.map_into_left_body()) }))
            }
        }
    }
}
