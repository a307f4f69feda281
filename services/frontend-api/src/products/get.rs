//! `GET /v1/{store}/products/{idOrSlug}`: one product's document.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use contracts::cache::StorefrontKey;
use contracts::storefront::ProductDocument;
use domain::{ProductReference, StoreId};
use host::problem::Problem;

use crate::answer;
use crate::error::not_found;
use crate::state::AppState;

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
    let store = StoreId::parse(segments.query("store")).map_err(|_| not_found())?;
    let reference = ProductReference::parse(segments.query("reference")).ok_or_else(not_found)?;

    let served = state.document(&StorefrontKey::Product { store, reference }).await?;

    Ok(answer::document(&request, &served, &state.representations).await)
}
