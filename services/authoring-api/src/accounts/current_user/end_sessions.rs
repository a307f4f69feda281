//! `DELETE /api/platform/security/currentuser/sessions`: signs the user who asks out everywhere.

use actix_web::HttpResponse;
use actix_web::web::Data;
use host::auth::Principal;
use host::problem::Problem;
use serde_json::json;
use sql::Database;
use store::audit;

use super::user_id;
use crate::accounts::{sessions, users};
use crate::error::Error;
use crate::state::AppState;

/// Ends all sessions of the user who asks, this one too.
#[utoipa::path(delete, path = "/api/platform/security/currentuser/sessions", tag = "current user",
    operation_id = "end_own_sessions",
    responses((status = 204, description = "They have ended")))]
pub(crate) async fn end_sessions(
    principal: Principal,
    state: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    write(&state.database, &principal).await?;

    Ok(HttpResponse::NoContent().finish())
}

async fn write(database: &Database, principal: &Principal) -> Result<(), Error> {
    let id = user_id(principal)?;
    let write = database.transaction("current_user.end_sessions", |tx| {
        Box::pin(async move {
            let sessions = sessions::end_all_in(tx, id, None).await?;
            if sessions > 0 {
                let detail = json!({ "sessionsEnded": sessions });
                let entry = users::entry("user.sessions_ended", id, detail);
                audit::record(tx, &principal.name, &[entry]).await?;
            }
            Ok::<_, Error>(())
        })
    });
    write.await
}
