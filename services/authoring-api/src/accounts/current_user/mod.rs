//! What users see and do of their own account: one file per operation. None needs a permission but to be signed in as
//! a user.

mod change_password;
mod end_session;
mod end_sessions;
mod get;
mod sessions;
mod sign_out;

pub(crate) use change_password::change_password;
pub(crate) use end_session::{end, end_session};
pub(crate) use end_sessions::end_sessions;
pub(crate) use get::get;
pub(crate) use sessions::sessions;
pub(crate) use sign_out::sign_out;

use host::auth::{Principal, Subject};
use utoipa::OpenApi;

use super::denied::Denied;

/// These operations in the API document.
#[derive(OpenApi)]
#[openapi(paths(
    get::get,
    change_password::change_password,
    sessions::sessions,
    end_sessions::end_sessions,
    end_session::end_session,
    sign_out::sign_out
))]
pub(crate) struct Api;

/// The user who asks; an API key is none, whoever it belongs to.
fn user_id(principal: &Principal) -> Result<i64, Denied> {
    match principal.subject {
        Subject::User { id } => Ok(id),
        Subject::ApiKey { .. } => Err(Denied::Forbidden("the sign-in of a user")),
    }
}
