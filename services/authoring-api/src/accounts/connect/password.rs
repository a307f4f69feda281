//! The password grant: user name and password for tokens.
//!
//! Wrong passwords are counted in SQL, for all instances together, and lock the account for a time. Whether there is
//! such a user, or it is locked, takes the same steps and gets the same answer.

use std::time::Duration;

use serde_json::json;
use sql::{RowExt, Transaction};
use store::audit;

use super::form::Form;
use super::refresh_token::RefreshToken;
use super::refusal::Refusal;
use super::{Client, Granted, OFFLINE_ACCESS, principal_of};
use crate::accounts::lockout::{count_wrong_password, seconds};
use crate::accounts::passwords::PASSWORD_BYTES_MAX;
use crate::accounts::throttle::Account;
use crate::accounts::{Accounts, normalised_name, only_row, users};
use crate::error::Error;

/// No user has this id: counting its wrong passwords changes nothing and costs the same.
const NOBODY: i64 = 0;

/// Sessions of one user; the one that was not used for longest makes room.
const SESSIONS_MAX: i32 = 50;

struct User {
    id: i64,
    name: String,
    password_hash: String,
}

pub(super) async fn grant(accounts: &Accounts, form: &Form, client: &Client) -> Result<Granted, Refusal> {
    grant_for(accounts, form, client, accounts.settings.refresh_token_lifetime).await
}

/// The same with another lifetime of the session, where there is one.
pub(super) async fn grant_for(
    accounts: &Accounts,
    form: &Form,
    client: &Client,
    lifetime: Duration,
) -> Result<Granted, Refusal> {
    let (name, password) = (form.required("username")?, form.required("password")?);
    let name = normalised_name(name).ok_or_else(Refusal::wrong_password)?;
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(Refusal::wrong_password());
    }
    accounts.per_account.admit(Account::User(&name))?;
    let user = find(accounts, &name).await?;
    let hash = user.as_ref().map(|user| user.password_hash.as_str());
    if !accounts.passwords.verify(password, hash).await? {
        let id = user.as_ref().map_or(NOBODY, |user| user.id);
        count_wrong_password(accounts, id, &name, &client.address).await?;
        return Err(Refusal::wrong_password());
    }
    let refresh_token = form.asks_for(OFFLINE_ACCESS).then(RefreshToken::first);
    let granted = match user {
        Some(user) => sign_in(accounts, &user, client, refresh_token, lifetime).await?,
        None => None,
    };
    granted.ok_or_else(Refusal::wrong_password)
}

async fn find(accounts: &Accounts, name: &str) -> Result<Option<User>, Error> {
    let rows = accounts.database.query(include_str!("find_user.sql"), &[&name]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let password_hash = row.read::<&str>("PasswordHash")?.to_owned();
    Ok(Some(User { id: row.read("Id")?, name: name.to_owned(), password_hash }))
}

/// `None`: the account is locked or disabled, or its password was changed meanwhile. Checked where it is written, so
/// that no number of requests at once gets more tries than one after the other.
async fn sign_in(
    accounts: &Accounts,
    user: &User,
    client: &Client,
    refresh_token: Option<RefreshToken>,
    lifetime: Duration,
) -> Result<Option<Granted>, Error> {
    let token = refresh_token.as_ref();
    let lifetime_secs = seconds(lifetime);
    let principal = accounts.database.transaction("accounts.sign_in", |tx| {
        Box::pin(async move {
            let params: &[&dyn sql::ToSql] = &[&user.id, &user.password_hash.as_str()];
            if tx.query(include_str!("admit.sql"), params).await?.is_empty() {
                return Ok::<_, Error>(None);
            }
            let session = match token {
                Some(token) => Some(open_session(tx, user.id, token, lifetime_secs, client).await?),
                None => None,
            };
            let detail = json!({ "address": client.address, "grant": "password" });
            audit::record(tx, &user.name, &[users::entry("user.signed_in", user.id, detail)]).await?;
            Ok(Some(principal_of(tx, user.id, &user.name, session).await?))
        })
    });
    Ok(principal.await?.map(|principal| Granted { principal, refresh_token }))
}

async fn open_session(
    tx: &mut Transaction<'_>,
    user_id: i64,
    token: &RefreshToken,
    lifetime_secs: i32,
    client: &Client,
) -> sql::Result<i64> {
    let hash = token.hash();
    let params: &[&dyn sql::ToSql] = &[
        &user_id,
        &token.handle,
        &hash.as_slice(),
        &lifetime_secs,
        &client.address.as_str(),
        &client.user_agent.as_str(),
        &(SESSIONS_MAX - 1),
    ];
    let rows = tx.query(include_str!("open_session.sql"), params).await?;
    only_row(&rows)?.read("Id")
}
