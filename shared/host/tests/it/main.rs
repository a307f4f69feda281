//! The tests of this crate, in one binary.

mod configuration;
mod http;
mod problem;
mod settings;
mod syntax;
