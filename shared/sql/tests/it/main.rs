//! Integration tests of the SQL crate, against local-sql or the server named by `STOA_TEST_SQLSERVER`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod connection_strings;
mod encryption;
mod faults;
mod feed;
mod lost_commits;
mod migrations;
mod pool;
mod transactions;
mod world;
