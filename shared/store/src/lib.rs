//! Commerce queries used by two or more services, one module per aggregate.
//!
//! Reads take the [`sql::Database`]; changes take the caller's [`sql::Transaction`], so that a change, its audit
//! row, what is published of it, its feed rows and the jobs it causes commit together or not at all. Each
//! statement stands in a `.sql` file beside the function that sends it. Not found is an `Option`, a lost race is
//! a value; errors are for what the caller cannot go on with.
//!
//! Start with [`products`]; [`publication`] is what frontends read, [`imports`] what the import job writes.

pub mod audit;
pub mod blobs;
mod error;
pub mod imports;
pub mod products;
pub mod publication;
pub mod stores;

pub use error::{Error, Result};

/// The tables of this crate. Apply them after `sql::MIGRATIONS`.
pub const MIGRATIONS: &[sql::Migration] = &[
    sql::Migration {
        component: "Commerce",
        version: 1,
        name: "stores, products, publication, imports; blobs and the audit log",
        min_binary: 1,
        text: include_str!("../migrations/0001_commerce.sql"),
    },
    sql::Migration {
        component: "Accounts",
        version: 1,
        name: "users, roles, sessions and signing keys",
        min_binary: 1,
        text: include_str!("../migrations/accounts_0001.sql"),
    },
    sql::Migration {
        component: "Accounts",
        version: 2,
        name: "API keys",
        min_binary: 1,
        text: include_str!("../migrations/accounts_0002.sql"),
    },
];
