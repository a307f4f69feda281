//! `GET /api/platform/security/users/{id}`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use host::problem::Problem;

use super::user::{self, User};
use crate::id;
use crate::state::AppState;

/// One user.
#[utoipa::path(get, path = "/api/platform/security/users/{id}", tag = "users", operation_id = "get_user",
    params(("id" = i64, Path, description = "The user", example = 1)),
    responses((status = 200, description = "The user", body = User,
        headers(("etag" = String, description = "Its version; a change names it as If-Match")))),
    extensions(("x-problems" = json!(["not_found"]))))]
pub(crate) async fn get(state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let id = id::parse(&id, super::NO_USER)?;

    Ok(user::find(&state.database, id).await?.answer())
}
