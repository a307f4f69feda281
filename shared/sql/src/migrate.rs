//! Migrations: forward only, checksummed, applied exactly once however many instances start at once.
//!
//! Expand, then contract: a step must leave the database usable for the binaries that are running. A step that
//! breaks older ones says so by `min_binary`, and those refuse to start from then on. Each step is one
//! transaction: it takes the lock, looks again, runs its batches, records itself. What cannot run in a
//! transaction (`ALTER DATABASE` …) cannot be a migration.
//! Start at [`migrate`].

mod plan;

use std::sync::Arc;
use std::time::Duration;

use crate::connection::Request;
use crate::database::{Database, Inner};
use crate::error::{Error, Result};
use crate::pool::Lease;
use crate::retry::{self, Retry};
use crate::row::RowExt;
use crate::statement::Statement;
use plan::Recorded;

/// What this binary knows to work with. Raised together with the first migration that needs it as its
/// `min_binary`; a database that asks for more is refused.
pub const SCHEMA_LEVEL: u32 = 1;

/// Longest time for one batch of a migration, and for the wait for another instance's migration.
const BATCH_LIMIT: Duration = Duration::from_secs(600);
/// Attempts of one step after a deadlock or a lost connection.
const ATTEMPTS_MAX: u32 = 5;
/// Names the transaction in errors.
const NAME: &str = "migrate";

/// One step of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Whose schema it is: "Platform", "HangFire", "Jobs", "Commerce".
    pub component: &'static str,
    /// 1, 2, 3 … within the component, without gaps.
    pub version: u32,
    /// A few words; recorded, not compared.
    pub name: &'static str,
    /// The lowest [`SCHEMA_LEVEL`] of a binary that still works after this step.
    pub min_binary: u32,
    /// T-SQL; batches separated by lines `GO`. Its checksum is recorded: a text that has been released is
    /// never changed (line ends do not count).
    pub text: &'static str,
}

/// The tables of this crate: `Platform.FeedHead`, `ChangeFeed`, `[Commit]`. Comes before all others.
/// (`Platform.Migration` is made by [`migrate`] itself.)
pub const MIGRATIONS: &[Migration] = &[Migration {
    component: "Platform",
    version: 1,
    name: "change feed and commit records",
    min_binary: 1,
    text: include_str!("migrate/platform_0001.sql"),
}];

/// What [`migrate`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MigrationReport {
    /// The steps that this call applied, in order, as "Platform 1: change feed and commit records".
    pub applied: Vec<String>,
}

/// Why the database and this binary do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MigrationError {
    /// A text was changed after it had been applied.
    #[error(
        "migration {step} was changed after it had been applied (checksum {recorded} then, {ours} now): restore its text and add a new step instead"
    )]
    Changed {
        /// The step.
        step: String,
        /// Checksum in the database.
        recorded: String,
        /// Checksum of our text.
        ours: String,
    },
    /// The database was migrated by a newer binary, and not in a way that this one can live with.
    #[error(
        "the database needs schema level {needed} since migration {step}, this binary knows {ours}: start a newer version"
    )]
    TooNew {
        /// The step that asks for it.
        step: String,
        /// The level it asks for.
        needed: u32,
        /// [`SCHEMA_LEVEL`].
        ours: u32,
    },
    /// A list of migrations is wrong in itself.
    #[error("migration {step}: {problem}")]
    Invalid {
        /// The step.
        step: String,
        /// What is wrong.
        problem: &'static str,
    },
}

/// Applies what is missing, in the order of `sets`, and refuses a database that does not fit.
///
/// Several instances may call it at once: each step is applied by one of them, the others wait for it (at most
/// ten minutes a step). Where nothing is missing it only reads.
///
/// # Errors
/// [`Error::Migration`]; what the server says to a batch: its step is rolled back whole, earlier ones stay.
pub async fn migrate(database: &Database, sets: &[&[Migration]]) -> Result<MigrationReport> {
    let mut report = MigrationReport::default();
    for step in missing(database, sets).await? {
        if apply(database.inner(), step).await? {
            tracing::info!(step = %plan::title(step), "migration applied");
            report.applied.push(plan::title(step));
        }
    }
    Ok(report)
}

/// The steps that [`migrate`] would apply, as titles; empty if the database is ready. Checks checksums and
/// levels like [`migrate`] and changes nothing.
///
/// # Errors
/// As [`migrate`].
pub async fn pending_migrations(database: &Database, sets: &[&[Migration]]) -> Result<Vec<String>> {
    Ok(missing(database, sets).await?.into_iter().map(plan::title).collect())
}

async fn missing<'a>(database: &Database, sets: &[&'a [Migration]]) -> Result<Vec<&'a Migration>> {
    plan::check(sets).map_err(Arc::new)?;
    let mut connection = database.inner().pool.acquire().await?;
    let recorded = read_recorded(&mut connection).await?;
    Ok(plan::missing(sets, &recorded).map_err(Arc::new)?)
}

