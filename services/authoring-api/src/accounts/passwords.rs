//! Password hashes: argon2id (RFC 9106) as PHC strings, computed on blocking threads, only so many at once.

use std::sync::Arc;

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

/// Longest password, bytes. Nobody types more; it bounds the work.
pub(crate) const PASSWORD_BYTES_MAX: usize = 1024;
const SALT_BYTES: usize = 16;
/// Bytes of a password that nobody knows.
const RANDOM_BYTES: usize = 32;

/// Hashes that may wait for each one that runs; more are refused at once. Longer than these take nobody waits.
const WAITING_PER_RUNNING: usize = 16;

/// Computes and verifies password hashes.
pub(crate) struct Passwords {
    /// One for each hash at a time.
    turns: Arc<Semaphore>,
    /// One for each hash that runs or waits for its turn.
    places: Semaphore,
    /// The hash of a password that nobody knows: what is verified where there is no user.
    decoy: String,
}

/// A hash could not be computed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The library refuses; never because of the password.
    #[error("cannot hash a password: {0}")]
    Library(argon2::password_hash::Error),
    /// Too many passwords are being checked already.
    #[error("too many passwords are being checked at the same time")]
    Busy,
    /// The process is ending.
    #[error("the process ends while a password is hashed")]
    Ending,
}

impl Passwords {
    pub(crate) async fn new(at_once_max: usize) -> Result<Self, HashError> {
        let turns = Arc::new(Semaphore::new(at_once_max));
        let places = Semaphore::new(at_once_max * (1 + WAITING_PER_RUNNING));
        let mut passwords = Self { turns, places, decoy: String::new() };
        passwords.decoy = passwords.hash(rand::random::<[u8; RANDOM_BYTES]>().to_vec()).await?;
        Ok(passwords)
    }

    /// The PHC string of a password.
    pub(crate) async fn hash(&self, password: impl Into<Vec<u8>>) -> Result<String, HashError> {
        let password = password.into();
        self.in_turn(move || {
            let salt: [u8; SALT_BYTES] = rand::random();
            // argon2id, version 19, 19 MiB, two passes, one lane: what OWASP recommends.
            let hash = Argon2::default().hash_password_with_salt(&password, &salt);
            hash.map(|hash| hash.to_string()).map_err(HashError::Library)
        })
        .await?
    }

    /// Whether this is the password of `hash`. Without a hash the answer is no, and takes as long.
    pub(crate) async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, HashError> {
        let is_known = hash.is_some();
        let (password, hash) = (password.as_bytes().to_vec(), hash.unwrap_or(&self.decoy).to_owned());
        let is_right =
            self.in_turn(move || Argon2::default().verify_password(&password, hash.as_str()).is_ok());
        Ok(is_right.await? && is_known)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let _place = self.places.try_acquire().map_err(|_| HashError::Busy)?;
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| HashError::Ending)?;
        // The turn goes with the work: a request that is given up does not end its thread.
        let run = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        run.await.map_err(|_| HashError::Ending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_verified_against_its_own_hash_only() {
        let passwords = Passwords::new(2).await.unwrap();
        let hash = passwords.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(passwords.hash("correct horse").await.unwrap(), hash, "each hash has its own salt");
        assert!(passwords.verify("correct horse", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("correct horsf", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("correct horse", Some("no hash")).await.unwrap());
        assert!(!passwords.verify("correct horse", None).await.unwrap());
    }

    #[tokio::test]
    async fn hashes_wait_for_their_turn_and_not_too_many_wait() {
        let passwords = Passwords::new(1).await.unwrap();
        let turn = passwords.turns.clone().acquire_owned().await.unwrap();
        let mut waiting = Box::pin(passwords.verify("x", None));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        assert_eq!(passwords.turns.available_permits(), 0);
        let others = passwords.places.try_acquire_many(WAITING_PER_RUNNING as u32).unwrap();
        assert!(matches!(passwords.verify("x", None).await, Err(HashError::Busy)));
        drop((turn, others));
        assert!(!waiting.await.unwrap());
    }

    #[test]
    fn the_hash_for_unknown_users_costs_what_that_of_a_user_costs() {
        let parameters = |hash: &str| hash.rsplitn(3, '$').nth(2).unwrap().to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let passwords = runtime.block_on(Passwords::new(1)).unwrap();
        let hash = runtime.block_on(passwords.hash("x")).unwrap();
        assert_eq!(parameters(&passwords.decoy), parameters(&hash));
    }
}
