//! `GET /api/platform/security/apikeys/{id}`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use host::problem::Problem;

use super::api_key::{self, ApiKey};
use crate::id;
use crate::state::AppState;

/// One API key, without its secret.
#[utoipa::path(get, path = "/api/platform/security/apikeys/{id}", tag = "API keys", operation_id = "get_api_key",
    params(("id" = i64, Path, description = "The key", example = 1)),
    responses((status = 200, description = "The key", body = ApiKey,
        headers(("etag" = String, description = "Its version; a change names it as If-Match")))),
    extensions(("x-problems" = json!(["not_found"]))))]
pub(crate) async fn get(state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let id = id::parse(&id, super::NO_API_KEY)?;

    Ok(api_key::find(&state.database, id).await?.answer(HttpResponse::Ok()))
}