/// Applies one step, unless another instance has done so meanwhile. Repeats what may be repeated: a step that
/// was recorded is never run again.
async fn apply(database: &Arc<Inner>, step: &Migration) -> Result<bool> {
    let mut attempt = 1;
    loop {
        let error = match apply_once(database, step).await {
            Ok(applied) => return Ok(applied),
            Err(error) => error,
        };
        if retry::class(&error) == Retry::Never || attempt >= ATTEMPTS_MAX {
            return Err(error);
        }
        tracing::info!(step = %plan::title(step), attempt, %error, "migration is repeated");
        tokio::time::sleep(database.options.backoff().pause(attempt)).await;
        attempt += 1;
    }
}

async fn apply_once(database: &Arc<Inner>, step: &Migration) -> Result<bool> {
    let mut connection = database.pool.acquire().await?;
    connection.begin(NAME, BATCH_LIMIT).await?;
    let done = apply_locked(&mut connection, step).await;
    let done = match done {
        Ok(applied) => run_batch(&mut connection, "COMMIT TRANSACTION;").await.map(|()| applied),
        Err(error) => Err(error),
    };
    match done {
        Ok(applied) => {
            connection.transaction_ended();
            Ok(applied)
        }
        Err(error) => {
            // Where this fails too the connection is closed, which rolls back as well.
            let _ = connection.roll_back().await;
            Err(error)
        }
    }
}

async fn apply_locked(connection: &mut Lease, step: &Migration) -> Result<bool> {
    run_batch(connection, include_str!("migrate/lock.sql")).await?;
    for batch in batches(include_str!("migrate/bootstrap.sql")) {
        run_batch(connection, batch).await?;
    }
    let recorded = read_recorded(connection).await?;
    if plan::is_recorded(step, &recorded).map_err(Arc::new)? {
        return Ok(false);
    }
    connection.retire();
    for batch in batches(step.text) {
        run_batch(connection, batch).await?;
    }
    if step.component == MIGRATIONS[0].component {
        name_the_log(connection).await?;
    }
    record(connection, step).await?;
    Ok(true)
}

async fn run_batch(connection: &mut Lease, batch: &str) -> Result<()> {
    connection.exchange(Statement::within(NAME, batch), Request::Batch, BATCH_LIMIT).await.map(drop)
}

/// A new database gets its feed's head, with a random identity.
async fn name_the_log(connection: &mut Lease) -> Result<()> {
    let log_id: i64 = rand::random_range(1..=i64::MAX);
    let statement = Statement::within(NAME, include_str!("migrate/name_the_log.sql"));
    connection.exchange(statement, Request::Execute(&[&log_id]), BATCH_LIMIT).await.map(drop)
}

async fn record(connection: &mut Lease, step: &Migration) -> Result<()> {
    let statement = Statement::within(NAME, include_str!("migrate/record.sql"));
    let (version, min_binary) = (plan::as_int(step.version), plan::as_int(step.min_binary));
    let checksum = plan::checksum(step.text);
    let params: &[&dyn tiberius::ToSql] = &[&step.component, &version, &step.name, &checksum, &min_binary];
    connection.exchange(statement, Request::Execute(params), BATCH_LIMIT).await.map(drop)
}

async fn read_recorded(connection: &mut Lease) -> Result<Vec<Recorded>> {
    // Two requests: a batch that names a missing table does not compile on every engine.
    let known = Statement::within(NAME, include_str!("migrate/is_known.sql"));
    let answer = connection.exchange(known, Request::Query(&[]), BATCH_LIMIT).await?;
    let row = answer.sets.first().and_then(|rows| rows.first());
    let table: Option<i32> = match row {
        Some(row) => row.read_opt("TableId")?,
        None => None,
    };
    if table.is_none() {
        return Ok(Vec::new());
    }
    let read = Statement::within(NAME, include_str!("migrate/recorded.sql"));
    let answer = connection.exchange(read, Request::Query(&[]), BATCH_LIMIT).await?;
    answer.sets.into_iter().flatten().map(|row| recorded(&row)).collect()
}

fn recorded(row: &tiberius::Row) -> Result<Recorded> {
    let number = |column: &str| -> Result<u32> {
        let value: i32 = row.read(column)?;
        u32::try_from(value)
            .map_err(|_| Error::Column { column: column.to_owned(), message: format!("{value} is negative") })
    };
    Ok(Recorded {
        component: row.read::<&str>("Component")?.to_owned(),
        version: number("Version")?,
        name: row.read::<&str>("Name")?.to_owned(),
        checksum: row.read::<&str>("Checksum")?.to_owned(),
        min_binary: number("MinBinary")?,
    })
}

/// The parts of a script between lines `GO`, without the empty ones. A `GO` in a comment or a string that
/// fills a line would count as well.
pub(crate) fn batches(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            if line.trim().eq_ignore_ascii_case("GO") {
                rest = Some(&text[at + line.len()..]);
                return Some(&text[..at]);
            }
            at += line.len();
        }
        rest = None;
        Some(text)
    })
    .filter(|batch| !batch.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::batches;

    #[test]
    fn batches_are_split_at_lines_that_say_go() {
        let text = "a\nb\nGO\n\n go \r\nc GO\nGOTO\nGO";
        assert_eq!(batches(text).collect::<Vec<_>>(), ["a\nb\n", "c GO\nGOTO\n"]);
        assert_eq!(batches(" \nGO\n").count(), 0);
        assert_eq!(batches("one").collect::<Vec<_>>(), ["one"]);
    }
}
