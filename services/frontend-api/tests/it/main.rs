//! The storefront over HTTP: one app with its own database in each test.

mod app;
mod listings;
mod products;
