//! TYPE_VARBYTE of parameters: bytes to [`Value`].

use std::borrow::Cow;

use super::ProtocolError;
use super::codepage;
use super::reader::{Reader, utf16_to_string};
use super::temporal;
use super::wire_type::{Length, WireType};
use crate::engine::{SqlType, Value};

const NULL_SHORT: u16 = 0xFFFF;
const NULL_LONG: u32 = 0xFFFF_FFFF;
const NULL_CHUNKS: u64 = u64::MAX;
const UNKNOWN_TOTAL: u64 = u64::MAX - 1;

/// Reads the value that follows its TYPE_INFO.
pub(crate) fn value(wire: WireType, reader: &mut Reader<'_>) -> Result<Value, ProtocolError> {
    match raw(wire.length, reader)? {
        None => Ok(Value::Null),
        Some(bytes) => from_bytes(wire, &bytes),
    }
}

/// The value's bytes; `None` is NULL. Only chunked values are copied.
fn raw<'a>(length: Length, reader: &mut Reader<'a>) -> Result<Option<Cow<'a, [u8]>>, ProtocolError> {
    let bytes = match length {
        Length::Fixed(0) => None,
        Length::Fixed(size) => Some(reader.bytes(size)?),
        Length::Byte => match reader.u8()? {
            0 => None,
            size => Some(reader.bytes(size.into())?),
        },
        Length::Short => match reader.u16()? {
            NULL_SHORT => None,
            size => Some(reader.bytes(size.into())?),
        },
        Length::Long => match reader.u32()? {
            NULL_LONG => None,
            size => Some(reader.bytes(size as usize)?),
        },
        Length::Chunks => return Ok(chunks(reader)?.map(Cow::Owned)),
    };
    Ok(bytes.map(Cow::Borrowed))
}

/// The total precedes the chunks, unless the client did not know it; the zero chunk ends the value.
/// Its size is bounded by that of the message, which is in memory already.
fn chunks(reader: &mut Reader<'_>) -> Result<Option<Vec<u8>>, ProtocolError> {
    let total = match reader.u64()? {
        NULL_CHUNKS => return Ok(None),
        UNKNOWN_TOTAL => None,
        total => Some(total),
    };
    let mut whole = Vec::new();
    loop {
        match reader.u32()? {
            0 => break,
            size => whole.extend_from_slice(reader.bytes(size as usize)?),
        }
    }
    match total {
        Some(total) if total != whole.len() as u64 => {
            Err(ProtocolError::invalid("total length of a value in chunks", total))
        }
        _ => Ok(Some(whole)),
    }
}

fn from_bytes(wire: WireType, bytes: &[u8]) -> Result<Value, ProtocolError> {
    let mut reader = Reader::new(bytes, "parameter value");
    let value = match wire.ty {
        SqlType::Bit => Value::Int(i64::from(reader.u8()? != 0)),
        SqlType::TinyInt => Value::Int(reader.u8()?.into()),
        SqlType::SmallInt => Value::Int(reader.i16()?.into()),
        SqlType::Int => Value::Int(reader.i32()?.into()),
        SqlType::BigInt => Value::Int(reader.i64()?),
        SqlType::Real => Value::Float(reader.f32()?.into()),
        SqlType::Float => Value::Float(reader.f64()?),
        SqlType::Money | SqlType::SmallMoney => Value::Decimal(money(&mut reader)?, 4),
        SqlType::Decimal(precision, scale) => Value::Decimal(decimal(precision, &mut reader)?, scale),
        SqlType::UniqueIdentifier => Value::Guid(reader.array()?),
        SqlType::NVarChar(_) | SqlType::NChar(_) => {
            return Ok(Value::Text(utf16_to_string(bytes, "parameter value")?));
        }
        SqlType::VarChar(_) | SqlType::Char(_) => {
            return Ok(Value::Text(codepage::decode(bytes, wire.collation)));
        }
        SqlType::VarBinary(_) | SqlType::Binary(_) => return Ok(Value::Bytes(bytes.to_vec())),
        SqlType::Date => Value::Ticks(date(&mut reader)? * temporal::TICKS_PER_DAY),
        SqlType::Time(scale) => Value::Ticks(time(scale, &mut reader)?),
        SqlType::DateTime2(scale) => {
            let time = time(scale, &mut reader)?;
            Value::Ticks(date(&mut reader)? * temporal::TICKS_PER_DAY + time)
        }
        SqlType::DateTimeOffset(scale) => {
            let time = time(scale, &mut reader)?;
            let utc = date(&mut reader)? * temporal::TICKS_PER_DAY + time;
            Value::Offset(utc, offset(&mut reader)?)
        }
        SqlType::DateTime => {
            let (days, fraction) = (reader.i32()?, reader.u32()?);
            Value::Ticks(in_range("datetime", temporal::datetime_to_ticks(days, fraction))?)
        }
        SqlType::SmallDateTime => {
            let (days, minutes) = (reader.u16()?, reader.u16()?);
            Value::Ticks(in_range("smalldatetime", temporal::small_to_ticks(days, minutes))?)
        }
    };
    match reader.remaining() {
        0 => Ok(value),
        rest => Err(ProtocolError::invalid("surplus bytes of a parameter value", rest as u64)),
    }
}

