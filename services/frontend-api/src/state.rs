//! Everything that a storefront request can reach.

use std::sync::Arc;

use backplane::{Cache, CacheOptions, Feed, Loaded, Outcome};
use contracts::cache::{Document, StorefrontKey};
use host::Host;
use sql::Database;
use store::publication::Found;

use crate::error::Error;

/// The one state of this service.
pub struct AppState {
    /// SQL Server, for what is not in memory.
    pub(crate) database: Database,
    cache: Cache<StorefrontKey>,
}

/// A document on its way out.
pub(crate) struct Served {
    pub(crate) document: Arc<Document>,
    /// SQL Server does not answer; this was true at most `Caching:FailSafe:MaxDuration` ago.
    pub(crate) is_stale: bool,
}

impl AppState {
    /// With the settings of this process.
    pub fn new(host: &Host) -> Self {
        let caching = &host.settings.caching;
        let options = CacheOptions {
            enabled: caching.enabled,
            max_bytes: caching.max_bytes,
            sliding: None,
            absolute: Some(caching.time_to_live),
            fail_safe_max: caching.fail_safe_max,
            ..CacheOptions::default()
        };
        Self::with(host.database.clone(), Arc::clone(&host.feed), options)
    }

    /// With a cache behind this feed.
    pub fn with(database: Database, feed: Arc<Feed>, options: CacheOptions) -> Self {
        Self { database, cache: Cache::new(feed, options) }
    }

    /// The document under `key`, from memory or through `load`. `None`: there is no such thing, which is
    /// remembered as well; `absent_tags` are what would bring it into being, apart from the key itself.
    pub(crate) async fn document<F>(
        &self,
        key: &StorefrontKey,
        absent_tags: impl FnOnce() -> Vec<i64>,
        load: impl FnOnce() -> F,
    ) -> Result<Option<Served>, Error>
    where
        F: Future<Output = Result<Option<Found>, store::Error>>,
    {
        let load = || async {
            Ok(match load().await? {
                Some(Found { document, tags }) => Loaded::new(Some(document), tags),
                None => Loaded::new(None, absent_tags()),
            })
        };
        let served = self.cache.get_or_load(key, load).await.map_err(Error)?;
        let is_stale = served.outcome == Outcome::Stale;
        Ok(served.value.map(|document| Served { document, is_stale }))
    }
}
