//! `GET /api/platform/security/permissions`: what a role can permit.

use actix_web::HttpResponse;
use contracts::permissions::ALL;
use serde::Serialize;
use utoipa::ToSchema;

/// Every permission.
#[derive(Serialize, ToSchema)]
struct PermissionList {
    items: Vec<PermissionView>,
}

/// One permission.
#[derive(Serialize, ToSchema)]
#[schema(as = Permission)]
struct PermissionView {
    /// `resource:action`.
    name: &'static str,
    /// What it lets its holder do.
    meaning: &'static str,
}

/// Every permission that there is.
#[utoipa::path(get, path = "/api/platform/security/permissions", tag = "roles", operation_id = "list_permissions",
    responses((status = 200, description = "The permissions", body = PermissionList)))]
pub(crate) async fn permissions() -> HttpResponse {
    let view = |permission: &contracts::permissions::Permission| PermissionView {
        name: permission.name,
        meaning: permission.meaning,
    };
    HttpResponse::Ok().json(PermissionList { items: ALL.iter().map(view).collect() })
}
