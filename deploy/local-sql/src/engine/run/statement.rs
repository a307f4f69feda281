//! Statements that read and change rows, and the values that they take from the session.

use std::rc::Rc;

use super::super::ast::{Statement, StatementKind};
use super::super::bind::change::Change;
use super::super::bind::{self, Parameter, System};
use super::super::change::{self, bind_parameters, sqlite_error};
use super::super::convert::ticks;
use super::super::error::{Result, SqlError};
use super::super::interface::ResultSink;
use super::super::storage_form::{from_stored, to_stored};
use super::super::types::{Column, Value};
use super::Session;
use super::failure::is_nameless_foreign_key;
use super::host::Held;
use super::interpret::assigned;
use super::program::{Bound, PreparedQuery, PreparedScalar, Program};
use super::transaction::Scope;

impl Session {
    /// Runs a statement that is not control flow.
    pub(super) fn run_simple(
        &mut self,
        program: &Rc<Program>,
        statement: &Statement,
        sink: &mut dyn ResultSink,
    ) -> Result<()> {
        let ordinal = statement.ordinal;
        match &statement.kind {
            StatementKind::Select(_)
            | StatementKind::Insert(_)
            | StatementKind::Update(_)
            | StatementKind::Delete(_) => match self.bound_statement(program, statement)? {
                Bound::Query(query) => self.select(&query, sink),
                Bound::Change(change) => self.change(&change, sink),
                Bound::Scalar(_) => Ok(()),
            },
            StatementKind::Declare(variables) => {
                for (index, (name, _, value)) in variables.iter().enumerate() {
                    if let Some(value) = value {
                        self.assign_expression(program, (ordinal, index), name, value)?;
                        self.row_count = 1;
                    }
                }
                Ok(())
            }
            StatementKind::Set { variable, value } => {
                self.assign_expression(program, (ordinal, 0), variable, value)?;
                self.row_count = 1;
                Ok(())
            }
            // Made with the frame.
            StatementKind::DeclareTable(..) => Ok(()),
            StatementKind::SetOption { name, value } => self.set_option(name, value),
            StatementKind::Print(value) => self.print(program, ordinal, value, sink),
            StatementKind::WaitFor(delay) => self.wait_for(program, ordinal, delay),
            StatementKind::Begin(name) => self.begin(name.as_deref(), sink),
            StatementKind::Commit => self.commit(sink),
            StatementKind::Rollback(name) => self.roll_back(name.as_deref(), sink),
            StatementKind::Save(name) => self.save(name, sink),
            StatementKind::Use(name) => self.use_database(name, sink),
            _ => self.define(&statement.kind, sink),
        }
    }

    // --- reading -----------------------------------------------------------------------------------------

    fn select(&mut self, prepared: &PreparedQuery, sink: &mut dyn ResultSink) -> Result<()> {
        self.check_rights(&prepared.needs)?;
        if self.transaction.count() > 0 && (prepared.locking || self.options.isolation.locks_reads()) {
            self.begin_writing(sink)?;
        }
        self.refresh_catalog();
        let (now, assigns) = (self.statement_time(), !prepared.query.assignments.is_empty());
        let mut last: Option<Vec<Value>> = None;
        let count = {
            let connection = &self.connection.connection;
            let mut statement =
                connection.prepare_cached(&prepared.query.sql).map_err(|error| sqlite_error(&error))?;
            bind_parameters(&mut statement, &prepared.parameters, |parameter| {
                Ok(to_stored(self.value_of(parameter, now)?))
            })?;
            if !assigns {
                sink.columns(&prepared.query.columns);
            }
            let mut rows = statement.raw_query();
            let mut count = 0_u64;
            while let Some(row) = rows.next().map_err(|error| sqlite_error(&error))? {
                let values = row_values(row, &prepared.query.columns)?;
                count += 1;
                if assigns {
                    last = Some(values);
                } else {
                    sink.row(&values);
                }
            }
            count
        };
        if let Some(values) = last {
            let columns = prepared.query.columns.iter();
            for (((variable, ty), column), value) in
                prepared.query.assignments.iter().zip(columns).zip(values)
            {
                self.set_variable(variable, assigned(value, column.ty, *ty)?)?;
            }
        }
        self.row_count = i64::try_from(count).unwrap_or(i64::MAX);
        if !assigns {
            sink.statement_done((!self.options.no_count).then_some(count), true);
        }
        Ok(())
    }

