//! `POST /api/platform/security/apikeys/{id}/secret`: gives a key a new secret, without an outage.
//!
//! For a time the secret before is good as well, so that the program can be given the new one while it runs. Asked
//! again before the new secret was ever used – the answer was lost – it is the program's that stays good, not the one
//! that nobody has.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use contracts::permissions::API_KEY_UPDATE;
use host::auth::Principal;
use host::problem::Problem;
use serde::Deserialize;
use serde_json::json;
use sql::Database;
use utoipa::ToSchema;

use super::api_key::{self, ApiKey, ApiKeyWithSecret};
use super::entry;
use super::secret::ApiKeySecret;
use crate::accounts::change::Change;
use crate::error::{Error, invalid};
use crate::id;
use crate::state::AppState;

/// A day.
const GRACE_DEFAULT_SECS: i32 = 86_400;
/// 30 days.
const GRACE_MAX_SECS: i32 = 2_592_000;

/// How a secret is replaced.
#[derive(Deserialize, ToSchema)]
#[schema(as = SecretRotation)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body {
    /// How long the secret before is good besides, s; 0: it is good no more, which is right for one that leaked.
    #[serde(default = "grace_default")]
    #[schema(minimum = 0, maximum = 2_592_000, default = 86_400)]
    grace_secs: i32,
}

fn grace_default() -> i32 {
    GRACE_DEFAULT_SECS
}

/// Gives an API key a new secret, which is in this answer and nowhere else. The one before is good for a time besides.
///
/// `secretLastUsedAt` of the key tells when the program has changed to the new one. Nobody can do this with a key that
/// may more than they do.
#[utoipa::path(post, path = "/api/platform/security/apikeys/{id}/secret", tag = "API keys",
    operation_id = "rotate_api_key_secret",
    params(("id" = i64, Path, description = "The key", example = 1)),
    request_body = Body,
    responses((status = 200, description = "The key with its new secret", body = ApiKeyWithSecret,
        headers(("etag" = String, description = "Its version; the next change names it as If-Match")))),
    extensions(("x-problems" = json!(["exceeds_own_permissions", "not_found", "validation_failed"]))))]
pub(crate) async fn rotate_secret(
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
    body: Json<Body>,
) -> Result<HttpResponse, Problem> {
    let id = id::parse(&id, super::NO_API_KEY)?;
    let grace_secs = body.validate()?;
    let secret = ApiKeySecret::random();

    let key = write(&state.database, &principal, id, &secret, grace_secs).await?;

    Ok(key.answer_with(&secret, HttpResponse::Ok()))
}

async fn write(
    database: &Database,
    principal: &Principal,
    id: i64,
    secret: &ApiKeySecret,
    grace_secs: i32,
) -> Result<ApiKey, Error> {
    let hash = &secret.hash();
    let write = database.transaction("api_keys.rotate_secret", |tx| {
        Box::pin(async move {
            let change = Change::begin(tx, principal).await?.demand(API_KEY_UPDATE)?;
            api_key::find_to_change(tx, &change, id).await?;
            let params: &[&dyn sql::ToSql] = &[&id, &hash.as_slice(), &grace_secs];
            tx.execute(include_str!("rotate_secret.sql"), params).await?;
            let key = api_key::find_to_change(tx, &change, id).await?;
            let detail = json!({ "name": key.name, "graceSecs": grace_secs });
            change.finish(tx, entry("api-key.secret_rotated", id, detail)).await?;
            Ok::<_, Error>(key)
        })
    });
    write.await
}

impl Body {
    fn validate(&self) -> Result<i32, Error> {
        let given = self.grace_secs;
        if (0..=GRACE_MAX_SECS).contains(&given) {
            return Ok(given);
        }
        let reason = format!("is not a number from 0 to {GRACE_MAX_SECS}");
        Err(invalid("graceSecs", &given.to_string(), reason))
    }
}
