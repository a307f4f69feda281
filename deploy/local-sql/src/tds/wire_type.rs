//! TYPE_INFO: how a type is described on the wire, in both directions.

use super::ProtocolError;
use super::codepage::COLLATION;
use super::reader::Reader;
use crate::engine::SqlType;

/// Stands for `max` in the length of a string or binary type.
const MAX_LENGTH: u16 = 0xFFFF;
/// The longest string or binary that is not `max`, in bytes.
const MAX_SHORT_BYTES: u16 = 8_000;

/// Type tokens of [MS-TDS] 2.2.5.4.
pub(crate) mod token {
    pub(crate) const NULL: u8 = 0x1F;
    pub(crate) const IMAGE: u8 = 0x22;
    pub(crate) const TEXT: u8 = 0x23;
    pub(crate) const GUID: u8 = 0x24;
    pub(crate) const INT_N: u8 = 0x26;
    pub(crate) const DATE: u8 = 0x28;
    pub(crate) const TIME: u8 = 0x29;
    pub(crate) const DATETIME2: u8 = 0x2A;
    pub(crate) const DATETIMEOFFSET: u8 = 0x2B;
    pub(crate) const TINY_INT: u8 = 0x30;
    pub(crate) const BIT: u8 = 0x32;
    pub(crate) const SMALL_INT: u8 = 0x34;
    pub(crate) const INT: u8 = 0x38;
    pub(crate) const SMALL_DATETIME: u8 = 0x3A;
    pub(crate) const REAL: u8 = 0x3B;
    pub(crate) const MONEY: u8 = 0x3C;
    pub(crate) const DATETIME: u8 = 0x3D;
    pub(crate) const FLOAT: u8 = 0x3E;
    pub(crate) const SQL_VARIANT: u8 = 0x62;
    pub(crate) const N_TEXT: u8 = 0x63;
    pub(crate) const BIT_N: u8 = 0x68;
    pub(crate) const DECIMAL_N: u8 = 0x6A;
    pub(crate) const NUMERIC_N: u8 = 0x6C;
    pub(crate) const FLOAT_N: u8 = 0x6D;
    pub(crate) const MONEY_N: u8 = 0x6E;
    pub(crate) const DATETIME_N: u8 = 0x6F;
    pub(crate) const SMALL_MONEY: u8 = 0x7A;
    pub(crate) const BIG_INT: u8 = 0x7F;
    pub(crate) const VARBINARY: u8 = 0xA5;
    pub(crate) const VARCHAR: u8 = 0xA7;
    pub(crate) const BINARY: u8 = 0xAD;
    pub(crate) const CHAR: u8 = 0xAF;
    pub(crate) const NVARCHAR: u8 = 0xE7;
    pub(crate) const NCHAR: u8 = 0xEF;
    pub(crate) const UDT: u8 = 0xF0;
    pub(crate) const XML: u8 = 0xF1;
    pub(crate) const TABLE: u8 = 0xF3;
}

/// How long a value of the type is, and where that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// Always this many bytes; no NULL (except zero bytes, which is always NULL).
    Fixed(usize),
    /// One byte before the value; zero is NULL.
    Byte,
    /// Two bytes before the value; 0xFFFF is NULL.
    Short,
    /// Four bytes before the value; 0xFFFFFFFF is NULL (`text`, `ntext`, `image`).
    Long,
    /// Chunks: the `max` types.
    Chunks,
}

/// A parameter's type as the client described it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WireType {
    pub(crate) ty: SqlType,
    pub(crate) length: Length,
    pub(crate) collation: [u8; 5],
}

/// Why a parameter was not taken.
#[derive(Debug)]
pub(crate) enum TypeError {
    /// The message makes no sense: the connection ends.
    Malformed(ProtocolError),
    /// A type we do not have: the client gets an error naming it.
    Unsupported(&'static str),
}

impl From<ProtocolError> for TypeError {
    fn from(error: ProtocolError) -> Self {
        Self::Malformed(error)
    }
}

impl WireType {
    fn new(ty: SqlType, length: Length) -> Self {
        Self { ty, length, collation: COLLATION }
    }

