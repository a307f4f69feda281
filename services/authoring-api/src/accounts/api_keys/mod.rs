//! API keys: with what programs sign in, by `grant_type=client_credentials` at `/connect/token` (`connect`). Here
//! administrators manage them: one file per operation; `api_key` is what is stored and how it looks in JSON, `secret` what
//! a program shows.
//!
//! Nobody gives a key a permission that they do not hold, and nobody touches a key that may more than they do: whoever
//! gets to see its secret has what it may.

mod api_key;
mod create;
mod delete;
mod get;
mod list;
mod rotate_secret;
mod secret;
mod update;

pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use get::get;
pub(crate) use list::list;
pub(crate) use rotate_secret::rotate_secret;
pub(in crate::accounts) use secret::ApiKeySecret;
pub(crate) use update::update;

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
    rotate_secret::rotate_secret
))]
pub(crate) struct Api;

const NO_API_KEY: Error = Error::NotFound("such API key");

/// A line of the audit log about a key. Its detail never has a secret, nor the hash of one.
pub(in crate::accounts) fn entry(action: &'static str, id: i64, detail: serde_json::Value) -> Entry<'static> {
    Entry { action, entity: "api-key", entity_id: id.to_string().into(), detail }
}
