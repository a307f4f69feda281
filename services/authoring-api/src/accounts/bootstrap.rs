//! First start: a key that signs access tokens, and the user `admin`, who may do everything.
//!
//! Several instances may start at once: the row of the role `__administrator` is locked first, so exactly one of
//! them makes the user, and only that one tells the password: before it counts, so that a process which dies in
//! between has told a password that is worth nothing, and none is lost.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use host::Secret;
use host::auth::SigningSecret;
use serde_json::json;
use sql::{RowExt, Transaction};
use store::audit::{self, Entry};

use super::{ADMINISTRATOR_ROLE, Accounts};
use crate::error::Error;

const USER_NAME: &str = "admin";
/// Who audit rows name.
const ACTOR: &str = "bootstrap";
/// Of a random password: 24 characters of base64.
const PASSWORD_BYTES: usize = 18;

/// Makes what is missing. A random password goes to `show`, and is stored nowhere.
///
/// # Errors
/// SQL Server does not answer, or the password cannot be hashed.
pub async fn bootstrap(accounts: &Accounts, show: fn(&Secret)) -> anyhow::Result<()> {
    if !accounts.tokens.keyring().is_configured() {
        make_signing_key(accounts).await?;
    }
    if has_user(accounts).await? {
        return Ok(());
    }
    let configured = accounts.settings.bootstrap_password.clone();
    let show = configured.is_none().then_some(show);
    let password = &configured.unwrap_or_else(random_password);
    let hash = &*accounts.passwords.hash(password.expose()).await?;
    let make = accounts.database.transaction("accounts.bootstrap", |tx| {
        Box::pin(async move {
            let made = make_user(tx, hash).await?;
            if let Some(show) = show.filter(|_| made) {
                show(password);
            }
            Ok::<_, Error>(made)
        })
    });
    if make.await? {
        tracing::info!(user = USER_NAME, "made the first user");
    }
    Ok(())
}

async fn make_signing_key(accounts: &Accounts) -> Result<(), Error> {
    let key = &SigningSecret::random();
    let make = accounts.database.transaction("accounts.make_signing_key", |tx| {
        Box::pin(async move {
            let params: &[&dyn sql::ToSql] = &[&key.id.as_str(), &key.bytes.as_slice()];
            tx.query(include_str!("make_signing_key.sql"), params).await?;
            Ok(())
        })
    });
    make.await
}

async fn has_user(accounts: &Accounts) -> Result<bool, Error> {
    Ok(!accounts.database.query(include_str!("any_user.sql"), &[]).await?.is_empty())
}

/// Whether it was this call that made the user.
async fn make_user(tx: &mut Transaction<'_>, hash: &str) -> Result<bool, Error> {
    let rows = tx.query(include_str!("make_first_user.sql"), &[&USER_NAME, &hash]).await?;
    let Some(row) = rows.first() else { return Ok(false) };
    let entry = Entry {
        action: "user.created",
        entity: "user",
        entity_id: row.read::<i64>("Id")?.to_string().into(),
        detail: json!({ "userName": USER_NAME, "roles": [ADMINISTRATOR_ROLE] }),
    };
    audit::record(tx, ACTOR, &[entry]).await?;
    Ok(true)
}

fn random_password() -> Secret {
    Secret::new(BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; PASSWORD_BYTES]>()))
}
