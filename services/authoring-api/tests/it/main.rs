//! The merchant's side over HTTP: one app with its own database in each test.

mod app;
mod imports;
mod products;
mod stores;
