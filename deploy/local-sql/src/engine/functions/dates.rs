//! DATEADD, DATEDIFF and DATEPART on ticks.

use rusqlite::Connection;
use rusqlite::types::Value as Stored;

use super::super::convert::ticks::{
    Civil, PER_DAY, PER_HOUR, PER_MICROSECOND, PER_MILLISECOND, PER_MINUTE, PER_SECOND, checked_offset,
    days_in_month, of_minutes, offset_minutes, rounded,
};
use super::super::error::{Result, SqlError};
use super::super::storage_form::{from_stored, to_stored};
use super::super::types::{SqlType, Value};
use super::pure;

/// The units of date arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i64)]
pub(in super::super) enum DatePart {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
    DayOfYear,
    Weekday,
    OffsetMinutes,
}

const ALL: [DatePart; 14] = [
    DatePart::Year,
    DatePart::Quarter,
    DatePart::Month,
    DatePart::Week,
    DatePart::Day,
    DatePart::Hour,
    DatePart::Minute,
    DatePart::Second,
    DatePart::Millisecond,
    DatePart::Microsecond,
    DatePart::Nanosecond,
    DatePart::DayOfYear,
    DatePart::Weekday,
    DatePart::OffsetMinutes,
];

/// A date part by its name or abbreviation.
pub(in super::super) fn date_part(name: &str) -> Option<DatePart> {
    Some(match name.to_ascii_lowercase().as_str() {
        "year" | "yy" | "yyyy" => DatePart::Year,
        "quarter" | "qq" | "q" => DatePart::Quarter,
        "month" | "mm" | "m" => DatePart::Month,
        "week" | "wk" | "ww" => DatePart::Week,
        "day" | "dd" | "d" => DatePart::Day,
        "hour" | "hh" => DatePart::Hour,
        "minute" | "mi" | "n" => DatePart::Minute,
        "second" | "ss" | "s" => DatePart::Second,
        "millisecond" | "ms" => DatePart::Millisecond,
        "microsecond" | "mcs" => DatePart::Microsecond,
        "nanosecond" | "ns" => DatePart::Nanosecond,
        "dayofyear" | "dy" | "y" => DatePart::DayOfYear,
        "weekday" | "dw" => DatePart::Weekday,
        "tzoffset" | "tz" => DatePart::OffsetMinutes,
        _ => return None,
    })
}

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    // ts_dateadd(part, number, ticks, type)
    pure(connection, "ts_dateadd", 4, |arguments| {
        let part = part_of(arguments.integer(0)?)?;
        let Some(number) = arguments.integer(1)? else { return Ok(Stored::Null) };
        let ty = arguments.ty(3)?;
        match arguments.value(2, 3)? {
            Value::Ticks(ticks) => add(part, number, ticks, ty).map(Stored::Integer),
            // Days and months are those of the local calendar.
            Value::Offset(ticks, minutes) => {
                let moved = add(part, number, ticks + of_minutes(minutes), ty)?;
                Ok(to_stored(Value::Offset(moved - of_minutes(minutes), minutes)))
            }
            _ => Ok(Stored::Null),
        }
    })?;
    // ts_datediff(part, from, to, big)
    pure(connection, "ts_datediff", 4, |arguments| {
        let part = part_of(arguments.integer(0)?)?;
        let (Some(from), Some(to)) = (arguments.integer(1)?, arguments.integer(2)?) else {
            return Ok(Stored::Null);
        };
        let difference = difference(part, from, to).ok_or_else(|| overflow("datediff_big"))?;
        if arguments.integer(3)? != Some(1) && i32::try_from(difference).is_err() {
            return Err(overflow("datediff"));
        }
        Ok(Stored::Integer(difference))
    })?;
    // ts_datepart(part, value, type): of the local time.
    pure(connection, "ts_datepart", 3, |arguments| {
        let part = part_of(arguments.integer(0)?)?;
        match (arguments.value(1, 2)?, part) {
            (Value::Offset(_, minutes), DatePart::OffsetMinutes) => Ok(Stored::Integer(minutes.into())),
            (Value::Offset(ticks, minutes), _) => {
                read(part, ticks + of_minutes(minutes)).map(Stored::Integer)
            }
            (Value::Ticks(ticks), _) => read(part, ticks).map(Stored::Integer),
            _ => Ok(Stored::Null),
        }
    })?;
    offsets(connection)
}

/// What only `datetimeoffset` has.
fn offsets(connection: &Connection) -> rusqlite::Result<()> {
    // ts_instant_ticks(offset): in UTC.
    pure(connection, "ts_instant_ticks", 1, |arguments| {
        let value = from_stored(arguments.raw(0), SqlType::DateTimeOffset(7))?;
        Ok(if let Value::Offset(ticks, _) = value { Stored::Integer(ticks) } else { Stored::Null })
    })?;
    // ts_offset_minutes(text)
    pure(connection, "ts_offset_minutes", 1, |arguments| {
        let Some(text) = arguments.text(0)? else { return Ok(Stored::Null) };
        offset_minutes(&text).map(|minutes| Stored::Integer(minutes.into())).ok_or_else(bad_offset)
    })?;
    // ts_switchoffset(offset, minutes) keeps the instant, ts_todatetimeoffset(offset, minutes) the local time.
    for (name, keeps_local) in [("ts_switchoffset", false), ("ts_todatetimeoffset", true)] {
        pure(connection, name, 2, move |arguments| {
            let value = from_stored(arguments.raw(0), SqlType::DateTimeOffset(7))?;
            let (Value::Offset(ticks, old), Some(minutes)) = (value, arguments.integer(1)?) else {
                return Ok(Stored::Null);
            };
            let minutes = checked_offset(minutes).ok_or_else(bad_offset)?;
            let ticks = if keeps_local { ticks + of_minutes(old) - of_minutes(minutes) } else { ticks };
            Ok(to_stored(Value::Offset(ticks, minutes)))
        })?;
    }
    Ok(())
}

