//! Catalog imports: one file per operation; `upload` receives the file, `report` is the JSON of an import.

mod create;
mod report;
mod upload;
mod view;

pub(crate) use create::create;
pub(crate) use view::view;

use utoipa::OpenApi;

use crate::error::Error;

/// These operations in the API document.
#[derive(OpenApi)]
#[openapi(paths(create::create, view::view))]
pub(crate) struct Api;

const NO_IMPORT: Error = Error::NotFound("such import");
