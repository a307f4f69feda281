//! The refresh grant: a refresh token for new tokens. Each is good once.
//!
//! A token that comes a second time was copied by somebody, so its whole session ends. With one exception, for a
//! client that never got the answer: shortly after its use (`Authorization:RefreshTokenReuseLeeway`) the last token may
//! be sent again, and the one that was lost on the way is replaced. If it was not lost but sits with somebody else,
//! it matches nothing when it comes, and ends the session then.

use serde_json::json;
use sql::{Row, RowExt, Transaction};
use store::audit::{self, Entry};
use subtle::ConstantTimeEq;

use super::form::Form;
use super::refresh_token::RefreshToken;
use super::refusal::Refusal;
use super::{Client, Granted, principal_of};
use crate::accounts::Accounts;
use crate::accounts::lockout::seconds;
use crate::accounts::throttle::Account;
use crate::error::Error;

/// What a token is to its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Current,
    /// The one before, sent again so soon that the answer may have been lost.
    Repeated,
    /// Neither: somebody has used it before.
    Reused,
}

pub(super) async fn grant(accounts: &Accounts, form: &Form, client: &Client) -> Result<Granted, Refusal> {
    let sent = RefreshToken::parse(form.required("refresh_token")?);
    let sent = &sent.ok_or_else(Refusal::wrong_refresh_token)?;
    // Before the token is looked at: one that comes too soon is not used up.
    accounts.per_account.admit(Account::Session(sent.handle))?;
    let next = RefreshToken::next(sent.handle);
    let (next_hash, settings) = (&next.hash(), &accounts.settings);
    let leeway_secs = seconds(settings.refresh_token_reuse_leeway);
    let lifetime_secs = seconds(settings.refresh_token_lifetime);
    let exchange = accounts.database.transaction("accounts.refresh", |tx| {
        Box::pin(async move {
            let params: &[&dyn sql::ToSql] = &[&sent.handle, &leeway_secs];
            let rows = tx.query(include_str!("find_session.sql"), params).await?;
            let Some(session) = rows.first() else { return Ok::<_, Error>(None) };
            let standing = standing(session, &sent.hash())?;
            if standing == Standing::Reused {
                end(tx, session, client).await?;
                return Ok(None);
            }
            rotate(tx, session, standing, next_hash, lifetime_secs).await?;
            let (user_id, user_name) = (session.read("UserId")?, session.read("UserName")?);
            Ok(Some(principal_of(tx, user_id, user_name, Some(session.read("Id")?)).await?))
        })
    });
    let principal = exchange.await?.ok_or_else(Refusal::wrong_refresh_token)?;
    Ok(Granted { principal, refresh_token: Some(next) })
}

fn standing(session: &Row, hash: &[u8]) -> sql::Result<Standing> {
    let is = |stored: Option<&[u8]>| stored.is_some_and(|stored| stored.ct_eq(hash).into());
    if is(session.read_opt("CurrentHash")?) {
        return Ok(Standing::Current);
    }
    let is_soon = session.read::<i32>("IsWithinLeeway")? == 1;
    let is_last = is(session.read_opt("PreviousHash")?);
    Ok(if is_last && is_soon { Standing::Repeated } else { Standing::Reused })
}

async fn rotate(
    tx: &mut Transaction<'_>,
    session: &Row,
    standing: Standing,
    next_hash: &[u8],
    lifetime_secs: i32,
) -> sql::Result<()> {
    let params: &[&dyn sql::ToSql] = &[&session.read::<i64>("Id")?, &next_hash, &lifetime_secs];
    let statement = match standing {
        Standing::Current => include_str!("rotate.sql"),
        Standing::Repeated | Standing::Reused => include_str!("replace_lost.sql"),
    };
    tx.execute(statement, params).await.map(drop)
}

/// Ends the session of a token that was used twice, and says so.
async fn end(tx: &mut Transaction<'_>, session: &Row, client: &Client) -> Result<(), Error> {
    let id: i64 = session.read("Id")?;
    tx.execute(include_str!("end_session.sql"), &[&id]).await?;
    let detail = json!({ "address": client.address, "reason": "a refresh token was used twice" });
    let entity_id = session.read::<i64>("UserId")?.to_string().into();
    let entry = Entry { action: "user.session_revoked", entity: "user", entity_id, detail };
    audit::record(tx, session.read("UserName")?, &[entry]).await?;
    Ok(())
}
