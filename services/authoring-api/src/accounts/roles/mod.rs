//! Roles: names for sets of permissions. One file per operation; `role` is what is stored and how it looks in JSON.

mod create;
mod delete;
mod get;
mod list;
mod named;
mod permissions;
mod role;
mod update;

pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use get::get;
pub(crate) use list::list;
pub(super) use named::named;
pub(crate) use permissions::permissions;
pub(crate) use update::update;

use utoipa::OpenApi;

use crate::error::Error;

/// These operations in the API document.
#[derive(OpenApi)]
#[openapi(paths(
    permissions::permissions,
    list::list,
    create::create,
    get::get,
    update::update,
    delete::delete
))]
pub(crate) struct Api;

const NO_ROLE: Error = Error::NotFound("such role");
