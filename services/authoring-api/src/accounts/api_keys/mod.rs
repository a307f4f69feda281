//! API keys: with what programs sign in, by `grant_type=client_credentials` at `/connect/token`.

mod secret;

pub(in crate::accounts) use secret::ApiKeySecret;
