//! Why there is no token: in the form of RFC 6749 5.2 what that has a code for, all else as a problem.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, PRAGMA, WWW_AUTHENTICATE};
use host::auth::KeyError;
use host::http::OwnForm;
use host::problem::Problem;
use serde::Serialize;
use utoipa::ToSchema;

use crate::accounts::passwords::HashError;
use crate::accounts::throttle::TooOften;
use crate::error::Error;

/// What clients are told to wait while SQL Server is away, s.
const RETRY_AFTER_SECS: u32 = 1;

/// How a client can authenticate; a 401 must say so.
const CHALLENGE: &str = "Basic realm=\"stoa\", charset=\"UTF-8\"";
/// The client has not proved who it is: the one code that the standard wants answered with 401.
const INVALID_CLIENT: &str = "invalid_client";

/// Why there is no token.
#[derive(Debug)]
pub(super) enum Refusal {
    /// 400 or 401, in the standard's form.
    OAuth(OAuthError),
    /// Anything that the standard has no code for.
    Problem(Box<Problem>),
}

/// A refusal in the form of RFC 6749 5.2.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OAuthError {
    /// `invalid_request`, `invalid_client`, `invalid_grant` or `unsupported_grant_type`.
    error: &'static str,
    /// For people.
    #[schema(value_type = String)]
    error_description: Cow<'static, str>,
}

impl OAuthError {
    pub(super) fn description(&self) -> &str {
        &self.error_description
    }
}

impl Refusal {
    fn oauth(error: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self::OAuth(OAuthError { error, error_description: description.into() })
    }

    /// The request is not one that the standard knows.
    pub(super) fn invalid_request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::oauth("invalid_request", description)
    }

    pub(super) fn unsupported_grant_type() -> Self {
        Self::oauth(
            "unsupported_grant_type",
            "grant_type is one of password, refresh_token, client_credentials",
        )
    }

    /// What was shown proves nothing. One sentence for every reason, so that nobody learns which users there are.
    pub(super) fn wrong_password() -> Self {
        let description = "user name or password is wrong, or the account is locked or disabled";
        Self::oauth("invalid_grant", description)
    }

    /// The same of a refresh token.
    pub(super) fn wrong_refresh_token() -> Self {
        Self::oauth("invalid_grant", "the refresh token holds no longer; sign in again")
    }

    /// An API key proves nothing. One sentence for every reason, so that nobody learns which clients there are.
    pub(super) fn wrong_client() -> Self {
        let description = "client id or secret is wrong, or the key has expired or is disabled";
        Self::oauth(INVALID_CLIENT, description)
    }

    /// The client shows nothing that could prove anything.
    pub(super) fn unauthenticated_client() -> Self {
        let description = "send client_id and client_secret, in the form or as HTTP Basic";
        Self::oauth(INVALID_CLIENT, description)
    }

    pub(super) fn answer(self) -> Result<HttpResponse, Problem> {
        match self {
            Self::Problem(problem) => Err(*problem),
            Self::OAuth(error) => {
                let mut answer = HttpResponse::BadRequest();
                if error.error == INVALID_CLIENT {
                    answer.status(StatusCode::UNAUTHORIZED).insert_header((WWW_AUTHENTICATE, CHALLENGE));
                }
                answer.insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache"));
                let mut answer = answer.json(error);
                answer.extensions_mut().insert(OwnForm);
                Ok(answer)
            }
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<TooOften> for Refusal {
    fn from(too_often: TooOften) -> Self {
        Problem::too_many_requests(too_often.retry_after.as_secs() + 1).into()
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Problem::from(error).into()
    }
}

impl From<KeyError> for Refusal {
    fn from(error: KeyError) -> Self {
        Problem::unavailable(RETRY_AFTER_SECS, error).into()
    }
}

impl From<HashError> for Refusal {
    fn from(error: HashError) -> Self {
        Problem::unavailable(RETRY_AFTER_SECS, error).into()
    }
}
