//! The secret of an API key: 256 random bits, of which only the hash is stored.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

const BYTES: usize = 32;

/// What a program shows. Has no `Debug`, so that it cannot get into a log.
pub(in crate::accounts) struct ApiKeySecret([u8; BYTES]);

impl ApiKeySecret {
    /// A new one.
    pub(super) fn random() -> Self {
        Self(rand::random())
    }

    /// What was sent, if it has the form of a secret.
    pub(in crate::accounts) fn parse(text: &str) -> Option<Self> {
        BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// As it is shown, once.
    pub(super) fn text(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What is stored of it. It is random, so a fast hash does.
    pub(in crate::accounts) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_reads_back_as_it_was_shown_and_nothing_else_does() {
        let secret = ApiKeySecret::random();
        let text = secret.text();
        assert_eq!(text.len(), 43);
        assert_eq!(ApiKeySecret::parse(&text).unwrap().hash(), secret.hash());
        assert_ne!(ApiKeySecret::random().hash(), secret.hash());
        for wrong in ["", "a", "ä", &text[1..], &format!("{text}A"), &format!("{text}=")] {
            assert!(ApiKeySecret::parse(wrong).is_none());
        }
    }
}
