//! The keys in SQL that sign access tokens: one file per operation; `key` is what is shown of them. What they are used
//! for is `host::auth`'s, and it sets the times of a rotation.

mod command;
mod key;
mod list;
mod rotate;

pub(crate) use command::rotate_signing_key;
pub(crate) use list::list;
pub(crate) use rotate::rotate;

use utoipa::OpenApi;

/// These operations in the API document.
#[derive(OpenApi)]
#[openapi(paths(list::list, rotate::rotate))]
pub(crate) struct Api;
