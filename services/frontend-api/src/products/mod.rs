//! Products as the shop shows them: one file per operation.

mod get;
mod list;

pub(crate) use get::{PATTERN, get, shortcut};
pub(crate) use list::list;

use utoipa::OpenApi;

/// These operations in the API document.
#[derive(OpenApi)]
#[openapi(paths(get::get, list::list))]
pub(crate) struct Api;
