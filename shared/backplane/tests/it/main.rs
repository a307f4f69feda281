//! Tests of `backplane` with real servers, and of its rules against a plain oracle.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod cache;
mod courier;
mod feed;
#[cfg(target_os = "linux")]
mod instances;
mod interleavings;
mod model;
#[cfg(target_os = "linux")]
mod observed;
#[cfg(target_os = "linux")]
mod process;
mod promises;
mod push;
mod redis;
mod redis_backplane;
mod redis_faults;
mod states;
mod world;
#[cfg(target_os = "linux")]
mod writers;
