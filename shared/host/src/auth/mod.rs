//! Who is asking, and what they may do.
//!
//! authoring-api issues access tokens (JWT) to whoever signs in; every process can verify them, because all share
//! the signing keys. A route table ([`Route`]) says for each address which permission it needs; [`configure`] puts
//! the guard in front, so that no handler can forget it. Handlers that want to know who asked take a [`Principal`].
//!
//! Tokens are believed until they expire (`Authorization:AccessTokenLifeTime`): a user who is disabled meanwhile, or
//! loses a role, keeps what the token says until then. Nothing is looked up for each request.
//!
//! Files in reading order: `routes` and `guard` (requests), `principal`, `permissions`, `tokens` (JWT), `keyring` (the
//! signing keys). The accounts themselves are authoring-api's.

mod guard;
mod keyring;
mod permissions;
mod principal;
mod routes;
mod tokens;

pub use keyring::{KeyError, Keyring, SigningSecret};
pub use permissions::Permissions;
pub use principal::{API_KEY_PREFIX, Principal, Subject};
pub use routes::{Access, Route, configure};
pub use tokens::{AccessTokens, Issued, Refusal, RotationTimes};