    /// The value of a bound expression.
    pub(super) fn evaluate(&mut self, prepared: &PreparedScalar) -> Result<Value> {
        let now = self.statement_time();
        if let (true, [parameter]) = (prepared.sql == "SELECT ?1", prepared.parameters.as_slice()) {
            return self.value_of(parameter, now);
        }
        self.check_rights(&prepared.needs)?;
        self.refresh_catalog();
        let connection = &self.connection.connection;
        let mut statement = connection.prepare_cached(&prepared.sql).map_err(|error| sqlite_error(&error))?;
        bind_parameters(&mut statement, &prepared.parameters, |parameter| {
            Ok(to_stored(self.value_of(parameter, now)?))
        })?;
        let mut rows = statement.raw_query();
        match rows.next().map_err(|error| sqlite_error(&error))? {
            Some(row) => from_stored(row.get_ref(0).map_err(|error| sqlite_error(&error))?, prepared.ty),
            None => Ok(Value::Null),
        }
    }

    /// Runs SQLite text that yields nothing.
    pub(super) fn execute_with(&mut self, sql: &str, parameters: &[Parameter]) -> Result<()> {
        let now = self.statement_time();
        let mut statement = self.connection.connection.prepare(sql).map_err(|error| sqlite_error(&error))?;
        bind_parameters(&mut statement, parameters, |parameter| {
            Ok(to_stored(self.value_of(parameter, now)?))
        })?;
        statement.raw_execute().map(drop).map_err(|error| sqlite_error(&error))
    }

    /// The time that the running statement sees.
    fn statement_time(&mut self) -> i64 {
        *self.now.get_or_insert_with(ticks::now)
    }

    pub(super) fn value_of(&self, parameter: &Parameter, now: i64) -> Result<Value> {
        match parameter {
            Parameter::Variable(name) => {
                let value = self.frame().and_then(|frame| frame.variables.get(name));
                value.cloned().ok_or_else(|| {
                    SqlError::syntax(137, format!("Must declare the scalar variable \"{name}\"."))
                })
            }
            Parameter::System(System::Now) => Ok(Value::Ticks(now)),
            Parameter::System(value) => Ok(self.system_value(*value)),
            Parameter::Inserted(_) | Parameter::Deleted(_) | Parameter::Extra(_) => {
                Err(SqlError::unsupported("values of changed rows here"))
            }
        }
    }

    fn system_value(&self, value: System) -> Value {
        let caught = self.caught.last().map(|caught| &caught.error);
        let whole = |number: i64| Value::Int(number);
        let identity =
            |number: Option<i64>| number.map_or(Value::Null, |number| Value::Decimal(number.into(), 0));
        let optional = |number: Option<i64>| number.map_or(Value::Null, Value::Int);
        match value {
            System::Now => Value::Null,
            System::RowCount => whole(self.row_count),
            System::TransactionCount => whole(i64::from(self.transaction.count())),
            System::LastError => whole(i64::from(self.last_error)),
            System::ScopeIdentity => identity(self.scope_identity),
            System::LastIdentity => identity(self.last_identity),
            System::TransactionState => whole(self.transaction.state()),
            System::SessionId => whole(i64::try_from(self.id.number()).unwrap_or(i64::MAX)),
            System::LockTimeout => whole(self.options.lock_timeout_ms),
            System::Database => Value::Text(self.database.name.clone()),
            System::Login => Value::Text(self.login.name().to_owned()),
            System::ApplicationName => Value::Text(self.client.application.clone()),
            System::HostName => Value::Text(self.client.host.clone()),
            System::ErrorNumber => optional(caught.map(|error| i64::from(error.number))),
            System::ErrorSeverity => optional(caught.map(|error| i64::from(error.class))),
            System::ErrorState => optional(caught.map(|error| i64::from(error.state))),
            System::ErrorLine => optional(caught.map(|error| i64::from(error.line))),
            System::ErrorMessage => caught.map_or(Value::Null, |error| Value::Text(error.text.clone())),
            System::ErrorProcedure => Value::Null,
        }
    }

    // --- changing ----------------------------------------------------------------------------------------

    fn change(&mut self, change: &Change, sink: &mut dyn ResultSink) -> Result<()> {
        self.check_rights(&change.needs)?;
        self.refresh_catalog();
        let scope = self.change_scope(change);
        let count = self.atomically(scope, sink, |session, sink| session.run_change(change, false, sink));
        let moves_keys = change.kind == bind::change::Kind::Update;
        let count = match count {
            Err(error)
                if is_nameless_foreign_key(&error) || (moves_keys && matches!(error.number, 2601 | 2627)) =>
            {
                self.change_with_late_keys(change, scope, sink)?
            }
            other => other?,
        };
        self.row_count = i64::try_from(count).unwrap_or(i64::MAX);
        let rows = change.output.as_ref().is_some_and(|output| output.into.is_none());
        sink.statement_done((!self.options.no_count).then_some(count), rows);
        Ok(())
    }