    /// Reads TYPE_INFO.
    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, TypeError> {
        let token = reader.u8()?;
        Ok(match token {
            token::NULL => Self::new(SqlType::Int, Length::Fixed(0)),
            token::BIT => Self::new(SqlType::Bit, Length::Fixed(1)),
            token::TINY_INT => Self::new(SqlType::TinyInt, Length::Fixed(1)),
            token::SMALL_INT => Self::new(SqlType::SmallInt, Length::Fixed(2)),
            token::INT => Self::new(SqlType::Int, Length::Fixed(4)),
            token::BIG_INT => Self::new(SqlType::BigInt, Length::Fixed(8)),
            token::REAL => Self::new(SqlType::Real, Length::Fixed(4)),
            token::FLOAT => Self::new(SqlType::Float, Length::Fixed(8)),
            token::SMALL_DATETIME => Self::new(SqlType::SmallDateTime, Length::Fixed(4)),
            token::DATETIME => Self::new(SqlType::DateTime, Length::Fixed(8)),
            token::SMALL_MONEY => Self::new(SqlType::SmallMoney, Length::Fixed(4)),
            token::MONEY => Self::new(SqlType::Money, Length::Fixed(8)),
            token::DATE => Self::new(SqlType::Date, Length::Byte),
            token::TIME | token::DATETIME2 | token::DATETIMEOFFSET => Self::decode_scaled(token, reader)?,
            token::DECIMAL_N | token::NUMERIC_N => Self::decode_decimal(reader)?,
            token::BIT_N
            | token::INT_N
            | token::FLOAT_N
            | token::MONEY_N
            | token::DATETIME_N
            | token::GUID => Self::decode_sized(token, reader.u8()?)?,
            token::NVARCHAR
            | token::NCHAR
            | token::VARCHAR
            | token::CHAR
            | token::VARBINARY
            | token::BINARY => Self::decode_string(token, reader)?,
            token::TEXT | token::N_TEXT | token::IMAGE => Self::decode_long(token, reader)?,
            token::SQL_VARIANT => return Err(TypeError::Unsupported("sql_variant parameters")),
            token::XML => return Err(TypeError::Unsupported("xml parameters")),
            token::UDT => return Err(TypeError::Unsupported("CLR user-defined types")),
            token::TABLE => return Err(TypeError::Unsupported("table-valued parameters")),
            other => return Err(ProtocolError::invalid("data type", other).into()),
        })
    }

    fn decode_scaled(token: u8, reader: &mut Reader<'_>) -> Result<Self, ProtocolError> {
        let scale = reader.u8()?;
        if scale > 7 {
            return Err(ProtocolError::invalid("scale of a time type", scale));
        }
        let ty = match token {
            token::TIME => SqlType::Time(scale),
            token::DATETIME2 => SqlType::DateTime2(scale),
            _ => SqlType::DateTimeOffset(scale),
        };
        Ok(Self::new(ty, Length::Byte))
    }

    fn decode_decimal(reader: &mut Reader<'_>) -> Result<Self, ProtocolError> {
        let [_size, precision, scale] = reader.array()?;
        if !(1..=38).contains(&precision) || scale > precision {
            return Err(ProtocolError::invalid(
                "precision and scale",
                u16::from_be_bytes([precision, scale]),
            ));
        }
        Ok(Self::new(SqlType::Decimal(precision, scale), Length::Byte))
    }

    fn decode_sized(token: u8, size: u8) -> Result<Self, ProtocolError> {
        let ty = match (token, size) {
            (token::BIT_N, 1) => SqlType::Bit,
            (token::INT_N, 1) => SqlType::TinyInt,
            (token::INT_N, 2) => SqlType::SmallInt,
            (token::INT_N, 4) => SqlType::Int,
            (token::INT_N, 8) => SqlType::BigInt,
            (token::FLOAT_N, 4) => SqlType::Real,
            (token::FLOAT_N, 8) => SqlType::Float,
            (token::DATETIME_N, 4) => SqlType::SmallDateTime,
            (token::DATETIME_N, 8) => SqlType::DateTime,
            (token::GUID, 16) => SqlType::UniqueIdentifier,
            (token::MONEY_N, 4) => SqlType::SmallMoney,
            (token::MONEY_N, 8) => SqlType::Money,
            _ => {
                return Err(ProtocolError::invalid("size of a data type", u16::from_be_bytes([token, size])));
            }
        };
        Ok(Self::new(ty, Length::Byte))
    }

    fn decode_string(token: u8, reader: &mut Reader<'_>) -> Result<Self, ProtocolError> {
        let bytes = reader.u16()?;
        let is_max = bytes == MAX_LENGTH;
        if !is_max && bytes > MAX_SHORT_BYTES {
            return Err(ProtocolError::invalid("length of a string type", bytes));
        }
        let collation =
            if matches!(token, token::VARBINARY | token::BINARY) { COLLATION } else { reader.array()? };
        // A zero length comes with empty strings from some drivers; the shortest declaration is 1.
        let characters =
            if matches!(token, token::NVARCHAR | token::NCHAR) { bytes / 2 } else { bytes }.max(1);
        let declared = (!is_max).then_some(characters);
        let ty = match (token, declared) {
            (token::NVARCHAR, declared) => SqlType::NVarChar(declared),
            (token::VARCHAR, declared) => SqlType::VarChar(declared),
            (token::VARBINARY, declared) => SqlType::VarBinary(declared),
            (token::NCHAR, Some(characters)) => SqlType::NChar(characters),
            (token::CHAR, Some(characters)) => SqlType::Char(characters),
            (token::BINARY, Some(bytes)) => SqlType::Binary(bytes),
            _ => return Err(ProtocolError::invalid("length of a fixed string type", bytes)),
        };
        Ok(Self { collation, ..Self::new(ty, if is_max { Length::Chunks } else { Length::Short }) })
    }

