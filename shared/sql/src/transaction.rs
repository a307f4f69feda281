//! Transactions: a body that may run several times, and a commit that is followed through.
//!
//! `Database::transaction` runs the body, commits, and repeats both where the server asks for it. Collected
//! tags and hooks belong to one attempt. What happens once COMMIT is sent is in `outcome`.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tiberius::{Row, ToSql};
use tokio::time::Instant;

use crate::connection::{Answer, Request};
use crate::database::Inner;
use crate::error::{Error, Result, Retryable};
use crate::metrics;
use crate::outcome;
use crate::pool::Lease;
use crate::retry::{self, Retry};
use crate::statement::Statement;

/// Most distinct tags that one commit may carry. Above it the caller raises one coarse tag: the feed's row
/// lock is held for the time of the insert, and every instance reads every row.
pub const TAGS_MAX: usize = 500;

pub(crate) type Hook = Box<dyn FnOnce() + Send>;

/// An open transaction. `'env` is the lifetime of what the body captures.
///
/// After a statement has failed the server has rolled the transaction back (`XACT_ABORT`): every further call
/// fails with [`Error::RolledBack`], and it cannot commit. A body that expects, say, a unique violation
/// returns it as its error and is handled outside.
pub struct Transaction<'env> {
    name: &'static str,
    database: Arc<Inner>,
    connection: Lease,
    tags: Vec<i64>,
    too_many_tags: bool,
    hooks: Vec<Hook>,
    failed: Option<Arc<Error>>,
    _captures: PhantomData<&'env ()>,
}

impl<'env> Transaction<'env> {
    async fn begin(database: &Arc<Inner>, name: &'static str) -> Result<Self> {
        let mut connection = database.pool.acquire().await?;
        connection.begin(name, database.options.command_timeout()).await?;
        Ok(Self {
            name,
            database: Arc::clone(database),
            connection,
            tags: Vec::new(),
            too_many_tags: false,
            hooks: Vec::new(),
            failed: None,
            _captures: PhantomData,
        })
    }

    /// The first result set.
    ///
    /// # Errors
    /// What the server says; [`Error::RolledBack`] after an earlier failure.
    pub async fn query(&mut self, text: &'static str, params: &[&dyn ToSql]) -> Result<Vec<Row>> {
        Ok(self.query_sets(text, params).await?.into_iter().next().unwrap_or_default())
    }

    /// All result sets, in order.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn query_sets(&mut self, text: &'static str, params: &[&dyn ToSql]) -> Result<Vec<Vec<Row>>> {
        Ok(self.exchange(text, Request::Query(params)).await?.sets)
    }

    /// The number of affected rows, over all statements of `text`. Zero where it says `SET NOCOUNT ON`,
    /// and on Babelfish also where a statement before it on this connection said so: code that needs the number selects
    /// `@@ROWCOUNT`.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn execute(&mut self, text: &'static str, params: &[&dyn ToSql]) -> Result<u64> {
        Ok(self.exchange(text, Request::Execute(params)).await?.affected)
    }

    async fn exchange(&mut self, text: &'static str, request: Request<'_>) -> Result<Answer> {
        if let Some(cause) = &self.failed {
            return Err(Error::RolledBack { name: self.name, cause: Arc::clone(cause) });
        }
        let statement = Statement::within(self.name, text);
        let answer =
            self.connection.exchange(statement, request, self.database.options.command_timeout()).await;
        answer.inspect_err(|error| self.failed = Some(Arc::new(error.clone())))
    }

    /// Notes that what this tag stands for has changed. The feed rows go out with COMMIT, in one batch;
    /// duplicates count once. More than [`TAGS_MAX`] let the commit fail with [`Error::TooManyTags`].
    pub fn changed(&mut self, tag: i64) {
        if self.tags.contains(&tag) {
            return;
        }
        if self.tags.len() >= TAGS_MAX {
            self.too_many_tags = true;
        } else {
            self.tags.push(tag);
        }
    }

    /// Runs `hook` once, after the commit is known and before `transaction` returns; never after a rollback,
    /// never for an attempt that is repeated. Must be quick and must not block: it is for waking others.
    pub fn after_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.hooks.push(Box::new(hook));
    }

    async fn commit(mut self) -> Result<()> {
        let refusal = match &self.failed {
            Some(cause) => Some(Error::RolledBack { name: self.name, cause: Arc::clone(cause) }),
            None if self.too_many_tags => Some(Error::TooManyTags { name: self.name, limit: TAGS_MAX }),
            None => None,
        };
        if let Some(error) = refusal {
            self.roll_back().await;
            return Err(error);
        }
        outcome::commit(&self.database, self.connection, self.name, self.tags, self.hooks).await
    }

    /// Where this fails the connection is closed, which rolls back as well.
    async fn roll_back(&mut self) {
        if let Err(error) = self.connection.roll_back().await {
            tracing::debug!(transaction = self.name, %error, "rollback failed, closing the connection");
        }
    }
}

/// Runs the body until it commits, fails for good, or the attempts or the time are used up.
pub(crate) async fn run<'env, T, E, F>(database: &Arc<Inner>, name: &'static str, mut body: F) -> Result<T, E>
where
    F: for<'t> FnMut(&'t mut Transaction<'env>) -> BoxFuture<'t, Result<T, E>> + Send,
    E: From<Error> + Retryable + Send,
    T: Send,
{
    let options = &database.options;
    let deadline = Instant::now() + Duration::from_millis(options.transaction_budget_ms);
    let mut attempt = 1;
    loop {
        let error = match attempt_once(database, name, &mut body).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let retry = error.sql_error().map_or(Retry::Never, retry::class);
        if retry == Retry::Never || attempt >= options.transaction_attempts {
            return Err(error);
        }
        let pause = options.backoff().pause(attempt);
        if Instant::now() + pause >= deadline {
            return Err(error);
        }
        if retry == Retry::AfterDroppingPool {
            database.pool.drop_connections();
        }
        metrics::increment(&database.pool.shared().counters.retries);
        if let Some(error) = error.sql_error() {
            tracing::info!(transaction = name, attempt, %error, "transaction is repeated");
        }
        tokio::time::sleep(pause).await;
        attempt += 1;
    }
}

async fn attempt_once<'env, T, E, F>(database: &Arc<Inner>, name: &'static str, body: &mut F) -> Result<T, E>
where
    F: for<'t> FnMut(&'t mut Transaction<'env>) -> BoxFuture<'t, Result<T, E>> + Send,
    E: From<Error> + Send,
    T: Send,
{
    let mut transaction = Transaction::begin(database, name).await?;
    match body(&mut transaction).await {
        Ok(value) => transaction.commit().await.map(|()| value).map_err(E::from),
        Err(error) => {
            transaction.roll_back().await;
            Err(error)
        }
    }
}

/// Compile-time proof that transactions can run on any thread of the runtime.
#[expect(dead_code, reason = "never called: it only has to compile")]
fn transactions_are_send(database: &Arc<Inner>) -> impl Future<Output = Result<()>> + Send {
    run(database, "proof", |tx| Box::pin(async move { tx.execute("SELECT 1", &[]).await.map(drop) }))
}
