//! How values lie in SQLite, how types travel through SQLite's untyped functions, and how SQL Server's errors
//! come back out of them.
//!
//! Integers and bits are INTEGER, dates and times INTEGER ticks, floats REAL, strings TEXT, binaries BLOB,
//! GUIDs BLOB in the order in which SQL Server compares them. Decimals are BLOB: the digits at the scale of their type,
//! so that bytes compare as numbers do. A `datetimeoffset` is TEXT, the instant and then the offset, under a collation
//! that looks at the instant alone.

use rusqlite::types::{Value as Stored, ValueRef};

use super::error::{Result, SqlError};
use super::types::{SqlType, Value};

/// Stands for `max` in a type code.
const MAX_LENGTH: i64 = 0xFFFF;
/// Marks a SQLite error message that carries one of SQL Server's errors.
const CARRIER: char = '\u{1}';

/// A type as one integer, for an argument of a SQLite function.
pub(super) fn type_code(ty: SqlType) -> i64 {
    let length = |length: Option<u16>| length.map_or(MAX_LENGTH, i64::from);
    let (tag, detail) = match ty {
        SqlType::Bit => (1, 0),
        SqlType::TinyInt => (2, 0),
        SqlType::SmallInt => (3, 0),
        SqlType::Int => (4, 0),
        SqlType::BigInt => (5, 0),
        SqlType::Float => (6, 0),
        SqlType::Real => (7, 0),
        SqlType::Decimal(precision, scale) => (8, i64::from(precision) << 8 | i64::from(scale)),
        SqlType::NVarChar(limit) => (9, length(limit)),
        SqlType::NChar(limit) => (10, i64::from(limit)),
        SqlType::VarChar(limit) => (11, length(limit)),
        SqlType::Char(limit) => (12, i64::from(limit)),
        SqlType::VarBinary(limit) => (13, length(limit)),
        SqlType::Binary(limit) => (14, i64::from(limit)),
        SqlType::UniqueIdentifier => (15, 0),
        SqlType::Date => (16, 0),
        SqlType::Time(precision) => (17, i64::from(precision)),
        SqlType::SmallDateTime => (18, 0),
        SqlType::DateTime => (19, 0),
        SqlType::DateTime2(precision) => (20, i64::from(precision)),
        SqlType::DateTimeOffset(precision) => (21, i64::from(precision)),
        SqlType::Money => (22, 0),
        SqlType::SmallMoney => (23, 0),
    };
    tag << 16 | detail
}

/// The type of a [`type_code`].
pub(super) fn type_of_code(code: i64) -> Result<SqlType> {
    let detail = code & MAX_LENGTH;
    let short = u16::try_from(detail).unwrap_or(u16::MAX);
    let limit = (detail != MAX_LENGTH).then_some(short);
    let precision = u8::try_from(detail & 0xFF).unwrap_or(7);
    Ok(match code >> 16 {
        1 => SqlType::Bit,
        2 => SqlType::TinyInt,
        3 => SqlType::SmallInt,
        4 => SqlType::Int,
        5 => SqlType::BigInt,
        6 => SqlType::Float,
        7 => SqlType::Real,
        8 => SqlType::Decimal(u8::try_from(detail >> 8).unwrap_or(38), precision),
        9 => SqlType::NVarChar(limit),
        10 => SqlType::NChar(short),
        11 => SqlType::VarChar(limit),
        12 => SqlType::Char(short),
        13 => SqlType::VarBinary(limit),
        14 => SqlType::Binary(short),
        15 => SqlType::UniqueIdentifier,
        16 => SqlType::Date,
        17 => SqlType::Time(precision),
        18 => SqlType::SmallDateTime,
        19 => SqlType::DateTime,
        20 => SqlType::DateTime2(precision),
        21 => SqlType::DateTimeOffset(precision),
        22 => SqlType::Money,
        23 => SqlType::SmallMoney,
        _ => return Err(SqlError::unsupported(format!("type code {code}"))),
    })
}

/// The bytes of a GUID in the order in which SQL Server compares them: the last group counts most.
const GUID_ORDER: [usize; 16] = [10, 11, 12, 13, 14, 15, 8, 9, 6, 7, 4, 5, 0, 1, 2, 3];

fn guid_in_wire_order(stored: &[u8]) -> Option<Value> {
    let mut guid = [0; 16];
    for (index, byte) in GUID_ORDER.into_iter().zip(<[u8; 16]>::try_from(stored).ok()?) {
        guid[index] = byte;
    }
    Some(Value::Guid(guid))
}

/// Flips the sign of a number in bytes, so that negative numbers come before positive ones.
const SIGN: u128 = 1 << 127;
/// Digits of the ticks before the offset of a stored `datetimeoffset`.
pub(super) const INSTANT_DIGITS: usize = 19;

/// The bytes of a decimal's digits.
#[expect(clippy::cast_sign_loss, reason = "the bit pattern, with its sign flipped")]
pub(super) fn decimal_bytes(units: i128) -> [u8; 16] {
    (units as u128 ^ SIGN).to_be_bytes()
}

#[expect(clippy::cast_possible_wrap, reason = "the bit pattern, with its sign flipped back")]
fn decimal_of(bytes: &[u8]) -> Option<i128> {
    <[u8; 16]>::try_from(bytes).ok().map(|bytes| (u128::from_be_bytes(bytes) ^ SIGN) as i128)
}

fn offset_of(text: &[u8]) -> Option<Value> {
    let (ticks, minutes) = std::str::from_utf8(text).ok()?.split_at_checked(INSTANT_DIGITS)?;
    Some(Value::Offset(ticks.parse().ok()?, minutes.parse().ok()?))
}

