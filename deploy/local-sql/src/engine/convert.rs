//! Conversion between SQL Server's types: CAST, CONVERT without style, assignment and implicit conversion
//! alike. Pure: values in, values or SQL Server's error out. It knows no SQLite and no syntax. Start at
//! [`convert`]; [`ticks`] holds the date arithmetic.

use super::decimal::{self, Rest, Shape};
use super::error::{Result, SqlError};
use super::types::{SqlType, Value};

pub(super) mod text;
pub(super) mod ticks;

/// The size limits of a non-`max` string or binary.
const NAME_LIMIT: usize = 30;

/// What a string that is too long for its target means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overlong {
    /// CAST and variables: cut silently.
    Cut,
    /// Columns: error 2628 (the caller adds table and column).
    Refuse,
}

/// Converts `value` from one type to another as SQL Server would.
///
/// # Errors
/// 241 and 295 (date from text), 245 and 8114 (number from text), 220, 232 and 8115 (overflow), 8152 (too
/// long for a column), 529 (not allowed at all), 8169 (GUID from text).
pub(super) fn convert(value: Value, from: SqlType, to: SqlType, overlong: Overlong) -> Result<Value> {
    match value {
        Value::Null => Ok(Value::Null),
        Value::Int(number) => from_int(number, from, to, overlong),
        Value::Float(number) => from_float(number, to, overlong),
        Value::Decimal(units, scale) => from_decimal((units, scale), from, to, overlong),
        Value::Offset(ticks, minutes) => from_offset((ticks, minutes), from, to, overlong),
        Value::Text(text) => from_text(text, from, to, overlong),
        Value::Bytes(bytes) => from_bytes(bytes, from, to, overlong),
        Value::Guid(guid) => from_guid(guid, from, to, overlong),
        Value::Ticks(ticks) => from_ticks(ticks, from, to, overlong),
    }
}

/// Whether any value of a type becomes one of the other: 529, or 40000 for what is not built.
pub(super) fn check_allowed(from: SqlType, to: SqlType) -> Result<()> {
    let sample = match from {
        SqlType::Float | SqlType::Real => Value::Float(0.0),
        SqlType::UniqueIdentifier => Value::Guid([0; 16]),
        SqlType::DateTimeOffset(_) => Value::Offset(ticks::of_1900(), 0),
        _ if from.is_integer() => Value::Int(0),
        _ if from.is_decimal() => Value::Decimal(0, shape_of(from).map_or(0, |shape| shape.scale)),
        _ if from.is_binary() => Value::Bytes(Vec::new()),
        _ if from.is_date_or_time() => Value::Ticks(ticks::of_1900()),
        _ => return Ok(()),
    };
    match convert(sample, from, to, Overlong::Cut) {
        Err(error) if matches!(error.number, 529 | 40000) => Err(error),
        _ => Ok(()),
    }
}

/// The number of the refusal of too long a value; where the column is known it becomes 2628.
pub(super) const TRUNCATED: i32 = 8152;

/// The range of an integer type, if it is one.
pub(super) fn integer_range(ty: SqlType) -> Option<(i64, i64)> {
    match ty {
        SqlType::Bit => Some((0, 1)),
        SqlType::TinyInt => Some((0, 255)),
        SqlType::SmallInt => Some((i64::from(i16::MIN), i64::from(i16::MAX))),
        SqlType::Int => Some((i64::from(i32::MIN), i64::from(i32::MAX))),
        SqlType::BigInt => Some((i64::MIN, i64::MAX)),
        _ => None,
    }
}

/// The number as that integer type, or SQL Server's overflow error.
pub(super) fn in_range(number: i64, ty: SqlType) -> Result<i64> {
    match integer_range(ty) {
        Some((low, high)) if (low..=high).contains(&number) => Ok(number),
        _ => Err(overflow_of_expression(ty)),
    }
}

/// 8115 for an expression.
pub(super) fn overflow_of_expression(ty: SqlType) -> SqlError {
    SqlError::new(
        8115,
        format!("Arithmetic overflow error converting expression to data type {}.", ty.name()),
    )
    .with_state(2)
}

