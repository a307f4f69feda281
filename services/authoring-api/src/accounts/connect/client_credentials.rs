//! The client credentials grant (RFC 6749 4.4): an API key for an access token. There is no refresh token with it: the key
//! is as good the next time.
//!
//! An unknown client, a wrong secret and a key that may not be used get the same answer. What a key is used for and
//! refused for stands in its row and in the audit log, at most once a minute, so that neither a busy program nor
//! somebody who guesses fills them.

use host::auth::{Principal, Subject};
use serde_json::{Value, json};
use sql::{Row, RowExt, Transaction};
use store::audit;
use subtle::ConstantTimeEq;
use time::PrimitiveDateTime;
use uuid::Uuid;

use super::client_authentication::ClientCredentials;
use super::refusal::Refusal;
use super::{Client, Granted};
use crate::accounts::api_keys::{self, ApiKeySecret};
use crate::accounts::throttle::Account;
use crate::accounts::{Accounts, permissions_of_api_key};
use crate::error::Error;

/// Shortest time between two notes about the same key.
const NOTE_INTERVAL_SECS: i32 = 60;
/// No key has this id: noting its refusal changes nothing and costs the same.
const NOBODY: i64 = 0;
const WRONG_SECRET: &str = "the secret is wrong";

type Hash = [u8; 32];

/// A key as it was found.
struct Key<'a> {
    id: i64,
    name: &'a str,
    user_id: i64,
    secret_hash: &'a [u8],
    /// That of the secret before, while it still holds.
    previous_secret_hash: Option<&'a [u8]>,
    /// Why the key may not be used, whoever knows its secret.
    obstacle: Option<&'a str>,
}

pub(super) async fn grant(
    accounts: &Accounts,
    credentials: &ClientCredentials,
    client: &Client,
) -> Result<Granted, Refusal> {
    let id = Uuid::try_parse(&credentials.id).map_err(|_| Refusal::wrong_client())?;
    accounts.per_account.admit(Account::Client(id))?;
    let shown = ApiKeySecret::parse(&credentials.secret).map(|secret| secret.hash());
    let shown = shown.as_ref();
    let admit = accounts
        .database
        .transaction("accounts.client_credentials", |tx| Box::pin(admit(tx, id, shown, client)));
    let principal = admit.await?.ok_or_else(Refusal::wrong_client)?;
    Ok(Granted { principal, refresh_token: None })
}

/// `None`: refused.
async fn admit(
    tx: &mut Transaction<'_>,
    client_id: Uuid,
    shown: Option<&Hash>,
    client: &Client,
) -> Result<Option<Principal>, Error> {
    let rows = tx.query(include_str!("find_api_key.sql"), &[&client_id]).await?;
    let key = rows.first().map(Key::read).transpose()?;
    match (key, shown) {
        (Some(key), Some(shown)) if key.is_secret(shown) => match key.obstacle {
            None => key.admit(tx, shown, client).await.map(Some),
            Some(obstacle) => key.refuse(tx, obstacle, client).await.map(|()| None),
        },
        (key, _) => key.unwrap_or(Key::NOBODYS).refuse(tx, WRONG_SECRET, client).await.map(|()| None),
    }
}

impl<'a> Key<'a> {
    /// What is refused where there is no key, with the same steps.
    const NOBODYS: Self = Self {
        id: NOBODY,
        name: "",
        user_id: NOBODY,
        secret_hash: &[],
        previous_secret_hash: None,
        obstacle: None,
    };

    fn read(row: &'a Row) -> sql::Result<Self> {
        Ok(Self {
            id: row.read("Id")?,
            name: row.read("Name")?,
            user_id: row.read("UserId")?,
            secret_hash: row.read("SecretHash")?,
            previous_secret_hash: row.read_opt("PreviousSecretHash")?,
            obstacle: row.read_opt("Obstacle")?,
        })
    }

    fn is_secret(&self, shown: &Hash) -> bool {
        let is = |stored: &[u8]| stored.ct_eq(shown);
        (is(self.secret_hash) | is(self.previous_secret_hash.unwrap_or_default())).into()
    }

    async fn admit(
        &self,
        tx: &mut Transaction<'_>,
        shown: &Hash,
        client: &Client,
    ) -> Result<Principal, Error> {
        let params: &[&dyn sql::ToSql] = &[&self.id, &shown.as_slice(), &NOTE_INTERVAL_SECS];
        let noted = tx.query(include_str!("note_use_of_api_key.sql"), params).await?;
        if let Some(before) = noted.first()
            && before.read_opt::<PrimitiveDateTime>("LastUsedAt")?.is_none()
        {
            self.record(tx, "api-key.first_used", json!({ "address": client.address })).await?;
        }
        Ok(Principal {
            subject: Subject::ApiKey { id: self.id },
            name: self.principal_name(),
            session: None,
            permissions: permissions_of_api_key(tx, self.id, self.user_id).await?,
        })
    }

    async fn refuse(&self, tx: &mut Transaction<'_>, reason: &str, client: &Client) -> Result<(), Error> {
        let params: &[&dyn sql::ToSql] = &[&self.id, &NOTE_INTERVAL_SECS];
        if !tx.query(include_str!("note_refusal_of_api_key.sql"), params).await?.is_empty() {
            self.record(tx, "api-key.refused", json!({ "address": client.address, "reason": reason }))
                .await?;
        }
        Ok(())
    }

    async fn record(
        &self,
        tx: &mut Transaction<'_>,
        action: &'static str,
        detail: Value,
    ) -> Result<(), Error> {
        let entry = api_keys::entry(action, self.id, detail);
        Ok(audit::record(tx, &self.principal_name(), &[entry]).await?)
    }

    /// Ids are never used again, names can be.
    fn principal_name(&self) -> String {
        format!("{} {}", Subject::ApiKey { id: self.id }, self.name)
    }
}
