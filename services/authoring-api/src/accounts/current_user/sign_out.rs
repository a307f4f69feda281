//! `DELETE /api/platform/security/currentuser/session`: ends the session that the access token belongs to.

use actix_web::HttpResponse;
use actix_web::web::Data;
use host::auth::Principal;
use host::problem::Problem;

use super::end_session;
use crate::error::Error;
use crate::state::AppState;

/// Signs out: ends the session of this access token.
///
/// Its refresh token holds no longer; the access token itself holds for the rest of its time, so forget it. A token
/// without a session, or one whose session has ended already, gets the same answer.
#[utoipa::path(delete, path = "/api/platform/security/currentuser/session", tag = "current user",
    operation_id = "sign_out",
    responses((status = 204, description = "It has ended")))]
pub(crate) async fn sign_out(principal: Principal, state: Data<AppState>) -> Result<HttpResponse, Problem> {
    if let Some(session) = principal.session {
        match end_session::end(&state.database, &principal, session, "user.signed_out").await {
            Ok(()) | Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(HttpResponse::NoContent().finish())
}
