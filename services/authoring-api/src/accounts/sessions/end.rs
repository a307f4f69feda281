//! `DELETE /api/platform/security/users/{id}/sessions/{session}`: ends one session of a user.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use contracts::permissions::SESSION_END;
use host::auth::Principal;
use host::problem::Problem;
use serde_json::json;
use sql::{Database, RowExt, Transaction};

use super::NO_SESSION;
use crate::accounts::change::Change;
use crate::accounts::{only_row, users};
use crate::error::Error;
use crate::id;
use crate::state::AppState;

/// Ends one session of a user: its refresh token holds no longer.
#[utoipa::path(delete, path = "/api/platform/security/users/{id}/sessions/{session}", tag = "sessions",
    operation_id = "end_user_session",
    params(
        ("id" = i64, Path, description = "The user", example = 1),
        ("session" = i64, Path, description = "The session", example = 1),
    ),
    responses((status = 204, description = "It has ended")),
    extensions(("x-problems" = json!(["exceeds_own_permissions", "not_found"]))))]
pub(crate) async fn end(
    principal: Principal,
    state: Data<AppState>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, session) = (id::parse(&path.0, users::NO_USER)?, parse_id(&path.1)?);

    write(&state.database, &principal, id, session).await?;

    Ok(HttpResponse::NoContent().finish())
}

/// What a segment of an address says.
pub(in crate::accounts) fn parse_id(segment: &str) -> Result<i64, Error> {
    id::parse(segment, NO_SESSION)
}

async fn write(database: &Database, principal: &Principal, id: i64, session: i64) -> Result<(), Error> {
    let write = database.transaction("sessions.end", |tx| {
        Box::pin(async move {
            let change = Change::begin(tx, principal).await?.demand(SESSION_END)?;
            let user = users::find_to_change(tx, &change, id).await?;
            delete_in(tx, id, session).await?;
            let detail = json!({ "userName": user.user_name, "session": session });
            change.finish(tx, users::entry("user.session_ended", id, detail)).await
        })
    });
    write.await
}

/// Ends a session of this user.
pub(in crate::accounts) async fn delete_in(
    tx: &mut Transaction<'_>,
    user_id: i64,
    session: i64,
) -> Result<(), Error> {
    let rows = tx.query(include_str!("end.sql"), &[&user_id, &session]).await?;
    match only_row(&rows)?.read::<i32>("Ended")? {
        0 => Err(NO_SESSION),
        _ => Ok(()),
    }
}
