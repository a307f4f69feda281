//! `GET /v1/{store}/products/{idOrSlug}`: one product's document.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use contracts::cache::StorefrontKey;
use domain::{ProductReference, StoreId};
use host::problem::Problem;

use crate::answer;
use crate::error::not_found;
use crate::state::AppState;

/// Digits alone are an id, anything else is a slug.
pub(crate) async fn get(request: HttpRequest, state: Data<AppState>) -> Result<HttpResponse, Problem> {
    let segments = request.match_info();
    // Names that no store or product can have are answered like names that none has.
    let store = StoreId::parse(segments.query("store")).map_err(|_| not_found())?;
    let reference = ProductReference::parse(segments.query("reference")).ok_or_else(not_found)?;

    let served = state.document(&StorefrontKey::Product { store, reference }).await?;

    Ok(answer::document(&request, &served))
}
