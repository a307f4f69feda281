//! The keys that access tokens are signed with: from the configuration, or rows of `Accounts.SigningKey` that all
//! instances share.
//!
//! Read when they are needed and then kept: for `REFRESH`, and a token with an unknown key has them read again at
//! once – but at most every `UNKNOWN_KEY_PAUSE`, so that made-up tokens cannot become a load on SQL Server. While it
//! is away, the keys that were read last go on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{DecodingKey, EncodingKey};
use parking_lot::RwLock;
use sha2::{Digest, Sha256};
use sql::{Database, RowExt};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::configuration::{Authorization, Secret};

/// How long keys are believed without asking again.
pub(super) const REFRESH: Duration = Duration::from_secs(30);
/// Shortest time between two reads.
const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(1);
/// Bytes of a key that we make: as many as the hash has.
const SECRET_BYTES: usize = 32;
/// Characters of the id of a key from the configuration.
const CONFIGURED_ID_BYTES: usize = 8;

/// The keys of a process. Cheap to ask while they are fresh.
pub struct Keyring {
    source: Source,
    keys: RwLock<Option<Arc<Keys>>>,
    reading: Mutex<()>,
}

enum Source {
    Configuration(Arc<Keys>),
    Database(Database),
}

/// Why there is no key to work with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// SQL Server does not say which keys there are.
    #[error(transparent)]
    Unreadable(#[from] sql::Error),
    /// authoring-api makes a key when it starts, and has not done so yet.
    #[error("Accounts.SigningKey has no key that may sign")]
    NoneSigns,
    /// The library refuses to sign.
    #[error("cannot sign an access token: {0}")]
    Signing(#[from] jsonwebtoken::errors::Error),
}

struct Keys {
    by_id: HashMap<String, Arc<Key>>,
    signing: Option<Arc<Key>>,
    read_at: Instant,
}

/// One key, ready for use.
pub(super) struct Key {
    pub(super) id: String,
    pub(super) encoding: EncodingKey,
    pub(super) decoding: DecodingKey,
}

/// A new key, before it is stored.
pub struct SigningSecret {
    /// Random, public.
    pub id: String,
    /// Never logged, never shown.
    pub bytes: Vec<u8>,
}

impl SigningSecret {
    /// Random, from the operating system's generator.
    pub fn random() -> Self {
        let bytes: [u8; SECRET_BYTES] = rand::random();
        Self { id: uuid::Uuid::new_v4().simple().to_string(), bytes: bytes.to_vec() }
    }
}

impl Key {
    fn new(id: String, secret: &[u8]) -> Arc<Self> {
        let (encoding, decoding) = (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
        Arc::new(Self { id, encoding, decoding })
    }

    fn configured(secret: &Secret) -> Arc<Self> {
        // Long secrets only (`Authorization:SigningKey`), so a part of their hash gives nothing away.
        let digest = Sha256::digest(secret.expose());
        let id = digest[..CONFIGURED_ID_BYTES].iter().map(|byte| format!("{byte:02x}")).collect();
        Self::new(id, secret.expose().as_bytes())
    }
}

impl Keyring {
    /// With the configured keys, else with those in SQL. Configured keys are the only ones that count: whoever
    /// keeps keys out of the database does not want it to be able to add some.
    pub fn new(settings: &Authorization, database: &Database) -> Self {
        let source = match settings.signing_key.as_ref().map(Key::configured) {
            None => Source::Database(database.clone()),
            Some(signing) => {
                let previous = settings.previous_signing_key.as_ref().map(Key::configured);
                let all = previous.into_iter().chain([signing.clone()]);
                let by_id = all.map(|key| (key.id.clone(), key)).collect();
                Source::Configuration(Arc::new(Keys {
                    by_id,
                    signing: Some(signing),
                    read_at: Instant::now(),
                }))
            }
        };
        Self { source, keys: RwLock::new(None), reading: Mutex::new(()) }
    }

    /// Whether the keys come from the configuration: then SQL has none to rotate.
    pub fn is_configured(&self) -> bool {
        matches!(self.source, Source::Configuration(_))
    }

    /// The key that signs now.
    pub(super) async fn signing(&self) -> Result<Arc<Key>, KeyError> {
        if let Some(key) = &self.fresh(REFRESH).await?.signing {
            return Ok(key.clone());
        }
        self.fresh(UNKNOWN_KEY_PAUSE).await?.signing.clone().ok_or(KeyError::NoneSigns)
    }

    /// The key of this id, if it may verify.
    pub(super) async fn verifying(&self, id: &str) -> Result<Option<Arc<Key>>, KeyError> {
        if let Some(key) = self.fresh(REFRESH).await?.by_id.get(id) {
            return Ok(Some(key.clone()));
        }
        Ok(self.fresh(UNKNOWN_KEY_PAUSE).await?.by_id.get(id).cloned())
    }

    /// Keys that were read at most `age_max` ago; older ones if SQL Server does not answer.
    async fn fresh(&self, age_max: Duration) -> Result<Arc<Keys>, KeyError> {
        let database = match &self.source {
            Source::Database(database) => database,
            Source::Configuration(keys) => return Ok(keys.clone()),
        };
        if let Some(keys) = self.kept(age_max) {
            return Ok(keys);
        }
        let _one_at_a_time = self.reading.lock().await;
        if let Some(keys) = self.kept(age_max) {
            return Ok(keys);
        }
        let read = match (read(database).await, self.kept(Duration::MAX)) {
            (Ok(read), _) => read,
            (Err(error), None) => return Err(error.into()),
            (Err(error), Some(old)) => {
                tracing::warn!(%error, "cannot read the signing keys, going on with those read last");
                Keys { by_id: old.by_id.clone(), signing: old.signing.clone(), read_at: Instant::now() }
            }
        };
        let read = Arc::new(read);
        *self.keys.write() = Some(read.clone());
        Ok(read)
    }

    fn kept(&self, age_max: Duration) -> Option<Arc<Keys>> {
        self.keys.read().clone().filter(|keys| keys.read_at.elapsed() <= age_max)
    }
}

async fn read(database: &Database) -> sql::Result<Keys> {
    let read_at = Instant::now();
    let (mut by_id, mut signing) = (HashMap::new(), None);
    for row in database.query(include_str!("signing_keys.sql"), &[]).await? {
        let key = Key::new(row.read::<&str>("KeyId")?.to_owned(), row.read("Secret")?);
        if signing.is_none() && row.read::<i32>("MaySign")? == 1 {
            signing = Some(key.clone());
        }
        by_id.insert(key.id.clone(), key);
    }
    Ok(Keys { by_id, signing, read_at })
}
