//! local-sql as its clients see it: through tiberius, and through a bare socket where tiberius would not misbehave.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod answers;
mod attention;
mod binary;
mod concurrency;
mod connections;
mod corpus;
mod durability;
mod encryption;
mod faults;
mod fuzz;
mod half_open;
mod language;
mod login;
mod malformed;
mod memory;
mod parameters;
mod permissions;
mod prepared;
mod protocol;
mod raw;
mod refusals;
mod results;
mod support;
mod tokens;
mod transactions;
mod unsupported;
mod values;
