//! The API document of this service: what its handlers say about themselves, put together.

use host::openapi::Document;
use utoipa::OpenApi;

use crate::products;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Stoa storefront API",
        description = "The shop's side: what any visitor may see. Every error answer is `application/problem+json` with \
                       a stable `code`; an address that exists answers other methods with 405 and `Allow`."
    ),
    tags((name = "products", description = "Published products"))
)]
struct Api;

/// The document of all routes.
///
/// # Errors
/// A handler names a kind of problem that does not exist.
pub fn document() -> anyhow::Result<Document> {
    let mut api = Api::openapi();
    api.merge(products::Api::openapi());
    Document::of(api, &[])
}
