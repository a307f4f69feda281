//! `DELETE /api/platform/security/users/{id}`: deletes a user with their sessions. Audit rows go on naming them.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use contracts::permissions::USER_UPDATE;
use host::auth::Principal;
use host::problem::Problem;
use sql::Database;

use super::user;
use crate::accounts::change::Change;
use crate::error::Error;
use crate::id;
use crate::state::AppState;

/// Deletes a user and ends their sessions. The last administrator stays.
#[utoipa::path(delete, path = "/api/platform/security/users/{id}", tag = "users", operation_id = "delete_user",
    params(("id" = i64, Path, description = "The user", example = 1)),
    responses((status = 204, description = "It is deleted")),
    extensions(("x-problems" = json!(["exceeds_own_permissions", "not_found", "last_administrator"]))))]
pub(crate) async fn delete(
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = id::parse(&id, super::NO_USER)?;

    write(&state.database, &principal, id).await?;

    Ok(HttpResponse::NoContent().finish())
}

async fn write(database: &Database, principal: &Principal, id: i64) -> Result<(), Error> {
    let write = database.transaction("users.delete", |tx| {
        Box::pin(async move {
            let change = Change::begin(tx, principal).await?.demand(USER_UPDATE)?;
            let user = user::find_to_change(tx, &change, id).await?;
            tx.execute(include_str!("delete.sql"), &[&id]).await?;
            change.finish(tx, super::entry("user.deleted", id, user.detail())).await
        })
    });
    write.await
}
