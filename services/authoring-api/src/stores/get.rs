//! `GET /admin/stores/{store}`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use domain::StoreId;
use host::problem::Problem;
use store::stores;

use super::StoreView;
use crate::error::Error;
use crate::state::AppState;

/// One store.
#[utoipa::path(get, path = "/admin/stores/{store}", tag = "stores", operation_id = "get_store",
    params(("store" = String, Path, description = "The store", example = "outdoor")),
    responses((status = 200, description = "The store", body = StoreView)),
    extensions(("x-problems" = json!(["not_found"]))))]
pub(crate) async fn get(state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let id = StoreId::parse(&id).map_err(|_| Error::NotFound("such store"))?;

    let found = stores::get(&state.database, &id).await.map_err(Error::from)?;
    let store = found.ok_or(Error::NotFound("such store"))?;

    Ok(HttpResponse::Ok().json(StoreView::of(&store)))
}