/// 8115 for a value of a named type.
fn overflow(from: SqlType, to: SqlType) -> SqlError {
    let text = format!("Arithmetic overflow error converting {} to data type {}.", from.name(), to.name());
    SqlError::new(8115, text).with_state(if to.is_decimal() { 8 } else { 2 })
}

/// Precision and scale of a number that is exact. Money has as many digits as its bytes hold.
pub(super) fn shape_of(ty: SqlType) -> Option<Shape> {
    Some(match ty {
        SqlType::Decimal(precision, scale) => Shape::new(precision, scale),
        SqlType::Money => Shape::new(19, 4),
        SqlType::SmallMoney => Shape::new(10, 4),
        SqlType::BigInt => Shape::new(19, 0),
        SqlType::Int => Shape::new(10, 0),
        SqlType::SmallInt => Shape::new(5, 0),
        SqlType::TinyInt => Shape::new(3, 0),
        SqlType::Bit => Shape::new(1, 0),
        _ => return None,
    })
}

/// The digits as a value of a decimal type. `None`, and what the bytes of money do not hold, is the error.
pub(super) fn decimal_value(
    units: Option<i128>,
    to: SqlType,
    overflow: impl FnOnce() -> SqlError,
) -> Result<Value> {
    let held = |units: &i128| match to {
        SqlType::Money => i64::try_from(*units).is_ok(),
        SqlType::SmallMoney => i32::try_from(*units).is_ok(),
        _ => true,
    };
    let scale = shape_of(to).map_or(0, |shape| shape.scale);
    units.filter(held).map(|units| Value::Decimal(units, scale)).ok_or_else(overflow)
}

fn from_int(number: i64, from: SqlType, to: SqlType, overlong: Overlong) -> Result<Value> {
    match to {
        SqlType::Bit => Ok(Value::Int(i64::from(number != 0))),
        SqlType::TinyInt | SqlType::SmallInt
            if integer_range(to).is_some_and(|(low, high)| number < low || number > high) =>
        {
            Err(SqlError::new(
                220,
                format!("Arithmetic overflow error for data type {}, value = {number}.", to.name()),
            )
            .with_state(if to == SqlType::TinyInt { 2 } else { 1 }))
        }
        SqlType::TinyInt | SqlType::SmallInt | SqlType::Int | SqlType::BigInt => {
            in_range(number, to).map(Value::Int)
        }
        #[expect(clippy::cast_precision_loss, reason = "as SQL Server: bigint to float rounds")]
        SqlType::Float | SqlType::Real => Ok(Value::Float(number as f64)),
        _ if to.is_text() => {
            let text = number.to_string();
            if to.length().is_some_and(|limit| text.len() > usize::from(limit)) {
                // From the days when a report would rather have a star than no line.
                let starred = matches!(to, SqlType::VarChar(_) | SqlType::Char(_)) && from != SqlType::BigInt;
                return if starred {
                    fit_text("*".to_owned(), to, overlong)
                } else {
                    Err(overflow_of_expression(to))
                };
            }
            fit_text(text, to, overlong)
        }
        _ if to.is_decimal() => {
            let units =
                shape_of(to).and_then(|shape| decimal::rescaled(number.into(), 0, shape, Rest::Rounded));
            decimal_value(units, to, || overflow(from, to))
        }
        SqlType::VarBinary(_) | SqlType::Binary(_) => {
            let bytes = match from {
                SqlType::BigInt => number.to_be_bytes().to_vec(),
                SqlType::SmallInt => number.to_be_bytes()[6..].to_vec(),
                SqlType::TinyInt | SqlType::Bit => number.to_be_bytes()[7..].to_vec(),
                _ => number.to_be_bytes()[4..].to_vec(),
            };
            fit_bytes(in_front(bytes, to), to, overlong)
        }
        SqlType::DateTime => {
            let ticks =
                number.checked_mul(ticks::PER_DAY).and_then(|span| ticks::of_1900().checked_add(span));
            ticks
                .filter(|ticks| ticks::is_valid_datetime(*ticks))
                .map(Value::Ticks)
                .ok_or_else(|| overflow_of_expression(to))
        }
        _ => Err(not_allowed(from, to)),
    }
}

