//! The handle that everyone holds: queries, transactions, observers, the end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tiberius::{Row, ToSql};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::{Answer, Request};
use crate::connection_string::ConnectionString;
use crate::error::{Error, Result, Retryable};
use crate::login::Engine;
use crate::metrics::Metrics;
use crate::migrate::batches;
use crate::observer::{CommitObserver, Observers};
use crate::options::Options;
use crate::pool::Pool;
use crate::statement::{Statement, StatementObserver};
use crate::transaction::{self, Transaction};

/// A cheap handle to one pool of connections to one database. Clones share everything.
///
/// Outside of [`transaction`](Self::transaction) nothing is repeated: a statement that may run twice is the
/// caller's to repeat when [`Error::is_transient`].
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) pool: Pool,
    pub(crate) options: Options,
    pub(crate) observers: Observers,
    /// Commits under way; awaited by `close`.
    pub(crate) commits: TaskTracker,
    /// Ends the look-ups of `outcome`.
    pub(crate) closing: CancellationToken,
    engine: Engine,
}

impl Database {
    /// Makes a pool with one connection in it.
    ///
    /// # Errors
    /// [`Error::Connect`] if there is no such server or login, [`Error::Precondition`] if the database cannot
    /// be used as it is set up.
    pub async fn connect(connection: &ConnectionString, options: Options) -> Result<Self> {
        let options = options.completed_by(connection);
        let (pool, engine) = Pool::open(connection, options.clone()).await?;
        Ok(Self {
            inner: Arc::new(Inner {
                pool,
                options,
                observers: Observers::default(),
                commits: TaskTracker::new(),
                closing: CancellationToken::new(),
                engine,
            }),
        })
    }

    /// The first result set of a statement.
    ///
    /// # Errors
    /// What the server says, or why it could not be asked.
    pub async fn query(&self, text: &'static str, params: &[&dyn ToSql]) -> Result<Vec<Row>> {
        Ok(self.query_sets(text, params).await?.into_iter().next().unwrap_or_default())
    }

    /// All result sets of a statement, in order.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn query_sets(&self, text: &'static str, params: &[&dyn ToSql]) -> Result<Vec<Vec<Row>>> {
        Ok(self.exchange(text, Request::Query(params)).await?.sets)
    }

    /// The number of affected rows, over all statements of `text`. Zero where it says `SET NOCOUNT ON`,
    /// and on Babelfish also where a statement before it on this connection said so: code that needs the number selects
    /// `@@ROWCOUNT`.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn execute(&self, text: &'static str, params: &[&dyn ToSql]) -> Result<u64> {
        Ok(self.exchange(text, Request::Execute(params)).await?.affected)
    }

    /// Sends a text without parameters, as one batch for each part between lines `GO`. For set-up and tests:
    /// nothing that comes from outside belongs into `text`. The connection is closed afterwards, because
    /// settings made by a batch would stay.
    ///
    /// # Errors
    /// As [`query`](Self::query); later batches are not sent.
    pub async fn run_script(&self, text: &str) -> Result<()> {
        let mut connection = self.inner.pool.acquire().await?;
        connection.retire();
        for batch in batches(text) {
            connection
                .exchange(Statement::new(batch), Request::Batch, self.inner.options.command_timeout())
                .await?;
        }
        Ok(())
    }

    async fn exchange(&self, text: &'static str, request: Request<'_>) -> Result<Answer> {
        let mut connection = self.inner.pool.acquire().await?;
        connection.exchange(Statement::new(text), request, self.inner.options.command_timeout()).await
    }

    /// Runs `body` in a transaction and commits it; `name` stands in errors and logs.
    ///
    /// Everything is repeated, with a pause, when the server asks for it (deadlock, lock time-out, update
    /// conflict, a moving Azure database, a lost connection), up to `Options::transaction_attempts`: **the body
    /// may run several times**, each time from nothing, and only its last run takes effect. If the connection
    /// is lost after COMMIT was sent, the outcome is found out first: a committed body is never repeated.
    ///
    /// Capture only references and `Copy` values:
    /// `db.transaction("products.update", |tx| Box::pin(async move { … })).await`.
    ///
    /// # Errors
    /// The body's own error, after a rollback; or what [`Error`] says, notably [`Error::CommitUnknown`].
    pub async fn transaction<'env, T, E, F>(&self, name: &'static str, body: F) -> Result<T, E>
    where
        F: for<'t> FnMut(&'t mut Transaction<'env>) -> BoxFuture<'t, Result<T, E>> + Send,
        E: From<Error> + Retryable + Send,
        T: Send,
    {
        transaction::run(&self.inner, name, body).await
    }

    /// Adds an observer of this pool's commits; it stays as long as the pool.
    pub fn observe_commits(&self, observer: Arc<dyn CommitObserver>) {
        self.inner.observers.add(observer);
    }

    /// Lets `observer` hear of every statement from now on. Only the first observer counts; `false`: there is one.
    pub fn observe_statements(&self, observer: Arc<dyn StatementObserver>) -> bool {
        self.inner.pool.shared().set_observer(observer)
    }

    /// Whether the server calls itself local-sql. Only for messages and to choose `Migrate=Auto`.
    pub fn is_local_sql(&self) -> bool {
        self.inner.engine == Engine::LocalSql
    }

    /// The limits in force.
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    /// What the pool did so far.
    pub fn metrics(&self) -> Metrics {
        self.inner.pool.metrics()
    }

    /// Refuses new work, waits for commits under way and busy connections, at most `Options::close_timeout_ms`,
    /// and closes the rest. Statements that are still running then are ended when their futures are.
    pub async fn close(&self) {
        let limit = Duration::from_millis(self.inner.options.close_timeout_ms);
        self.inner.commits.close();
        // Commits come first: a look-up of an unknown outcome still needs a connection.
        if tokio::time::timeout(limit / 2, self.inner.commits.wait()).await.is_err() {
            tracing::warn!("closing while the outcome of a commit is unknown");
            self.inner.closing.cancel();
        }
        self.inner.pool.close(limit / 2).await;
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }
}
