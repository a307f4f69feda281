//! Whoever an access token speaks for.

use std::fmt;
use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use super::permissions::Permissions;
use crate::problem::Problem;

/// Who is asking. Handlers behind the guard take it as an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The account.
    pub subject: Subject,
    /// What audit rows call them: the user name, or [`Subject::ApiKey`] and what people call the key.
    pub name: String,
    /// `Accounts.Session.Id` of the sign-in behind the token; `None`: it has no refresh token.
    pub session: Option<i64>,
    /// What they may do, as of the time the token was issued.
    pub permissions: Permissions,
}

/// What the names of API keys begin with in tokens and audit rows, and those of users do not.
pub const API_KEY_PREFIX: &str = "api-key:";

/// What kind of account it is. Written `user:42`, `api-key:7` in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A person.
    User {
        /// `Accounts.User.Id`.
        id: i64,
    },
    /// A program.
    ApiKey {
        /// `Accounts.ApiKey.Id`.
        id: i64,
    },
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { id } => write!(f, "user:{id}"),
            Self::ApiKey { id } => write!(f, "{API_KEY_PREFIX}{id}"),
        }
    }
}

impl FromStr for Subject {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let id = |text: &str| text.parse::<i64>().ok().filter(|id| *id > 0).ok_or(());
        match text.split_once(':').ok_or(())? {
            ("user", user) => Ok(Self::User { id: id(user)? }),
            ("api-key", key) => Ok(Self::ApiKey { id: id(key)? }),
            _ => Err(()),
        }
    }
}

/// 401 on a route that has no guard in front of it: such a route is a mistake, and must not become an open door.
impl FromRequest for Principal {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let principal = request.extensions().get::<Self>().cloned();
        ready(principal.ok_or_else(|| Problem::unauthorized("send Authorization: Bearer …")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_reads_back_as_it_was_written_and_nothing_else_does() {
        for subject in [Subject::User { id: 42 }, Subject::ApiKey { id: 7 }] {
            assert_eq!(subject.to_string().parse(), Ok(subject));
        }
        for wrong in ["", "42", "user:", "user:0", "user:-1", "user:x", "root:1"] {
            assert_eq!(wrong.parse::<Subject>(), Err(()), "{wrong}");
        }
    }
}
