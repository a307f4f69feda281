//! `GET /api/platform/security/roles?limit=&cursor=`: a page of roles.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use host::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::role::{self, Role};
use crate::accounts::fields::all_right;
use crate::accounts::paging::Page;
use crate::error::Error;
use crate::state::AppState;

/// Which roles are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    /// Roles on a page.
    #[param(nullable = false, minimum = 1, maximum = 100, default = 20)]
    limit: Option<u16>,
    /// `nextCursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// A page of roles.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RolePage {
    items: Vec<Role>,
    /// Leads to the next page; null: this is the last.
    next_cursor: Option<String>,
}

/// A page of roles, in the order of their names.
#[utoipa::path(get, path = "/api/platform/security/roles", tag = "roles", operation_id = "list_roles",
    params(Parameters),
    responses((status = 200, description = "The page", body = RolePage)),
    extensions(("x-problems" = json!(["validation_failed"]))))]
pub(crate) async fn list(
    state: Data<AppState>,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, Problem> {
    let mut wrong = Vec::new();
    let page = Page::parse(parameters.limit, parameters.cursor.as_deref(), &mut wrong);
    let page = all_right(page, wrong)?;

    let params: &[&dyn sql::ToSql] = &[&page.after.as_str(), &page.rows()];
    let rows = state.database.query(include_str!("page.sql"), params).await.map_err(Error::from)?;
    let mut items = role::read(&rows).map_err(Error::from)?;
    let next_cursor = page.cut(&mut items, |role| &role.name);

    Ok(HttpResponse::Ok().json(RolePage { items, next_cursor }))
}