/// The bytes of a number, which lose and gain in front.
fn in_front(mut bytes: Vec<u8>, to: SqlType) -> Vec<u8> {
    let Some(limit) = to.length().map(usize::from) else { return bytes };
    bytes.drain(..bytes.len().saturating_sub(limit));
    if matches!(to, SqlType::Binary(_)) {
        bytes.splice(0..0, vec![0; limit - bytes.len()]);
    }
    bytes
}

fn from_float(number: f64, to: SqlType, overlong: Overlong) -> Result<Value> {
    match to {
        SqlType::Float => Ok(Value::Float(number)),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "real is what was asked for; overflow is checked"
        )]
        SqlType::Real => {
            let real = number as f32;
            if real.is_infinite() {
                Err(float_overflow(number, to))
            } else {
                Ok(Value::Float(f64::from(real)))
            }
        }
        SqlType::Bit => Ok(Value::Int(i64::from(number != 0.0))),
        _ if integer_range(to).is_some() => {
            let cut = number.trunc();
            // 2^63 is the first float above every bigint; -2^63 is the smallest bigint itself.
            if !(-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&cut) {
                return Err(float_overflow(number, to));
            }
            #[expect(clippy::cast_possible_truncation, reason = "checked against the range of i64 above")]
            let cut = cut as i64;
            in_range(cut, to).map(Value::Int).map_err(|_| float_overflow(number, to))
        }
        _ if to.is_text() => fit_text(text::of_float(number), to, overlong),
        _ if to.is_decimal() => {
            let units = shape_of(to).and_then(|shape| decimal::of_float(number, shape));
            decimal_value(units, to, || overflow(SqlType::Float, to))
        }
        _ => Err(not_allowed(SqlType::Float, to)),
    }
}

fn float_overflow(number: f64, to: SqlType) -> SqlError {
    SqlError::new(232, format!("Arithmetic overflow error for type {}, value = {number:.6}.", to.name()))
        .with_state(3)
}

fn from_decimal((units, scale): (i128, u8), from: SqlType, to: SqlType, overlong: Overlong) -> Result<Value> {
    let float = || decimal::shown(units, scale).parse().unwrap_or(f64::NAN);
    match to {
        SqlType::Bit => Ok(Value::Int(i64::from(units != 0))),
        SqlType::Float => Ok(Value::Float(float())),
        SqlType::Real => from_float(float(), to, overlong),
        _ if to.is_decimal() => {
            let units = shape_of(to).and_then(|shape| decimal::rescaled(units, scale, shape, Rest::Rounded));
            decimal_value(units, to, || overflow(from, to))
        }
        _ if integer_range(to).is_some() => {
            // Money rounds, decimals are cut.
            let rest = if matches!(from, SqlType::Decimal(..)) { Rest::Cut } else { Rest::Rounded };
            let whole = decimal::rescaled(units, scale, Shape::new(decimal::MAX_PRECISION, 0), rest);
            let whole = whole.and_then(|whole| i64::try_from(whole).ok());
            let whole = whole.and_then(|whole| in_range(whole, to).ok());
            whole.map(Value::Int).ok_or_else(|| match to {
                SqlType::TinyInt | SqlType::SmallInt => overflow(from, to),
                _ => overflow_of_expression(to),
            })
        }
        _ if to.is_text() => {
            let text = match from {
                SqlType::Decimal(..) => decimal::shown(units, scale),
                _ => text::of_money(units, 0),
            };
            if to.length().is_some_and(|limit| text.len() > usize::from(limit)) {
                return Err(overflow(from, to));
            }
            fit_text(text, to, overlong)
        }
        _ => Err(not_allowed(from, to)),
    }
}

