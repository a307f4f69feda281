#![doc = include_str!("../README.md")]

pub mod cache;
pub mod clock;
pub mod feed;
pub mod push;
pub mod redis;
#[cfg(feature = "testing")]
pub mod testing;
mod wake;

pub use cache::key::{CacheKey, Weigh, hash64};
pub use cache::{Cache, CacheError, CacheOptions, CacheStats, Loaded, Outcome, Served, ThreadReads};
pub use feed::{Feed, FeedOptions, FeedStatus};
pub use push::Push;
pub use redis::{Redis, RedisOptions, RedisOptionsError, RedisStatus};
pub use wake::Wake;
