//! `DELETE /api/platform/security/apikeys/{id}`: deletes a key. Audit rows go on naming it.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use contracts::permissions::API_KEY_UPDATE;
use host::auth::Principal;
use host::problem::Problem;
use sql::Database;

use super::{api_key, entry};
use crate::accounts::change::Change;
use crate::error::Error;
use crate::id;
use crate::state::AppState;

/// Deletes an API key; it gets no token from now on.
#[utoipa::path(delete, path = "/api/platform/security/apikeys/{id}", tag = "API keys", operation_id = "delete_api_key",
    params(("id" = i64, Path, description = "The key", example = 1)),
    responses((status = 204, description = "It is deleted")),
    extensions(("x-problems" = json!(["exceeds_own_permissions", "not_found"]))))]
pub(crate) async fn delete(
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = id::parse(&id, super::NO_API_KEY)?;

    write(&state.database, &principal, id).await?;

    Ok(HttpResponse::NoContent().finish())
}

async fn write(database: &Database, principal: &Principal, id: i64) -> Result<(), Error> {
    let write = database.transaction("api_keys.delete", |tx| {
        Box::pin(async move {
            let change = Change::begin(tx, principal).await?.demand(API_KEY_UPDATE)?;
            let key = api_key::find_to_change(tx, &change, id).await?;
            tx.execute(include_str!("delete.sql"), &[&id]).await?;
            change.finish(tx, entry("api-key.deleted", id, key.detail())).await
        })
    });
    write.await
}
