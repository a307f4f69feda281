//! `GET /api/platform/security/currentuser/sessions`: where the user who asks is signed in.

use actix_web::HttpResponse;
use actix_web::web::Data;
use host::auth::Principal;
use host::problem::Problem;

use super::user_id;
use crate::accounts::sessions::{SessionList, sessions_of};
use crate::state::AppState;

/// Where the user who asks is signed in.
#[utoipa::path(get, path = "/api/platform/security/currentuser/sessions", tag = "current user",
    operation_id = "list_own_sessions",
    responses((status = 200, description = "The sessions", body = SessionList)))]
pub(crate) async fn sessions(principal: Principal, state: Data<AppState>) -> Result<HttpResponse, Problem> {
    let list = sessions_of(&state.database, user_id(&principal)?, principal.session).await?;

    Ok(HttpResponse::Ok().json(list))
}