fn from_offset(
    (ticks, minutes): (i64, i16),
    from: SqlType,
    to: SqlType,
    overlong: Overlong,
) -> Result<Value> {
    let local = ticks + ticks::of_minutes(minutes);
    match to {
        SqlType::DateTimeOffset(_) => {
            let ticks = ticks::rounded(local, to)? - ticks::of_minutes(minutes);
            if (0..ticks::END).contains(&ticks) { Ok(Value::Offset(ticks, minutes)) } else { Err(no_date()) }
        }
        _ if to.is_text() => {
            let scale = if let SqlType::DateTimeOffset(scale) = from { scale } else { 7 };
            fit_text(ticks::format_offset(local, minutes, scale), to, overlong)
        }
        _ => from_ticks(local, SqlType::DateTime2(7), to, overlong),
    }
}

fn from_text(text: String, from: SqlType, to: SqlType, overlong: Overlong) -> Result<Value> {
    if to.is_text() {
        return fit_text(text, to, overlong);
    }
    let failed = || {
        let shown: String = text.chars().take(NAME_LIMIT * 10).collect();
        SqlError::new(
            245,
            format!(
                "Conversion failed when converting the {} value '{shown}' to data type {}.",
                from.name(),
                to.name()
            ),
        )
    };
    let not_converted = || {
        let text = format!("Error converting data type {} to {}.", from.name(), to.name());
        SqlError::new(8114, text).with_state(5)
    };
    let trimmed = text.trim_matches(' ');
    match to {
        SqlType::Bit => match trimmed.to_ascii_lowercase().as_str() {
            "true" => Ok(Value::Int(1)),
            "false" | "" => Ok(Value::Int(0)),
            digits => digits.parse::<i64>().map(|n| Value::Int(i64::from(n != 0))).map_err(|_| failed()),
        },
        SqlType::BigInt if trimmed.is_empty() => Ok(Value::Int(0)),
        SqlType::BigInt => trimmed.parse().map(Value::Int).map_err(|_| not_converted()),
        SqlType::TinyInt | SqlType::SmallInt | SqlType::Int => {
            if trimmed.is_empty() {
                return Ok(Value::Int(0));
            }
            let digits = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
            if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
                return Err(failed());
            }
            let number = trimmed.parse::<i64>().ok().and_then(|number| in_range(number, to).ok());
            number.map(Value::Int).ok_or_else(|| overflow_of_text(&text, from, to))
        }
        SqlType::Float | SqlType::Real => {
            let number = if trimmed.is_empty() { Ok(0.0) } else { text::parse_float(trimmed).ok_or(()) };
            from_float(number.map_err(|()| not_converted())?, to, overlong)
        }
        SqlType::Decimal(precision, scale) => {
            let units = decimal::parse(trimmed, Shape::new(precision, scale)).ok_or_else(not_converted)?;
            decimal_value(units, to, || overflow(from, to))
        }
        SqlType::Money | SqlType::SmallMoney => {
            let units = text::parse_money(trimmed).ok_or_else(|| {
                let text = "Cannot convert a char value to money. The char value has incorrect syntax.";
                SqlError::new(235, text).with_state(0)
            })?;
            decimal_value(units, to, || overflow_of_expression(to))
        }
        SqlType::UniqueIdentifier => text::parse_guid(trimmed).map(Value::Guid).ok_or_else(|| {
            SqlError::new(
                8169,
                "Conversion failed when converting from a character string to uniqueidentifier.",
            )
            .with_state(2)
        }),
        SqlType::DateTimeOffset(_) => {
            let (local, minutes) = ticks::parse_offset(trimmed).ok_or_else(no_date)?;
            from_offset((local - ticks::of_minutes(minutes), minutes), to, to, overlong)
        }
        _ if to.is_date_or_time() => {
            let parsed = ticks::parse(trimmed, to).ok_or_else(no_date)?;
            ticks::rounded(parsed, to).map(Value::Ticks).map_err(|_| out_of_range(from, to))
        }
        SqlType::VarBinary(_) | SqlType::Binary(_) => {
            let national = matches!(from, SqlType::NVarChar(_) | SqlType::NChar(_));
            fit_bytes(text::bytes_of(&text, national), to, overlong)
        }
        _ => Err(not_allowed(from, to)),
    }
}