    fn decode_long(token: u8, reader: &mut Reader<'_>) -> Result<Self, ProtocolError> {
        let _declared = reader.u32()?;
        let ty = match token {
            token::IMAGE => return Ok(Self::new(SqlType::VarBinary(None), Length::Long)),
            token::TEXT => SqlType::VarChar(None),
            _ => SqlType::NVarChar(None),
        };
        Ok(Self { collation: reader.array()?, ..Self::new(ty, Length::Long) })
    }
}

/// Writes TYPE_INFO for a column or an output parameter, always in the form that can carry NULL.
pub(crate) fn encode(ty: SqlType, out: &mut Vec<u8>) {
    match ty {
        SqlType::Bit => out.extend([token::BIT_N, 1]),
        SqlType::TinyInt => out.extend([token::INT_N, 1]),
        SqlType::SmallInt => out.extend([token::INT_N, 2]),
        SqlType::Int => out.extend([token::INT_N, 4]),
        SqlType::BigInt => out.extend([token::INT_N, 8]),
        SqlType::Real => out.extend([token::FLOAT_N, 4]),
        SqlType::Float => out.extend([token::FLOAT_N, 8]),
        SqlType::Decimal(precision, scale) => {
            out.extend([token::DECIMAL_N, decimal_bytes(precision) as u8 + 1, precision, scale]);
        }
        SqlType::Money => out.extend([token::MONEY_N, 8]),
        SqlType::SmallMoney => out.extend([token::MONEY_N, 4]),
        SqlType::UniqueIdentifier => out.extend([token::GUID, 16]),
        SqlType::Date => out.push(token::DATE),
        SqlType::Time(scale) => out.extend([token::TIME, scale]),
        SqlType::SmallDateTime => out.extend([token::DATETIME_N, 4]),
        SqlType::DateTime => out.extend([token::DATETIME_N, 8]),
        SqlType::DateTime2(scale) => out.extend([token::DATETIME2, scale]),
        SqlType::DateTimeOffset(scale) => out.extend([token::DATETIMEOFFSET, scale]),
        SqlType::NVarChar(characters) => string(token::NVARCHAR, characters, 2, out),
        SqlType::NChar(characters) => string(token::NCHAR, Some(characters), 2, out),
        SqlType::VarChar(characters) => string(token::VARCHAR, characters, 1, out),
        SqlType::Char(characters) => string(token::CHAR, Some(characters), 1, out),
        SqlType::VarBinary(bytes) => sized(token::VARBINARY, bytes, 1, out),
        SqlType::Binary(bytes) => sized(token::BINARY, Some(bytes), 1, out),
    }
}

fn string(token: u8, characters: Option<u16>, bytes_each: u16, out: &mut Vec<u8>) {
    sized(token, characters, bytes_each, out);
    out.extend(COLLATION);
}

fn sized(token: u8, length: Option<u16>, bytes_each: u16, out: &mut Vec<u8>) {
    let bytes = length.map_or(MAX_LENGTH, |length| length.saturating_mul(bytes_each).min(MAX_SHORT_BYTES));
    out.push(token);
    out.extend(bytes.to_le_bytes());
}

/// Bytes of a decimal's magnitude at this precision.
pub(crate) fn decimal_bytes(precision: u8) -> usize {
    match precision {
        0..=9 => 4,
        10..=19 => 8,
        20..=28 => 12,
        _ => 16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [SqlType; 30] = [
        SqlType::Bit,
        SqlType::TinyInt,
        SqlType::SmallInt,
        SqlType::Int,
        SqlType::BigInt,
        SqlType::Real,
        SqlType::Float,
        SqlType::Decimal(38, 10),
        SqlType::Decimal(9, 0),
        SqlType::Money,
        SqlType::SmallMoney,
        SqlType::NVarChar(Some(50)),
        SqlType::NVarChar(None),
        SqlType::NChar(3),
        SqlType::VarChar(Some(8_000)),
        SqlType::VarChar(None),
        SqlType::Char(1),
        SqlType::VarBinary(Some(16)),
        SqlType::VarBinary(None),
        SqlType::Binary(8),
        SqlType::UniqueIdentifier,
        SqlType::Date,
        SqlType::Time(0),
        SqlType::Time(7),
        SqlType::SmallDateTime,
        SqlType::DateTime,
        SqlType::DateTime2(3),
        SqlType::DateTime2(7),
        SqlType::DateTimeOffset(7),
        SqlType::NVarChar(Some(4_000)),
    ];

    #[test]
    fn every_type_we_describe_reads_back_as_itself() {
        for ty in ALL {
            let mut bytes = Vec::new();
            encode(ty, &mut bytes);
            let mut reader = Reader::new(&bytes, "test");
            assert_eq!(WireType::decode(&mut reader).unwrap().ty, ty);
            assert!(reader.is_empty(), "{ty:?}");
        }
    }

    #[test]
    fn what_we_do_not_have_is_refused_by_name() {
        let mut reader = Reader::new(&[token::TABLE], "test");
        assert!(matches!(
            WireType::decode(&mut reader),
            Err(TypeError::Unsupported("table-valued parameters"))
        ));
    }
}
