//! The common crate for caching and messaging: Redis connection, change feed, coherent local cache.

pub mod cache;
pub mod clock;
pub mod feed;
pub mod redis;

pub use cache::key::{CacheKey, Weigh, hash64};
pub use redis::{Redis, RedisOptions, RedisOptionsError};
