//! Tests of `backplane` with real servers, and of its rules against a plain oracle.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod cache;
mod courier;
mod feed;
mod model;
mod push;
mod redis;
mod redis_backplane;
