//! `POST /api/platform/security/apikeys`: makes a key, and shows its secret this once.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Json};
use contracts::permissions::API_KEY_UPDATE;
use host::auth::Principal;
use host::problem::{FieldError, Problem};
use serde::Deserialize;
use sql::{Database, RowExt, Transaction};
use utoipa::ToSchema;
use uuid::Uuid;

use super::api_key::{self, ApiKey, ApiKeyWithSecret, Draft};
use super::entry;
use super::secret::ApiKeySecret;
use crate::accounts::change::Change;
use crate::accounts::denied::Denied;
use crate::accounts::fields::all_right;
use crate::accounts::{fields, users};
use crate::error::{Error, invalid};
use crate::state::AppState;

/// Keys of one user.
const KEYS_PER_USER_MAX: i32 = 50;

/// A new API key.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewApiKey)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body {
    /// For people; written in lower case, no two keys have the same.
    #[schema(min_length = 1, max_length = 100, example = "erp, nightly prices")]
    name: String,
    /// What it may do, as far as its user may: names of `GET /api/platform/security/permissions`, or `*` for everything that
    /// the user may.
    #[schema(max_items = 100)]
    permissions: Vec<String>,
    /// From then on it gets no token; without: it does not expire.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Whose key it is; without: whoever makes it.
    #[schema(max_length = 100)]
    user_name: Option<String>,
}

/// What is written.
struct New {
    draft: Draft,
    /// Normalised; empty: the actor.
    user_name: String,
    client_id: Uuid,
    secret: ApiKeySecret,
}

/// Makes an API key. Its secret is in this answer and nowhere else.
///
/// Nobody can give it a permission that they do not hold, or make one for a user who holds more than they do.
#[utoipa::path(post, path = "/api/platform/security/apikeys", tag = "API keys", operation_id = "create_api_key",
    request_body = Body,
    responses((status = 201, description = "The new key with its secret", body = ApiKeyWithSecret, headers(
        ("location" = String, description = "Its address"),
        ("etag" = String, description = "Its version; a change names it as If-Match"),
    ))),
    extensions(("x-problems" =
        json!(["exceeds_own_permissions", "name_taken", "conflict", "validation_failed"]))))]
pub(crate) async fn create(
    principal: Principal,
    state: Data<AppState>,
    body: Json<Body>,
) -> Result<HttpResponse, Problem> {
    let new = body.validate()?;

    let key = write(&state.database, &principal, &new).await?;

    let mut answer = HttpResponse::Created();
    answer.insert_header((LOCATION, format!("/api/platform/security/apikeys/{}", key.id)));
    Ok(key.answer_with(&new.secret, answer))
}

async fn write(database: &Database, principal: &Principal, new: &New) -> Result<ApiKey, Error> {
    let write = database.transaction("api_keys.create", |tx| {
        Box::pin(async move {
            let change = Change::begin(tx, principal).await?.demand(API_KEY_UPDATE)?;
            change.demand_cover(&new.draft.granted())?;
            let user_id = owner(tx, &change, new).await?;
            let id = insert(tx, new, user_id, &principal.name).await?;
            api_key::set_permissions(tx, id, &new.draft.permissions).await?;
            let key = api_key::find_to_change(tx, &change, id).await?;
            change.finish(tx, entry("api-key.created", id, key.detail())).await?;
            Ok::<_, Error>(key)
        })
    });
    write.await
}

/// The user whom the key is to belong to. Nobody makes one for a user who holds more than they do.
async fn owner(tx: &mut Transaction<'_>, change: &Change, new: &New) -> Result<i64, Error> {
    let params: &[&dyn sql::ToSql] = &[&new.user_name.as_str(), &change.user_id(), &new.draft.expires_at()];
    let rows = tx.query(include_str!("before_create.sql"), params).await?;
    let no_user = || invalid("userName", &new.user_name, "there is no such user");
    let row = rows.first().ok_or_else(no_user)?;
    let id: i64 = row.read("Id")?;
    if id != change.user_id() {
        users::find_to_change(tx, change, id).await?;
    }
    if row.read::<i32>("HasExpired")? == 1 {
        return Err(Error::Invalid(vec![FieldError::new("expiresAt", "has passed")]));
    }
    if row.read::<i32>("Keys")? >= KEYS_PER_USER_MAX {
        return Err(Error::Conflict(format!("the user has {KEYS_PER_USER_MAX} keys; delete one first")));
    }
    Ok(id)
}

async fn insert(tx: &mut Transaction<'_>, new: &New, user_id: i64, actor: &str) -> Result<i64, Error> {
    let hash = new.secret.hash();
    let params: &[&dyn sql::ToSql] = &[
        &new.client_id,
        &new.draft.name.as_str(),
        &user_id,
        &hash.as_slice(),
        &new.draft.expires_at(),
        &actor,
    ];
    let rows = tx.query(include_str!("create.sql"), params).await?;
    let taken = || Denied::NameTaken { what: "API key", name: new.draft.name.clone() };
    Ok(rows.first().ok_or_else(taken)?.read("Id")?)
}

impl Body {
    /// The key, or everything that is wrong with it.
    fn validate(&self) -> Result<New, Error> {
        let mut wrong = Vec::new();
        let draft = Draft::parse(&self.name, &self.permissions, self.expires_at.as_deref(), true, &mut wrong);
        let user_name = self.user_name.as_deref().map(|given| fields::name("userName", given, &mut wrong));
        let user_name = user_name.unwrap_or_default();
        all_right(New { draft, user_name, client_id: Uuid::new_v4(), secret: ApiKeySecret::random() }, wrong)
    }
}
