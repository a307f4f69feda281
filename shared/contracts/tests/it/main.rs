//! Snapshots of everything that crosses a process boundary. A difference is a decision about compatibility.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod cache;
mod jobs;
mod permissions;
mod push;
mod storefront;
