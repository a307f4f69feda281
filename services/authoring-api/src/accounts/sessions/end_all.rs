//! `DELETE /api/platform/security/users/{id}/sessions`: signs a user out everywhere.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use contracts::permissions::SESSION_END;
use host::auth::Principal;
use host::problem::Problem;
use serde_json::json;
use sql::{Database, RowExt, Transaction};

use crate::accounts::change::Change;
use crate::accounts::{only_row, users};
use crate::error::Error;
use crate::id;
use crate::state::AppState;

/// No session has this id.
const NONE: i64 = 0;

/// Ends all sessions of a user.
#[utoipa::path(delete, path = "/api/platform/security/users/{id}/sessions", tag = "sessions",
    operation_id = "end_user_sessions",
    params(("id" = i64, Path, description = "The user", example = 1)),
    responses((status = 204, description = "They have ended")),
    extensions(("x-problems" = json!(["exceeds_own_permissions", "not_found"]))))]
pub(crate) async fn end_all(
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = id::parse(&id, users::NO_USER)?;

    write(&state.database, &principal, id).await?;

    Ok(HttpResponse::NoContent().finish())
}

async fn write(database: &Database, principal: &Principal, id: i64) -> Result<(), Error> {
    let write = database.transaction("sessions.end_all", |tx| {
        Box::pin(async move {
            let change = Change::begin(tx, principal).await?.demand(SESSION_END)?;
            let user = users::find_to_change(tx, &change, id).await?;
            let sessions = end_all_in(tx, id, None).await?;
            let detail = json!({ "userName": user.user_name, "sessionsEnded": sessions });
            change.finish(tx, users::entry("user.sessions_ended", id, detail)).await
        })
    });
    write.await
}

/// Ends the sessions of a user, except for `keep`. Gives how many there were.
pub(in crate::accounts) async fn end_all_in(
    tx: &mut Transaction<'_>,
    user_id: i64,
    keep: Option<i64>,
) -> sql::Result<i32> {
    let rows = tx.query(include_str!("end_all.sql"), &[&user_id, &keep.unwrap_or(NONE)]).await?;
    only_row(&rows)?.read("Ended")
}
