//! Sessions: a batch is compiled, its statements run one after the other, errors go where SQL Server sends
//! them.
//!
//! `program` compiles and caches batches, `interpret` is control flow, `statement` runs what reads and
//! changes rows, `define` DDL (`alter` ALTER TABLE), `transaction` begins and ends transactions, `failure` decides what an error
//! does, `procedure` holds the system procedures, `option` SET, `permission` says what the user may do, `security`
//! changes that. Start at [`Session::run_batch`].

mod alter;
mod define;
mod environment;
mod failure;
mod host;
mod interpret;
mod option;
mod permission;
mod procedure;
mod program;
mod security;
mod statement;
mod transaction;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::bind;
use super::catalog::{KeyKind, Metadata, Table};
use super::error::{Result, SqlError};
use super::interface::{CancelFlag, EngineOptions, Message, ResultSink, TransactionRequest};
use super::locks::{Locks, SessionId};
use super::logins::{Login, Logins};
use super::storage::{Database, Databases, MASTER, SessionConnection};
use super::types::{Param, Value};
use failure::Caught;
use option::Options;
use program::Programs;
use transaction::Transaction;

/// All databases of one server, and the locks on them.
#[derive(Debug)]
pub struct Engine {
    databases: Databases,
    locks: Locks,
    logins: Logins,
}

impl Engine {
    /// Opens the storage; creates `master` if absent.
    ///
    /// # Errors
    /// 5120 and 5180 where files cannot be opened or read.
    pub fn open(options: EngineOptions) -> Result<Arc<Self>> {
        let databases = Databases::open(&options.storage)?;
        let locks = Locks::new(Duration::from_millis(options.idle_writer_ms));
        let logins = Logins::load(databases.connect_to_master()?)?;
        Ok(Arc::new(Self { databases, locks, logins }))
    }

    /// The login with this name and password, if they belong together. The administrator's password is not kept
    /// here.
    pub fn authenticate(&self, name: &str, password: &str) -> Option<Arc<Login>> {
        self.logins.authenticate(name, password)
    }

    /// Opens a session of the administrator in a database, which is created if it does not exist. An empty name
    /// means `master`.
    ///
    /// # Errors
    /// As [`Self::open`]; 1036 for an impossible name.
    pub fn open_session(self: &Arc<Self>, database: &str) -> Result<Session> {
        self.open_session_of(Login::administrator(), database)
    }

    /// Opens a session. Only the administrator makes a database by naming it.
    ///
    /// # Errors
    /// As [`Self::open_session`]; 4060 if there is no such database, or no user for the login in it.
    pub fn open_session_of(self: &Arc<Self>, login: Arc<Login>, database: &str) -> Result<Session> {
        let name = if database.is_empty() { MASTER } else { database };
        let database = match login.sid() {
            None => self.databases.open_or_create(name)?,
            Some(_) => {
                let found = self.databases.find(name).filter(|database| database.admits(&login));
                found.ok_or_else(|| cannot_open(name))?
            }
        };
        let cancel = CancelFlag::default();
        let metadata = Arc::new(Mutex::new(Metadata {
            catalog: Arc::clone(&database.catalog.lock()),
            temporary: Vec::new(),
            database: database.name.clone(),
            databases: self.databases.names(),
            login: Arc::clone(&login),
        }));
        let connection = self.databases.connect(&database, &metadata, &cancel)?;
        let cut = CancellationToken::new();
        let id = self.locks.register(cut.clone());
        Ok(Session {
            engine: Arc::clone(self),
            id,
            cut,
            cancel,
            login,
            client: Client::default(),
            login_database: Arc::clone(&database),
            database,
            connection,
            metadata,
            programs: Programs::default(),
            options: Options::default(),
            transaction: Transaction::default(),
            frames: Vec::new(),
            temporary: HashMap::new(),
            temporary_version: 0,
            temporary_id: 0,
            temporary_identities: HashMap::new(),
            made_tables: HashMap::new(),
            tries: Vec::new(),
            caught: Vec::new(),
            prepared: HashMap::new(),
            last_handle: 0,
            row_count: 0,
            last_error: 0,
            scope_identity: None,
            last_identity: None,
            now: None,
        })
    }
}

/// What a client says about itself at its login.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// `HOST_NAME()`.
    pub host: String,
    /// `APP_NAME()`.
    pub application: String,
}

/// What runs: the batch, or a text executed inside it.
#[derive(Debug)]
struct Frame {
    /// Scalar variables by lower-case name with `@`.
    variables: HashMap<String, Value>,
    /// Table variables by lower-case name with `@`.
    tables: HashMap<String, Arc<Table>>,
    /// The statement that runs now.
    ordinal: usize,
    line: u32,
}

