//! What the protocol half sees: the engine, its sessions and the sink of their results.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::types::{Column, SqlType, Value};

/// Where the databases live.
#[derive(Debug, Clone)]
pub enum Storage {
    /// Gone with the engine (files in memory-backed storage where the machine has it).
    Memory,
    /// One SQLite file per database in this directory.
    Directory(PathBuf),
}

/// Settings of `Engine::open`.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Where the databases live.
    pub storage: Storage,
    /// A session that holds the write lock without doing anything while others wait is cut after this time.
    pub idle_writer_ms: u64,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { storage: Storage::Memory, idle_writer_ms: 5_000 }
    }
}

/// An informational message or an error on its way to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// SQL Server's message number.
    pub number: i32,
    /// State.
    pub state: u8,
    /// Severity; up to 10 is information.
    pub class: u8,
    /// The text.
    pub text: String,
    /// Line in the batch, from 1.
    pub line: u32,
    /// The procedure that raised it, or empty.
    pub procedure: String,
}

/// Receives what a batch produces, in the order in which TDS sends it.
///
/// `columns` opens a result set, `row` follows for each row, `statement_done` closes it. A statement without
/// a result set only calls `statement_done`, with `None` under `SET NOCOUNT ON` and for statements that count
/// nothing.
pub trait ResultSink {
    /// A result set begins.
    fn columns(&mut self, columns: &[Column]);
    /// One row, as long as the columns.
    fn row(&mut self, values: &[Value]);
    /// A statement ended; `select` tells whether it was the end of a result set.
    fn statement_done(&mut self, count: Option<u64>, select: bool);
    /// PRINT, warnings, severity up to 10.
    fn info(&mut self, message: Message);
    /// An error; `statement_done` is not called for its statement.
    fn error(&mut self, message: Message);
    /// The return status of a procedure call.
    fn return_status(&mut self, status: i32);
    /// An output parameter of a procedure call.
    fn output(&mut self, name: &str, ty: SqlType, value: &Value);
    /// An explicit transaction began.
    fn transaction_began(&mut self, descriptor: u64);
    /// The outermost transaction committed.
    fn transaction_committed(&mut self, descriptor: u64);
    /// The transaction was rolled back, by request or by an error.
    fn transaction_rolled_back(&mut self, descriptor: u64);
    /// `USE`.
    fn database_changed(&mut self, old: &str, new: &str);
}

/// A transaction-manager request of TDS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransactionRequest {
    /// Begin; the isolation level byte of TDS (0 = keep).
    Begin {
        /// TDS isolation level: 1 read uncommitted … 4 serializable, 5 snapshot, 0 as it is.
        isolation: u8,
    },
    /// Commit; begin the next one if asked.
    Commit {
        /// Begin another transaction at once.
        begin: bool,
    },
    /// Roll back, to a savepoint if named; begin the next one if asked.
    Rollback {
        /// Savepoint name, or empty for the whole transaction.
        name: String,
        /// Begin another transaction at once.
        begin: bool,
    },
    /// Make a savepoint.
    Save {
        /// Savepoint name.
        name: String,
    },
}

/// Stops what a session is doing: waiting for a lock or running a statement. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct CancelFlag(Arc<AtomicBool>);

impl CancelFlag {
    /// Asks the running batch to stop; it returns soon, with the transaction as SQL Server would leave it
    /// after an Attention (rolled back only under XACT_ABORT ON).
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// To be called before the next batch.
    pub fn clear(&self) {
        self.0.store(false, Ordering::Release);
    }

    /// Whether [`Self::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
