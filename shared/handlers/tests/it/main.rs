//! Handlers against a database: what an import writes, and what it does not after it lost its job.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world should panic")]

mod import_catalog;
mod world;
