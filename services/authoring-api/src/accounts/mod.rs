//! Accounts: users with roles that permit things, how they sign in, and the first of them.
//!
//! Who may do what is kept in the SQL schema `Accounts`; access tokens carry a copy of it (`host::auth`), which every
//! process verifies without asking. Passwords are kept as argon2id hashes, refresh tokens as SHA-256 of random
//! secrets: the database gives none of them away.
//!
//! In reading order: `connect` (`POST /connect/token`), `api_keys` (what programs sign in with), `passwords` (hashing),
//! `lockout` and `throttle` (limits), `bootstrap` (first start), `signing_keys` (of access tokens); `change` (the rules of
//! every change), `users`, `roles`, `sessions`, `current_user`, and what they share: `fields`, `paging`, `denied`.

pub(crate) mod api_keys;
mod bootstrap;
mod change;
pub(crate) mod connect;
pub(crate) mod current_user;
mod denied;
mod fields;
mod lockout;
mod paging;
mod passwords;
pub(crate) mod roles;
pub(crate) mod sessions;
pub(crate) mod signing_keys;
mod throttle;
pub(crate) mod users;

pub use bootstrap::bootstrap;
pub(crate) use denied::{Denied, KINDS};
pub(crate) use signing_keys::rotate_signing_key;

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::web::Data;
use host::Settings;
use host::auth::{AccessTokens, Permissions};
use host::configuration::Authorization;
use sql::{Database, Row, RowExt, Transaction};
use unicode_normalization::UnicodeNormalization;

use crate::error::Error;
use passwords::Passwords;
use throttle::Throttle;

/// The role that may do everything.
pub(crate) const ADMINISTRATOR_ROLE: &str = "__administrator";
/// Longest name of a user or role, UTF-16 units.
const NAME_MAX: usize = 100;

/// What signing in works with.
pub struct Accounts {
    database: Database,
    tokens: Data<AccessTokens>,
    settings: Authorization,
    trusted_proxy_hops: usize,
    passwords: Passwords,
    per_address: Throttle,
    per_account: Throttle,
}

impl Accounts {
    /// With the settings of this process. Computes one password hash, so call it once.
    ///
    /// # Errors
    /// The password hash cannot be computed.
    pub async fn new(
        database: Database,
        tokens: Data<AccessTokens>,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        let (settings, trusted_proxy_hops) =
            (settings.authorization.clone(), settings.http.trusted_proxy_hops);
        Ok(Self {
            database,
            tokens,
            trusted_proxy_hops,
            passwords: Passwords::new(settings.password_hashes_at_once).await?,
            per_address: Throttle::per_minute(settings.per_address_per_minute),
            per_account: Throttle::per_minute(settings.per_account_per_minute),
            settings,
        })
    }

    /// What the guard verifies with.
    pub(crate) fn tokens(&self) -> Data<AccessTokens> {
        self.tokens.clone()
    }

    /// Shortest password that may be set, characters.
    fn password_length_min(&self) -> usize {
        self.settings.password_length_min
    }

    /// The hash of a new password.
    async fn hash(&self, password: &str) -> Result<String, Error> {
        Ok(self.passwords.hash(password).await.map_err(Denied::from)?)
    }

    /// Whether headers of a proxy in front are believed.
    pub(crate) fn is_behind_proxy(&self) -> bool {
        self.trusted_proxy_hops > 0
    }

    /// The client behind the proxies.
    fn address_of(&self, request: &HttpRequest) -> IpAddr {
        host::http::client_address(request, self.trusted_proxy_hops)
    }
}

/// The row of a statement that gives one.
fn only_row(rows: &[Row]) -> sql::Result<&Row> {
    let missing = || sql::Error::Column { column: "Id".to_owned(), message: "there is no row".to_owned() };
    rows.first().ok_or_else(missing)
}

/// What the roles of a user permit at this moment.
async fn permissions_of_user(tx: &mut Transaction<'_>, id: i64) -> sql::Result<Permissions> {
    let rows = tx.query(include_str!("permissions_of_user.sql"), &[&id]).await?;
    let names: Vec<&str> = rows.iter().map(|row| row.read("Permission")).collect::<sql::Result<_>>()?;
    Ok(Permissions::from_names(names))
}

/// What an API key may do at this moment: what was given to it and its user may do.
async fn permissions_of_api_key(tx: &mut Transaction<'_>, id: i64, user_id: i64) -> sql::Result<Permissions> {
    let rows = tx.query(include_str!("permissions_of_api_key.sql"), &[&id]).await?;
    let names: Vec<&str> = rows.iter().map(|row| row.read("Permission")).collect::<sql::Result<_>>()?;
    Ok(Permissions::from_names(names).common(permissions_of_user(tx, user_id).await?))
}

/// The name of a user or role as it is stored and compared: NFC, lower case, trimmed. `None`: nobody has such a name.
fn normalised_name(given: &str) -> Option<String> {
    // Longer than any name could be, in bytes: not worth the work.
    if given.len() > NAME_MAX * 8 {
        return None;
    }
    let name: String = given.trim().nfc().collect::<String>().to_lowercase().nfc().collect();
    let length = name.encode_utf16().count();
    ((1..=NAME_MAX).contains(&length) && !name.chars().any(char::is_control)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_are_compared_in_one_form() {
        assert_eq!(normalised_name(" A\u{308}RGER ").as_deref(), Some("\u{e4}rger"));
        assert_eq!(normalised_name("Admin"), normalised_name("admin "));
        for none in ["", "  ", "a\0b", &"x".repeat(101), &"x".repeat(100_000)] {
            assert_eq!(normalised_name(none), None);
        }
    }
}
