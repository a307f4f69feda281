//! Carries out a bound INSERT, UPDATE or DELETE: finds the rows, changes them one by one, evaluates OUTPUT.
//!
//! The caller has begun a savepoint: an error leaves the statement half done. Start at [`run`].

use std::collections::HashSet;

use rusqlite::types::{Value as Stored, ValueRef};
use rusqlite::{Connection, Statement};

use super::bind::change::{Change, Kind, Output};
use super::bind::{Parameter, Table, quoted_name};
use super::error::{Result, SqlError};
use super::interface::{Message, ResultSink};
use super::storage_form::{carried, from_stored, to_stored};
use super::types::{SqlType, Value};

/// What a change needs of its session.
pub(super) trait Host {
    /// The value of a variable or of the session.
    fn parameter(&self, parameter: &Parameter) -> Result<Value>;
    /// Reserves identity values and returns the first and the step.
    fn next_identities(&mut self, connection: &Connection, table: &Table, count: usize)
    -> Result<(i64, i64)>;
    /// Tells the last identity value written: SCOPE_IDENTITY().
    fn identity_written(&mut self, value: i64);
    /// Sets a variable.
    fn assign(&mut self, variable: &str, value: Value) -> Result<()>;
    /// Writes begin or end: SQLite must not be interrupted in one, it would roll back the whole transaction.
    fn set_writing(&self, writing: bool);
    /// Between two rows: an error if the client has cancelled.
    fn check_cancelled(&self) -> Result<()>;
    /// What a failed write to that table means: 515, 547, 2601, 2627 …
    fn constraint_error(
        &self,
        connection: &Connection,
        table: &Table,
        error: rusqlite::Error,
        written: &Written<'_>,
    ) -> SqlError;
    /// 515 for a column of that table.
    fn null_error(&self, table: &Table, column: &str) -> SqlError;
}

/// The row that could not be written.
pub(super) struct Written<'a> {
    /// The positions of the columns that were to get values, and these.
    positions: &'a [usize],
    values: &'a [Stored],
    /// The row that was to be changed.
    row_id: Option<&'a Stored>,
}

impl Written<'_> {
    /// The value that a column was to have.
    pub(super) fn value(&self, connection: &Connection, table: &Table, position: usize) -> Stored {
        let given = self.positions.iter().position(|known| *known == position);
        if let Some(value) = given.and_then(|index| self.values.get(index)) {
            return value.clone();
        }
        let (Some(row_id), Some(column)) = (self.row_id, table.columns.get(position)) else {
            return Stored::Null;
        };
        let sql = format!("SELECT {} FROM {} WHERE _rowid_ = ?1", quoted_name(&column.name), table.sqlite);
        connection.query_row(&sql, [row_id], |row| row.get(0)).unwrap_or(Stored::Null)
    }
}

type Row = Vec<Stored>;

/// A row before and after, and what the other sources had.
struct Changed {
    inserted: Row,
    deleted: Row,
    extra: Row,
}

/// Runs the change and returns the number of rows. OUTPUT to the client goes to the sink once all rows are
/// changed.
///
/// `parking`: an UPDATE first gives unique keys values that nobody has, so that keys may move from row to
/// row.
///
/// # Errors
/// SQL Server's, also those of conversions and constraints.
pub(super) fn run(
    connection: &Connection,
    change: &Change,
    parking: bool,
    host: &mut dyn Host,
    sink: &mut dyn ResultSink,
) -> Result<u64> {
    let mut found = found_rows(connection, change, host)?;
    host.set_writing(true);
    let changed = match change.kind {
        Kind::Insert => insert_rows(
            connection,
            (&change.table, &change.assigned),
            found,
            change.output.is_some(),
            host,
            sink,
        ),
        Kind::Update if parking => {
            let parked = park(connection, change, &mut found);
            parked.and_then(|()| update_rows(connection, change, found, host))
        }
        Kind::Update => update_rows(connection, change, found, host),
        Kind::Delete => delete_rows(connection, change, found, host),
    };
    let emitted = changed.and_then(|(count, changed)| {
        if let Some(output) = &change.output {
            emit(connection, output, &changed, host, sink)?;
        }
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    });
    host.set_writing(false);
    emitted
}

