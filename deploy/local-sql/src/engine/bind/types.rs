//! Which type wins where two meet, what converts without being asked, and the text of a conversion.

use super::super::convert::{integer_range, shape_of};
use super::super::error::{Result, SqlError};
use super::super::storage_form::type_code;
use super::super::types::SqlType;
use super::{Scalar, Table, quoted_text};

/// The longest `n` of nvarchar(n) and of varchar(n).
const NATIONAL_LIMIT: u16 = 4_000;
const SINGLE_LIMIT: u16 = 8_000;

/// SQL Server's data type precedence: the higher number wins.
fn precedence(ty: SqlType) -> u8 {
    match ty {
        SqlType::DateTimeOffset(_) => 23,
        SqlType::DateTime2(_) => 22,
        SqlType::DateTime => 21,
        SqlType::SmallDateTime => 20,
        SqlType::Date => 19,
        SqlType::Time(_) => 18,
        SqlType::Float => 17,
        SqlType::Real => 16,
        SqlType::Decimal(..) => 15,
        SqlType::Money => 14,
        SqlType::SmallMoney => 13,
        SqlType::BigInt => 11,
        SqlType::Int => 10,
        SqlType::SmallInt => 9,
        SqlType::TinyInt => 8,
        SqlType::Bit => 7,
        SqlType::UniqueIdentifier => 6,
        SqlType::NVarChar(_) => 5,
        SqlType::NChar(_) => 4,
        SqlType::VarChar(_) => 3,
        SqlType::Char(_) => 2,
        SqlType::VarBinary(_) => 1,
        SqlType::Binary(_) => 0,
    }
}

/// The type of a result that may be either: the higher one, long enough for both.
pub(in super::super) fn higher(left: SqlType, right: SqlType) -> SqlType {
    let (high, low) = if precedence(left) >= precedence(right) { (left, right) } else { (right, left) };
    let longer = |high: Option<u16>, low: Option<u16>| Some(high?.max(low?));
    let text_of_low = low.is_text() || low.is_binary();
    match high {
        SqlType::NVarChar(length) if text_of_low => SqlType::NVarChar(longer(length, low.length())),
        SqlType::VarChar(length) if text_of_low => SqlType::VarChar(longer(length, low.length())),
        SqlType::NChar(length) if matches!(low, SqlType::NChar(_) | SqlType::Char(_)) => {
            SqlType::NChar(length.max(low.length().unwrap_or(length)))
        }
        SqlType::NChar(length) if low.is_text() => SqlType::NVarChar(longer(Some(length), low.length())),
        SqlType::Char(length) if matches!(low, SqlType::Char(_)) => {
            SqlType::Char(length.max(low.length().unwrap_or(length)))
        }
        SqlType::VarBinary(length) if text_of_low => SqlType::VarBinary(longer(length, low.length())),
        SqlType::Decimal(..) => match (shape_of(high), shape_of(low)) {
            (Some(high), Some(low)) => {
                let both = high.covering(low);
                SqlType::Decimal(both.precision, both.scale)
            }
            _ => high,
        },
        SqlType::DateTimeOffset(precision) => match low {
            SqlType::DateTimeOffset(other) | SqlType::DateTime2(other) => {
                SqlType::DateTimeOffset(precision.max(other))
            }
            SqlType::DateTime => SqlType::DateTimeOffset(precision.max(3)),
            _ => high,
        },
        SqlType::DateTime2(precision) => match low {
            SqlType::DateTime2(other) => SqlType::DateTime2(precision.max(other)),
            SqlType::DateTime => SqlType::DateTime2(precision.max(3)),
            _ => high,
        },
        SqlType::Time(precision) => match low {
            SqlType::Time(other) => SqlType::Time(precision.max(other)),
            _ => high,
        },
        _ => high,
    }
}

/// The type of two concatenated strings.
pub(super) fn concatenated(left: SqlType, right: SqlType) -> SqlType {
    let national = matches!(left, SqlType::NVarChar(_) | SqlType::NChar(_))
        || matches!(right, SqlType::NVarChar(_) | SqlType::NChar(_));
    let limit = if national { NATIONAL_LIMIT } else { SINGLE_LIMIT };
    let length = left.length().zip(right.length()).map(|(left, right)| left.saturating_add(right).min(limit));
    if national { SqlType::NVarChar(length) } else { SqlType::VarChar(length) }
}

