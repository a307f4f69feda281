//! `GET /api/platform/security/signingkeys`: which keys there are.

use actix_web::HttpResponse;
use actix_web::web::Data;
use host::problem::Problem;
use serde::Serialize;
use utoipa::ToSchema;

use super::key::{self, SigningKey};
use crate::error::Error;
use crate::state::AppState;

/// The keys that sign, will sign or still verify, the latest first.
#[derive(Serialize, ToSchema)]
struct SigningKeyList {
    items: Vec<SigningKey>,
}

/// The keys that sign access tokens, by their ids and times. Their secrets are never shown.
///
/// 409 where `Authorization:SigningKey` is configured: then keys in SQL Server are not used.
#[utoipa::path(get, path = "/api/platform/security/signingkeys", tag = "signing keys", operation_id = "list_signing_keys",
    responses((status = 200, description = "The keys", body = SigningKeyList)),
    extensions(("x-problems" = json!(["conflict"]))))]
pub(crate) async fn list(state: Data<AppState>) -> Result<HttpResponse, Problem> {
    key::demand_keys_in_sql(&state.accounts.tokens)?;

    let rows = state.database.query(include_str!("list.sql"), &[]).await.map_err(Error::from)?;
    let items = key::read(&rows).map_err(Error::from)?;

    Ok(HttpResponse::Ok().json(SigningKeyList { items }))
}
