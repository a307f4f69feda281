//! The tests of this crate, in one binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up should say so by failing")]

mod broken;
mod configuration;
mod cross_origin;
mod health;
mod http;
mod metrics;
mod migrate;
mod openapi;
mod precedence;
mod probe;
mod problem;
mod process;
mod secrets;
mod settings;
mod syntax;
mod tiny;
mod tls;
