//! From COMMIT to certainty: what was sent is followed through, and "absent" really is final.
//!
//! The last batch of a transaction inserts a random id into `Platform.[Commit]`, whose key is unique. If the
//! connection is lost before the answer, a look-up on another connection *inserts the same id itself*, marked
//! `Fenced`. There are three cases, and the key decides between them:
//!
//! - the old session has committed: the insert fails with 2627, the row says `Fenced = 0`: **committed**;
//! - the old session is still running its last batch: the insert waits for that row's lock, and ends in one of
//!   the other two cases;
//! - the old session has not come so far, or was rolled back: the insert succeeds, and from now on the old
//!   session *cannot* commit, because its own insert would break the key: **absent**, finally, however late
//!   the server notices that the client is gone.
//!
//! A plain SELECT would not do: it could find nothing while the old session is about to commit.
//!
//! All of this runs on a task of the pool, so that a caller whose future is dropped does not leave a commit
//! that nobody hears of. The caller waits for at most `outcome_timeout_ms` and then gets `CommitUnknown`,
//! while the task goes on until the server answers or the pool is closed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::connection::Request;
use crate::database::Inner;
use crate::error::{Error, Result};
use crate::metrics;
use crate::observer::{FeedCommit, guarded};
use crate::pool::Lease;
use crate::retry::{self, FATAL_CLASS, Retry};
use crate::row::RowExt;
use crate::statement::Statement;
use crate::tail::{self, Numbers};
use crate::transaction::Hook;

/// Rows of `Platform.[Commit]` are kept at least this long, whatever `prune_commits` is asked for: a look-up
/// must not take "pruned" for "absent". Much longer than `outcome_timeout_ms`.
pub const COMMIT_RECORD_AGE_MIN: Duration = Duration::from_secs(3_600);

/// What is committed, and where.
struct Work {
    database: Arc<Inner>,
    name: &'static str,
    numbers: Numbers,
    tags: Arc<[i64]>,
}

/// A commit under way, with those who wait for it.
struct Commit {
    work: Work,
    hooks: Vec<Hook>,
    caller: Option<oneshot::Sender<Result<()>>>,
}

/// Sends the last batch and returns when its outcome is known, or cannot be found out in time.
pub(crate) async fn commit(
    database: &Arc<Inner>,
    connection: Lease,
    name: &'static str,
    tags: Vec<i64>,
    hooks: Vec<Hook>,
) -> Result<()> {
    let (caller, answer) = oneshot::channel();
    let numbers = Numbers::random();
    let work = Work { database: Arc::clone(database), name, numbers, tags: tags.into() };
    let commit = Commit { work, hooks, caller: Some(caller) };
    metrics::count_statement();
    database.commits.spawn(commit.follow_through(connection).in_current_span());
    // The sender is only dropped unused when the runtime or the pool ends while the outcome is open.
    answer.await.unwrap_or_else(|_| {
        Err(Error::CommitUnknown { name, tx_id: numbers.tx_id, attempts: 0, cause: Arc::new(Error::Closed) })
    })
}

enum Sent {
    Committed(Option<FeedCommit>),
    RolledBack(Error),
    Unknown(Error),
}

/// What the look-up found.
enum Found {
    Committed(Option<FeedCommit>),
    Absent,
}

impl Commit {
    async fn follow_through(mut self, connection: Lease) {
        match self.work.send(connection).await {
            Sent::Committed(feed) => {
                self.deliver(feed);
                self.answer(Ok(()));
            }
            Sent::RolledBack(error) => self.answer(Err(error)),
            Sent::Unknown(error) => self.find_out(error).await,
        }
    }

    /// Tells everyone that it is committed.
    fn deliver(&mut self, feed: Option<FeedCommit>) {
        metrics::increment(&self.work.database.pool.shared().counters.commits);
        if let Some(feed) = feed {
            self.work.database.observers.tell(|observer| observer.committed(&feed));
        }
    }

    /// Runs the hooks of a committed transaction and lets the caller go on.
    fn answer(&mut self, result: Result<()>) {
        if result.is_ok() {
            for hook in self.hooks.drain(..) {
                guarded("after-commit hook", hook);
            }
        }
        if let Some(caller) = self.caller.take() {
            // A caller that is gone does not need the answer.
            let _ = caller.send(result);
        }
    }

    async fn find_out(mut self, lost: Error) {
        let tx_id = self.work.numbers.tx_id;
        let database = Arc::clone(&self.work.database);
        let counters = &database.pool.shared().counters;
        metrics::increment(&counters.unknown_commits);
        metrics::increment(&counters.unresolved_commits);
        tracing::warn!(transaction = self.work.name, tx_id, error = %lost, "outcome of a commit is unknown");
        database.observers.tell(|observer| observer.outcome_unknown(tx_id));
        if retry::class(&lost) == Retry::AfterDroppingPool {
            database.pool.drop_connections();
        }
        let found = database.closing.run_until_cancelled(self.look_up_until_known()).await;
        metrics::decrement(&counters.unresolved_commits);
        let result = match found {
            // The pool is being closed: dropping the sender tells the caller.
            None => return,
            Some(Found::Committed(feed)) => {
                self.deliver(feed);
                Ok(())
            }
            Some(Found::Absent) => Err(lost),
        };
        tracing::info!(transaction = self.work.name, tx_id, committed = result.is_ok(), "outcome is known");
        database.observers.tell(|observer| observer.outcome_known(tx_id));
        self.answer(result);
    }

