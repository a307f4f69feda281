//! Transactions: one SQLite transaction per T-SQL transaction, begun at its first write under the database's
//! write lock. Before that each statement reads the latest commit; afterwards nobody else can commit, so it
//! still does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::types::Value as Stored;

use super::super::bind::quoted_name;
use super::super::catalog::{Catalog, Table};
use super::super::change::{cancelled, sqlite_error};
use super::super::error::{Result, SqlError};
use super::super::interface::{ResultSink, TransactionRequest};
use super::super::locks::{Mode, Outcome, Owner, Resource};
use super::Session;
use super::option::Isolation;

/// The transaction of a session.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    /// `@@TRANCOUNT`.
    count: u32,
    descriptor: u64,
    name: String,
    /// A SQLite transaction is open.
    writing: bool,
    /// It can only be rolled back.
    doomed: bool,
    /// The catalog with the changes of this transaction.
    catalog: Option<Arc<Catalog>>,
    /// Savepoints with the catalog at that point, the oldest first.
    savepoints: Vec<(String, Option<Arc<Catalog>>)>,
    /// Tables whose identity counter was reset: a rollback has to take that back.
    pub(super) reset_identities: Vec<i32>,
}

impl Transaction {
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn descriptor(&self) -> u64 {
        self.descriptor
    }

    pub(super) fn is_doomed(&self) -> bool {
        self.doomed
    }

    pub(super) fn has_begun_writing(&self) -> bool {
        self.writing
    }

    pub(super) fn changed_catalog(&self) -> Option<Arc<Catalog>> {
        self.catalog.clone()
    }

    /// `XACT_STATE()`.
    pub(super) fn state(&self) -> i64 {
        match (self.count, self.doomed) {
            (0, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        }
    }

    /// An error under XACT_ABORT was caught: only ROLLBACK is possible now.
    pub(super) fn doom(&mut self) {
        self.doomed = self.count > 0;
    }
}

/// What a statement writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The database: under the write lock, in a transaction.
    Database,
    /// Only what is private to the session.
    Session,
}

