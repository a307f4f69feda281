//! Users as administrators see and change them: one file per operation; `user` is what is stored and how it looks in
//! JSON. What users do with their own account is in `current_user`.

mod create;
mod delete;
mod get;
mod list;
mod lock;
mod set_password;
mod unlock;
mod update;
mod user;

pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use get::get;
pub(crate) use list::list;
pub(crate) use lock::lock;
pub(crate) use set_password::set_password;
pub(crate) use unlock::unlock;
pub(crate) use update::update;
pub(super) use user::{find, find_to_change};

use store::audit::Entry;
use utoipa::OpenApi;

use crate::error::Error;

/// These operations in the API document.
#[derive(OpenApi)]
#[openapi(paths(
    list::list,
    create::create,
    get::get,
    update::update,
    delete::delete,
    set_password::set_password,
    lock::lock,
    unlock::unlock
))]
pub(crate) struct Api;

pub(super) const NO_USER: Error = Error::NotFound("such user");

/// A line of the audit log about a user.
pub(super) fn entry(action: &'static str, id: i64, detail: serde_json::Value) -> Entry<'static> {
    Entry { action, entity: "user", entity_id: id.to_string().into(), detail }
}