/// Moves the unique keys of the rows out of each other's way.
fn park(connection: &Connection, change: &Change, rows: &mut [Row]) -> Result<()> {
    let table = &change.table;
    let moved: Vec<usize> =
        change.assigned.iter().copied().filter(|position| table.unique_columns.contains(position)).collect();
    if moved.is_empty() {
        return Ok(());
    }
    let sets: Vec<String> = moved
        .iter()
        .enumerate()
        .map(|(index, position)| format!("{} = ?{}", quoted_name(&table.columns[*position].name), index + 2))
        .collect();
    let text = format!("UPDATE {} SET {} WHERE _rowid_ = ?1", table.sqlite, sets.join(", "));
    // CHECK constraints look at the final values only; SQLite compiles statements anew when this changes.
    let checks = |ignored: &str| {
        let sql = format!("PRAGMA ignore_check_constraints = {ignored}");
        connection.execute_batch(&sql).map_err(|error| sqlite_error(&error))
    };
    checks("ON")?;
    let parked = park_rows(connection, table, &moved, &text, rows);
    checks("OFF")?;
    parked
}

fn park_rows(
    connection: &Connection,
    table: &Table,
    moved: &[usize],
    text: &str,
    rows: &mut [Row],
) -> Result<()> {
    let mut statement = connection.prepare(text).map_err(|error| sqlite_error(&error))?;
    for (number, row) in (i64::MIN..).zip(rows.iter_mut()) {
        let values = moved.iter().map(|position| parked_value(table.columns[*position].ty, number));
        let parameters: Row = std::iter::once(row[0].clone()).chain(values).collect();
        statement.execute(rusqlite::params_from_iter(parameters)).map_err(|error| sqlite_error(&error))?;
        if table.row_id.is_some_and(|position| moved.contains(&position)) {
            row[0] = Stored::Integer(number);
        }
    }
    Ok(())
}

/// A value of the column's storage class that no client writes.
fn parked_value(ty: SqlType, number: i64) -> Stored {
    match ty {
        _ if ty.is_decimal() || ty.is_binary() || ty == SqlType::UniqueIdentifier => {
            Stored::Blob([b"\0parked".as_slice(), &number.to_be_bytes()].concat())
        }
        #[expect(clippy::cast_precision_loss, reason = "distinct for any number of rows that fits memory")]
        SqlType::Float | SqlType::Real => Stored::Real(f64::MIN_POSITIVE * (number - i64::MIN) as f64),
        SqlType::DateTimeOffset(_) => Stored::Text(format!("parked{number}")),
        _ if ty.is_text() => Stored::Text(format!("\u{10FFFF}parked{number}")),
        _ => Stored::Integer(number),
    }
}

/// An error of SQLite that is not a constraint's: one that a function carried out, or an internal one.
pub(super) fn sqlite_error(error: &rusqlite::Error) -> SqlError {
    let text = error.to_string();
    match error {
        _ if carried(&text).is_some() => carried(&text).unwrap_or_else(|| SqlError::unsupported(&text)),
        rusqlite::Error::SqliteFailure(failure, _)
            if failure.code == rusqlite::ErrorCode::OperationInterrupted =>
        {
            cancelled()
        }
        _ => SqlError::new(40000, format!("local-sql failed inside SQLite: {text}")),
    }
}

/// What a statement ends with that its client cancelled; it is never sent.
pub(super) fn cancelled() -> SqlError {
    SqlError { class: 11, ..SqlError::new(3617, "The operation was cancelled by the client.") }
}

/// Binds the parameters of a statement.
pub(super) fn bind_parameters(
    statement: &mut Statement<'_>,
    parameters: &[Parameter],
    value: impl Fn(&Parameter) -> Result<Stored>,
) -> Result<()> {
    // SQLite only knows parameters up to the highest that its text names.
    let known = statement.parameter_count();
    for (index, parameter) in parameters.iter().enumerate().take(known) {
        statement.raw_bind_parameter(index + 1, value(parameter)?).map_err(|error| sqlite_error(&error))?;
    }
    Ok(())
}

fn collect(statement: &mut Statement<'_>) -> Result<Vec<Row>> {
    let width = statement.column_count();
    let mut cursor = statement.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = cursor.next().map_err(|error| sqlite_error(&error))? {
        let cells: rusqlite::Result<Row> = (0..width).map(|index| row.get(index)).collect();
        rows.push(cells.map_err(|error| sqlite_error(&error))?);
    }
    Ok(rows)
}