/// Whether SQL Server converts without being asked.
pub(in super::super) fn implicitly_converts(from: SqlType, to: SqlType) -> bool {
    if from == to {
        return true;
    }
    let dated = |ty: SqlType| ty.is_date_or_time() || matches!(ty, SqlType::DateTimeOffset(_));
    if from.is_text() {
        return !to.is_binary();
    }
    if from.is_number() {
        let binary_from_integer = to.is_binary() && from.is_integer();
        return to.is_number() || to.is_text() || binary_from_integer || to == SqlType::DateTime;
    }
    if dated(from) {
        let date_and_time =
            matches!((from, to), (SqlType::Date, SqlType::Time(_)) | (SqlType::Time(_), SqlType::Date));
        return to.is_text() || (dated(to) && !date_and_time);
    }
    if from == SqlType::UniqueIdentifier {
        return to.is_text() || to.is_binary();
    }
    to.is_binary() || to.is_integer() || to == SqlType::UniqueIdentifier
}

/// Whether values of one type lie in SQLite exactly as those of the other and fit into it.
fn same_form(from: SqlType, to: SqlType) -> bool {
    if from == to {
        return true;
    }
    if let (Some((from_low, from_high)), Some((to_low, to_high))) = (integer_range(from), integer_range(to)) {
        return to != SqlType::Bit && to_low <= from_low && from_high <= to_high;
    }
    let grows = |limit: Option<u16>| match (limit, from.length()) {
        (None, _) => true,
        (Some(limit), Some(length)) => length <= limit,
        (Some(_), None) => false,
    };
    match to {
        SqlType::NVarChar(limit) | SqlType::VarChar(limit) => from.is_text() && grows(limit),
        SqlType::VarBinary(limit) => from.is_binary() && grows(limit),
        SqlType::DateTime2(precision) => match from {
            SqlType::DateTime2(other) => other <= precision,
            SqlType::Date | SqlType::SmallDateTime => true,
            _ => false,
        },
        SqlType::Time(precision) => matches!(from, SqlType::Time(other) if other <= precision),
        SqlType::Float => from == SqlType::Real,
        SqlType::Decimal(precision, scale) if from.is_decimal() => {
            shape_of(from).is_some_and(|from| from.scale == scale && from.precision <= precision)
        }
        SqlType::Money => from == SqlType::SmallMoney,
        _ => false,
    }
}

impl Scalar {
    /// The SQLite text of this value as another type, converted as CAST would.
    pub(in super::super) fn cast_to(&self, to: SqlType) -> String {
        if self.is_null || same_form(self.ty, to) {
            return self.sql.clone();
        }
        format!("ts_cast({}, {}, {}, 0)", self.sql, type_code(self.ty), type_code(to))
    }

    /// The SQLite text of this value as another type, or NULL where it cannot be.
    pub(super) fn try_cast_to(&self, to: SqlType) -> String {
        if self.is_null || same_form(self.ty, to) {
            return self.sql.clone();
        }
        format!("ts_try_cast({}, {}, {})", self.sql, type_code(self.ty), type_code(to))
    }

    /// The same where nobody wrote a CAST: only what SQL Server converts by itself.
    ///
    /// # Errors
    /// 206 and 257.
    pub(in super::super) fn implicitly_as(&self, to: SqlType) -> Result<String> {
        self.check_implicit(to)?;
        Ok(self.cast_to(to))
    }

    /// The text of the value for a column of this type: too long a string is refused instead of cut.
    ///
    /// # Errors
    /// 206 and 257; at run time 2628.
    pub(in super::super) fn for_column(&self, table: &Table, position: usize) -> Result<String> {
        let column = &table.columns[position];
        let to = column.ty;
        self.check_implicit(to)?;
        if self.is_null || same_form(self.ty, to) {
            return Ok(self.sql.clone());
        }
        let table = match &table.schema {
            Some(schema) => format!("{schema}.{}", table.name),
            None => table.name.clone(),
        };
        let (from, to) = (type_code(self.ty), type_code(to));
        Ok(format!(
            "ts_cast_column({}, {from}, {to}, {}, {})",
            self.sql,
            quoted_text(&table)?,
            quoted_text(&column.name)?
        ))
    }

    fn check_implicit(&self, to: SqlType) -> Result<()> {
        if self.is_null { Ok(()) } else { check_implicit(self.ty, to) }
    }
}

/// Refuses what nobody converts without being asked.
///
/// # Errors
/// 206 and 257.
pub(in super::super) fn check_implicit(from: SqlType, to: SqlType) -> Result<()> {
    if implicitly_converts(from, to) {
        return Ok(());
    }
    let is_text = from.is_text();
    let (from, to) = (from.name(), to.name());
    if is_text {
        let hint = "Use the CONVERT function to run this query.";
        let message = format!("Implicit conversion from data type {from} to {to} is not allowed. {hint}");
        return Err(SqlError::new(257, message).with_state(3));
    }
    let message = format!("Operand type clash: {from} is incompatible with {to}");
    Err(SqlError::new(206, message).with_state(2))
}
