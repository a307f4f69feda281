//! `POST /api/platform/security/users/{id}/lock`: signs a user out and keeps them out until somebody unlocks.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use contracts::permissions::USER_UPDATE;
use host::auth::Principal;
use host::problem::Problem;
use serde_json::json;
use sql::Database;

use super::user::{self, User};
use crate::accounts::change::Change;
use crate::accounts::sessions;
use crate::error::Error;
use crate::id;
use crate::state::AppState;

/// Locks a user until somebody unlocks, and ends all of their sessions. The last administrator stays unlocked.
#[utoipa::path(post, path = "/api/platform/security/users/{id}/lock", tag = "users", operation_id = "lock_user",
    params(("id" = i64, Path, description = "The user", example = 1)),
    responses((status = 200, description = "The user as it is now", body = User,
        headers(("etag" = String, description = "Its version; the next change names it as If-Match")))),
    extensions(("x-problems" = json!(["exceeds_own_permissions", "not_found", "last_administrator"]))))]
pub(crate) async fn lock(
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = id::parse(&id, super::NO_USER)?;

    let user = write(&state.database, &principal, id).await?;

    Ok(user.answer())
}

async fn write(database: &Database, principal: &Principal, id: i64) -> Result<User, Error> {
    let write = database.transaction("users.lock", |tx| {
        Box::pin(async move {
            let change = Change::begin(tx, principal).await?.demand(USER_UPDATE)?;
            user::find_to_change(tx, &change, id).await?;
            tx.execute(include_str!("lock.sql"), &[&id]).await?;
            let sessions = sessions::end_all_in(tx, id, None).await?;
            let user = user::find_in(tx, id).await?;
            let detail = json!({ "userName": user.user_name, "sessionsEnded": sessions });
            change.finish(tx, super::entry("user.locked", id, detail)).await?;
            Ok::<_, Error>(user)
        })
    });
    write.await
}
