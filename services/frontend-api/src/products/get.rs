//! `GET /v1/{store}/products/{idOrSlug}`: one product's document.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use contracts::cache::StorefrontKey;
use domain::{ProductReference, StoreId};
use host::problem::Problem;
use store::publication;

use crate::answer;
use crate::error::not_found;
use crate::state::AppState;

/// Digits alone are an id, anything else is a slug.
pub(crate) async fn get(request: HttpRequest, state: Data<AppState>) -> Result<HttpResponse, Problem> {
    let segments = request.match_info();
    // Names that no store or product can have are answered like names that none has.
    let store = StoreId::parse(segments.query("store")).map_err(|_| not_found())?;
    let reference = ProductReference::parse(segments.query("reference")).ok_or_else(not_found)?;
    let key = StorefrontKey::Product { store: store.clone(), reference: reference.clone() };

    let load = || publication::find_document(&state.database, &store, &reference);
    // The key is the tag of the product or slug: whoever publishes it raises that.
    let served = state.document(&key, Vec::new, load).await?.ok_or_else(not_found)?;

    Ok(answer::document(&request, &served))
}
