//! `PUT /api/platform/security/apikeys/{id}`: replaces what is decided about a key, if nobody was faster.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse};
use contracts::permissions::API_KEY_UPDATE;
use host::auth::Principal;
use host::problem::Problem;
use serde::Deserialize;
use serde_json::json;
use sql::Database;
use utoipa::ToSchema;

use super::api_key::{self, ApiKey, Draft};
use super::entry;
use crate::accounts::change::Change;
use crate::accounts::denied::Denied;
use crate::accounts::fields::all_right;
use crate::error::Error;
use crate::state::AppState;
use crate::{id, version};

/// What a key is to be. What else `GET` shows may be sent along and is ignored.
#[derive(Deserialize, ToSchema)]
#[schema(as = ApiKeyChange)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body {
    /// Written in lower case.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What it may do, as far as its user may; others are taken away.
    #[schema(max_items = 100)]
    permissions: Vec<String>,
    /// A time that has passed ends the key at once; null: it does not expire.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// A key that is not enabled gets no token.
    is_enabled: bool,
}

/// Changes an API key: its name, what it may do, when it expires, whether it is enabled.
///
/// The next token shows it; one that was given out holds to its end. Nobody can change a key that may more than they
/// do, or give it a permission that they do not hold.
#[utoipa::path(put, path = "/api/platform/security/apikeys/{id}", tag = "API keys", operation_id = "update_api_key",
    params(
        ("id" = i64, Path, description = "The key", example = 1),
        ("If-Match" = String, Header, description = "The ETag of the answer that the change is based on"),
    ),
    request_body = Body,
    responses((status = 200, description = "The key as it is now", body = ApiKey,
        headers(("etag" = String, description = "Its version; the next change names it as If-Match")))),
    extensions(("x-problems" = json!(["exceeds_own_permissions", "not_found", "name_taken", "version_mismatch",
        "validation_failed", "version_required"]))))]
pub(crate) async fn update(
    request: HttpRequest,
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
    body: Json<Body>,
) -> Result<HttpResponse, Problem> {
    let id = id::parse(&id, super::NO_API_KEY)?;
    let expected = version::required(request.headers())?;
    let draft = body.validate()?;

    let key = write(&state.database, &principal, id, expected, &draft).await?;

    Ok(key.answer(HttpResponse::Ok()))
}

async fn write(
    database: &Database,
    principal: &Principal,
    id: i64,
    expected: i64,
    draft: &Draft,
) -> Result<ApiKey, Error> {
    let write = database.transaction("api_keys.update", |tx| {
        Box::pin(async move {
            let change = Change::begin(tx, principal).await?.demand(API_KEY_UPDATE)?;
            let before = api_key::find_to_change(tx, &change, id).await?;
            version::check("API key", before.version, expected)?;
            change.demand_cover(&draft.granted())?;
            let params: &[&dyn sql::ToSql] =
                &[&id, &draft.name.as_str(), &draft.expires_at(), &draft.is_enabled];
            if tx.query(include_str!("update.sql"), params).await?.is_empty() {
                return Err(Denied::NameTaken { what: "API key", name: draft.name.clone() }.into());
            }
            api_key::set_permissions(tx, id, &draft.permissions).await?;
            let after = api_key::find_to_change(tx, &change, id).await?;
            let detail = json!({ "before": before.detail(), "after": after.detail() });
            change.finish(tx, entry("api-key.updated", id, detail)).await?;
            Ok::<_, Error>(after)
        })
    });
    write.await
}

impl Body {
    fn validate(&self) -> Result<Draft, Error> {
        let mut wrong = Vec::new();
        let expires_at = self.expires_at.as_deref();
        let draft = Draft::parse(&self.name, &self.permissions, expires_at, self.is_enabled, &mut wrong);
        all_right(draft, wrong)
    }
}
