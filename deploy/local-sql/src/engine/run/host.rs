//! What the executor of a change takes from its session, and what it leaves for it.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _};

use super::super::bind::change::{Change, Kind};
use super::super::bind::{self, Parameter};
use super::super::catalog::Table;
use super::super::change::{Host, Written, cancelled, sqlite_error};
use super::super::convert::in_range;
use super::super::error::{Result, SqlError};
use super::super::interface::{Message, ResultSink};

use super::super::storage::Interrupts;
use super::super::types::{Column, SqlType, Value};
use super::failure::{constraint_error, null_error};
use super::{Database, Session};

struct Target {
    /// Its name in SQLite, as the bound statement has it.
    sqlite: String,
    table: Arc<Table>,
    shown: String,
}

/// The session's side of one change. It owns what it needs: the connection is lent out meanwhile.
pub(super) struct RowHost {
    values: Vec<(Parameter, Value)>,
    /// The tables that are written, and as messages call them; the target first.
    tables: Vec<Target>,
    database: Arc<Database>,
    temporary_identities: HashMap<i32, i64>,
    identity: Option<i64>,
    variables: Vec<(String, Value)>,
    interrupts: Interrupts,
    kind: Kind,
}

impl Session {
    pub(super) fn host(&mut self, change: &Change, now: i64) -> Result<RowHost> {
        let output = change.output.as_ref();
        let parameters =
            change.parameters.iter().chain(output.into_iter().flat_map(|output| &output.parameters));
        let mut values: Vec<(Parameter, Value)> = Vec::new();
        for parameter in parameters {
            let of_row =
                matches!(parameter, Parameter::Inserted(_) | Parameter::Deleted(_) | Parameter::Extra(_));
            if !of_row && !values.iter().any(|(known, _)| known == parameter) {
                values.push((parameter.clone(), self.value_of(parameter, now)?));
            }
        }
        let into = output.and_then(|output| output.into.as_ref()).map(|(table, _)| table);
        let mut tables = Vec::new();
        for table in [Some(&change.table), into].into_iter().flatten() {
            let sqlite = table.sqlite.clone();
            tables.push(Target { sqlite, table: self.written_table(table)?, shown: shown(table) });
        }
        Ok(RowHost {
            values,
            tables,
            database: Arc::clone(&self.database),
            temporary_identities: std::mem::take(&mut self.temporary_identities),
            identity: None,
            variables: Vec::new(),
            interrupts: self.connection.interrupts.clone(),
            kind: change.kind,
        })
    }

    fn written_table(&self, table: &bind::Table) -> Result<Arc<Table>> {
        if table.id > 0 {
            return self
                .catalog()
                .table_by_id(table.id)
                .cloned()
                .ok_or_else(|| SqlError::new(208, format!("Invalid object name '{}'.", table.name)));
        }
        let variables = self.frame().into_iter().flat_map(|frame| frame.tables.values());
        // By name: a table variable that was made again after a rollback has another id than when this was
        // bound.
        let found = variables.chain(self.temporary.values()).find(|known| known.sql_name() == table.sqlite);
        found.cloned().ok_or_else(|| {
            let name = format!("{}.{}", table.schema.as_deref().unwrap_or("sys"), table.name);
            SqlError::new(259, format!("Ad hoc updates to system catalogs are not allowed ('{name}')."))
        })
    }

    /// Takes over what the change left.
    pub(super) fn settle(&mut self, host: RowHost) -> Result<()> {
        self.temporary_identities = host.temporary_identities;
        if host.identity.is_some() {
            self.scope_identity = host.identity;
            self.last_identity = host.identity;
        }
        host.variables.into_iter().try_for_each(|(name, value)| self.set_variable(&name, value))
    }
}

fn shown(table: &bind::Table) -> String {
    match &table.schema {
        Some(schema) => format!("{schema}.{}", table.name),
        None => table.name.clone(),
    }
}

impl RowHost {
    fn written(&self, table: &bind::Table) -> Result<&Target> {
        let known = self.tables.iter().find(|known| known.sqlite == table.sqlite);
        known.ok_or_else(|| SqlError::unsupported("this table here"))
    }
}

impl RowHost {
    /// What is done to a table: OUTPUT … INTO inserts whatever the statement does.
    fn verb(&self, written: &Target) -> &'static str {
        let is_target = self.tables.first().is_some_and(|target| target.sqlite == written.sqlite);
        match self.kind {
            Kind::Update if is_target => "UPDATE",
            Kind::Delete if is_target => "DELETE",
            _ => "INSERT",
        }
    }
}

impl Host for RowHost {
    fn parameter(&self, parameter: &Parameter) -> Result<Value> {
        let known = self.values.iter().find(|(known, _)| known == parameter);
        known.map(|(_, value)| value.clone()).ok_or_else(|| SqlError::unsupported("this parameter here"))
    }

