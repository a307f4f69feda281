//! `PUT /api/platform/security/users/{id}/password`: an administrator gives a user a new password.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use contracts::permissions::USER_UPDATE;
use host::auth::Principal;
use host::problem::Problem;
use serde::Deserialize;
use serde_json::json;
use sql::Database;
use utoipa::ToSchema;

use super::user;
use crate::accounts::change::Change;
use crate::accounts::{fields, sessions};
use crate::error::Error;
use crate::id;
use crate::state::AppState;

/// A new password.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewPassword)]
pub(crate) struct Body {
    /// At least as long as `IdentityOptions:Password:RequiredLength` says, at most 1024 bytes.
    #[schema(format = Password, max_length = 1024)]
    password: String,
}

/// Gives a user a new password and ends all of their sessions.
#[utoipa::path(put, path = "/api/platform/security/users/{id}/password", tag = "users", operation_id = "set_user_password",
    params(("id" = i64, Path, description = "The user", example = 1)),
    request_body = Body,
    responses((status = 204, description = "It holds from now on")),
    extensions(("x-problems" = json!(["exceeds_own_permissions", "not_found", "validation_failed"]))))]
pub(crate) async fn set_password(
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
    body: Json<Body>,
) -> Result<HttpResponse, Problem> {
    let id = id::parse(&id, super::NO_USER)?;
    let mut wrong = Vec::new();
    fields::new_password("password", &body.password, state.accounts.password_length_min(), &mut wrong);
    fields::all_right((), wrong)?;
    let hash = state.accounts.hash(&body.password).await?;

    write(&state.database, &principal, id, &hash).await?;

    Ok(HttpResponse::NoContent().finish())
}

async fn write(database: &Database, principal: &Principal, id: i64, hash: &str) -> Result<(), Error> {
    let write = database.transaction("users.set_password", |tx| {
        Box::pin(async move {
            let change = Change::begin(tx, principal).await?.demand(USER_UPDATE)?;
            let user = user::find_to_change(tx, &change, id).await?;
            tx.execute(include_str!("set_password.sql"), &[&id, &hash]).await?;
            let sessions = sessions::end_all_in(tx, id, None).await?;
            let detail = json!({ "userName": user.user_name, "sessionsEnded": sessions });
            change.finish(tx, super::entry("user.password_set", id, detail)).await
        })
    });
    write.await
}
