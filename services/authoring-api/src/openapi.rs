//! The API document of this service: what its handlers say about themselves, put together.

use host::openapi::Document;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

use crate::accounts::{KINDS, connect, current_user, roles, sessions, users};
use crate::{imports, products, stores};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Stoa authoring API",
        description = "The merchant's side: accounts, stores, products, imports. Sign in at `/connect/token`. Every error answer is `application/problem+json` \
                       with a stable `code`; an address that exists answers other methods with 405 and `Allow`."
    ),
    tags(
        (name = "accounts", description = "Signing in"),
        (name = "current user", description = "The user who asks"),
        (name = "users", description = "Who may sign in, with which roles"),
        (name = "sessions", description = "Where users are signed in"),
        (name = "roles", description = "Names for sets of permissions"),
        (name = "stores", description = "What is sold where, in which currency"),
        (name = "products", description = "Working copies; saving one publishes it"),
        (name = "imports", description = "Catalog files, imported by a worker"),
    ),
    security(("bearer" = []))
)]
struct Api;

/// The document of all routes.
///
/// # Errors
/// A handler names a kind of problem that does not exist.
pub fn document() -> anyhow::Result<Document> {
    let mut api = Api::openapi();
    for part in [
        connect::Api::openapi(),
        current_user::Api::openapi(),
        users::Api::openapi(),
        sessions::Api::openapi(),
        roles::Api::openapi(),
        stores::Api::openapi(),
        products::Api::openapi(),
        imports::Api::openapi(),
    ] {
        api.merge(part);
    }
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    api.components.get_or_insert_default().add_security_scheme("bearer", bearer);
    Document::of(api, KINDS)
}