    fn next_identities(
        &mut self,
        connection: &Connection,
        table: &bind::Table,
        count: usize,
    ) -> Result<(i64, i64)> {
        let table = Arc::clone(&self.written(table)?.table);
        let Some((column, seed, step)) = table.identity else { return Ok((0, 0)) };
        let ty = table.columns.get(column).map_or(SqlType::BigInt, |column| column.ty);
        let overflow = || {
            let text = format!("Arithmetic overflow error converting IDENTITY to data type {}.", ty.name());
            SqlError::new(8115, text)
        };
        let last = if table.is_temporary() {
            self.temporary_identities.get(&table.id).copied()
        } else {
            let mut identities = self.database.identities.lock();
            match identities.get(&table.id) {
                Some(last) => Some(*last),
                None => {
                    let stored = stored_identity(connection, &table, column, step)?;
                    stored.inspect(|last| {
                        identities.insert(table.id, *last);
                    })
                }
            }
        };
        let first = match last {
            Some(last) => last.checked_add(step).ok_or_else(overflow)?,
            None => seed,
        };
        let span =
            i64::try_from(count).ok().and_then(|count| (count - 1).checked_mul(step)).ok_or_else(overflow)?;
        let end = first.checked_add(span).ok_or_else(overflow)?;
        in_range(end, ty).map_err(|_| overflow())?;
        if table.is_temporary() {
            self.temporary_identities.insert(table.id, end);
        } else {
            self.database.identities.lock().insert(table.id, end);
            let mut statement = connection
                .prepare_cached("INSERT OR REPLACE INTO \"$identity\" (id, last) VALUES (?1, ?2)")
                .map_err(|error| sqlite_error(&error))?;
            statement.execute((table.id, end)).map_err(|error| sqlite_error(&error))?;
        }
        Ok((first, step))
    }

    fn identity_written(&mut self, value: i64) {
        self.identity = Some(value);
    }

    fn assign(&mut self, variable: &str, value: Value) -> Result<()> {
        self.variables.push((variable.to_owned(), value));
        Ok(())
    }

    fn set_writing(&self, writing: bool) {
        self.interrupts.hold(writing);
    }

    fn check_cancelled(&self) -> Result<()> {
        if self.interrupts.is_cancelled() { Err(cancelled()) } else { Ok(()) }
    }

    fn constraint_error(
        &self,
        connection: &Connection,
        table: &bind::Table,
        error: rusqlite::Error,
        written: &Written<'_>,
    ) -> SqlError {
        match self.written(table) {
            Ok(target) => {
                let value = |position| written.value(connection, table, position);
                let verb = self.verb(target);
                constraint_error(&self.database.name, verb, (&target.table, &target.shown), &error, &value)
            }
            Err(_) => sqlite_error(&error),
        }
    }

    fn null_error(&self, table: &bind::Table, column: &str) -> SqlError {
        match self.written(table) {
            Ok(target) => {
                null_error(&self.database.name, self.verb(target), (&target.table, &target.shown), column)
            }
            Err(error) => error,
        }
    }
}

/// The last identity value as the file knows it: what was noted, or a higher (for a falling identity lower)
/// one in the table.
fn stored_identity(connection: &Connection, table: &Table, column: usize, step: i64) -> Result<Option<i64>> {
    let noted: Option<i64> = connection
        .query_row("SELECT last FROM \"$identity\" WHERE id = ?1", [table.id], |row| row.get(0))
        .optional()
        .map_err(|error| sqlite_error(&error))?;
    let function = if step > 0 { "max" } else { "min" };
    let name = table.columns.get(column).map_or("", |column| &column.name);
    let sql = format!("SELECT {function}({}) FROM {}", bind::quoted_name(name), table.sql_name());
    let used: Option<i64> =
        connection.query_row(&sql, [], |row| row.get(0)).map_err(|error| sqlite_error(&error))?;
    Ok(match (noted, used) {
        (Some(noted), Some(used)) => Some(if step > 0 { noted.max(used) } else { noted.min(used) }),
        (noted, used) => noted.or(used),
    })
}

/// Keeps the results of a statement until it is known to succeed.
#[derive(Default)]
pub(super) struct Held {
    columns: Option<Vec<Column>>,
    rows: Vec<Vec<Value>>,
    messages: Vec<Message>,
}

impl Held {
    pub(super) fn release(self, sink: &mut dyn ResultSink) {
        self.messages.into_iter().for_each(|message| sink.info(message));
        if let Some(columns) = self.columns {
            sink.columns(&columns);
            self.rows.iter().for_each(|row| sink.row(row));
        }
    }
}

/// A change sends nothing but rows and information.
impl ResultSink for Held {
    fn columns(&mut self, columns: &[Column]) {
        self.columns = Some(columns.to_vec());
    }
    fn row(&mut self, values: &[Value]) {
        self.rows.push(values.to_vec());
    }
    fn info(&mut self, message: Message) {
        self.messages.push(message);
    }
    fn statement_done(&mut self, _: Option<u64>, _: bool) {}
    fn error(&mut self, _: Message) {}
    fn return_status(&mut self, _: i32) {}
    fn output(&mut self, _: &str, _: SqlType, _: &Value) {}
    fn transaction_began(&mut self, _: u64) {}
    fn transaction_committed(&mut self, _: u64) {}
    fn transaction_rolled_back(&mut self, _: u64) {}
    fn database_changed(&mut self, _: &str, _: &str) {}
}