fn found_rows(connection: &Connection, change: &Change, host: &dyn Host) -> Result<Vec<Row>> {
    let mut statement = connection.prepare_cached(&change.rows).map_err(|error| sqlite_error(&error))?;
    bind_parameters(&mut statement, &change.parameters, |parameter| {
        Ok(to_stored(host.parameter(parameter)?))
    })?;
    let mut rows = collect(&mut statement)?;
    if change.kind != Kind::Insert {
        // A join may find a row more than once; it is changed once.
        let mut seen = HashSet::new();
        rows.retain(|row| !matches!(row.first(), Some(Stored::Integer(id)) if !seen.insert(*id)));
    }
    Ok(rows)
}

/// How many rows were changed, and what they held where somebody asks.
type Outcome = (usize, Vec<Changed>);

/// `keeps`: whether the rows are to be returned, too.
fn insert_rows(
    connection: &Connection,
    (table, assigned): (&Table, &[usize]),
    rows: Vec<Row>,
    keeps: bool,
    host: &mut dyn Host,
    sink: &mut dyn ResultSink,
) -> Result<Outcome> {
    let identity = table.columns.iter().position(|column| column.identity);
    let (mut next, step) = match identity {
        Some(_) if !rows.is_empty() => host.next_identities(connection, table, rows.len())?,
        _ => (0, 0),
    };
    let positions: Vec<usize> = identity.into_iter().chain(assigned.iter().copied()).collect();
    let names: Vec<String> =
        positions.iter().map(|position| quoted_name(&table.columns[*position].name)).collect();
    let marks: Vec<String> = (1..=positions.len()).map(|number| format!("?{number}")).collect();
    let text = if positions.is_empty() {
        format!("INSERT INTO {} DEFAULT VALUES", table.sqlite)
    } else {
        format!("INSERT INTO {} ({}) VALUES ({})", table.sqlite, names.join(", "), marks.join(", "))
    };
    let mut statement = connection.prepare_cached(&text).map_err(|error| sqlite_error(&error))?;
    // SQLite would choose a row id by itself.
    let row_id = table.row_id.filter(|position| Some(*position) != identity);
    let row_id = row_id.map(|position| (position, positions.iter().position(|known| *known == position)));
    let (mut count, mut changed) = (0, Vec::new());
    let mut ignored = false;
    for row in rows {
        host.check_cancelled()?;
        let mut values = row;
        if identity.is_some() {
            values.insert(0, Stored::Integer(next));
        }
        values.truncate(positions.len());
        if let Some((position, index)) = row_id
            && index.is_none_or(|index| values[index] == Stored::Null)
        {
            return Err(host.null_error(table, &table.columns[position].name));
        }
        match statement.execute(rusqlite::params_from_iter(values.iter())) {
            Ok(_) => {}
            Err(error) if table.ignore_duplicates && is_duplicate(&error) => {
                if !std::mem::replace(&mut ignored, true) {
                    sink.info(duplicate_ignored());
                }
                next += step;
                continue;
            }
            Err(error) => {
                let written = Written { positions: &positions, values: &values, row_id: None };
                return Err(host.constraint_error(connection, table, error, &written));
            }
        }
        if identity.is_some() {
            host.identity_written(next);
            next += step;
        }
        count += 1;
        if !keeps {
            continue;
        }
        let mut inserted = vec![Stored::Null; table.columns.len()];
        for (position, value) in positions.iter().zip(values) {
            inserted[*position] = value;
        }
        changed.push(Changed { inserted, deleted: Vec::new(), extra: Vec::new() });
    }
    Ok((count, changed))
}

fn is_duplicate(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
    let code = error.sqlite_error().map(|failure| failure.extended_code);
    code.is_some_and(|code| code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY)
}

fn duplicate_ignored() -> Message {
    Message {
        number: 3604,
        state: 1,
        class: 0,
        text: "Duplicate key was ignored.".to_owned(),
        line: 0,
        procedure: String::new(),
    }
}

