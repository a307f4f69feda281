//! `GET /api/platform/security/currentuser`: who is asking, and what they may do.

use actix_web::HttpResponse;
use actix_web::web::Data;
use host::auth::Principal;
use host::problem::Problem;
use serde::Serialize;
use sql::RowExt;
use utoipa::ToSchema;

use super::user_id;
use crate::accounts::denied::Denied;
use crate::accounts::users;
use crate::error::Error;
use crate::state::AppState;

/// The user who asks.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CurrentUser {
    id: i64,
    user_name: String,
    display_name: String,
    email: Option<String>,
    roles: Vec<String>,
    /// What the roles permit now; `*` is every permission. The next access token carries it.
    permissions: Vec<String>,
}

/// Who is asking, and what they may do.
#[utoipa::path(get, path = "/api/platform/security/currentuser", tag = "current user",
    operation_id = "get_current_user",
    responses((status = 200, description = "The user", body = CurrentUser)))]
pub(crate) async fn get(principal: Principal, state: Data<AppState>) -> Result<HttpResponse, Problem> {
    let id = user_id(&principal)?;
    let user = users::find(&state.database, id).await.map_err(|error| match error {
        Error::NotFound(_) => Denied::AccountGone.into(),
        other => other,
    })?;
    let rows = state.database.query(include_str!("../permissions_of_user.sql"), &[&id]).await;
    let rows = rows.map_err(Error::from)?;
    let names = rows.iter().map(|row| row.read::<&str>("Permission").map(str::to_owned));
    let permissions = names.collect::<sql::Result<_>>().map_err(Error::from)?;

    Ok(HttpResponse::Ok().json(CurrentUser {
        id,
        user_name: user.user_name,
        display_name: user.display_name,
        email: user.email,
        roles: user.roles,
        permissions,
    }))
}
