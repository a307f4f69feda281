//! The SQL Server pool, transactions, retries and migrations; knows no commerce.
//!
//! First cut: the public signatures, so that the crates above can be written against them.
#![expect(unused_variables, clippy::unimplemented, reason = "signatures first; the bodies follow")]

use std::sync::Arc;

pub use futures_util::future::BoxFuture;
pub use tiberius::{FromSql, Row, ToSql};

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A parsed ADO.NET connection string. `Debug` and `Display` never show the password.
#[derive(Clone)]
pub struct ConnectionString(());

impl ConnectionString {
    /// Reads an ADO.NET string; every keyword works or is refused by name.
    pub fn parse(text: &str) -> Result<Self, ConnectionStringError> {
        unimplemented!()
    }
    /// Host name or address.
    pub fn server(&self) -> &str {
        unimplemented!()
    }
    /// TCP port, 1433 unless given.
    pub fn port(&self) -> u16 {
        unimplemented!()
    }
    /// The database (`Initial Catalog`).
    pub fn database(&self) -> &str {
        unimplemented!()
    }
    /// The same server and login, another database.
    pub fn with_database(&self, database: &str) -> Self {
        unimplemented!()
    }
    /// The same login and database through another address (a proxy).
    pub fn with_address(&self, host: &str, port: u16) -> Self {
        unimplemented!()
    }
    /// The whole string **with** the password, for handing it to a child process. Never log it.
    pub fn to_secret_string(&self) -> String {
        unimplemented!()
    }
}

/// A connection string that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{keyword}: {value:?} is not usable, expected {expected}")]
pub struct ConnectionStringError {
    /// The keyword as written.
    pub keyword: String,
    /// The value as written; never a password.
    pub value: String,
    /// What would have been accepted.
    pub expected: String,
}

/// Limits of one [`Database`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Most connections at a time.
    pub pool_max: u32,
    /// Longest wait for a connection, ms.
    pub acquire_timeout_ms: u64,
    /// Longest time for one statement or batch, ms.
    pub command_timeout_ms: u64,
    /// Attempts of one `transaction` call.
    pub transaction_attempts: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { pool_max: 16, acquire_timeout_ms: 15_000, command_timeout_ms: 30_000, transaction_attempts: 5 }
    }
}

/// A cheap handle to the pool.
#[derive(Clone)]
pub struct Database(());

impl Database {
    /// Builds the pool; checks one connection and the preconditions.
    pub async fn connect(connection: &ConnectionString, options: Options) -> Result<Self> {
        unimplemented!()
    }
    /// First result set.
    pub async fn query(&self, text: &'static str, params: &[&dyn ToSql]) -> Result<Vec<Row>> {
        unimplemented!()
    }
    /// All result sets.
    pub async fn query_sets(&self, text: &'static str, params: &[&dyn ToSql]) -> Result<Vec<Vec<Row>>> {
        unimplemented!()
    }
    /// Affected rows.
    pub async fn execute(&self, text: &'static str, params: &[&dyn ToSql]) -> Result<u64> {
        unimplemented!()
    }
    /// A batch without parameters (migrations, tests).
    pub async fn run_script(&self, text: &str) -> Result<()> {
        unimplemented!()
    }
    /// Runs `body` in a transaction, again where the server asks for it.
    pub async fn transaction<'env, T, E, F>(&self, name: &'static str, body: F) -> Result<T, E>
    where
        F: for<'t> FnMut(&'t mut Transaction<'env>) -> BoxFuture<'t, Result<T, E>> + Send,
        E: From<Error> + Retryable + Send,
        T: Send,
    {
        unimplemented!()
    }
    /// Adds an observer of commits; it stays for the life of the pool.
    pub fn observe_commits(&self, observer: Arc<dyn CommitObserver>) {
        unimplemented!()
    }
    /// Whether the server is `local-sql` (only to choose `Migrate=Auto`).
    pub fn is_local_sql(&self) -> bool {
        unimplemented!()
    }
    /// Refuses new work and closes the idle connections.
    pub async fn close(&self) {
        unimplemented!()
    }
}

/// An open transaction. `'env` is the lifetime of what the body captures.
pub struct Transaction<'env>(std::marker::PhantomData<&'env ()>);

impl Transaction<'_> {
    /// First result set.
    pub async fn query(&mut self, text: &'static str, params: &[&dyn ToSql]) -> Result<Vec<Row>> {
        unimplemented!()
    }
    /// All result sets.
    pub async fn query_sets(&mut self, text: &'static str, params: &[&dyn ToSql]) -> Result<Vec<Vec<Row>>> {
        unimplemented!()
    }
    /// Affected rows.
    pub async fn execute(&mut self, text: &'static str, params: &[&dyn ToSql]) -> Result<u64> {
        unimplemented!()
    }
    /// Collects a changed tag; the feed rows go out with COMMIT. Duplicates are dropped.
    pub fn changed(&mut self, tag: i64) {
        unimplemented!()
    }
    /// Runs once, only after the commit is known.
    pub fn after_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
        unimplemented!()
    }
}

