//! The engine against a real server: local-sql, or the one named by `STOA_TEST_SQLSERVER`.
//!
//! Every test has a database of its own. Durations are shortened; nothing is asserted about time itself, conditions are
//! polled for with a bound. Start with `support`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod actions;
mod claim;
mod cleanup;
mod continuations;
mod dead_server;
mod delayed;
mod due_at_once;
mod enqueue;
mod fence;
mod hold;
mod interop;
mod limits;
mod migrations;
mod model;
mod monitor;
mod observer;
mod outage;
mod outages;
mod poison;
mod recurring;
mod retry;
mod rows;
mod shutdown;
mod storm;
mod support;
mod wakeup;
mod zombies;
