//! `PUT /api/platform/security/roles/{id}`: replaces a role, if nobody was faster.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse};
use contracts::permissions::ROLE_UPDATE;
use host::auth::Principal;
use host::problem::Problem;
use serde_json::json;
use sql::Database;
use store::audit::Entry;

use super::role::{self, Body, Draft, Role};
use crate::accounts::change::Change;
use crate::error::Error;
use crate::state::AppState;
use crate::{id, version};

/// Replaces a role: its name, its description, what it permits.
///
/// Whoever has it gets what it permits with their next access token. Nobody can change a role that permits what they
/// do not hold, before or after.
#[utoipa::path(put, path = "/api/platform/security/roles/{id}", tag = "roles", operation_id = "update_role",
    params(
        ("id" = i64, Path, description = "The role", example = 1),
        ("If-Match" = String, Header, description = "The ETag of the answer that the change is based on"),
    ),
    request_body = Body,
    responses((status = 200, description = "The role as it is now", body = Role,
        headers(("etag" = String, description = "Its version; the next change names it as If-Match")))),
    extensions(("x-problems" = json!(["exceeds_own_permissions", "not_found", "name_taken", "system_role",
        "last_administrator", "version_mismatch", "validation_failed", "version_required"]))))]
pub(crate) async fn update(
    request: HttpRequest,
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
    body: Json<Body>,
) -> Result<HttpResponse, Problem> {
    let id = id::parse(&id, super::NO_ROLE)?;
    let expected = version::required(request.headers())?;
    let draft = body.into_inner().validate()?;

    let role = write(&state.database, &principal, id, expected, &draft).await?;

    Ok(role.answer())
}

async fn write(
    database: &Database,
    principal: &Principal,
    id: i64,
    expected: i64,
    draft: &Draft,
) -> Result<Role, Error> {
    let write = database.transaction("roles.update", |tx| {
        Box::pin(async move {
            let change = Change::begin(tx, principal).await?.demand(ROLE_UPDATE)?;
            let before = role::find_in(tx, id).await?.not_of_the_system()?;
            version::check("role", before.version, expected)?;
            change.demand_cover(&before.granted())?;
            change.demand_cover(&draft.granted())?;
            let params: &[&dyn sql::ToSql] = &[&id, &draft.name.as_str(), &draft.description.as_str()];
            if tx.query(include_str!("update.sql"), params).await?.is_empty() {
                return Err(draft.name_taken());
            }
            role::set_permissions(tx, id, &draft.permissions).await?;
            let after = role::find_in(tx, id).await?;
            let detail = json!({ "before": before.detail(), "after": after.detail() });
            let entity_id = id.to_string().into();
            let entry = Entry { action: "role.updated", entity: "role", entity_id, detail };
            change.finish(tx, entry).await?;
            Ok(after)
        })
    });
    write.await
}
