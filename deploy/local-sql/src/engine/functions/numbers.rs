//! Integer and float arithmetic with SQL Server's overflow and division errors.

use rusqlite::Connection;
use rusqlite::types::Value as Stored;

use super::super::convert::{in_range, overflow_of_expression};
use super::super::error::{Result, SqlError};
use super::super::types::SqlType;
use super::{Arguments, pure};

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    integers(connection, "ts_add", |left, right| left.checked_add(right).ok_or(Trouble::Overflow))?;
    integers(connection, "ts_subtract", |left, right| left.checked_sub(right).ok_or(Trouble::Overflow))?;
    integers(connection, "ts_multiply", |left, right| left.checked_mul(right).ok_or(Trouble::Overflow))?;
    integers(connection, "ts_divide", |left, right| {
        if right == 0 { Err(Trouble::Zero) } else { left.checked_div(right).ok_or(Trouble::Overflow) }
    })?;
    integers(connection, "ts_modulo", |left, right| {
        if right == 0 { Err(Trouble::Zero) } else { Ok(left.checked_rem(right).unwrap_or(0)) }
    })?;
    integers(connection, "ts_xor", |left, right| Ok(left ^ right))?;
    // ts_divide_float(a, b)
    pure(connection, "ts_divide_float", 2, |arguments| match (arguments.float(0)?, arguments.float(1)?) {
        (Some(_), Some(0.0)) => Err(divided_by_zero()),
        (Some(left), Some(right)) => Ok(Stored::Real(left / right)),
        _ => Ok(Stored::Null),
    })?;
    // ts_negate(a, type), ts_absolute(a, type), ts_in_range(a, type): the last checks what an aggregate
    // summed up.
    one(connection, "ts_negate", |number| -number, |units| -units)?;
    one(connection, "ts_absolute", f64::abs, i128::abs)?;
    one(connection, "ts_in_range", |number| number, |units| units)?;
    // ts_decimals(float, digits): ROUND of a float.
    pure(connection, "ts_decimals", 2, |arguments| match (arguments.float(0)?, arguments.integer(1)?) {
        (Some(number), Some(digits)) => {
            let factor = 10_f64.powi(i32::try_from(digits).unwrap_or(0).clamp(-300, 300));
            Ok(Stored::Real((number * factor).round() / factor))
        }
        _ => Ok(Stored::Null),
    })
}

enum Trouble {
    Overflow,
    Zero,
}

pub(super) fn divided_by_zero() -> SqlError {
    SqlError::new(8134, "Divide by zero error encountered.")
}

/// name(a, b, type)
fn integers(
    connection: &Connection,
    name: &str,
    operation: impl Fn(i64, i64) -> Result<i64, Trouble> + Send + Sync + 'static,
) -> rusqlite::Result<()> {
    pure(connection, name, 3, move |arguments| {
        let (Some(left), Some(right)) = (arguments.integer(0)?, arguments.integer(1)?) else {
            return Ok(Stored::Null);
        };
        let ty = arguments.ty(2)?;
        match operation(left, right) {
            Ok(number) => in_range(number, ty).map(Stored::Integer),
            Err(Trouble::Overflow) => Err(overflow_of_expression(ty)),
            Err(Trouble::Zero) => Err(divided_by_zero()),
        }
    })
}

/// name(a, type), for numbers of every kind.
fn one(
    connection: &Connection,
    name: &str,
    float: impl Fn(f64) -> f64 + Send + Sync + 'static,
    exact: impl Fn(i128) -> i128 + Send + Sync + 'static,
) -> rusqlite::Result<()> {
    pure(connection, name, 2, move |arguments: &Arguments<'_, '_>| {
        if matches!(arguments.ty(1)?, SqlType::Float | SqlType::Real) {
            return Ok(arguments.float(0)?.map_or(Stored::Null, |number| Stored::Real(float(number))));
        }
        super::decimals::exact(arguments, 1, |units, _| Some(exact(units)))
    })
}
