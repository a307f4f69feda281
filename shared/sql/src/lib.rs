#![doc = include_str!("../README.md")]

mod certificate;
mod connection;
mod connection_string;
mod database;
mod error;
mod login;
pub mod metrics;
mod migrate;
mod observer;
mod options;
mod outcome;
mod pool;
mod retry;
mod row;
mod statement;
mod tail;
#[cfg(feature = "testing")]
pub mod testing;
mod transaction;

pub use certificate::CertificateProblem;
pub use connection_string::{ConnectionString, ConnectionStringError};
pub use database::Database;
pub use error::{ConnectFailure, Error, Result, Retryable, ServerError};
pub use futures_util::future::BoxFuture;
pub use metrics::Metrics;
pub use migrate::{
    MIGRATIONS, Migration, MigrationError, MigrationReport, SCHEMA_LEVEL, migrate, pending_migrations,
};
pub use observer::{CommitObserver, FeedCommit};
pub use options::Options;
pub use outcome::{COMMIT_RECORD_AGE_MIN, prune_commits};
pub use row::RowExt;
pub use statement::{StatementObserver, StatementReport};
pub use tiberius::{FromSql, Row, ToSql};
pub use transaction::{TAGS_MAX, Transaction};
