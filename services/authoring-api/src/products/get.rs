//! `GET /admin/products/{id}`: the working copy with its entity tag.

use actix_web::HttpResponse;
use actix_web::http::header::ETAG;
use actix_web::web::{Data, Path};
use host::problem::Problem;
use sql::Database;
use store::products;
use store::stores::Store;

use super::working_copy::WorkingCopy;
use super::{NO_PRODUCT, store_of};
use crate::error::Error;
use crate::state::AppState;
use crate::{id, version};

/// The working copy of a product.
#[utoipa::path(get, path = "/admin/products/{id}", tag = "products", operation_id = "get_product",
    params(("id" = i64, Path, description = "The product", example = 1)),
    responses((status = 200, description = "The working copy", body = WorkingCopy,
        headers(("etag" = String, description = "Its version; a change names it as If-Match")))),
    extensions(("x-problems" = json!(["not_found"]))))]
pub(crate) async fn get(state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let id = id::parse(&id, NO_PRODUCT)?;

    let store = store_of(&state.database, id).await?;
    answer(&state.database, &store, id).await
}

/// The working copy as it is stored now.
pub(super) async fn answer(database: &Database, store: &Store, id: i64) -> Result<HttpResponse, Problem> {
    let product = products::get(database, &store.id, id).await.map_err(Error::from)?;
    let product = product.ok_or(NO_PRODUCT)?;
    let etag = (ETAG, version::etag(product.version));
    Ok(HttpResponse::Ok().insert_header(etag).json(WorkingCopy::of(store, &product)))
}