/// One connection's state. Synchronous: its calls block on SQLite and on locks, so give each its own thread.
/// Dropping it rolls back and releases everything.
#[derive(Debug)]
pub struct Session {
    engine: Arc<Engine>,
    id: SessionId,
    cut: CancellationToken,
    cancel: CancelFlag,
    login: Arc<Login>,
    client: Client,
    login_database: Arc<Database>,
    database: Arc<Database>,
    connection: SessionConnection,
    metadata: Arc<Mutex<Metadata>>,
    programs: Programs,
    options: Options,
    transaction: Transaction,
    frames: Vec<Frame>,
    /// `#tables` by lower-case name.
    temporary: HashMap<String, Arc<Table>>,
    /// Rises with each change of `temporary`: statements bound before are bound again.
    temporary_version: u64,
    /// The last object id given to a temporary table or table variable; they are negative.
    temporary_id: i32,
    /// The last identity value of each of them.
    temporary_identities: HashMap<i32, i64>,
    /// SQLite tables made for table variables, by name: kept empty between batches, so that a batch that runs
    /// again needs no DDL. The flag tells whether a running batch uses it.
    made_tables: HashMap<String, MadeTable>,
    /// The frame depths of the TRY blocks that are open, innermost last.
    tries: Vec<usize>,
    /// The errors of the CATCH blocks that run, innermost last.
    caught: Vec<Caught>,
    /// Statements of `sp_prepare`: text and parameters.
    prepared: HashMap<i32, (String, String)>,
    last_handle: i32,
    row_count: i64,
    last_error: i32,
    scope_identity: Option<i64>,
    last_identity: Option<i64>,
    /// The time of the running statement.
    now: Option<i64>,
}

/// A SQLite table that stands for a table variable.
#[derive(Debug)]
struct MadeTable {
    table: Arc<Table>,
    in_use: bool,
}

impl Session {
    /// Runs a batch (SQLBatch). Results, messages and errors go to the sink.
    pub fn run_batch(&mut self, text: &str, sink: &mut dyn ResultSink) {
        self.request(sink, |session, sink| {
            if let Err(error) = session.run_top_level(text, sink) {
                session.report(&error, sink);
            }
        });
    }

    /// Calls a procedure by name (RPC): `sp_executesql`, the `sp_prepexec` family, `sp_getapplock` …
    /// Sends result sets, then the return status, then output parameters.
    pub fn call_procedure(&mut self, name: &str, params: Vec<Param>, sink: &mut dyn ResultSink) {
        self.request(sink, |session, sink| session.remote_call(name, params, sink));
    }

    /// A transaction-manager request.
    pub fn transaction_request(&mut self, request: TransactionRequest, sink: &mut dyn ResultSink) {
        self.request(sink, |session, sink| {
            if let Err(error) = session.managed_transaction(request, sink) {
                session.report(&error, sink);
            }
        });
    }

    /// RESETCONNECTION: rolls back, drops temporary tables, restores the options and the database of the
    /// login.
    pub fn reset(&mut self, sink: &mut dyn ResultSink) {
        self.roll_back_all(sink);
        self.engine.locks.release_session(self.id);
        self.drop_temporary_tables();
        self.options = Options::default();
        self.prepared.clear();
        (self.row_count, self.last_error, self.scope_identity, self.last_identity) = (0, 0, None, None);
        if self.database.id != self.login_database.id {
            let name = self.login_database.name.clone();
            if let Err(error) = self.use_database(&name, sink) {
                self.report(&error, sink);
            }
        }
    }

    /// Who the client says it is.
    pub fn set_client(&mut self, client: Client) {
        self.client = client;
    }

    /// The handle with which another thread stops this session's batch (Attention, lost client).
    pub fn cancel_flag(&self) -> CancelFlag {
        self.cancel.clone()
    }

    /// Fires when the engine wants this connection closed: it sat idle on the write lock while others waited.
    /// The protocol half then closes the socket and drops the session.
    pub fn cut(&self) -> CancellationToken {
        self.cut.clone()
    }

    /// The current database.
    pub fn database(&self) -> &str {
        &self.database.name
    }

    /// The descriptor of the open transaction, 0 outside one.
    pub fn transaction_descriptor(&self) -> u64 {
        self.transaction.descriptor()
    }

