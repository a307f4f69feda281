//! CONVERT with a style: dates as text in the numbered forms, binary as hexadecimal digits and back.

use rusqlite::Connection;
use rusqlite::types::Value as Stored;

use super::super::convert::ticks::{self, Civil, PER_HOUR, PER_MILLISECOND, PER_MINUTE, PER_SECOND};
use super::super::error::{Result, SqlError};
use super::super::types::SqlType;
use super::pure;

/// The date styles that [`formatted`] knows; the binder refuses the others by number.
pub(in super::super) const DATE_STYLES: &[i64] =
    &[0, 100, 20, 120, 21, 25, 121, 23, 101, 102, 103, 104, 105, 108, 110, 111, 112, 114, 126];

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    // ts_date_text(ticks, type, style)
    pure(connection, "ts_date_text", 3, |arguments| {
        let (Some(ticks), Some(style)) = (arguments.integer(0)?, arguments.integer(2)?) else {
            return Ok(Stored::Null);
        };
        formatted(ticks, arguments.ty(1)?, style).map(Stored::Text)
    })?;
    // ts_hex(bytes, style): style 1 with 0x, style 2 without.
    pure(connection, "ts_hex", 2, |arguments| {
        let rusqlite::types::ValueRef::Blob(bytes) = arguments.raw(0) else { return Ok(Stored::Null) };
        let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        let prefix = if arguments.integer(1)? == Some(1) { "0x" } else { "" };
        Ok(Stored::Text(format!("{prefix}{digits}")))
    })?;
    // ts_unhex(text, style)
    pure(connection, "ts_unhex", 2, |arguments| {
        let Some(text) = arguments.text(0)? else { return Ok(Stored::Null) };
        let digits = match arguments.integer(1)? {
            Some(1) => text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")),
            _ => Some(text.as_str()),
        };
        digits
            .and_then(bytes_of)
            .map(Stored::Blob)
            .ok_or_else(|| SqlError::new(8114, "Error converting data type varchar to varbinary."))
    })
}

fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    if !digits.is_ascii() || digits.len() % 2 == 1 {
        return None;
    }
    (0..digits.len())
        .step_by(2)
        .map(|index| u8::from_str_radix(digits.get(index..index + 2)?, 16).ok())
        .collect()
}

/// A date or time in one of [`DATE_STYLES`].
fn formatted(value: i64, ty: SqlType, style: i64) -> Result<String> {
    let Civil { year, month, day } = Civil::of(value);
    let time = value.rem_euclid(ticks::PER_DAY);
    let iso_date = format!("{year:04}-{month:02}-{day:02}");
    let clock = format!("{:02}:{:02}:{:02}", time / PER_HOUR, time / PER_MINUTE % 60, time / PER_SECOND % 60);
    let has = |date: bool, clock: bool| match ty {
        SqlType::Date => date && !clock,
        SqlType::Time(_) => clock && !date,
        _ => true,
    };
    let joined = |separator: &str, fraction: &str| match ty {
        SqlType::Date => iso_date.clone(),
        SqlType::Time(_) => format!("{clock}{fraction}"),
        _ => format!("{iso_date}{separator}{clock}{fraction}"),
    };
    let fraction = fraction(time, ty);
    Ok(match style {
        0 | 100 => ticks::format(value, ty),
        20 | 120 => joined(" ", ""),
        21 | 25 | 121 => joined(" ", &fraction),
        126 if time % PER_SECOND == 0 => joined("T", ""),
        126 => joined("T", &fraction),
        _ if !has(!matches!(style, 108 | 114), matches!(style, 108 | 114)) => {
            return Err(SqlError::unsupported(format!("CONVERT of {} with style {style}", ty.name())));
        }
        23 => iso_date,
        101 => format!("{month:02}/{day:02}/{year:04}"),
        102 => format!("{year:04}.{month:02}.{day:02}"),
        103 => format!("{day:02}/{month:02}/{year:04}"),
        104 => format!("{day:02}.{month:02}.{year:04}"),
        105 => format!("{day:02}-{month:02}-{year:04}"),
        108 => clock,
        110 => format!("{month:02}-{day:02}-{year:04}"),
        111 => format!("{year:04}/{month:02}/{day:02}"),
        112 => format!("{year:04}{month:02}{day:02}"),
        114 => format!("{clock}:{:03}", time % PER_SECOND / PER_MILLISECOND),
        _ => return Err(SqlError::unsupported(format!("CONVERT with style {style}"))),
    })
}

/// `.fff` as long as the type is precise.
fn fraction(time: i64, ty: SqlType) -> String {
    let digits = match ty {
        SqlType::DateTime2(scale) | SqlType::Time(scale) => usize::from(scale.min(7)),
        SqlType::DateTime => 3,
        _ => 0,
    };
    if digits == 0 {
        return String::new();
    }
    let all = format!("{:07}", time % PER_SECOND);
    format!(".{}", all.get(..digits).unwrap_or(&all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_iso_styles_show_what_the_type_holds() {
        let value = Civil { year: 2024, month: 2, day: 29 }.ticks().unwrap()
            + 13 * PER_HOUR
            + 5 * PER_SECOND
            + 1_230_000;
        assert_eq!(formatted(value, SqlType::DateTime, 120).unwrap(), "2024-02-29 13:00:05");
        assert_eq!(formatted(value, SqlType::DateTime, 121).unwrap(), "2024-02-29 13:00:05.123");
        assert_eq!(formatted(value, SqlType::DateTime2(7), 126).unwrap(), "2024-02-29T13:00:05.1230000");
        assert_eq!(formatted(value, SqlType::DateTime, 112).unwrap(), "20240229");
    }
}