fn update_rows(
    connection: &Connection,
    change: &Change,
    rows: Vec<Row>,
    host: &mut dyn Host,
) -> Result<Outcome> {
    let table = &change.table;
    let sets: Vec<String> = change
        .assigned
        .iter()
        .enumerate()
        .map(|(index, position)| format!("{} = ?{}", quoted_name(&table.columns[*position].name), index + 2))
        .collect();
    let text = if sets.is_empty() {
        // Only variables are assigned: the rows stay as they are.
        format!("UPDATE {} SET _rowid_ = _rowid_ WHERE _rowid_ = ?1", table.sqlite)
    } else {
        format!("UPDATE {} SET {} WHERE _rowid_ = ?1", table.sqlite, sets.join(", "))
    };
    let mut statement = connection.prepare_cached(&text).map_err(|error| sqlite_error(&error))?;
    let values_end = 1 + change.assigned.len();
    let variables_end = values_end + change.variables.len();
    let row_id = change.assigned.iter().position(|position| Some(*position) == table.row_id);
    let mut changed = Vec::with_capacity(rows.len());
    for mut row in rows {
        host.check_cancelled()?;
        if let Some(index) = row_id
            && row[1 + index] == Stored::Null
        {
            let column = &table.columns[change.assigned[index]].name;
            return Err(host.null_error(table, column));
        }
        statement.execute(rusqlite::params_from_iter(&row[..values_end])).map_err(|error| {
            let written =
                Written { positions: &change.assigned, values: &row[1..values_end], row_id: row.first() };
            host.constraint_error(connection, table, error, &written)
        })?;
        for ((variable, ty), value) in change.variables.iter().zip(&row[values_end..variables_end]) {
            host.assign(variable, from_stored(ValueRef::from(value), *ty)?)?;
        }
        let mut deleted = row.split_off(variables_end);
        let extra = deleted.split_off(table.columns.len().min(deleted.len()));
        let mut inserted = deleted.clone();
        if !inserted.is_empty() {
            for (position, value) in change.assigned.iter().zip(row.into_iter().skip(1)) {
                inserted[*position] = value;
            }
        }
        changed.push(Changed { inserted, deleted, extra });
    }
    Ok((changed.len(), changed))
}

fn delete_rows(connection: &Connection, change: &Change, rows: Vec<Row>, host: &dyn Host) -> Result<Outcome> {
    let table = &change.table;
    let text = format!("DELETE FROM {} WHERE _rowid_ = ?1", table.sqlite);
    let mut statement = connection.prepare_cached(&text).map_err(|error| sqlite_error(&error))?;
    let mut changed = Vec::with_capacity(rows.len());
    for mut row in rows {
        host.check_cancelled()?;
        statement.execute([&row[0]]).map_err(|error| {
            let written = Written { positions: &[], values: &[], row_id: row.first() };
            host.constraint_error(connection, table, error, &written)
        })?;
        let mut deleted = row.split_off(1);
        let extra = deleted.split_off(table.columns.len().min(deleted.len()));
        changed.push(Changed { inserted: Vec::new(), deleted, extra });
    }
    Ok((changed.len(), changed))
}

/// Evaluates OUTPUT for each row: to the client, or into a table.
fn emit(
    connection: &Connection,
    output: &Output,
    changed: &[Changed],
    host: &mut dyn Host,
    sink: &mut dyn ResultSink,
) -> Result<()> {
    let mut statement = connection.prepare_cached(&output.sql).map_err(|error| sqlite_error(&error))?;
    let mut rows = Vec::with_capacity(changed.len());
    for row in changed {
        let cell = |cells: &Row, index: usize| cells.get(index).cloned().unwrap_or(Stored::Null);
        bind_parameters(&mut statement, &output.parameters, |parameter| match parameter {
            Parameter::Inserted(index) => Ok(cell(&row.inserted, *index)),
            Parameter::Deleted(index) => Ok(cell(&row.deleted, *index)),
            Parameter::Extra(index) => Ok(cell(&row.extra, *index)),
            other => Ok(to_stored(host.parameter(other)?)),
        })?;
        rows.extend(collect(&mut statement)?);
    }
    if let Some((table, positions)) = &output.into {
        insert_rows(connection, (table, positions), rows, false, host, sink)?;
        return Ok(());
    }
    sink.columns(&output.columns);
    for row in rows {
        let values: Result<Vec<Value>> = row
            .iter()
            .zip(&output.columns)
            .map(|(value, column)| from_stored(ValueRef::from(value), column.ty))
            .collect();
        sink.row(&values?);
    }
    Ok(())
}
