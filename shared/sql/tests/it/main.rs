//! Integration tests of the SQL crate, against local-sql or the server named by `STOA_TEST_SQLSERVER`.

mod connection_strings;
mod feed;
mod lost_commits;
mod migrations;
mod pool;
mod transactions;
mod world;
