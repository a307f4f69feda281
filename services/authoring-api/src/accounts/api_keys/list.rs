//! `GET /api/platform/security/apikeys?limit=&cursor=`: a page of keys.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use host::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::api_key::{self, ApiKey};
use crate::accounts::fields::all_right;
use crate::accounts::paging::Page;
use crate::error::Error;
use crate::state::AppState;

/// Which keys are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    /// Keys on a page.
    #[param(nullable = false, minimum = 1, maximum = 100, default = 20)]
    limit: Option<u16>,
    /// `nextCursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// A page of API keys.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ApiKeyPage {
    items: Vec<ApiKey>,
    /// Leads to the next page; null: this is the last.
    next_cursor: Option<String>,
}

/// A page of API keys, in the order of their names, without their secrets.
#[utoipa::path(get, path = "/api/platform/security/apikeys", tag = "API keys", operation_id = "list_api_keys",
    params(Parameters),
    responses((status = 200, description = "The page", body = ApiKeyPage)),
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
    let mut items = api_key::read(&rows).map_err(Error::from)?;
    let next_cursor = page.cut(&mut items, |key| &key.name);

    Ok(HttpResponse::Ok().json(ApiKeyPage { items, next_cursor }))
}