fn no_date() -> SqlError {
    SqlError::new(241, "Conversion failed when converting date and/or time from character string.")
}

/// 242.
fn out_of_range(from: SqlType, to: SqlType) -> SqlError {
    let text = format!(
        "The conversion of a {} data type to a {} data type resulted in an out-of-range value.",
        from.name(),
        to.name()
    );
    SqlError::new(242, text).with_state(3)
}

fn overflow_of_text(text: &str, from: SqlType, to: SqlType) -> SqlError {
    if to == SqlType::Int {
        let message =
            format!("The conversion of the {} value '{text}' overflowed an int column.", from.name());
        SqlError::new(248, message)
    } else {
        let message = format!(
            "The conversion of the {} value '{text}' overflowed an {} column. Use a larger integer column.",
            from.name(),
            if to == SqlType::TinyInt { "INT1" } else { "INT2" }
        );
        SqlError::new(244, message)
    }
}

fn from_bytes(bytes: Vec<u8>, from: SqlType, to: SqlType, overlong: Overlong) -> Result<Value> {
    match to {
        SqlType::VarBinary(_) | SqlType::Binary(_) => fit_bytes(bytes, to, overlong),
        SqlType::UniqueIdentifier => {
            let mut guid = [0; 16];
            for (target, byte) in guid.iter_mut().zip(bytes) {
                *target = byte;
            }
            Ok(Value::Guid(guid))
        }
        _ if integer_range(to).is_some() => {
            let tail = &bytes[bytes.len().saturating_sub(8)..];
            let number = tail.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
            #[expect(
                clippy::cast_possible_wrap,
                clippy::cast_possible_truncation,
                reason = "bit patterns, as SQL Server"
            )]
            let number = match to {
                SqlType::BigInt => number as i64,
                SqlType::Int => i64::from(number as u32 as i32),
                SqlType::SmallInt => i64::from(number as u16 as i16),
                SqlType::TinyInt => i64::from(number as u8),
                _ => i64::from(number != 0),
            };
            Ok(Value::Int(number))
        }
        SqlType::NVarChar(_) | SqlType::NChar(_) => {
            let units: Vec<u16> = bytes
                .chunks(2)
                .map(|pair| u16::from_le_bytes([pair[0], *pair.get(1).unwrap_or(&0)]))
                .collect();
            let text = String::from_utf16(&units)
                .map_err(|_| SqlError::unsupported("text with an unpaired surrogate"))?;
            fit_text(text, to, overlong)
        }
        SqlType::VarChar(_) | SqlType::Char(_) => fit_text(text::of_bytes(&bytes), to, overlong),
        _ => Err(not_allowed(from, to)),
    }
}

fn from_guid(guid: [u8; 16], from: SqlType, to: SqlType, overlong: Overlong) -> Result<Value> {
    match to {
        SqlType::UniqueIdentifier => Ok(Value::Guid(guid)),
        SqlType::VarBinary(_) | SqlType::Binary(_) => fit_bytes(guid.to_vec(), to, overlong),
        _ if to.is_text() => {
            if to.length().is_some_and(|limit| limit < 36) {
                return Err(SqlError::new(
                    8170,
                    "Insufficient result space to convert uniqueidentifier value to char.",
                )
                .with_state(2));
            }
            fit_text(text::of_guid(guid), to, overlong)
        }
        _ => Err(not_allowed(from, to)),
    }
}

