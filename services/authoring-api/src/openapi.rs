//! The API document of this service: what its handlers say about themselves, put together.

use host::openapi::Document;
use utoipa::OpenApi;
use utoipa::openapi::security::{
    ClientCredentials, Flow, Http, HttpAuthScheme, OAuth2, Password, Scopes, SecurityScheme,
};

use crate::accounts::{KINDS, api_keys, connect, current_user, roles, sessions, signing_keys, users};
use crate::{imports, jobs, products, push_notifications, stores};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Stoa authoring API",
        description = "The merchant's side: accounts, stores, products, imports, notifications, background jobs. Sign in at `/connect/token`. Every error answer is `application/problem+json` \
                       with a stable `code`; an address that exists answers other methods with 405 and `Allow`."
    ),
    tags(
        (name = "accounts", description = "Signing in"),
        (name = "current user", description = "The user who asks"),
        (name = "users", description = "Who may sign in, with which roles"),
        (name = "sessions", description = "Where users are signed in"),
        (name = "roles", description = "Names for sets of permissions"),
        (name = "API keys", description = "With what programs sign in"),
        (name = "signing keys", description = "What access tokens are signed with"),
        (name = "stores", description = "What is sold where, in which currency"),
        (name = "products", description = "Working copies; saving one publishes it"),
        (name = "imports", description = "Catalog files, imported by a worker"),
        (name = "push notifications", description = "What the user who asks is told"),
        (name = "jobs", description = "Background jobs: what there is, what became of it, and what to do about it"),
    ),
    security(("bearer" = []), ("oauth2" = []))
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
        api_keys::Api::openapi(),
        signing_keys::Api::openapi(),
        stores::Api::openapi(),
        products::Api::openapi(),
        imports::Api::openapi(),
        push_notifications::Api::openapi(),
        jobs::Api::openapi(),
    ] {
        api.merge(part);
    }
    let components = api.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    components.add_security_scheme("oauth2", SecurityScheme::OAuth2(sign_in()));
    Document::of(api, KINDS)
}

/// How to get a token: a user by password, a program by its API key. The viewer signs in with it.
fn sign_in() -> OAuth2 {
    const TOKENS: &str = "/connect/token";
    let offline = Scopes::from_iter([("offline_access", "A refresh token, too")]);
    OAuth2::with_description(
        [
            Flow::Password(Password::with_refresh_url(TOKENS, offline, TOKENS)),
            Flow::ClientCredentials(ClientCredentials::new(TOKENS, Scopes::new())),
        ],
        "An access token from `/connect/token`, sent as the bearer",
    )
}
