//! Why a change of accounts is refused, as the problems that clients see.

use actix_web::http::StatusCode;
use host::problem::{Kind, Problem};

use super::passwords::HashError;
use super::throttle::TooOften;

/// What clients are told to wait while too many passwords are hashed, s.
const RETRY_AFTER_SECS: u32 = 1;

static EXCEEDS_OWN: Kind = Kind {
    status: StatusCode::FORBIDDEN,
    code: "exceeds_own_permissions",
    title: "This needs every permission that is given, or that the changed account has",
};
static WRONG_PASSWORD: Kind = Kind {
    status: StatusCode::FORBIDDEN,
    code: "wrong_password",
    title: "The current password is another one, or the account is locked",
};
static LAST_ADMINISTRATOR: Kind = Kind {
    status: StatusCode::CONFLICT,
    code: "last_administrator",
    title: "Nobody would be left who may do everything",
};
static NAME_TAKEN: Kind =
    Kind { status: StatusCode::CONFLICT, code: "name_taken", title: "There is another one with this name" };
static SYSTEM_ROLE: Kind =
    Kind { status: StatusCode::CONFLICT, code: "system_role", title: "A system role stays as it is" };
static ROLE_IN_USE: Kind =
    Kind { status: StatusCode::CONFLICT, code: "role_in_use", title: "Somebody has the role" };

/// The kinds of problems that only accounts have.
pub(crate) static KINDS: &[&Kind] =
    &[&EXCEEDS_OWN, &WRONG_PASSWORD, &LAST_ADMINISTRATOR, &NAME_TAKEN, &SYSTEM_ROLE, &ROLE_IN_USE];

/// Why a change of accounts is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Denied {
    /// The access token outlived what it speaks for.
    #[error("the account was deleted, disabled or locked")]
    AccountGone,
    /// The permission was taken away since the token was issued.
    #[error("it needs {0}")]
    Forbidden(&'static str),
    #[error("the account does not hold all of these permissions itself")]
    ExceedsOwn,
    #[error("the current password is not this one, or the account is locked")]
    WrongPassword,
    #[error("make another administrator first")]
    LastAdministrator,
    #[error("there is a {what} named {name} already")]
    NameTaken { what: &'static str, name: String },
    #[error("the role {0} belongs to the system")]
    SystemRole(String),
    #[error("{0}")]
    RoleInUse(String),
    #[error("too many tries")]
    TooOften(TooOften),
    #[error(transparent)]
    Hash(#[from] HashError),
}

impl From<TooOften> for Denied {
    fn from(too_often: TooOften) -> Self {
        Self::TooOften(too_often)
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        let kind = match denied {
            Denied::AccountGone => {
                return Self::invalid_token("the account was deleted, disabled or locked");
            }
            Denied::Forbidden(permission) => return Self::forbidden(permission),
            Denied::TooOften(too_often) => {
                return Self::too_many_requests(too_often.retry_after.as_secs() + 1);
            }
            Denied::Hash(error) => return Self::unavailable(RETRY_AFTER_SECS, error),
            Denied::ExceedsOwn => &EXCEEDS_OWN,
            Denied::WrongPassword => &WRONG_PASSWORD,
            Denied::LastAdministrator => &LAST_ADMINISTRATOR,
            Denied::NameTaken { .. } => &NAME_TAKEN,
            Denied::SystemRole(_) => &SYSTEM_ROLE,
            Denied::RoleInUse(_) => &ROLE_IN_USE,
        };
        Self::of(kind).detail(denied.to_string())
    }
}
