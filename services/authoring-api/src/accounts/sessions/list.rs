//! `GET /api/platform/security/users/{id}/sessions`: where a user is signed in.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use host::problem::Problem;
use serde::Serialize;
use sql::{Database, Row, RowExt};
use utoipa::ToSchema;

use crate::accounts::users;
use crate::error::Error;
use crate::id;
use crate::state::AppState;
use crate::timestamp::Timestamp;

/// Where a user is signed in; at most 50 sessions, the one that was used last first.
#[derive(Serialize, ToSchema)]
pub(in crate::accounts) struct SessionList {
    items: Vec<Session>,
}

/// One sign-in with a refresh token.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Session {
    id: i64,
    /// Whether it is the one that asks.
    is_current: bool,
    /// Where it was begun.
    client_address: String,
    /// What began it.
    user_agent: String,
    created_at: Timestamp,
    /// When its refresh token was used last.
    last_used_at: Timestamp,
    /// When it ends if it is not used.
    expires_at: Timestamp,
}

/// Where a user is signed in.
#[utoipa::path(get, path = "/api/platform/security/users/{id}/sessions", tag = "sessions",
    operation_id = "list_user_sessions",
    params(("id" = i64, Path, description = "The user", example = 1)),
    responses((status = 200, description = "The sessions", body = SessionList)),
    extensions(("x-problems" = json!(["not_found"]))))]
pub(crate) async fn list(state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let id = id::parse(&id, users::NO_USER)?;
    users::find(&state.database, id).await?;

    Ok(HttpResponse::Ok().json(sessions_of(&state.database, id, None).await?))
}

/// The sessions of a user; `current` is the one that asks.
pub(in crate::accounts) async fn sessions_of(
    database: &Database,
    user_id: i64,
    current: Option<i64>,
) -> Result<SessionList, Error> {
    let rows = database.query(include_str!("list.sql"), &[&user_id]).await?;
    let items = rows.iter().map(|row| Session::read(row, current)).collect::<sql::Result<_>>()?;
    Ok(SessionList { items })
}

impl Session {
    fn read(row: &Row, current: Option<i64>) -> sql::Result<Self> {
        let id = row.read("Id")?;
        Ok(Self {
            id,
            is_current: current == Some(id),
            client_address: row.read::<&str>("ClientAddress")?.to_owned(),
            user_agent: row.read::<&str>("UserAgent")?.to_owned(),
            created_at: Timestamp::read(row, "CreatedAt")?,
            last_used_at: Timestamp::read(row, "RotatedAt")?,
            expires_at: Timestamp::read(row, "ExpiresAt")?,
        })
    }
}
