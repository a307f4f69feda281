//! `PUT /api/platform/security/currentuser/password`: a user changes their own password, and shows that they know the
//! current one. A wrong one counts like one at signing in, so that a token that was left open is no way to guess.

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse};
use host::auth::Principal;
use host::problem::Problem;
use serde::Deserialize;
use serde_json::json;
use sql::RowExt;
use utoipa::ToSchema;

use super::user_id;
use crate::accounts::change::Change;
use crate::accounts::denied::Denied;
use crate::accounts::passwords::PASSWORD_BYTES_MAX;
use crate::accounts::throttle::Account;
use crate::accounts::{Accounts, fields, lockout, sessions, users};
use crate::error::Error;
use crate::state::AppState;

/// A change of one's own password.
#[derive(Deserialize, ToSchema)]
#[schema(as = PasswordChange)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body {
    #[schema(format = Password)]
    current_password: String,
    /// At least as long as `IdentityOptions:Password:RequiredLength` says, at most 1024 bytes.
    #[schema(format = Password, max_length = 1024)]
    new_password: String,
}

/// Changes the password of the user who asks, and ends all of their other sessions.
///
/// Wrong current passwords in a row lock the account, as they do at signing in.
#[utoipa::path(put, path = "/api/platform/security/currentuser/password", tag = "current user",
    operation_id = "change_own_password",
    request_body = Body,
    responses((status = 204, description = "The new one holds from now on")),
    extensions(("x-problems" = json!(["wrong_password", "validation_failed", "too_many_requests"]))))]
pub(crate) async fn change_password(
    request: HttpRequest,
    principal: Principal,
    state: Data<AppState>,
    body: Json<Body>,
) -> Result<HttpResponse, Problem> {
    let accounts = &state.accounts;
    let mut wrong = Vec::new();
    fields::new_password("newPassword", &body.new_password, accounts.password_length_min(), &mut wrong);
    fields::all_right((), wrong)?;

    let address = accounts.address_of(&request).to_string();
    let current_hash = verify(accounts, &principal, &body.current_password, &address).await?;
    let new_hash = accounts.hash(&body.new_password).await?;
    write(accounts, &principal, &current_hash, &new_hash).await?;

    Ok(HttpResponse::NoContent().finish())
}

/// The hash of the current password, if that is what was sent.
async fn verify(
    accounts: &Accounts,
    principal: &Principal,
    password: &str,
    address: &str,
) -> Result<String, Error> {
    let id = user_id(principal)?;
    let rows = accounts.database.query(include_str!("password_hash.sql"), &[&id]).await?;
    let row = rows.first().ok_or(Denied::AccountGone)?;
    let (name, hash): (&str, &str) = (row.read("UserName")?, row.read("PasswordHash")?);
    accounts.per_account.admit(Account::User(name)).map_err(Denied::from)?;
    let is_right = password.len() <= PASSWORD_BYTES_MAX
        && accounts.passwords.verify(password, Some(hash)).await.map_err(Denied::from)?;
    if !is_right {
        lockout::count_wrong_password(accounts, id, name, address).await?;
        return Err(Denied::WrongPassword.into());
    }
    Ok(hash.to_owned())
}

async fn write(
    accounts: &Accounts,
    principal: &Principal,
    current_hash: &str,
    new_hash: &str,
) -> Result<(), Error> {
    let id = user_id(principal)?;
    let write = accounts.database.transaction("current_user.change_password", |tx| {
        Box::pin(async move {
            let change = Change::begin(tx, principal).await?;
            let params: &[&dyn sql::ToSql] = &[&id, &current_hash, &new_hash];
            if tx.query(include_str!("change_password.sql"), params).await?.is_empty() {
                return Err(Denied::WrongPassword.into());
            }
            let sessions = sessions::end_all_in(tx, id, principal.session).await?;
            let detail = json!({ "sessionsEnded": sessions });
            change.finish(tx, users::entry("user.password_changed", id, detail)).await
        })
    });
    write.await
}
