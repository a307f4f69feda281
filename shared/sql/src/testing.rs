//! Help for tests of this crate and of those above it: a database of its own, and a proxy that cuts.
//!
//! Only with the feature `testing`; panics instead of returning errors, because a test has nothing better to do.

mod database;
mod proxy;

pub use database::TestDatabase;
pub use proxy::Proxy;