    /// The frame of what every request has: busy while it runs, uncommittable transactions end with it.
    fn request(&mut self, sink: &mut dyn ResultSink, run: impl FnOnce(&mut Self, &mut dyn ResultSink)) {
        self.engine.locks.set_busy(self.id, true);
        self.tries.clear();
        self.caught.clear();
        run(self, sink);
        self.frames.clear();
        self.connection.json_rows.clear();
        if self.transaction.is_doomed() {
            let text = "Uncommittable transaction is detected at the end of the batch. The transaction is \
                rolled back.";
            self.report(&SqlError::new(3998, text), sink);
            self.roll_back_all(sink);
        }
        self.engine.locks.set_busy(self.id, false);
    }

    /// Runs a batch of the client in a fresh frame.
    fn run_top_level(&mut self, text: &str, sink: &mut dyn ResultSink) -> Result<()> {
        let program = self.compile(text, "")?;
        let variables = program.fresh_variables();
        self.run_frame(program, variables, sink).map(drop).map_err(|raised| raised.error)
    }

    /// `USE`.
    fn use_database(&mut self, name: &str, sink: &mut dyn ResultSink) -> Result<()> {
        let Some(database) = self.engine.databases.find(name) else {
            let text =
                format!("Database '{name}' does not exist. Make sure that the name is entered correctly.");
            return Err(SqlError::new(911, text));
        };
        if database.id == self.database.id {
            return Ok(());
        }
        if !database.admits(&self.login) {
            let text = format!(
                "The server principal \"{}\" is not able to access the database \"{name}\" under the current \
                    security context.",
                self.login.name()
            );
            return Err(SqlError { class: 14, ..SqlError::new(916, text) });
        }
        if self.transaction.has_begun_writing() {
            return Err(SqlError::unsupported("USE in a transaction that has written"));
        }
        self.drop_temporary_tables();
        let connection = self.engine.databases.connect(&database, &self.metadata, &self.cancel)?;
        let old = std::mem::replace(&mut self.database, database);
        self.connection = connection;
        self.metadata.lock().database.clone_from(&self.database.name);
        self.refresh_catalog();
        let text = format!("Changed database context to '{}'.", self.database.name);
        sink.database_changed(&old.name, &self.database.name);
        sink.info(Message { number: 5701, state: 1, class: 0, text, line: 0, procedure: String::new() });
        Ok(())
    }

    /// Sends an error to the client.
    fn report(&mut self, error: &SqlError, sink: &mut dyn ResultSink) {
        self.last_error = error.number;
        let line =
            if error.line == 0 { self.frames.last().map_or(1, |frame| frame.line) } else { error.line };
        sink.error(Message {
            number: error.number,
            state: error.state,
            class: error.class,
            text: error.text.clone(),
            line,
            procedure: String::new(),
        });
    }

    fn frame(&self) -> Option<&Frame> {
        self.frames.last()
    }

    /// The value of a variable as another module sees it.
    fn set_variable(&mut self, name: &str, value: Value) -> Result<()> {
        let found = self.frames.last_mut().and_then(|frame| frame.variables.get_mut(name));
        let Some(variable) = found else {
            return Err(SqlError::syntax(137, format!("Must declare the scalar variable \"{name}\".")));
        };
        *variable = value;
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.transaction.has_begun_writing() {
            // SQLite would roll back when the connection closes; the lock must not be free before.
            let _ = self.connection.connection.execute_batch("ROLLBACK");
        }
        self.engine.locks.forget(self.id);
    }
}

fn cannot_open(database: &str) -> SqlError {
    let text = format!("Cannot open database \"{database}\" requested by the login. The login failed.");
    SqlError { class: 11, ..SqlError::new(4060, text) }
}

/// A catalog table as binding sees it.
fn bound_table(table: &Table) -> Rc<bind::Table> {
    let identity = table.identity.map(|(position, ..)| position);
    let columns = table.columns.iter().enumerate().map(|(position, column)| bind::TableColumn {
        name: column.name.clone(),
        ty: column.ty,
        nullable: column.nullable,
        collation: column.collation(),
        identity: identity == Some(position),
        default: column.default.as_ref().map(|default| default.text.clone()),
    });
    Rc::new(bind::Table {
        sqlite: table.sql_name(),
        id: table.id,
        name: table.name.clone(),
        schema: (!table.is_temporary()).then(|| table.schema.clone()),
        columns: columns.collect(),
        ignore_duplicates: table.keys.iter().any(|key| key.ignore_duplicates),
        unique_columns: table
            .keys
            .iter()
            .filter(|key| key.kind != KeyKind::Index)
            .flat_map(|key| key.columns.iter().map(|(column, _)| *column))
            .collect(),
        row_id: table.row_id,
    })
}
