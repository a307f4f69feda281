//! TYPE_VARBYTE of results: [`Value`] to bytes, for the type that its column was described with.

use super::codepage;
use super::temporal;
use super::wire_type::decimal_bytes;
use crate::engine::{SqlType, Value};

const NULL_SHORT: [u8; 2] = [0xFF; 2];
const NULL_CHUNKS: [u8; 8] = [0xFF; 8];

/// A value that its column's type cannot carry: a fault of local-sql itself, reported to the client as an error.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("local-sql produced {value} for a column of type {ty:?}")]
pub(crate) struct Mismatch {
    ty: SqlType,
    value: &'static str,
}

/// Appends a value. On an error, what was appended is to be cut off again.
pub(crate) fn value(ty: SqlType, value: &Value, out: &mut Vec<u8>) -> Result<(), Mismatch> {
    if *value == Value::Null {
        null(ty, out);
        return Ok(());
    }
    let mismatch = || Mismatch { ty, value: kind_name(value) };
    match (ty, value) {
        (SqlType::Bit, Value::Int(bit)) => out.extend([1, u8::from(*bit != 0)]),
        (SqlType::TinyInt, Value::Int(number)) => {
            out.extend([1, u8::try_from(*number).map_err(|_| mismatch())?]);
        }
        (SqlType::SmallInt, Value::Int(number)) => {
            byte_sized(&i16::try_from(*number).map_err(|_| mismatch())?.to_le_bytes(), out);
        }
        (SqlType::Int, Value::Int(number)) => {
            byte_sized(&i32::try_from(*number).map_err(|_| mismatch())?.to_le_bytes(), out);
        }
        (SqlType::BigInt, Value::Int(number)) => byte_sized(&number.to_le_bytes(), out),
        (SqlType::Real, Value::Float(number)) => byte_sized(&(*number as f32).to_le_bytes(), out),
        (SqlType::Float, Value::Float(number)) => byte_sized(&number.to_le_bytes(), out),
        (SqlType::Float, Value::Int(number)) => byte_sized(&(*number as f64).to_le_bytes(), out),
        (SqlType::Decimal(precision, scale), Value::Decimal(digits, digits_scale)) => {
            decimal(precision, rescaled(*digits, *digits_scale, scale).ok_or_else(mismatch)?, out)
                .ok_or_else(mismatch)?;
        }
        (SqlType::Decimal(precision, scale), Value::Int(number)) => {
            decimal(precision, rescaled((*number).into(), 0, scale).ok_or_else(mismatch)?, out)
                .ok_or_else(mismatch)?;
        }
        (SqlType::Money, Value::Decimal(units, 4)) => {
            // The high half comes first.
            let bytes = i64::try_from(*units).map_err(|_| mismatch())?.to_le_bytes();
            let (low, high) = bytes.split_at(4);
            byte_sized(&[high, low].concat(), out);
        }
        (SqlType::SmallMoney, Value::Decimal(units, 4)) => {
            byte_sized(&i32::try_from(*units).map_err(|_| mismatch())?.to_le_bytes(), out);
        }
        (SqlType::UniqueIdentifier, Value::Guid(guid)) => byte_sized(guid, out),
        (SqlType::NVarChar(length), Value::Text(text)) => {
            utf16(length.is_none(), text, out).ok_or_else(mismatch)?
        }
        (SqlType::NChar(_), Value::Text(text)) => utf16(false, text, out).ok_or_else(mismatch)?,
        (SqlType::VarChar(length), Value::Text(text)) => {
            sized(length.is_none(), &codepage::encode(text), out).ok_or_else(mismatch)?;
        }
        (SqlType::Char(_), Value::Text(text)) => {
            sized(false, &codepage::encode(text), out).ok_or_else(mismatch)?;
        }
        (SqlType::VarBinary(length), Value::Bytes(bytes)) => {
            sized(length.is_none(), bytes, out).ok_or_else(mismatch)?;
        }
        (SqlType::Binary(_), Value::Bytes(bytes)) => sized(false, bytes, out).ok_or_else(mismatch)?,
        (_, Value::Ticks(ticks)) => ticks_value(ty, *ticks, out).ok_or_else(mismatch)?,
        (SqlType::DateTimeOffset(scale), Value::Offset(utc, minutes)) => {
            out.push((temporal::time_bytes(scale) + 5) as u8);
            time_and_date(*utc, scale, out);
            out.extend(minutes.to_le_bytes());
        }
        _ => return Err(mismatch()),
    }
    Ok(())
}