    /// Asks until the server answers. The caller is let go after `outcome_timeout_ms`.
    async fn look_up_until_known(&mut self) -> Found {
        let options = self.work.database.options.clone();
        let deadline = Instant::now() + Duration::from_millis(options.outcome_timeout_ms);
        let mut attempts: u32 = 0;
        loop {
            attempts = attempts.saturating_add(1);
            let until = if self.caller.is_some() { deadline } else { Instant::now() + LOOK_UP_LIMIT };
            let error = match tokio::time::timeout_at(until, self.work.look_up()).await {
                Ok(Ok(found)) => return found,
                Ok(Err(error)) => error,
                Err(_) => {
                    Error::Timeout { statement: self.work.name.into(), limit_ms: options.outcome_timeout_ms }
                }
            };
            if Instant::now() >= deadline && self.caller.is_some() {
                let (name, tx_id) = (self.work.name, self.work.numbers.tx_id);
                self.answer(Err(Error::CommitUnknown { name, tx_id, attempts, cause: Arc::new(error) }));
            }
            tokio::time::sleep(options.backoff().pause(attempts)).await;
        }
    }
}

impl Work {
    /// Sends the last batch. The connection is given back, or closed, before this returns.
    async fn send(&self, mut connection: Lease) -> Sent {
        let text = tail::text(self.numbers, &self.tags);
        let statement = Statement::within(self.name, &text).labelled("COMMIT");
        let limit = self.database.options.command_timeout();
        match connection.exchange(statement, Request::Batch, limit).await {
            Ok(answer) => {
                connection.transaction_ended();
                match self.feed_of_answer(answer.sets.first().and_then(|rows| rows.first())) {
                    Ok(feed) => Sent::Committed(feed),
                    Err(error) => Sent::Unknown(error),
                }
            }
            Err(error) if is_refusal(&error) => {
                if let Err(error) = connection.roll_back().await {
                    tracing::debug!(transaction = self.name, %error, "rollback failed, closing the connection");
                }
                Sent::RolledBack(error)
            }
            Err(error) => Sent::Unknown(error),
        }
    }

    /// Fences the id; see the module's words on why this is final.
    async fn look_up(&self) -> Result<Found> {
        let database = &self.database;
        let limit = database.options.command_timeout();
        let mut connection = database.pool.acquire().await?;
        let tx_id = self.numbers.tx_id;
        let fence = Statement::within(self.name, include_str!("fence.sql"));
        match connection.exchange(fence, Request::Execute(&[&tx_id]), limit).await {
            Ok(_) => return Ok(Found::Absent),
            Err(error) if error.is_unique_violation() => {}
            Err(error) => return Err(error),
        }
        let read = Statement::within(self.name, include_str!("find_commit.sql"));
        let answer = connection.exchange(read, Request::Query(&[&tx_id]), limit).await?;
        let row = answer.sets.first().and_then(|rows| rows.first());
        let row = row.ok_or_else(|| Error::Protocol {
            statement: read.name(),
            message: "the record of the commit vanished".to_owned(),
        })?;
        // Fenced by an earlier look-up of ours whose answer was lost.
        if row.read::<bool>("Fenced")? {
            return Ok(Found::Absent);
        }
        if self.tags.is_empty() {
            return Ok(Found::Committed(None));
        }
        // The record of a commit does not hold the mark before it.
        Ok(Found::Committed(Some(self.feed_commit(row.read("LogId")?, row.read("LastSeq")?, None))))
    }

    /// What the last batch answered.
    fn feed_of_answer(&self, row: Option<&tiberius::Row>) -> Result<Option<FeedCommit>> {
        if self.tags.is_empty() {
            return Ok(None);
        }
        let row = row.ok_or_else(|| Error::Protocol {
            statement: self.name.into(),
            message: "the commit did not return the feed's head".to_owned(),
        })?;
        Ok(Some(self.feed_commit(row.read("LogId")?, row.read("Head")?, row.read_opt("PreviousMark")?)))
    }

    fn feed_commit(&self, log_id: i64, last: i64, previous_mark: Option<i64>) -> FeedCommit {
        let count = i64::try_from(self.tags.len()).unwrap_or(i64::MAX);
        let (mark, tags) = (self.numbers.mark, Arc::clone(&self.tags));
        FeedCommit { log_id, first: last - count + 1, last, mark, previous_mark, tags }
    }
}

/// Longest single look-up after the caller was let go.
const LOOK_UP_LIMIT: Duration = Duration::from_secs(30);

/// Whether the server's answer proves that the batch was rolled back. A fatal error, or one of those that
/// Azure SQL sends while a database moves, proves nothing.
fn is_refusal(error: &Error) -> bool {
    match error {
        Error::Server(server) => {
            server.class < FATAL_CLASS && retry::class(error) != Retry::AfterDroppingPool
        }
        _ => false,
    }
}

/// Deletes records of commits older than `older_than`, at most `limit` rows; returns how many. Younger than
/// [`COMMIT_RECORD_AGE_MIN`] are kept in any case. Safe to run on several instances at once.
///
/// # Errors
/// What the server says.
pub async fn prune_commits(database: &crate::Database, older_than: Duration, limit: u32) -> Result<u64> {
    let age_s = older_than.max(COMMIT_RECORD_AGE_MIN).as_secs();
    let age_s = i32::try_from(age_s).unwrap_or(i32::MAX);
    let limit = i32::try_from(limit).unwrap_or(i32::MAX);
    let rows = database.query(include_str!("prune_commits.sql"), &[&limit, &age_s]).await?;
    let deleted = rows.first().map_or(Ok(0), |row| row.read::<i64>("Deleted"))?;
    Ok(deleted.unsigned_abs())
}
