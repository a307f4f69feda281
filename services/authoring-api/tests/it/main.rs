//! The merchant's side over HTTP: one app with its own database in each test.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world should panic")]

mod accounts;
mod api_key_administration;
mod api_keys;
mod app;
mod compression;
mod guard;
mod imports;
mod jobs;
mod openapi;
mod pages;
mod people;
mod products;
mod push_hub;
mod push_notifications;
mod roles;
mod sessions;
mod signing_keys;
mod stores;
mod users;