    fn change_scope(&self, change: &Change) -> Scope {
        // Rows of #tables come back with a rollback, those of table variables never.
        let rolls_back = |table: &bind::Table| table.id >= 0 || !table.name.starts_with('@');
        let into = change.output.as_ref().and_then(|output| output.into.as_ref()).map(|(table, _)| table);
        let any = rolls_back(&change.table) || into.is_some_and(|table| rolls_back(table));
        let in_transaction = self.transaction.count() > 0;
        match (change.writes_temporary_only(), any) {
            (false, _) => Scope::Database,
            (true, true) if in_transaction => Scope::Database,
            (true, _) => Scope::Session,
        }
    }

    fn run_change(&mut self, change: &Change, parking: bool, sink: &mut dyn ResultSink) -> Result<u64> {
        let now = self.statement_time();
        let mut host = self.host(change, now)?;
        let result = change::run(&self.connection.connection, change, parking, &mut host, sink);
        self.settle(host)?;
        result.map_err(|error| self.with_database(error))
    }

    /// 2628 names the table with its database, which the function that raised it does not know.
    pub(super) fn with_database(&self, error: SqlError) -> SqlError {
        if error.number != 2628 || error.text.contains("in table '@") || error.text.contains("in table '#") {
            return error;
        }
        let text = error.text.replacen("in table '", &format!("in table '{}.", self.database.name), 1);
        SqlError { text, ..error }
    }

    /// SQLite checks keys row by row, where SQL Server looks at the end of the statement, and does not say
    /// which foreign key failed. So the change is done once more with unique keys moved out of the way first
    /// and the check of foreign keys put off: then either nothing is wrong, or SQLite can say which key it
    /// is.
    fn change_with_late_keys(
        &mut self,
        change: &Change,
        scope: Scope,
        sink: &mut dyn ResultSink,
    ) -> Result<u64> {
        self.atomically(scope, sink, |session, sink| {
            let put_off = |session: &Self, value: &str| {
                let sql = format!("PRAGMA defer_foreign_keys = {value}");
                session.connection.connection.execute_batch(&sql).map_err(|error| sqlite_error(&error))
            };
            put_off(session, "ON")?;
            let mut held_back = Held::default();
            let result = session.run_change(change, true, &mut held_back);
            let violated = session.violated_foreign_key(change);
            put_off(session, "OFF")?;
            let count = result?;
            match violated? {
                Some(error) => Err(error),
                None => {
                    held_back.release(sink);
                    Ok(count)
                }
            }
        })
    }

    fn violated_foreign_key(&self, change: &Change) -> Result<Option<SqlError>> {
        let connection = &self.connection.connection;
        let found = connection.query_row("PRAGMA foreign_key_check", [], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(3)?))
        });
        let (child, index) = match found {
            Ok(found) => found,
            Err(rusqlite::Error::QueryReturnedNoRows) => return Ok(None),
            Err(error) => return Err(sqlite_error(&error)),
        };
        let catalog = self.catalog();
        let Some(table) = catalog.tables().find(|table| table.stored_name() == child) else {
            return Err(SqlError::new(547, format!("A foreign key of table \"{child}\" does not hold.")));
        };
        // SQLite numbers the keys of a table backwards.
        let position =
            usize::try_from(index).ok().and_then(|index| table.foreign_keys.len().checked_sub(index + 1));
        let Some(key) = position.and_then(|position| table.foreign_keys.get(position)) else {
            return Err(SqlError::new(547, format!("A foreign key of table \"{child}\" does not hold.")));
        };
        let verb = match change.kind {
            bind::change::Kind::Insert => "INSERT",
            bind::change::Kind::Update => "UPDATE",
            bind::change::Kind::Delete => "DELETE",
        };
        let own = table.id == change.table.id && change.kind != bind::change::Kind::Delete;
        let (kind, other, columns) = if own {
            let parent = if key.parent == table.id { Some(table) } else { catalog.table_by_id(key.parent) };
            ("FOREIGN KEY", parent, &key.parent_columns)
        } else {
            ("REFERENCE", Some(table), &key.columns)
        };
        let other = other.unwrap_or(table);
        let column = columns.first().and_then(|column| other.columns.get(*column));
        let column =
            column.filter(|_| columns.len() == 1).map(|column| format!(", column '{}'", column.name));
        let text = format!(
            "The {verb} statement conflicted with the {kind} constraint \"{}\". The conflict occurred in \
                database \"{}\", table \"{}\"{}.",
            key.name,
            self.database.name,
            other.shown(),
            column.unwrap_or_default()
        );
        Ok(Some(SqlError::new(547, text).with_state(0)))
    }
}

fn row_values(row: &rusqlite::Row<'_>, columns: &[Column]) -> Result<Vec<Value>> {
    let cells = columns.iter().enumerate();
    cells
        .map(|(index, column)| {
            from_stored(row.get_ref(index).map_err(|error| sqlite_error(&error))?, column.ty)
        })
        .collect()
}
