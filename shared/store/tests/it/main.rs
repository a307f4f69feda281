//! Against a real server: local-sql in this process, or the one that `STOA_TEST_SQLSERVER` names.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod blobs;
mod imports;
mod products;
mod publication;
mod stores;
mod world;
