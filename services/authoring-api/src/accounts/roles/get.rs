//! `GET /api/platform/security/roles/{id}`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use host::problem::Problem;

use super::role::{self, Role};
use crate::id;
use crate::state::AppState;

/// One role.
#[utoipa::path(get, path = "/api/platform/security/roles/{id}", tag = "roles", operation_id = "get_role",
    params(("id" = i64, Path, description = "The role", example = 1)),
    responses((status = 200, description = "The role", body = Role,
        headers(("etag" = String, description = "Its version; a change names it as If-Match")))),
    extensions(("x-problems" = json!(["not_found"]))))]
pub(crate) async fn get(state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let id = id::parse(&id, super::NO_ROLE)?;

    Ok(role::find(&state.database, id).await?.answer())
}
