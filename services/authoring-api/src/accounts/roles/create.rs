//! `POST /api/platform/security/roles`: makes a role.

use actix_web::HttpResponse;
use actix_web::http::header::{ETAG, LOCATION};
use actix_web::web::{Data, Json};
use contracts::permissions::ROLE_UPDATE;
use host::auth::Principal;
use host::problem::Problem;
use sql::{Database, RowExt};
use store::audit::Entry;

use super::role::{self, Body, Draft, Role};
use crate::accounts::change::Change;
use crate::error::Error;
use crate::state::AppState;
use crate::version;

/// Makes a role. Nobody can put a permission into it that they do not hold.
#[utoipa::path(post, path = "/api/platform/security/roles", tag = "roles", operation_id = "create_role",
    request_body = Body,
    responses((status = 201, description = "The new role", body = Role, headers(
        ("location" = String, description = "Its address"),
        ("etag" = String, description = "Its version; a change names it as If-Match"),
    ))),
    extensions(("x-problems" = json!(["exceeds_own_permissions", "name_taken", "validation_failed"]))))]
pub(crate) async fn create(
    principal: Principal,
    state: Data<AppState>,
    body: Json<Body>,
) -> Result<HttpResponse, Problem> {
    let draft = body.into_inner().validate()?;

    let role = write(&state.database, &principal, &draft).await?;

    let location = (LOCATION, format!("/api/platform/security/roles/{}", role.id));
    Ok(HttpResponse::Created()
        .insert_header(location)
        .insert_header((ETAG, version::etag(role.version)))
        .json(role))
}

async fn write(database: &Database, principal: &Principal, draft: &Draft) -> Result<Role, Error> {
    let write = database.transaction("roles.create", |tx| {
        Box::pin(async move {
            let change = Change::begin(tx, principal).await?.demand(ROLE_UPDATE)?;
            change.demand_cover(&draft.granted())?;
            let params: &[&dyn sql::ToSql] = &[&draft.name.as_str(), &draft.description.as_str()];
            let rows = tx.query(include_str!("create.sql"), params).await?;
            let id: i64 = rows.first().ok_or_else(|| draft.name_taken())?.read("Id")?;
            role::set_permissions(tx, id, &draft.permissions).await?;
            let entity_id = id.to_string().into();
            let role = role::find_in(tx, id).await?;
            let entry = Entry { action: "role.created", entity: "role", entity_id, detail: role.detail() };
            change.finish(tx, entry).await?;
            Ok::<_, Error>(role)
        })
    });
    write.await
}