fn null(ty: SqlType, out: &mut Vec<u8>) {
    match ty {
        SqlType::NVarChar(None) | SqlType::VarChar(None) | SqlType::VarBinary(None) => {
            out.extend(NULL_CHUNKS)
        }
        SqlType::NVarChar(_)
        | SqlType::NChar(_)
        | SqlType::VarChar(_)
        | SqlType::Char(_)
        | SqlType::VarBinary(_)
        | SqlType::Binary(_) => out.extend(NULL_SHORT),
        _ => out.push(0),
    }
}

/// A one-byte length, then the bytes.
fn byte_sized(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(bytes.len() as u8);
    out.extend_from_slice(bytes);
}

/// A two-byte length and the bytes, or one chunk for `max`.
fn sized(is_max: bool, bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    if is_max {
        out.extend((bytes.len() as u64).to_le_bytes());
        if !bytes.is_empty() {
            out.extend(u32::try_from(bytes.len()).ok()?.to_le_bytes());
            out.extend_from_slice(bytes);
        }
        out.extend(0u32.to_le_bytes());
        return Some(());
    }
    let length = u16::try_from(bytes.len()).ok().filter(|length| *length <= 8_000)?;
    out.extend(length.to_le_bytes());
    out.extend_from_slice(bytes);
    Some(())
}

fn utf16(is_max: bool, text: &str, out: &mut Vec<u8>) -> Option<()> {
    let bytes: Vec<u8> = if text.is_ascii() {
        text.bytes().flat_map(|byte| [byte, 0]).collect()
    } else {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    };
    sized(is_max, &bytes, out)
}

/// The same number at a larger scale, or at a smaller one if nothing is lost.
fn rescaled(digits: i128, from: u8, to: u8) -> Option<i128> {
    if to >= from {
        return digits.checked_mul(10i128.checked_pow(u32::from(to - from))?);
    }
    let factor = 10i128.checked_pow(u32::from(from - to))?;
    (digits % factor == 0).then_some(digits / factor)
}

fn decimal(precision: u8, digits: i128, out: &mut Vec<u8>) -> Option<()> {
    let magnitude = digits.unsigned_abs();
    if magnitude >= 10u128.checked_pow(precision.into())? {
        return None;
    }
    let size = decimal_bytes(precision);
    out.push(size as u8 + 1);
    out.push(u8::from(digits >= 0));
    out.extend_from_slice(&magnitude.to_le_bytes()[..size]);
    Some(())
}

fn ticks_value(ty: SqlType, ticks: i64, out: &mut Vec<u8>) -> Option<()> {
    let last_tick = (temporal::LAST_DAY + 1) * temporal::TICKS_PER_DAY - 1;
    if !(0..=last_tick).contains(&ticks) {
        return None;
    }
    match ty {
        SqlType::Date => {
            out.push(3);
            date(ticks, out);
        }
        SqlType::Time(scale) => {
            out.push(temporal::time_bytes(scale) as u8);
            time(ticks, scale, out);
        }
        SqlType::DateTime2(scale) => {
            out.push((temporal::time_bytes(scale) + 3) as u8);
            time_and_date(ticks, scale, out);
        }
        SqlType::DateTime => {
            let (days, three_hundredths) = temporal::ticks_to_datetime(ticks);
            out.push(8);
            out.extend(days.to_le_bytes());
            out.extend(three_hundredths.to_le_bytes());
        }
        SqlType::SmallDateTime => {
            let (days, minutes) = temporal::ticks_to_small(ticks)?;
            out.push(4);
            out.extend(days.to_le_bytes());
            out.extend(minutes.to_le_bytes());
        }
        _ => return None,
    }
    Some(())
}

fn time_and_date(ticks: i64, scale: u8, out: &mut Vec<u8>) {
    time(ticks, scale, out);
    date(ticks, out);
}

fn time(ticks: i64, scale: u8, out: &mut Vec<u8>) {
    let units = temporal::ticks_to_scaled(ticks.rem_euclid(temporal::TICKS_PER_DAY), scale);
    out.extend_from_slice(&units.to_le_bytes()[..temporal::time_bytes(scale)]);
}