fn in_range(what: &'static str, ticks: Option<i64>) -> Result<i64, ProtocolError> {
    ticks.ok_or(ProtocolError::Invalid { what, value: 0 })
}

/// Four bytes of `smallmoney`, or eight of `money`, whose high half comes first.
fn money(reader: &mut Reader<'_>) -> Result<i128, ProtocolError> {
    if reader.remaining() == 4 {
        return Ok(reader.i32()?.into());
    }
    let high = i64::from(reader.i32()?);
    Ok(((high << 32) | i64::from(reader.u32()?)).into())
}

/// A sign byte (1 = positive) and the magnitude, whose length drivers choose freely among 4, 8, 12 and 16.
fn decimal(precision: u8, reader: &mut Reader<'_>) -> Result<i128, ProtocolError> {
    let sign = reader.u8()?;
    let size = reader.remaining();
    if !matches!(size, 4 | 8 | 12 | 16) {
        return Err(ProtocolError::invalid("length of a decimal", size as u64));
    }
    let mut magnitude = [0; 16];
    magnitude[..size].copy_from_slice(reader.bytes(size)?);
    let magnitude = u128::from_le_bytes(magnitude);
    if magnitude >= 10u128.pow(u32::from(precision)) {
        return Err(ProtocolError::invalid("digits of a decimal above its precision", precision));
    }
    let magnitude = magnitude as i128;
    Ok(if sign == 0 { -magnitude } else { magnitude })
}

fn date(reader: &mut Reader<'_>) -> Result<i64, ProtocolError> {
    let [low, middle, high] = reader.array()?;
    let days = i64::from(u32::from_le_bytes([low, middle, high, 0]));
    if days > temporal::LAST_DAY {
        return Err(ProtocolError::invalid("days of a date", days as u64));
    }
    Ok(days)
}

fn time(scale: u8, reader: &mut Reader<'_>) -> Result<i64, ProtocolError> {
    let mut units = [0; 8];
    let size = temporal::time_bytes(scale);
    units[..size].copy_from_slice(reader.bytes(size)?);
    let units = u64::from_le_bytes(units);
    temporal::scaled_to_ticks(units, scale).ok_or(ProtocolError::invalid("time of day", units))
}

fn offset(reader: &mut Reader<'_>) -> Result<i16, ProtocolError> {
    const FOURTEEN_HOURS: u16 = 14 * 60;
    let minutes = reader.i16()?;
    if minutes.unsigned_abs() > FOURTEEN_HOURS {
        return Err(ProtocolError::invalid("time zone offset", minutes.unsigned_abs()));
    }
    Ok(minutes)
}
