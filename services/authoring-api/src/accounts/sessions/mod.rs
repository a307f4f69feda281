//! Sessions of users, as administrators see and end them: one file per operation. A session is one sign-in with a
//! refresh token; ending it leaves the access token that it gave last, which holds for its lifetime.

mod end;
mod end_all;
mod list;

pub(crate) use end::end;
pub(super) use end::{delete_in, parse_id};
pub(crate) use end_all::end_all;
pub(super) use end_all::end_all_in;
pub(crate) use list::list;
pub(super) use list::{SessionList, sessions_of};

use utoipa::OpenApi;

use crate::error::Error;

/// These operations in the API document.
#[derive(OpenApi)]
#[openapi(paths(list::list, end_all::end_all, end::end))]
pub(crate) struct Api;

const NO_SESSION: Error = Error::NotFound("such session");
