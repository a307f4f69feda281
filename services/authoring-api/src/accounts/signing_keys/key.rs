//! What is shown of a signing key: never its secret.

use host::auth::AccessTokens;
use serde::Serialize;
use sql::{Row, RowExt};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::error::Error;
use crate::timestamp::Timestamp;

/// A key that signs access tokens, or did, or will.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SigningKey {
    /// The `kid` of the tokens that it has signed.
    pub(super) id: String,
    pub(super) state: State,
    /// When it signs, unless a later one does.
    pub(super) signs_from: Timestamp,
    /// Until when what it has signed is believed; null: no later key has followed it.
    verifies_until: Option<Timestamp>,
    created_at: Timestamp,
}

/// What a key is for at this moment.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SigningKeyState)]
pub(super) enum State {
    /// It will sign once all instances know it.
    Next,
    Signing,
    /// It signs no more; what it has signed still holds.
    Verifying,
}

/// Keys from the rows of `list.sql`, the latest first.
pub(super) fn read(rows: &[Row]) -> sql::Result<Vec<SigningKey>> {
    let mut earlier = State::Signing;
    let read = |row: &Row| {
        let is_next = row.read::<i32>("IsNext")? == 1;
        let state = if is_next { State::Next } else { std::mem::replace(&mut earlier, State::Verifying) };
        Ok(SigningKey {
            id: row.read::<&str>("KeyId")?.to_owned(),
            state,
            signs_from: Timestamp::read(row, "SignsFrom")?,
            verifies_until: Timestamp::read_opt(row, "VerifiesUntil")?,
            created_at: Timestamp::read(row, "CreatedAt")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Goes on only if it is the keys in SQL that count.
pub(super) fn demand_keys_in_sql(tokens: &AccessTokens) -> Result<(), Error> {
    if !tokens.keyring().is_configured() {
        return Ok(());
    }
    let instead = "Authorization:SigningKey is configured, so keys in SQL Server sign nothing. To change it, restart every \
                   instance with the new key as Authorization:PreviousSigningKey, and then every instance with the two \
                   exchanged";
    Err(Error::Conflict(instead.to_owned()))
}

/// RFC 3339, for sentences.
pub(super) fn written(time: OffsetDateTime) -> String {
    time.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}
