//! `DELETE /api/platform/security/roles/{id}`: deletes a role that nobody has.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use contracts::permissions::ROLE_UPDATE;
use host::auth::Principal;
use host::problem::Problem;
use sql::{Database, RowExt, Transaction};
use store::audit::Entry;

use super::role;
use crate::accounts::change::Change;
use crate::accounts::denied::Denied;
use crate::accounts::only_row;
use crate::error::Error;
use crate::id;
use crate::state::AppState;

/// Deletes a role that nobody has.
#[utoipa::path(delete, path = "/api/platform/security/roles/{id}", tag = "roles", operation_id = "delete_role",
    params(("id" = i64, Path, description = "The role", example = 1)),
    responses((status = 204, description = "It is deleted")),
    extensions(("x-problems" = json!(["exceeds_own_permissions", "not_found", "role_in_use", "system_role"]))))]
pub(crate) async fn delete(
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = id::parse(&id, super::NO_ROLE)?;

    write(&state.database, &principal, id).await?;

    Ok(HttpResponse::NoContent().finish())
}

async fn write(database: &Database, principal: &Principal, id: i64) -> Result<(), Error> {
    let write = database.transaction("roles.delete", |tx| {
        Box::pin(async move {
            let change = Change::begin(tx, principal).await?.demand(ROLE_UPDATE)?;
            let role = role::find_in(tx, id).await?.not_of_the_system()?;
            change.demand_cover(&role.granted())?;
            refuse_if_in_use(tx, id).await?;
            tx.execute(include_str!("delete.sql"), &[&id]).await?;
            let entity_id = id.to_string().into();
            let entry = Entry { action: "role.deleted", entity: "role", entity_id, detail: role.detail() };
            change.finish(tx, entry).await
        })
    });
    write.await
}

async fn refuse_if_in_use(tx: &mut Transaction<'_>, id: i64) -> Result<(), Error> {
    let rows = tx.query(include_str!("in_use.sql"), &[&id]).await?;
    match only_row(&rows)?.read::<i32>("Users")? {
        0 => Ok(()),
        1 => Err(Denied::RoleInUse("1 user has the role; take it away first".to_owned()).into()),
        users => Err(Denied::RoleInUse(format!("{users} users have the role; take it away first")).into()),
    }
}
