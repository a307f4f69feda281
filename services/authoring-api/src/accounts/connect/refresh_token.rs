//! A refresh token: the handle of its session and a random secret, of which only the hash is stored.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use uuid::Uuid;

const HANDLE_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;

pub(super) struct RefreshToken {
    pub(super) handle: Uuid,
    secret: [u8; SECRET_BYTES],
}

impl RefreshToken {
    /// The first token of a new session.
    pub(super) fn first() -> Self {
        Self::next(Uuid::new_v4())
    }

    /// A new token of this session.
    pub(super) fn next(handle: Uuid) -> Self {
        Self { handle, secret: rand::random() }
    }

    /// What was sent, if it has the form of a token.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; HANDLE_BYTES + SECRET_BYTES] =
            BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (handle, secret) = bytes.split_at(HANDLE_BYTES);
        Some(Self { handle: Uuid::from_slice(handle).ok()?, secret: secret.try_into().ok()? })
    }

    pub(super) fn text(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode([self.handle.as_bytes().as_slice(), &self.secret].concat())
    }

    /// What is stored of the secret. It is random, so a fast hash does.
    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.secret).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_as_it_was_written_and_nothing_else_does() {
        let token = RefreshToken::first();
        let read = RefreshToken::parse(&token.text()).unwrap();
        assert_eq!((read.handle, read.hash()), (token.handle, token.hash()));
        assert_ne!(RefreshToken::next(token.handle).hash(), token.hash());
        for wrong in ["", "a", "ä", &token.text()[1..], &format!("{}A", token.text())] {
            assert!(RefreshToken::parse(wrong).is_none());
        }
    }
}