fn next_descriptor() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Session {
    fn sqlite(&self, sql: &str) -> Result<()> {
        let mut statement =
            self.connection.connection.prepare_cached(sql).map_err(|error| sqlite_error(&error))?;
        statement.execute([]).map(drop).map_err(|error| sqlite_error(&error))
    }

    pub(super) fn begin(&mut self, name: Option<&str>, sink: &mut dyn ResultSink) -> Result<()> {
        if self.transaction.doomed {
            return Err(doomed());
        }
        self.row_count = 0;
        self.transaction.count += 1;
        if self.transaction.count == 1 {
            self.transaction.descriptor = next_descriptor();
            name.unwrap_or_default().clone_into(&mut self.transaction.name);
            sink.transaction_began(self.transaction.descriptor);
        }
        Ok(())
    }

    pub(super) fn commit(&mut self, sink: &mut dyn ResultSink) -> Result<()> {
        self.row_count = 0;
        match self.transaction.count {
            0 => {
                return Err(SqlError::new(
                    3902,
                    "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.",
                ));
            }
            _ if self.transaction.doomed => return Err(doomed()),
            1 => {}
            _ => {
                self.transaction.count -= 1;
                return Ok(());
            }
        }
        if self.transaction.writing {
            self.sqlite("COMMIT")?;
        }
        self.publish_catalog();
        let descriptor = std::mem::take(&mut self.transaction).descriptor;
        self.engine.locks.release_transaction(self.id);
        sink.transaction_committed(descriptor);
        Ok(())
    }

    /// `ROLLBACK`, or to a savepoint.
    pub(super) fn roll_back(&mut self, name: Option<&str>, sink: &mut dyn ResultSink) -> Result<()> {
        self.row_count = 0;
        if self.transaction.count == 0 {
            return Err(SqlError::new(
                3903,
                "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.",
            ));
        }
        let Some(name) =
            name.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(&self.transaction.name))
        else {
            self.roll_back_all(sink);
            return Ok(());
        };
        let found = self.transaction.savepoints.iter().rposition(|(known, _)| known == name);
        let Some(index) = found else {
            let text =
                format!("Cannot roll back {name}. No transaction or savepoint of that name was found.");
            return Err(SqlError::new(6401, text));
        };
        if self.transaction.doomed {
            return Err(SqlError::new(
                3931,
                "The current transaction cannot be committed and cannot be rolled back to a savepoint. Roll \
                    back the entire transaction.",
            ));
        }
        let kept = self.table_variable_rows();
        self.sqlite(&format!("ROLLBACK TO {}", savepoint(index)))?;
        self.transaction.savepoints.truncate(index + 1);
        if let Some((_, catalog)) = self.transaction.savepoints.get(index) {
            self.transaction.catalog.clone_from(catalog);
        }
        self.after_sqlite_rollback();
        self.restore_table_variables(kept);
        Ok(())
    }

    /// Rolls back whatever is open; nothing if nothing is.
    pub(super) fn roll_back_all(&mut self, sink: &mut dyn ResultSink) {
        if self.transaction.count == 0 {
            return;
        }
        self.connection.interrupts.hold(true);
        if self.transaction.writing {
            let kept = self.table_variable_rows();
            // SQLite has rolled back by itself after some errors; then there is nothing left to do.
            let _ = self.connection.connection.execute_batch("ROLLBACK");
            self.forget_reset_identities();
            self.after_sqlite_rollback();
            self.restore_table_variables(kept);
        }
        self.connection.interrupts.hold(false);
        let descriptor = std::mem::take(&mut self.transaction).descriptor;
        self.engine.locks.release_transaction(self.id);
        sink.transaction_rolled_back(descriptor);
    }

    fn forget_reset_identities(&mut self) {
        let mut identities = self.database.identities.lock();
        for table in &self.transaction.reset_identities {
            identities.remove(table);
        }
    }

    pub(super) fn save(&mut self, name: &str, sink: &mut dyn ResultSink) -> Result<()> {
        if self.transaction.count == 0 {
            return Err(SqlError::new(
                628,
                "Cannot issue SAVE TRANSACTION when there is no active transaction.",
            ));
        }
        self.begin_writing(sink)?;
        let catalog = self.transaction.catalog.clone();
        self.sqlite(&format!("SAVEPOINT {}", savepoint(self.transaction.savepoints.len())))?;
        self.transaction.savepoints.push((name.to_owned(), catalog));
        Ok(())
    }

    /// A transaction-manager request of the protocol.
    pub(super) fn managed_transaction(
        &mut self,
        request: TransactionRequest,
        sink: &mut dyn ResultSink,
    ) -> Result<()> {
        match request {
            TransactionRequest::Begin { isolation } => {
                match isolation {
                    1 | 2 => self.set_isolation(Isolation::ReadCommitted),
                    3..=5 => self.set_isolation(Isolation::Serial),
                    _ => {}
                }
                self.begin(None, sink)
            }
            TransactionRequest::Commit { begin } => {
                self.commit(sink)?;
                if begin { self.begin(None, sink) } else { Ok(()) }
            }
            TransactionRequest::Rollback { name, begin } => {
                self.roll_back(Some(&name), sink)?;
                if begin { self.begin(None, sink) } else { Ok(()) }
            }
            TransactionRequest::Save { name } => self.save(&name, sink),
        }
    }

    // --- writing -----------------------------------------------------------------------------------------

    /// Takes the write lock of the database, waiting as LOCK_TIMEOUT says.
    fn take_write_lock(&mut self) -> Result<()> {
        let resource = Resource::Writer { database: self.database.name.to_lowercase() };
        let timeout = u64::try_from(self.options.lock_timeout_ms).ok().map(Duration::from_millis);
        let wanted = (Mode::Exclusive, Owner::Transaction);
        match self.engine.locks.acquire(self.id, &resource, wanted, timeout, &self.cancel) {
            Outcome::Granted | Outcome::GrantedAfterWaiting => Ok(()),
            Outcome::TimedOut => {
                Err(SqlError { state: 51, ..SqlError::new(1222, "Lock request time out period exceeded.") })
            }
            Outcome::Cancelled => Err(cancelled()),
            Outcome::Deadlock => Err(deadlock(self.id.number())),
        }
    }

    /// Begins the SQLite transaction of an explicit transaction, if it is not open yet.
    pub(super) fn begin_writing(&mut self, _: &mut dyn ResultSink) -> Result<()> {
        if self.transaction.doomed {
            return Err(doomed());
        }
        if self.transaction.writing {
            return Ok(());
        }
        self.take_write_lock()?;
        self.sqlite("BEGIN IMMEDIATE")?;
        self.transaction.writing = true;
        Ok(())
    }

    /// Runs a statement so that it happens whole or not at all: in a savepoint, and in a transaction of its
    /// own where none is open.
    pub(super) fn atomically<T>(
        &mut self,
        scope: Scope,
        sink: &mut dyn ResultSink,
        run: impl FnOnce(&mut Self, &mut dyn ResultSink) -> Result<T>,
    ) -> Result<T> {
        let own_transaction = scope == Scope::Database && self.transaction.count == 0;
        if own_transaction {
            self.take_write_lock()?;
            if let Err(error) = self.sqlite("BEGIN IMMEDIATE") {
                self.engine.locks.release_transaction(self.id);
                return Err(error);
            }
        } else if scope == Scope::Database {
            self.begin_writing(sink)?;
        }
        // A transaction of the statement's own needs no savepoint: it is rolled back whole.
        let result = if own_transaction { run(self, sink) } else { self.in_savepoint(sink, run) };
        if !own_transaction {
            if self.transaction.writing && self.connection.connection.is_autocommit() {
                // A full disk or the like: SQLite has rolled back everything, and the client must know.
                self.roll_back_all(sink);
            }
            return result;
        }
        let result = result.and_then(|value| self.sqlite("COMMIT").map(|()| value));
        if result.is_err() {
            let _ = self.connection.connection.execute_batch("ROLLBACK");
            self.forget_reset_identities();
            self.transaction.catalog = None;
            self.after_sqlite_rollback();
        }
        self.publish_catalog();
        self.transaction.reset_identities.clear();
        self.engine.locks.release_transaction(self.id);
        result
    }

    fn in_savepoint<T>(
        &mut self,
        sink: &mut dyn ResultSink,
        run: impl FnOnce(&mut Self, &mut dyn ResultSink) -> Result<T>,
    ) -> Result<T> {
        self.sqlite("SAVEPOINT \"$statement\"")?;
        let catalog = self.transaction.catalog.clone();
        let result = run(self, sink);
        if result.is_err() {
            let _ = self.sqlite("ROLLBACK TO \"$statement\"");
            self.transaction.catalog = catalog;
        }
        self.sqlite("RELEASE \"$statement\"").and(result)
    }

    // --- the catalog in a transaction --------------------------------------------------------------------

    /// Keeps a changed catalog until the transaction ends.
    pub(super) fn put_catalog(&mut self, catalog: Catalog) {
        self.transaction.catalog = Some(Arc::new(catalog));
        self.refresh_catalog();
    }

    fn publish_catalog(&mut self) {
        if let Some(catalog) = self.transaction.catalog.take() {
            *self.database.catalog.lock() = catalog;
        }
    }

    // --- table variables do not roll back ----------------------------------------------------------------

    /// The rows of all table variables in use, where a rollback of SQLite would take them.
    fn table_variable_rows(&self) -> Vec<(Arc<Table>, Vec<Vec<Stored>>)> {
        let tables = self.frames.iter().flat_map(|frame| frame.tables.values());
        tables.map(|table| (Arc::clone(table), self.rows_of(table).unwrap_or_default())).collect()
    }

    fn rows_of(&self, table: &Table) -> rusqlite::Result<Vec<Vec<Stored>>> {
        let mut statement =
            self.connection.connection.prepare(&format!("SELECT * FROM {}", table.sql_name()))?;
        let width = statement.column_count();
        let rows = statement.query_map([], |row| (0..width).map(|index| row.get(index)).collect())?;
        rows.collect()
    }

    fn restore_table_variables(&mut self, kept: Vec<(Arc<Table>, Vec<Vec<Stored>>)>) {
        for (table, rows) in kept {
            let restored = self.restore_table_variable(&table, &rows);
            if let Err(error) = restored {
                tracing::error!(%error, table = table.name, "a table variable lost its rows in a rollback");
            }
        }
    }

    fn restore_table_variable(&self, table: &Table, rows: &[Vec<Stored>]) -> Result<()> {
        self.make_temporary(table, true)?;
        let connection = &self.connection.connection;
        let run = || -> rusqlite::Result<()> {
            connection.execute(&format!("DELETE FROM {}", table.sql_name()), [])?;
            let marks = vec!["?"; table.columns.len()].join(", ");
            let mut insert =
                connection.prepare(&format!("INSERT INTO {} VALUES ({marks})", table.sql_name()))?;
            rows.iter().try_for_each(|row| insert.execute(rusqlite::params_from_iter(row)).map(drop))
        };
        run().map_err(|error| sqlite_error(&error))
    }

    /// SQLite tables that the rolled-back transaction had made are gone: forget those that are not in use,
    /// and the temporary tables that do not exist any more.
    fn after_sqlite_rollback(&mut self) {
        self.made_tables.retain(|_, made| made.in_use);
        let exists = |table: &Table| {
            let sql = "SELECT 1 FROM temp.sqlite_schema WHERE type = 'table' AND name = ?1";
            self.connection.connection.query_row(sql, [table.stored_name()], |_| Ok(())).is_ok()
        };
        let gone: Vec<String> =
            self.temporary.iter().filter(|(_, table)| !exists(table)).map(|(name, _)| name.clone()).collect();
        if !gone.is_empty() {
            self.temporary.retain(|name, _| !gone.contains(name));
            self.temporary_changed();
        }
    }
}

fn savepoint(index: usize) -> String {
    quoted_name(&format!("$save{index}"))
}

fn doomed() -> SqlError {
    SqlError::new(
        3930,
        "The current transaction cannot be committed and cannot support operations that write to the log file. Roll back \
         the transaction.",
    )
}

/// 1205.
pub(super) fn deadlock(session: u64) -> SqlError {
    let text = format!(
        "Transaction (Process ID {session}) was deadlocked on lock resources with another process and has been chosen as \
         the deadlock victim. Rerun the transaction."
    );
    SqlError { class: 13, state: 51, ..SqlError::new(1205, text) }
}
