//! Sessions of pages: a person who signed in with a form, known by a cookie.
//!
//! The cookie carries what a refresh token is: the handle of a session in SQL and a random secret of which SQL has the hash. It
//! is looked up for every page, together with what the user may do at that moment: whoever is disabled, locked, signed
//! out or loses a role sees it with the next click. It is not exchanged for others as refresh tokens are; it ends with its
//! session, at most [`LIFETIME`] after signing in.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::Bytes;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use host::auth::{Permissions, Principal, Subject};
use sha2::{Digest, Sha256};
use sql::RowExt;
use subtle::ConstantTimeEq;

use super::form::Form;
use super::refresh_token::RefreshToken;
use super::refusal::Refusal;
use super::{Client, password};
use crate::accounts::Accounts;
use crate::accounts::throttle::client_of;
use crate::error::Error;

/// A working day; nobody is signed out in the middle of one.
pub(crate) const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// Whoever is behind a page's request.
#[derive(Clone)]
pub(crate) struct Visitor {
    /// The user, with what their roles permit now.
    pub(crate) principal: Principal,
    /// What each form of this session carries, so that no other site's form counts.
    pub(crate) form_token: String,
}

/// Why nobody is signed in.
#[derive(Debug)]
pub(crate) enum NotSignedIn {
    /// For the person who tried.
    Refused(String),
    /// All else.
    Problem(Box<host::problem::Problem>),
}

impl From<Refusal> for NotSignedIn {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::OAuth(error) => Self::Refused(error.description().to_owned()),
            Refusal::Problem(problem) => Self::Problem(problem),
        }
    }
}

/// Signs in with the form's `username` and `password`, under all limits of `/connect/token`. What the cookie is to carry.
pub(crate) async fn open(
    accounts: &Accounts,
    request: &HttpRequest,
    body: Result<Bytes, actix_web::Error>,
) -> Result<String, NotSignedIn> {
    let address = accounts.address_of(request);
    accounts.per_address.admit(client_of(address)).map_err(Refusal::from)?;
    let form = Form::read(request, body)?.asking_for(super::OFFLINE_ACCESS);
    let client = Client::of(request, address.to_string());
    let lifetime = accounts.settings.refresh_token_lifetime.min(LIFETIME);
    let granted = password::grant_for(accounts, &form, &client, lifetime).await?;
    let token = granted.refresh_token.ok_or_else(Refusal::wrong_password)?;
    Ok(token.text())
}

/// The visitor whose cookie this is; `None`: it proves nothing (any more).
pub(crate) async fn find(accounts: &Accounts, cookie: &str) -> Result<Option<Visitor>, Error> {
    let Some(token) = RefreshToken::parse(cookie) else { return Ok(None) };
    let mut sets = accounts
        .database
        .query_sets(include_str!("find_page_session.sql"), &[&token.handle])
        .await?
        .into_iter();
    let (sessions, permissions) = (sets.next().unwrap_or_default(), sets.next().unwrap_or_default());
    let Some(session) = sessions.first() else { return Ok(None) };
    let is_current: bool = session.read::<&[u8]>("CurrentHash")?.ct_eq(&token.hash()).into();
    if !is_current {
        return Ok(None);
    }
    let names: Vec<&str> =
        permissions.iter().map(|row| row.read("Permission")).collect::<sql::Result<_>>()?;
    let principal = Principal {
        subject: Subject::User { id: session.read("UserId")? },
        name: session.read::<&str>("UserName")?.to_owned(),
        session: Some(session.read("Id")?),
        permissions: Permissions::from_names(names),
    };
    Ok(Some(Visitor { principal, form_token: form_token(cookie) }))
}

/// Follows from the secret and does not tell it.
fn form_token(cookie: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(format!("form of a page\n{cookie}")))
}
