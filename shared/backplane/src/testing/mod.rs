//! For tests: a Redis of one's own, a feed played by hand.
//!
//! Panics with the reason when the environment lacks something; never part of a service.

mod manual_feed;
mod redis_server;

pub use manual_feed::ManualFeed;
pub use redis_server::{RedisRole, RedisServer, RedisServerOptions};