/// What a committed transaction put into the feed. `tags[i]` has sequence `first + i`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedCommit {
    /// Identity of the log.
    pub log_id: i64,
    /// First sequence number.
    pub first: i64,
    /// Last sequence number, the new head.
    pub last: i64,
    /// Random mark of this commit.
    pub mark: i64,
    /// The tags, in sequence order.
    pub tags: Arc<[i64]>,
}

/// Hears of commits of this process. Called on the committing task: must not block.
pub trait CommitObserver: Send + Sync {
    /// A transaction with feed rows is committed; called before `transaction` returns.
    fn committed(&self, commit: &FeedCommit);
    /// The connection was lost after COMMIT was sent.
    fn outcome_unknown(&self, tx_id: i64);
    /// The outcome of `tx_id` is known now (after `committed`, if it was).
    fn outcome_known(&self, tx_id: i64);
}

/// Reading columns without panics.
pub trait RowExt {
    /// A column that must not be NULL.
    fn read<'a, T: FromSql<'a>>(&'a self, column: &str) -> Result<T>;
    /// A column that may be NULL.
    fn read_opt<'a, T: FromSql<'a>>(&'a self, column: &str) -> Result<Option<T>>;
}

impl RowExt for Row {
    fn read<'a, T: FromSql<'a>>(&'a self, column: &str) -> Result<T> {
        unimplemented!()
    }
    fn read_opt<'a, T: FromSql<'a>>(&'a self, column: &str) -> Result<Option<T>> {
        unimplemented!()
    }
}

/// An error type of a transaction body that may carry an SQL error.
pub trait Retryable {
    /// The SQL error inside, if that is what it is.
    fn sql_error(&self) -> Option<&Error>;
}

impl Retryable for Error {
    fn sql_error(&self) -> Option<&Error> {
        Some(self)
    }
}

/// One step of a schema.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Whose schema ("Platform", "HangFire", "Jobs", "Commerce").
    pub component: &'static str,
    /// 1, 2, 3 … within the component.
    pub version: u32,
    /// A few words.
    pub name: &'static str,
    /// The lowest schema level a binary must know to work after this step.
    pub min_binary: u32,
    /// T-SQL, batches separated by lines `GO`.
    pub text: &'static str,
}

/// The tables of this crate: Platform.Migration, FeedHead, ChangeFeed, Commit.
pub const MIGRATIONS: &[Migration] = &[];

/// What [`migrate`] did.
#[derive(Debug, Clone, Default)]
pub struct MigrationReport {
    /// "component version name", in the order applied by this call.
    pub applied: Vec<String>,
}

/// Applies what is missing; several instances at once apply each step exactly once.
pub async fn migrate(database: &Database, sets: &[&[Migration]]) -> Result<MigrationReport> {
    unimplemented!()
}

/// Deletes records of commits older than `older_than`, at most `limit` rows; returns how many.
pub async fn prune_commits(database: &Database, older_than: std::time::Duration, limit: u32) -> Result<u64> {
    unimplemented!()
}

/// Everything that can go wrong.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// More tags than one commit may carry: use a coarse tag.
    #[error("{name}: more than {limit} changed tags in one transaction")]
    TooManyTags {
        /// The transaction.
        name: &'static str,
        /// The limit.
        limit: usize,
    },
}

impl Error {
    /// SQL Server's message number.
    pub fn number(&self) -> Option<u32> {
        unimplemented!()
    }
    /// Worth another attempt.
    pub fn is_transient(&self) -> bool {
        unimplemented!()
    }
    /// 2627 or 2601.
    pub fn is_unique_violation(&self) -> bool {
        unimplemented!()
    }
    /// 1205.
    pub fn is_deadlock(&self) -> bool {
        unimplemented!()
    }
}

/// Help for tests: a database of its own, a proxy that cuts.
#[cfg(feature = "testing")]
pub mod testing {
    use super::{ConnectionString, Database, Migration};

    /// A database of one test.
    pub struct TestDatabase {
        /// Ready, migrated.
        pub database: Database,
        /// For more pools, or for processes.
        pub connection: ConnectionString,
    }

    impl TestDatabase {
        /// local-sql in this process, or a fresh database on `STOA_TEST_SQLSERVER`. `sql::MIGRATIONS` are
        /// always applied first. Panics with the reason if there is none.
        pub async fn create(sets: &[&[Migration]]) -> Self {
            unimplemented!()
        }
        /// Closes the pool and drops the database.
        pub async fn close(self) {
            unimplemented!()
        }
    }
}
