//! What callers of this crate see.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod import;
