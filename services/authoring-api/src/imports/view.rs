//! `GET /admin/imports/{id}?refusalsAfter=&refusalsLimit=`: how far an import is, and what it refused.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use host::problem::Problem;
use serde::Deserialize;
use store::imports;
use utoipa::IntoParams;

use super::NO_IMPORT;
use super::report::Report;
use crate::error::{Error, invalid};
use crate::id;
use crate::state::AppState;

/// Refused rows in an answer unless the caller says how many.
pub(super) const REFUSALS_LIMIT_DEFAULT: u16 = 100;
/// Most refused rows in an answer.
const REFUSALS_LIMIT_MAX: u16 = 1_000;

/// Which of the refused rows are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    /// The number of the last refusal that is known already.
    #[param(nullable = false)]
    refusals_after: Option<i64>,
    /// Most refused rows in the answer.
    #[param(nullable = false, minimum = 0, maximum = 1000, default = 100)]
    refusals_limit: Option<u16>,
}

/// How far an import is, and what it refused.
#[utoipa::path(get, path = "/admin/imports/{id}", tag = "imports", operation_id = "get_import",
    params(("id" = i64, Path, description = "The import", example = 1), Parameters),
    responses((status = 200, description = "The import", body = Report)),
    extensions(("x-problems" = json!(["not_found", "validation_failed"]))))]
pub(crate) async fn view(
    state: Data<AppState>,
    id: Path<String>,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, Problem> {
    let id = id::parse(&id, NO_IMPORT)?;
    let after = parameters.refusals_after.unwrap_or(0);
    let limit = parameters.refusals_limit.unwrap_or(REFUSALS_LIMIT_DEFAULT);
    if limit > REFUSALS_LIMIT_MAX {
        let reason = format!("is more than {REFUSALS_LIMIT_MAX}");
        return Err(invalid("refusalsLimit", &limit.to_string(), reason).into());
    }

    let import = imports::view(&state.database, id, after, limit).await.map_err(Error::from)?;
    let import = import.ok_or(NO_IMPORT)?;

    Ok(HttpResponse::Ok().json(Report::of(&import)))
}
