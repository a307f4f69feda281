//! Everything that a storefront request can reach.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use backplane::{Cache, CacheOptions, CacheStats, Feed, Loaded, Outcome};
use contracts::cache::{Document, StorefrontKey};
use host::Host;
use host::configuration::Compression;
use host::problem::Problem;
use sql::Database;
use store::publication;

use crate::error::{Error, not_found};
use crate::representations::Representations;

/// The one state of this service.
pub struct AppState {
    /// SQL Server, for what is not in memory.
    database: Database,
    cache: Cache<StorefrontKey>,
    /// Compressed documents.
    pub(crate) representations: Representations,
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
        let compression = host.settings.http.compression;
        Self::with(host.database.clone(), Arc::clone(&host.feed), options, compression)
    }

    /// With a cache behind this feed; compressed documents take a part of its memory.
    pub fn with(
        database: Database,
        feed: Arc<Feed>,
        options: CacheOptions,
        compression: Compression,
    ) -> Self {
        let (representations, max_bytes) = Representations::new(compression, options.max_bytes);
        Self { database, cache: Cache::new(feed, CacheOptions { max_bytes, ..options }), representations }
    }

    /// Compares what is in memory with SQL Server for ever, one document every `interval`.
    pub async fn watch_staleness(&self, interval: Duration) -> Infallible {
        self.cache.watch_staleness(interval, async |key| load(&self.database, &key).await).await
    }

    /// Renews what is in memory for ever, before a request has to wait for it: what is asked for and expires soon, and
    /// after a new generation everything that became doubtful.
    pub async fn keep_fresh(&self) -> Infallible {
        self.cache.keep_fresh(async |keys| load_many(&self.database, &keys).await).await
    }

    /// For metrics.
    pub fn cache_stats(&self) -> CacheStats {
        let stats = self.cache.stats();
        CacheStats { bytes: stats.bytes + self.representations.bytes(), ..stats }
    }

    /// The document under `key`, if memory has it and it may be served now.
    #[inline]
    pub(crate) fn document_in_memory(&self, key: &StorefrontKey) -> Option<Served> {
        served(self.cache.get(key)?)
    }

    /// The document under `key`, from memory or from SQL Server. That there is none is remembered as well.
    pub(crate) async fn document(&self, key: &StorefrontKey) -> Result<Served, Problem> {
        let served = match self.cache.get(key) {
            Some(served) => served,
            // In a box: a hit does not carry a future that can load.
            None => Box::pin(self.cache.load(key, || load(&self.database, key))).await.map_err(Error)?,
        };
        self::served(served).ok_or_else(not_found)
    }
}

/// `None`: there is no such document.
fn served(found: backplane::Served<Document>) -> Option<Served> {
    let is_stale = found.outcome == Outcome::Stale;
    found.value.map(|document| Served { document, is_stale })
}

/// What a key names, with the tags of what would change it. The key itself is a tag too: that of the product or slug.
async fn load(database: &Database, key: &StorefrontKey) -> Result<Loaded<Document>, store::Error> {
    match key {
        StorefrontKey::Product { store, reference } => {
            publication::find_document(database, store, reference).await
        }
        StorefrontKey::Listing { store, category, after, limit } => {
            publication::listing_page(database, store, category.as_ref(), *after, *limit).await
        }
    }
}

/// What many keys name, in their order: all products with one question, pages of lists one by one.
async fn load_many(
    database: &Database,
    keys: &[StorefrontKey],
) -> Result<Vec<Loaded<Document>>, store::Error> {
    let products: Vec<_> = keys
        .iter()
        .filter_map(|key| match key {
            StorefrontKey::Product { store, reference } => Some((store, reference)),
            StorefrontKey::Listing { .. } => None,
        })
        .collect();
    let mut documents = publication::find_documents(database, &products).await?.into_iter();
    let mut loaded = Vec::with_capacity(keys.len());
    for key in keys {
        let document = match key {
            StorefrontKey::Product { .. } => documents.next(),
            StorefrontKey::Listing { .. } => None,
        };
        loaded.push(match document {
            Some(document) => document,
            None => load(database, key).await?,
        });
    }
    Ok(loaded)
}
