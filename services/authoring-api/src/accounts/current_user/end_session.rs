//! `DELETE /api/platform/security/currentuser/sessions/{session}`: ends one session of the user who asks.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use host::auth::Principal;
use host::problem::Problem;
use serde_json::json;
use sql::Database;
use store::audit;

use super::user_id;
use crate::accounts::{sessions, users};
use crate::error::Error;
use crate::state::AppState;

/// Ends one session of the user who asks.
#[utoipa::path(delete, path = "/api/platform/security/currentuser/sessions/{session}", tag = "current user",
    operation_id = "end_own_session",
    params(("session" = i64, Path, description = "The session", example = 1)),
    responses((status = 204, description = "It has ended")),
    extensions(("x-problems" = json!(["not_found"]))))]
pub(crate) async fn end_session(
    principal: Principal,
    state: Data<AppState>,
    session: Path<String>,
) -> Result<HttpResponse, Problem> {
    let session = sessions::parse_id(&session)?;

    end(&state.database, &principal, session, "user.session_ended").await?;

    Ok(HttpResponse::NoContent().finish())
}

/// Ends a session of the user who asks, and says so.
pub(crate) async fn end(
    database: &Database,
    principal: &Principal,
    session: i64,
    action: &'static str,
) -> Result<(), Error> {
    let id = user_id(principal)?;
    let write = database.transaction("current_user.end_session", |tx| {
        Box::pin(async move {
            sessions::delete_in(tx, id, session).await?;
            let entry = users::entry(action, id, json!({ "session": session }));
            audit::record(tx, &principal.name, &[entry]).await?;
            Ok(())
        })
    });
    write.await
}