fn date(ticks: i64, out: &mut Vec<u8>) {
    let days = ticks.div_euclid(temporal::TICKS_PER_DAY);
    out.extend_from_slice(&days.to_le_bytes()[..3]);
}

fn kind_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL",
        Value::Int(_) => "an integer",
        Value::Float(_) => "a float",
        Value::Decimal(..) => "a decimal",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
        Value::Guid(_) => "a GUID",
        Value::Ticks(_) => "a date or time",
        Value::Offset(..) => "a time with offset",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tds::decode;
    use crate::tds::reader::Reader;
    use crate::tds::wire_type::{self, WireType};

    fn round_trip(ty: SqlType, original: &Value) -> Value {
        let mut bytes = Vec::new();
        wire_type::encode(ty, &mut bytes);
        value(ty, original, &mut bytes).unwrap();
        let mut reader = Reader::new(&bytes, "test");
        let wire = WireType::decode(&mut reader).unwrap();
        let read = decode::value(wire, &mut reader).unwrap();
        assert!(reader.is_empty(), "{ty:?} left bytes over");
        read
    }

    #[test]
    fn values_and_nulls_of_every_type_survive_the_round_trip() {
        let noon = 700_000 * temporal::TICKS_PER_DAY + temporal::TICKS_PER_DAY / 2;
        let text = || Value::Text("Grüße 😀".into());
        let cases = [
            (SqlType::Bit, Value::Int(1)),
            (SqlType::TinyInt, Value::Int(255)),
            (SqlType::SmallInt, Value::Int(-32_768)),
            (SqlType::Int, Value::Int(i32::MIN.into())),
            (SqlType::BigInt, Value::Int(i64::MIN)),
            (SqlType::Real, Value::Float(0.5)),
            (SqlType::Float, Value::Float(f64::MAX)),
            (SqlType::Decimal(38, 38), Value::Decimal(-(10i128.pow(38) - 1), 38)),
            (SqlType::Decimal(9, 2), Value::Decimal(-1, 2)),
            (SqlType::Money, Value::Decimal(i64::MIN.into(), 4)),
            (SqlType::Money, Value::Decimal(12_345_678_901, 4)),
            (SqlType::SmallMoney, Value::Decimal(-1, 4)),
            (SqlType::UniqueIdentifier, Value::Guid([7; 16])),
            (SqlType::NVarChar(Some(20)), text()),
            (SqlType::NVarChar(None), text()),
            (SqlType::NVarChar(None), Value::Text(String::new())),
            (SqlType::NVarChar(Some(1)), Value::Text(String::new())),
            (SqlType::VarChar(Some(9)), Value::Text("naïve €".into())),
            (SqlType::VarChar(None), Value::Text("x".repeat(1 << 20))),
            (SqlType::VarBinary(None), Value::Bytes(vec![0; 1 << 20])),
            (SqlType::VarBinary(Some(4)), Value::Bytes(vec![])),
            (SqlType::Binary(2), Value::Bytes(vec![1, 2])),
            (SqlType::Date, Value::Ticks(temporal::LAST_DAY * temporal::TICKS_PER_DAY)),
            (SqlType::Time(7), Value::Ticks(temporal::TICKS_PER_DAY - 1)),
            (SqlType::Time(0), Value::Ticks(10_000_000)),
            (SqlType::DateTime2(7), Value::Ticks(noon + 1)),
            (SqlType::DateTime2(3), Value::Ticks(noon + 10_000)),
            (SqlType::DateTime, Value::Ticks(noon)),
            (SqlType::SmallDateTime, Value::Ticks(noon)),
            (SqlType::DateTimeOffset(7), Value::Offset(noon + 1, -570)),
        ];
        for (ty, value) in cases {
            assert_eq!(round_trip(ty, &value), value, "{ty:?}");
            assert_eq!(round_trip(ty, &Value::Null), Value::Null, "{ty:?}");
        }
    }

    #[test]
    fn a_value_that_does_not_fit_its_column_is_an_error() {
        let mut out = Vec::new();
        assert!(value(SqlType::Int, &Value::Text("1".into()), &mut out).is_err());
        assert!(value(SqlType::TinyInt, &Value::Int(-1), &mut out).is_err());
        assert!(value(SqlType::Decimal(4, 2), &Value::Decimal(12_345, 3), &mut out).is_err());
        assert!(value(SqlType::Date, &Value::Ticks(-1), &mut out).is_err());
    }
}