fn from_ticks(value: i64, from: SqlType, to: SqlType, overlong: Overlong) -> Result<Value> {
    match to {
        SqlType::Date if !matches!(from, SqlType::Time(_)) => {
            Ok(Value::Ticks(value - value.rem_euclid(ticks::PER_DAY)))
        }
        SqlType::Time(_) if from != SqlType::Date => {
            ticks::rounded(value.rem_euclid(ticks::PER_DAY), to).map(Value::Ticks)
        }
        SqlType::DateTime2(_) if from == SqlType::DateTime => {
            ticks::rounded(ticks::exact_datetime(value), to).map(Value::Ticks)
        }
        SqlType::DateTime | SqlType::DateTime2(_) | SqlType::SmallDateTime
            if !matches!(from, SqlType::Time(_)) =>
        {
            ticks::rounded(value, to).map(Value::Ticks).map_err(|_| out_of_range(from, to))
        }
        SqlType::DateTimeOffset(_) if !matches!(from, SqlType::Time(_)) => {
            let exact = if from == SqlType::DateTime { ticks::exact_datetime(value) } else { value };
            ticks::rounded(exact, to).map(|ticks| Value::Offset(ticks, 0))
        }
        _ if to.is_text() => fit_text(ticks::format(value, from), to, overlong),
        _ => Err(not_allowed(from, to)),
    }
}

/// A string within the length of its type: cut or refused, padded for fixed lengths.
fn fit_text(text: String, to: SqlType, overlong: Overlong) -> Result<Value> {
    let Some(limit) = to.length() else { return Ok(Value::Text(text)) };
    let limit = usize::from(limit);
    let units = text.encode_utf16().count();
    if units > limit {
        let kept = text::first_units(&text, limit);
        // Trailing blanks may always be lost.
        if overlong == Overlong::Refuse && !text[kept.len()..].bytes().all(|byte| byte == b' ') {
            return Err(SqlError::new(TRUNCATED, "String or binary data would be truncated."));
        }
        return Ok(Value::Text(kept.to_owned()));
    }
    if matches!(to, SqlType::Char(_) | SqlType::NChar(_)) {
        return Ok(Value::Text(text + &" ".repeat(limit - units)));
    }
    Ok(Value::Text(text))
}

fn fit_bytes(mut bytes: Vec<u8>, to: SqlType, overlong: Overlong) -> Result<Value> {
    let Some(limit) = to.length() else { return Ok(Value::Bytes(bytes)) };
    let limit = usize::from(limit);
    if bytes.len() > limit {
        if overlong == Overlong::Refuse {
            return Err(SqlError::new(TRUNCATED, "String or binary data would be truncated."));
        }
        bytes.truncate(limit);
    }
    if matches!(to, SqlType::Binary(_)) {
        bytes.resize(limit, 0);
    }
    Ok(Value::Bytes(bytes))
}

/// 529, or the refusal of what SQL Server converts and local-sql does not: numbers and `datetime`, binaries and what is
/// neither whole number nor string, a `time` and `datetime`.
pub(super) fn not_allowed(from: SqlType, to: SqlType) -> SqlError {
    let old_date = |ty: SqlType| matches!(ty, SqlType::DateTime | SqlType::SmallDateTime);
    let beyond_bytes = |ty: SqlType| {
        ty.is_decimal()
            || ty.is_date_or_time()
            || matches!(ty, SqlType::Float | SqlType::Real | SqlType::DateTimeOffset(_))
    };
    let missing = |from: SqlType, to: SqlType| {
        (from.is_number() && old_date(to))
            || (from.is_binary() && beyond_bytes(to))
            || (matches!(from, SqlType::Time(_)) && (old_date(to) || beyond_time(to)))
    };
    if missing(from, to) || missing(to, from) {
        return SqlError::unsupported(format!("conversion from {} to {}", from.name(), to.name()));
    }
    SqlError::new(
        529,
        format!("Explicit conversion from data type {} to {} is not allowed.", from.name(), to.name()),
    )
    .with_state(2)
}

fn beyond_time(ty: SqlType) -> bool {
    matches!(ty, SqlType::DateTime2(_) | SqlType::DateTimeOffset(_))
}

#[cfg(test)]
mod tests;
