//! `PUT /api/platform/security/users/{id}`: replaces what administrators decide about a user, if nobody was faster.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse};
use contracts::permissions::USER_UPDATE;
use host::auth::Principal;
use host::problem::Problem;
use serde::Deserialize;
use serde_json::json;
use sql::Database;
use utoipa::ToSchema;

use super::user::{self, Profile, User};
use crate::accounts::change::Change;
use crate::accounts::{fields, roles, sessions};
use crate::error::Error;
use crate::state::AppState;
use crate::{id, version};

/// What a user is to be. What else `GET` shows may be sent along and is ignored.
#[derive(Deserialize, ToSchema)]
#[schema(as = UserChange)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body {
    #[schema(max_length = 255)]
    display_name: String,
    #[schema(max_length = 254)]
    email: Option<String>,
    /// Names of roles; others are taken away.
    #[schema(max_items = 100)]
    roles: Vec<String>,
    /// A user who is not enabled cannot sign in, and is signed out.
    is_enabled: bool,
}

/// Changes a user: names, roles, whether the account is enabled.
///
/// Nobody can change a user who holds more than they do, or give a role that permits what they do not hold. The last
/// administrator stays one.
#[utoipa::path(put, path = "/api/platform/security/users/{id}", tag = "users", operation_id = "update_user",
    params(
        ("id" = i64, Path, description = "The user", example = 1),
        ("If-Match" = String, Header, description = "The ETag of the answer that the change is based on"),
    ),
    request_body = Body,
    responses((status = 200, description = "The user as it is now", body = User,
        headers(("etag" = String, description = "Its version; the next change names it as If-Match")))),
    extensions(("x-problems" = json!(["exceeds_own_permissions", "not_found", "last_administrator",
        "version_mismatch", "validation_failed", "version_required"]))))]
pub(crate) async fn update(
    request: HttpRequest,
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
    body: Json<Body>,
) -> Result<HttpResponse, Problem> {
    let id = id::parse(&id, super::NO_USER)?;
    let expected = version::required(request.headers())?;
    let profile = body.validate()?;

    let user = write(&state.database, &principal, id, expected, &profile).await?;

    Ok(user.answer())
}

async fn write(
    database: &Database,
    principal: &Principal,
    id: i64,
    expected: i64,
    profile: &Profile,
) -> Result<User, Error> {
    let write = database.transaction("users.update", |tx| {
        Box::pin(async move {
            let change = Change::begin(tx, principal).await?.demand(USER_UPDATE)?;
            let before = user::find_to_change(tx, &change, id).await?;
            version::check("user", before.version, expected)?;
            let roles = roles::named(tx, &profile.roles).await?;
            change.demand_cover(&roles.permissions)?;
            let params: &[&dyn sql::ToSql] = &[
                &id,
                &profile.display_name.as_str(),
                &profile.email.as_deref().unwrap_or_default(),
                &profile.is_enabled,
            ];
            tx.execute(include_str!("update.sql"), params).await?;
            user::set_roles(tx, id, &roles.ids).await?;
            if !profile.is_enabled {
                sessions::end_all_in(tx, id, None).await?;
            }
            let after = user::find_in(tx, id).await?;
            let detail = json!({ "before": before.detail(), "after": after.detail() });
            change.finish(tx, super::entry("user.updated", id, detail)).await?;
            Ok(after)
        })
    });
    write.await
}

impl Body {
    fn validate(&self) -> Result<Profile, Error> {
        let mut wrong = Vec::new();
        let email = self.email.as_deref();
        let profile = Profile::parse(&self.display_name, email, &self.roles, self.is_enabled, &mut wrong);
        fields::all_right(profile, wrong)
    }
}
