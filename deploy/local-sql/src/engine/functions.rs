//! What SQLite lacks of T-SQL: functions, aggregates' range checks and collations, registered on each
//! connection.
//!
//! All names begin with `ts_`; `bind` writes them. Types travel as codes (`storage_form`). A function that
//! fails carries SQL Server's error out through SQLite's message. One module per family.

mod collation;
mod dates;
mod decimals;
mod json;
mod numbers;
mod strings;
mod styles;

pub(super) use collation::compare_ci;
pub(super) use dates::{DatePart, date_part};
pub(super) use json::JsonRows;
pub(super) use styles::DATE_STYLES;

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::Value as Stored;

use super::convert::{self, Overlong};
use super::error::{Result, SqlError};
use super::storage_form::{Carried, from_stored, to_stored, type_of_code};
use super::types::Value;

/// Registers everything on a connection. What the caller gets is to be cleared after each statement.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<JsonRows> {
    let json_rows = JsonRows::default();
    collation::register(connection)?;
    numbers::register(connection)?;
    decimals::register(connection)?;
    strings::register(connection)?;
    dates::register(connection)?;
    json::register(connection, &json_rows)?;
    styles::register(connection)?;
    // ts_cast(value, from, to, strict): strict refuses what a column would refuse.
    pure(connection, "ts_cast", 4, |arguments| {
        let (from, to) = (arguments.ty(1)?, arguments.ty(2)?);
        let overlong = if arguments.integer(3)? == Some(1) { Overlong::Refuse } else { Overlong::Cut };
        Ok(to_stored(convert::convert(from_stored(arguments.raw(0), from)?, from, to, overlong)?))
    })?;
    // ts_cast_column(value, from, to, table, column): as ts_cast in strict mode; the refusal names the
    // column.
    pure(connection, "ts_cast_column", 5, |arguments| {
        let (from, to) = (arguments.ty(1)?, arguments.ty(2)?);
        let value = from_stored(arguments.raw(0), from)?;
        let converted = convert::convert(value.clone(), from, to, Overlong::Refuse);
        Ok(to_stored(match converted {
            Err(error) if error.number == convert::TRUNCATED => {
                return Err(truncated(arguments, convert::convert(value, from, to, Overlong::Cut)?)?);
            }
            other => other?,
        }))
    })?;
    // ts_try_cast(value, from, to): NULL instead of an error.
    pure(connection, "ts_try_cast", 3, |arguments| {
        let (from, to) = (arguments.ty(1)?, arguments.ty(2)?);
        let converted = convert::convert(from_stored(arguments.raw(0), from)?, from, to, Overlong::Cut);
        Ok(converted.map_or(Stored::Null, to_stored))
    })?;
    // ts_fail(number, text): for what can only be told when a row is reached.
    pure(connection, "ts_fail", 2, |arguments| {
        let number = arguments.integer(0)?.and_then(|number| i32::try_from(number).ok()).unwrap_or(40000);
        Err(SqlError::new(number, arguments.text(1)?.unwrap_or_default()))
    })?;
    Ok(json_rows)
}

/// 2628. The database's name is the session's to put in.
fn truncated(arguments: &Arguments<'_, '_>, kept: Value) -> Result<SqlError> {
    let (table, column) = (arguments.text(3)?.unwrap_or_default(), arguments.text(4)?.unwrap_or_default());
    let kept = if let Value::Text(text) = kept { text } else { String::new() };
    let text = format!(
        "String or binary data would be truncated in table '{table}', column '{column}'. Truncated value: \
            '{kept}'."
    );
    Ok(SqlError::new(2628, text))
}

/// The arguments of a call, read with the types that `bind` promised.
pub(super) struct Arguments<'a, 'b>(&'a Context<'b>);

impl Arguments<'_, '_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn raw(&self, index: usize) -> rusqlite::types::ValueRef<'_> {
        self.0.get_raw(index)
    }

    fn integer(&self, index: usize) -> Result<Option<i64>> {
        self.0.get(index).map_err(|_| mistyped(index, "an integer"))
    }

    fn float(&self, index: usize) -> Result<Option<f64>> {
        self.0.get(index).map_err(|_| mistyped(index, "a float"))
    }

    fn text(&self, index: usize) -> Result<Option<String>> {
        self.0.get(index).map_err(|_| mistyped(index, "a string"))
    }

    /// An argument as the type that another argument names.
    fn value(&self, index: usize, ty: usize) -> Result<Value> {
        from_stored(self.raw(index), self.ty(ty)?)
    }

    fn ty(&self, index: usize) -> Result<super::types::SqlType> {
        type_of_code(self.integer(index)?.unwrap_or_default())
    }
}

fn mistyped(index: usize, expected: &str) -> SqlError {
    SqlError::new(40000, format!("local-sql bound argument {index} of a function that wants {expected}."))
}

/// Registers a deterministic function. `count` -1 takes any number of arguments.
fn pure(
    connection: &Connection,
    name: &str,
    count: i32,
    function: impl Fn(&Arguments<'_, '_>) -> Result<Stored> + Send + Sync + 'static,
) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    scalar(connection, name, count, flags, function)
}

fn scalar(
    connection: &Connection,
    name: &str,
    count: i32,
    flags: FunctionFlags,
    function: impl Fn(&Arguments<'_, '_>) -> Result<Stored> + Send + Sync + 'static,
) -> rusqlite::Result<()> {
    connection.create_scalar_function(name, count, flags, move |context| {
        function(&Arguments(context))
            .map_err(|error| rusqlite::Error::UserFunctionError(Box::new(Carried(error))))
    })
}

#[cfg(test)]
mod tests;
