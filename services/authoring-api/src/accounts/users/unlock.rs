//! `POST /api/platform/security/users/{id}/unlock`: lets a user sign in again.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use contracts::permissions::USER_UPDATE;
use host::auth::Principal;
use host::problem::Problem;
use serde_json::json;
use sql::Database;

use super::user::{self, User};
use crate::accounts::change::Change;
use crate::error::Error;
use crate::id;
use crate::state::AppState;

/// Unlocks a user, whoever or whatever has locked them.
#[utoipa::path(post, path = "/api/platform/security/users/{id}/unlock", tag = "users", operation_id = "unlock_user",
    params(("id" = i64, Path, description = "The user", example = 1)),
    responses((status = 200, description = "The user as it is now", body = User,
        headers(("etag" = String, description = "Its version; the next change names it as If-Match")))),
    extensions(("x-problems" = json!(["exceeds_own_permissions", "not_found"]))))]
pub(crate) async fn unlock(
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = id::parse(&id, super::NO_USER)?;

    let user = write(&state.database, &principal, id).await?;

    Ok(user.answer())
}

async fn write(database: &Database, principal: &Principal, id: i64) -> Result<User, Error> {
    let write = database.transaction("users.unlock", |tx| {
        Box::pin(async move {
            let change = Change::begin(tx, principal).await?.demand(USER_UPDATE)?;
            user::find_to_change(tx, &change, id).await?;
            tx.execute(include_str!("unlock.sql"), &[&id]).await?;
            let user = user::find_in(tx, id).await?;
            let detail = json!({ "userName": user.user_name });
            change.finish(tx, super::entry("user.unlocked", id, detail)).await?;
            Ok::<_, Error>(user)
        })
    });
    write.await
}
