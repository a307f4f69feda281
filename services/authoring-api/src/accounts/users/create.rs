//! `POST /api/platform/security/users`: makes a user with a first password.

use actix_web::HttpResponse;
use actix_web::http::header::{ETAG, LOCATION};
use actix_web::web::{Data, Json};
use contracts::permissions::USER_UPDATE;
use host::auth::{API_KEY_PREFIX, Principal};
use host::problem::{FieldError, Problem};
use serde::Deserialize;
use sql::{Database, RowExt};
use utoipa::ToSchema;

use super::user::{self, Profile, User};
use crate::accounts::change::Change;
use crate::accounts::denied::Denied;
use crate::accounts::{fields, roles};
use crate::error::Error;
use crate::state::AppState;
use crate::version;

/// A new user.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewUser)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body {
    /// What the user signs in with; written in lower case, and stays.
    #[schema(min_length = 1, max_length = 100, example = "jo")]
    user_name: String,
    /// Empty: the user name.
    #[serde(default)]
    #[schema(max_length = 255)]
    display_name: String,
    #[schema(max_length = 254)]
    email: Option<String>,
    /// Names of roles.
    #[serde(default)]
    #[schema(max_items = 100)]
    roles: Vec<String>,
    #[serde(default = "enabled")]
    is_enabled: bool,
    /// At least as long as `IdentityOptions:Password:RequiredLength` says, at most 1024 bytes.
    #[schema(format = Password, max_length = 1024)]
    password: String,
}

fn enabled() -> bool {
    true
}

/// Makes a user. Nobody can give a role that permits what they do not hold.
#[utoipa::path(post, path = "/api/platform/security/users", tag = "users", operation_id = "create_user",
    request_body = Body,
    responses((status = 201, description = "The new user", body = User, headers(
        ("location" = String, description = "Its address"),
        ("etag" = String, description = "Its version; a change names it as If-Match"),
    ))),
    extensions(("x-problems" = json!(["exceeds_own_permissions", "name_taken", "validation_failed"]))))]
pub(crate) async fn create(
    principal: Principal,
    state: Data<AppState>,
    body: Json<Body>,
) -> Result<HttpResponse, Problem> {
    let (user_name, profile) = body.validate(state.accounts.password_length_min())?;
    let hash = state.accounts.hash(&body.password).await?;

    let user = write(&state.database, &principal, &user_name, &profile, &hash).await?;

    let location = (LOCATION, format!("/api/platform/security/users/{}", user.id));
    Ok(HttpResponse::Created()
        .insert_header(location)
        .insert_header((ETAG, version::etag(user.version)))
        .json(user))
}

async fn write(
    database: &Database,
    principal: &Principal,
    user_name: &str,
    profile: &Profile,
    hash: &str,
) -> Result<User, Error> {
    let write = database.transaction("users.create", |tx| {
        Box::pin(async move {
            let change = Change::begin(tx, principal).await?.demand(USER_UPDATE)?;
            let roles = roles::named(tx, &profile.roles).await?;
            change.demand_cover(&roles.permissions)?;
            let params: &[&dyn sql::ToSql] = &[
                &user_name,
                &profile.display_name.as_str(),
                &profile.email.as_deref().unwrap_or_default(),
                &hash,
                &profile.is_enabled,
            ];
            let rows = tx.query(include_str!("create.sql"), params).await?;
            let taken = || Denied::NameTaken { what: "user", name: user_name.to_owned() };
            let id: i64 = rows.first().ok_or_else(taken)?.read("Id")?;
            user::set_roles(tx, id, &roles.ids).await?;
            let user = user::find_in(tx, id).await?;
            change.finish(tx, super::entry("user.created", id, user.detail())).await?;
            Ok::<_, Error>(user)
        })
    });
    write.await
}

impl Body {
    /// User name and profile, or everything that is wrong.
    fn validate(&self, password_length_min: usize) -> Result<(String, Profile), Error> {
        let mut wrong = Vec::new();
        let user_name = fields::name("userName", &self.user_name, &mut wrong);
        // Audit rows name both.
        if user_name.starts_with(API_KEY_PREFIX) {
            let reason = format!("begins with {API_KEY_PREFIX}, as only API keys are called");
            wrong.push(FieldError::new("userName", reason).value(&*user_name));
        }
        let display_name =
            if self.display_name.trim().is_empty() { &*user_name } else { &*self.display_name };
        let profile =
            Profile::parse(display_name, self.email.as_deref(), &self.roles, self.is_enabled, &mut wrong);
        fields::new_password("password", &self.password, password_length_min, &mut wrong);
        fields::all_right((user_name, profile), wrong)
    }
}
