//! The storefront over HTTP: one app with its own database in each test.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world should panic")]

mod app;
mod listings;
mod openapi;
mod products;
mod staleness;
