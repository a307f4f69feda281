//! The common crate for caching and messaging: Redis connection, change feed, coherent local cache.
