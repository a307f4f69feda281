//! SQL Server's types and values as the engine and the protocol exchange them.

/// A data type with its length, precision or scale.
///
/// Lengths of strings and binaries are those of the declaration (characters for `n` types); `None` means
/// `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum SqlType {
    /// `bit`, carried as [`Value::Int`] 0 or 1.
    Bit,
    /// `tinyint`, 0 to 255.
    TinyInt,
    /// `smallint`.
    SmallInt,
    /// `int`.
    Int,
    /// `bigint`.
    BigInt,
    /// `float(53)`.
    Float,
    /// `real`.
    Real,
    /// `decimal(precision, scale)`, also `numeric`.
    Decimal(u8, u8),
    /// `money`, carried as [`Value::Decimal`] of scale 4.
    Money,
    /// `smallmoney`, likewise.
    SmallMoney,
    /// `nvarchar(n | max)`.
    NVarChar(Option<u16>),
    /// `nchar(n)`.
    NChar(u16),
    /// `varchar(n | max)`.
    VarChar(Option<u16>),
    /// `char(n)`.
    Char(u16),
    /// `varbinary(n | max)`.
    VarBinary(Option<u16>),
    /// `binary(n)`.
    Binary(u16),
    /// `uniqueidentifier`.
    UniqueIdentifier,
    /// `date`.
    Date,
    /// `time(p)`.
    Time(u8),
    /// `smalldatetime`.
    SmallDateTime,
    /// `datetime`, 1/300 s.
    DateTime,
    /// `datetime2(p)`.
    DateTime2(u8),
    /// `datetimeoffset(p)`.
    DateTimeOffset(u8),
}

/// One value; which [`SqlType`] it has stands beside it (in the column or the parameter).
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// NULL of any type.
    Null,
    /// `bit` and all integer types.
    Int(i64),
    /// `float` and `real`.
    Float(f64),
    /// `decimal` and the money types: unscaled digits and the scale.
    Decimal(i128, u8),
    /// All character types.
    Text(String),
    /// `binary` and `varbinary`.
    Bytes(Vec<u8>),
    /// `uniqueidentifier` in wire order: the first three groups little-endian, as in TDS.
    Guid([u8; 16]),
    /// `date`, `smalldatetime`, `datetime`, `datetime2`: 100 ns since 0001-01-01T00:00:00; `time`: 100 ns
    /// since midnight.
    Ticks(i64),
    /// `datetimeoffset`: 100 ns since 0001-01-01 **in UTC**, and the offset in minutes.
    Offset(i64, i16),
}

/// A column of a result set.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name; empty where the expression has none.
    pub name: String,
    /// Its type.
    pub ty: SqlType,
    /// Whether NULL can occur.
    pub nullable: bool,
}

/// A parameter of a procedure call.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// With its `@`; empty for a parameter passed by position.
    pub name: String,
    /// The type as sent.
    pub ty: SqlType,
    /// The value as sent.
    pub value: Value,
    /// Whether the caller wants the value back.
    pub output: bool,
}

impl SqlType {
    /// The name that SQL Server's messages use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bit => "bit",
            Self::TinyInt => "tinyint",
            Self::SmallInt => "smallint",
            Self::Int => "int",
            Self::BigInt => "bigint",
            Self::Float => "float",
            Self::Real => "real",
            Self::Decimal(..) => "numeric",
            Self::Money => "money",
            Self::SmallMoney => "smallmoney",
            Self::NVarChar(_) => "nvarchar",
            Self::NChar(_) => "nchar",
            Self::VarChar(_) => "varchar",
            Self::Char(_) => "char",
            Self::VarBinary(_) => "varbinary",
            Self::Binary(_) => "binary",
            Self::UniqueIdentifier => "uniqueidentifier",
            Self::Date => "date",
            Self::Time(_) => "time",
            Self::SmallDateTime => "smalldatetime",
            Self::DateTime => "datetime",
            Self::DateTime2(_) => "datetime2",
            Self::DateTimeOffset(_) => "datetimeoffset",
        }
    }

    /// Character types.
    pub fn is_text(self) -> bool {
        matches!(self, Self::NVarChar(_) | Self::NChar(_) | Self::VarChar(_) | Self::Char(_))
    }

    /// `bit` and the integer types.
    pub fn is_integer(self) -> bool {
        matches!(self, Self::Bit | Self::TinyInt | Self::SmallInt | Self::Int | Self::BigInt)
    }

    /// `decimal` and the money types.
    pub fn is_decimal(self) -> bool {
        matches!(self, Self::Decimal(..) | Self::Money | Self::SmallMoney)
    }

    /// Whole numbers, decimals, money and floats.
    pub fn is_number(self) -> bool {
        self.is_integer() || self.is_decimal() || matches!(self, Self::Float | Self::Real)
    }

    /// Types carried as [`Value::Ticks`].
    pub fn is_date_or_time(self) -> bool {
        matches!(self, Self::Date | Self::Time(_) | Self::SmallDateTime | Self::DateTime | Self::DateTime2(_))
    }

    /// Binary types.
    pub fn is_binary(self) -> bool {
        matches!(self, Self::VarBinary(_) | Self::Binary(_))
    }

    /// Bytes of a value, as COL_LENGTH and DATALENGTH count them; -1 for the `max` types.
    pub fn bytes(self) -> i32 {
        let scaled = |scale: u8, least: i32| least + i32::from(scale > 2) + i32::from(scale > 4);
        match self {
            Self::Bit | Self::TinyInt => 1,
            Self::SmallInt => 2,
            Self::Date => 3,
            Self::Int | Self::Real | Self::SmallDateTime | Self::SmallMoney => 4,
            Self::BigInt | Self::Float | Self::DateTime | Self::Money => 8,
            Self::UniqueIdentifier => 16,
            Self::Time(scale) => scaled(scale, 3),
            Self::DateTime2(scale) => scaled(scale, 6),
            Self::DateTimeOffset(scale) => scaled(scale, 8),
            Self::Decimal(0..=9, _) => 5,
            Self::Decimal(10..=19, _) => 9,
            Self::Decimal(20..=28, _) => 13,
            Self::Decimal(..) => 17,
            Self::NVarChar(length) => length.map_or(-1, |length| 2 * i32::from(length)),
            Self::NChar(length) => 2 * i32::from(length),
            Self::VarChar(length) | Self::VarBinary(length) => length.map_or(-1, i32::from),
            Self::Char(length) | Self::Binary(length) => i32::from(length),
        }
    }

    /// The declared length of a string or binary; `None` for `max` and for all other types.
    pub fn length(self) -> Option<u16> {
        match self {
            Self::NVarChar(length) | Self::VarChar(length) | Self::VarBinary(length) => length,
            Self::NChar(length) | Self::Char(length) | Self::Binary(length) => Some(length),
            _ => None,
        }
    }
}