/// A value as SQLite keeps it.
pub(super) fn to_stored(value: Value) -> Stored {
    match value {
        Value::Null => Stored::Null,
        Value::Int(number) | Value::Ticks(number) => Stored::Integer(number),
        Value::Float(number) => Stored::Real(number),
        Value::Text(text) => Stored::Text(text),
        Value::Bytes(bytes) => Stored::Blob(bytes),
        Value::Guid(guid) => Stored::Blob(GUID_ORDER.map(|index| guid[index]).to_vec()),
        Value::Decimal(units, _) => Stored::Blob(decimal_bytes(units).to_vec()),
        Value::Offset(ticks, minutes) => Stored::Text(format!("{ticks:0INSTANT_DIGITS$}{minutes:+05}")),
    }
}

/// A stored value as the type that it was stored as.
pub(super) fn from_stored(stored: ValueRef<'_>, ty: SqlType) -> Result<Value> {
    let unexpected =
        || SqlError::new(40000, format!("local-sql found a stored value that is not {}.", ty.name()));
    Ok(match (stored, ty) {
        (ValueRef::Null, _) => Value::Null,
        (ValueRef::Integer(number), _) if ty.is_integer() => Value::Int(number),
        (ValueRef::Integer(ticks), _) if ty.is_date_or_time() => Value::Ticks(ticks),
        (ValueRef::Real(number), SqlType::Float | SqlType::Real) => Value::Float(number),
        #[expect(clippy::cast_precision_loss, reason = "SQLite may keep a whole float as an integer")]
        (ValueRef::Integer(number), SqlType::Float | SqlType::Real) => Value::Float(number as f64),
        (ValueRef::Text(bytes), _) if ty.is_text() => {
            Value::Text(String::from_utf8_lossy(bytes).into_owned())
        }
        (ValueRef::Text(bytes), SqlType::DateTimeOffset(_)) => offset_of(bytes).ok_or_else(unexpected)?,
        (ValueRef::Blob(bytes), SqlType::Decimal(_, scale)) => {
            Value::Decimal(decimal_of(bytes).ok_or_else(unexpected)?, scale)
        }
        (ValueRef::Blob(bytes), SqlType::Money | SqlType::SmallMoney) => {
            Value::Decimal(decimal_of(bytes).ok_or_else(unexpected)?, 4)
        }
        (ValueRef::Blob(bytes), SqlType::UniqueIdentifier) => {
            guid_in_wire_order(bytes).ok_or_else(unexpected)?
        }
        (ValueRef::Blob(bytes), _) if ty.is_binary() => Value::Bytes(bytes.to_vec()),
        _ => return Err(unexpected()),
    })
}

/// An error on its way through SQLite, which only lets a text pass.
#[derive(Debug)]
pub(super) struct Carried(pub(super) SqlError);

impl std::fmt::Display for Carried {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let SqlError { number, class, state, text, .. } = &self.0;
        write!(formatter, "{CARRIER}{number}{CARRIER}{class}{CARRIER}{state}{CARRIER}{text}")
    }
}

impl std::error::Error for Carried {}

/// The error that a function carried out of SQLite, if the message is one of ours.
pub(super) fn carried(message: &str) -> Option<SqlError> {
    let mut parts = message.split_once(CARRIER)?.1.splitn(4, CARRIER);
    let (number, class, state) = (parts.next()?, parts.next()?, parts.next()?);
    Some(SqlError {
        number: number.parse().ok()?,
        class: class.parse().ok()?,
        state: state.parse().ok()?,
        text: parts.next()?.to_owned(),
        line: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_survives_its_code() {
        let types = [
            SqlType::Bit,
            SqlType::BigInt,
            SqlType::Decimal(38, 10),
            SqlType::NVarChar(None),
            SqlType::NVarChar(Some(4000)),
            SqlType::VarBinary(Some(1)),
            SqlType::DateTime2(7),
            SqlType::DateTimeOffset(0),
            SqlType::Money,
            SqlType::SmallMoney,
        ];
        for ty in types {
            assert_eq!(type_of_code(type_code(ty)).unwrap(), ty);
        }
    }

    #[test]
    fn a_guid_survives_its_stored_order() {
        let guid = Value::Guid(*b"0123456789abcdef");
        let Stored::Blob(stored) = to_stored(guid.clone()) else { panic!("a blob") };
        assert_eq!(stored, b"abcdef8967450123");
        assert_eq!(from_stored(ValueRef::Blob(&stored), SqlType::UniqueIdentifier), Ok(guid));
    }

    #[test]
    fn stored_decimals_compare_as_numbers_and_offsets_by_instant() {
        let stored = |units| decimal_bytes(units);
        assert!(stored(-2) < stored(-1) && stored(-1) < stored(0) && stored(0) < stored(1));
        assert!(stored(1) < stored(10_i128.pow(37)) && stored(-(10_i128.pow(37))) < stored(-1));
        let offset = Value::Offset(638_000_000_000_000_000, -570);
        let Stored::Text(text) = to_stored(offset.clone()) else { panic!("text") };
        assert_eq!(text, "0638000000000000000-0570");
        assert_eq!(from_stored(ValueRef::Text(text.as_bytes()), SqlType::DateTimeOffset(7)), Ok(offset));
    }

    #[test]
    fn an_error_survives_its_way_through_sqlite() {
        let error = SqlError::new(245, "Conversion failed.");
        assert_eq!(carried(&Carried(error.clone()).to_string()), Some(error));
        assert_eq!(carried("no such table: x"), None);
    }
}