fn bad_offset() -> SqlError {
    SqlError::new(9812, "The timezone provided to builtin function todatetimeoffset is invalid.")
}

fn part_of(code: Option<i64>) -> Result<DatePart> {
    let part = code.and_then(|code| usize::try_from(code).ok()).and_then(|index| ALL.get(index));
    part.copied().ok_or_else(|| SqlError::unsupported("this date part"))
}

fn overflow(function: &str) -> SqlError {
    SqlError::new(
        535,
        format!(
            "The {function} function resulted in an overflow. The number of dateparts separating two date/time \
             instances is too large. Try to use {function} with a less precise datepart."
        ),
    )
    .with_state(0)
}

/// The ticks of one unit, for the units of fixed length.
fn unit(part: DatePart) -> Option<i64> {
    Some(match part {
        DatePart::Week => 7 * PER_DAY,
        DatePart::Day | DatePart::DayOfYear | DatePart::Weekday => PER_DAY,
        DatePart::Hour => PER_HOUR,
        DatePart::Minute => PER_MINUTE,
        DatePart::Second => PER_SECOND,
        DatePart::Millisecond => PER_MILLISECOND,
        DatePart::Microsecond => PER_MICROSECOND,
        _ => return None,
    })
}

fn add(part: DatePart, number: i64, ticks: i64, ty: SqlType) -> Result<i64> {
    let too_far =
        || SqlError::new(517, format!("Adding a value to a '{}' column caused an overflow.", ty.name()));
    let moved = match part {
        DatePart::Year => add_months(ticks, number.checked_mul(12)),
        DatePart::Quarter => add_months(ticks, number.checked_mul(3)),
        DatePart::Month => add_months(ticks, Some(number)),
        DatePart::Nanosecond => ticks.checked_add(number / 100),
        _ => unit(part).and_then(|unit| number.checked_mul(unit)).and_then(|span| ticks.checked_add(span)),
    };
    let moved = moved.ok_or_else(too_far)?;
    match ty {
        SqlType::Time(_) => Ok(moved.rem_euclid(PER_DAY)),
        _ => rounded(moved, ty).map_err(|_| too_far()),
    }
}

fn add_months(ticks: i64, months: Option<i64>) -> Option<i64> {
    let civil = Civil::of(ticks);
    let total = (civil.year * 12 + civil.month - 1).checked_add(months?)?;
    let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
    let day = civil.day.min(days_in_month(year, month));
    Some(Civil { year, month, day }.ticks()? + ticks.rem_euclid(PER_DAY))
}

/// Counts the boundaries crossed, as SQL Server does.
fn difference(part: DatePart, from: i64, to: i64) -> Option<i64> {
    let months = |ticks| {
        let civil = Civil::of(ticks);
        civil.year * 12 + civil.month - 1
    };
    match part {
        DatePart::Year => Some(Civil::of(to).year - Civil::of(from).year),
        DatePart::Quarter => Some(months(to).div_euclid(3) - months(from).div_euclid(3)),
        DatePart::Month => Some(months(to) - months(from)),
        // Weeks begin on Sunday; 0001-01-01 was a Monday.
        DatePart::Week => {
            let week = |ticks: i64| (ticks.div_euclid(PER_DAY) + 1).div_euclid(7);
            Some(week(to) - week(from))
        }
        DatePart::Nanosecond => to.checked_sub(from)?.checked_mul(100),
        _ => unit(part).map(|unit| to.div_euclid(unit) - from.div_euclid(unit)),
    }
}

fn read(part: DatePart, ticks: i64) -> Result<i64> {
    let civil = Civil::of(ticks);
    let time = ticks.rem_euclid(PER_DAY);
    Ok(match part {
        DatePart::Year => civil.year,
        DatePart::Quarter => (civil.month + 2) / 3,
        DatePart::Month => civil.month,
        DatePart::Day => civil.day,
        DatePart::Hour => time / PER_HOUR,
        DatePart::Minute => time / PER_MINUTE % 60,
        DatePart::Second => time / PER_SECOND % 60,
        DatePart::Millisecond => time / PER_MILLISECOND % 1_000,
        DatePart::Microsecond => time / PER_MICROSECOND % 1_000_000,
        DatePart::Nanosecond => time % PER_SECOND * 100,
        DatePart::DayOfYear => {
            let first = Civil { year: civil.year, month: 1, day: 1 }.ticks().unwrap_or(0);
            (ticks - first).div_euclid(PER_DAY) + 1
        }
        // Sunday is 1; 0001-01-01 was a Monday.
        DatePart::Weekday => (ticks.div_euclid(PER_DAY) + 1).rem_euclid(7) + 1,
        DatePart::Week | DatePart::OffsetMinutes => {
            return Err(SqlError::unsupported("this part of this type in DATEPART"));
        }
    })
}
