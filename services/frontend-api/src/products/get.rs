//! `GET /v1/{store}/products/{idOrSlug}`: one product's document.

use actix_web::dev::RequestHead;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use contracts::cache::StorefrontKey;
use contracts::storefront::ProductDocument;
use domain::{ProductReference, StoreId};
use host::http::Shortcut;
use host::problem::Problem;

use crate::answer;
use crate::error::not_found;
use crate::state::AppState;

pub(crate) const PATTERN: &str = "/v1/{store}/products/{reference}";

/// One published product.
///
/// Digits alone are an id, anything else is a slug.
#[utoipa::path(method(get, head), path = "/v1/{store}/products/{reference}", tag = "products",
    operation_id = "get_product",
    params(
        ("store" = String, Path, description = "The store", example = "outdoor"),
        ("reference" = String, Path, description = "Id or slug", example = "enamel-mug"),
        ("If-None-Match" = Option<String>, Header, description = "Entity tags that the client has"),
    ),
    responses(
        (status = 200, description = "The product", body = ProductDocument, headers(
            ("etag" = String, description = "Changes with every byte of the document"),
            ("content-encoding" = String, description = "`br` or `gzip`, if the request accepts it; with an entity tag of its own"),
            ("cache-control" = String, description = "`no-cache`: ask before each use"),
            ("warning" = String, description = "110: SQL Server is away, and this is the last that was known"),
        )),
        (status = 304, description = "The client has it", headers(("etag" = String))),
    ),
    extensions(("x-problems" = json!(["not_found"]))))]
pub(crate) async fn get(request: HttpRequest, state: Data<AppState>) -> Result<HttpResponse, Problem> {
    let segments = request.match_info();
    // Names that no store or product can have are answered like names that none has.
    let key = key(segments.query("store"), segments.query("reference")).ok_or_else(not_found)?;

    let served = state.document(&key).await?;

    Ok(answer::document(request.headers(), &served, &state.representations).await)
}

/// Answers from memory, or leaves the request to [`get`].
pub(crate) fn shortcut(state: Data<AppState>) -> Shortcut {
    Shortcut::new(PATTERN, move |request| from_memory(&state, request))
}

fn from_memory(state: &AppState, request: &RequestHead) -> Option<HttpResponse> {
    let (store, reference) = segments(request.uri.path())?;
    let served = state.document_in_memory(&key(store, reference)?)?;
    answer::from_memory(&request.headers, &served, &state.representations)
}

/// What stands for the names of [`PATTERN`] in a path that needs no decoding.
fn segments(path: &str) -> Option<(&str, &str)> {
    let (store, rest) = path.strip_prefix("/v1/")?.split_once('/')?;
    let reference = rest.strip_prefix("products/")?;
    let is_plain = !reference.contains('/') && !path.contains('%');
    is_plain.then_some((store, reference))
}

fn key(store: &str, reference: &str) -> Option<StorefrontKey> {
    let (store, reference) = (StoreId::parse(store).ok()?, ProductReference::parse(reference)?);
    Some(StorefrontKey::Product { store, reference })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_plain_address_of_a_product_takes_the_shortcut() {
        assert_eq!(segments("/v1/outdoor/products/7"), Some(("outdoor", "7")));
        for path in [
            "/v1/outdoor/products",
            "/v1/outdoor/products/7/",
            "/v1/outdoor/products/7/images",
            "/v1/outdoor/products/caf%C3%A9",
            "/v1/outdoor/x/products/7",
            "/v1/outdoor",
            "/v2/outdoor/products/7",
            "/",
        ] {
            assert_eq!(segments(path), None, "{path}");
        }
    }
}
