//! Access tokens: JWTs in the profile of RFC 9068, signed with HMAC-SHA-256.
//!
//! One algorithm, pinned on both sides: what a token's header asks for decides nothing. HMAC, because whoever can
//! verify here could read the database and thus the keys as well; a key pair would protect nothing.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};

use super::keyring::{KeyError, Keyring, REFRESH};
use super::permissions::Permissions;
use super::principal::Principal;
use crate::configuration::Authorization;

const ALGORITHM: Algorithm = Algorithm::HS256;
/// The header's `typ`: no other kind of JWT is taken for an access token (RFC 9068 2.1).
const TOKEN_TYPE: &str = "at+jwt";
/// How far the clocks of two instances may differ, s.
const CLOCK_SKEW_SECS: u64 = 30;
/// No token of ours is longer; the limit on headers is above it.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// Issues and verifies access tokens. Shared by everything in a process.
pub struct AccessTokens {
    keyring: Arc<Keyring>,
    issuer: String,
    audience: String,
    lifetime: Duration,
    validation: Validation,
}

/// A new token.
#[derive(Debug)]
pub struct Issued {
    /// What the client sends as `Authorization: Bearer …`.
    pub token: String,
    /// How long it holds, s.
    pub expires_in_secs: u64,
}

/// When a change of the signing keys in SQL takes effect, from its commit on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationTimes {
    /// Then the new key may sign: every instance has read it twice over, and can verify what it signs.
    pub new_signs_after: Duration,
    /// Until then the keys before it must verify: an instance may sign with one of them up to its first look after
    /// that, and such a token holds for its lifetime.
    pub old_verify_for: Duration,
}

/// Why a token was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It proves nothing. The words are for the client and say no more than that it may know.
    #[error("{0}")]
    Invalid(&'static str),
    /// Whether it is good cannot be found out now.
    #[error(transparent)]
    Unavailable(#[from] KeyError),
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    name: String,
    /// The session (OpenID Connect Front-Channel Logout 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    iat: u64,
    nbf: u64,
    exp: u64,
    permissions: Vec<String>,
}

impl AccessTokens {
    /// With these keys and the names and times of the configuration.
    pub fn new(keyring: Arc<Keyring>, settings: &Authorization) -> Self {
        let mut validation = Validation::new(ALGORITHM);
        validation.leeway = CLOCK_SKEW_SECS;
        validation.validate_nbf = true;
        validation.set_issuer(&[&settings.issuer]);
        validation.set_audience(&[&settings.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "nbf", "exp"]);
        Self {
            keyring,
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            lifetime: settings.access_token_lifetime,
            validation,
        }
    }

    /// The keys, for whoever makes the first one.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// How a rotation of the keys must be timed, so that no token is refused because of it.
    pub fn rotation_times(&self) -> RotationTimes {
        let new_signs_after = 2 * REFRESH;
        let skew = Duration::from_secs(CLOCK_SKEW_SECS);
        RotationTimes { new_signs_after, old_verify_for: new_signs_after + REFRESH + self.lifetime + skew }
    }

    /// A token for `principal`, good from now on.
    ///
    /// # Errors
    /// The keys cannot be read, or there is none that may sign.
    pub async fn issue(&self, principal: &Principal) -> Result<Issued, KeyError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.issue_at(principal, now).await
    }

    /// The same with another time of issue, seconds since 1970.
    pub async fn issue_at(&self, principal: &Principal, issued_at_secs: u64) -> Result<Issued, KeyError> {
        let expires_in_secs = self.lifetime.as_secs();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: principal.subject.to_string(),
            name: principal.name.clone(),
            sid: principal.session.map(|session| session.to_string()),
            iat: issued_at_secs,
            nbf: issued_at_secs,
            exp: issued_at_secs + expires_in_secs,
            permissions: principal.permissions.names().into_iter().map(str::to_owned).collect(),
        };
        let key = self.keyring.signing().await?;
        let mut header = Header::new(ALGORITHM);
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = Some(key.id.clone());
        Ok(Issued { token: encode(&header, &claims, &key.encoding)?, expires_in_secs })
    }

    /// Who a token speaks for.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for anything but a token of ours that holds now.
    pub async fn verify(&self, token: &str) -> Result<Principal, Refusal> {
        self.verify_until(token).await.map(|(principal, _)| principal)
    }

    /// Who a token speaks for, and until when: for what stays open longer than one request.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub async fn verify_until(&self, token: &str) -> Result<(Principal, SystemTime), Refusal> {
        const NOT_OURS: Refusal = Refusal::Invalid("this is not an access token of ours");
        if token.len() > TOKEN_BYTES_MAX {
            return Err(NOT_OURS);
        }
        let header = decode_header(token).map_err(|_| NOT_OURS)?;
        let kid = header.kid.as_deref().filter(|_| header.typ.as_deref() == Some(TOKEN_TYPE));
        let key = self.keyring.verifying(kid.ok_or(NOT_OURS)?).await?.ok_or(NOT_OURS)?;
        let claims = decode::<Claims>(token, &key.decoding, &self.validation);
        let claims = claims.map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => Refusal::Invalid("the access token has expired"),
            _ => NOT_OURS,
        })?;
        let claims = claims.claims;
        let until = UNIX_EPOCH + Duration::from_secs(claims.exp);
        let principal = Principal {
            subject: claims.sub.parse().map_err(|()| NOT_OURS)?,
            name: claims.name,
            session: claims.sid.map(|sid| sid.parse()).transpose().map_err(|_| NOT_OURS)?,
            permissions: Permissions::from_names(claims.permissions.iter().map(String::as_str)),
        };
        Ok((principal, until))
    }
}
