//! Types and values of TDS as the corpus writes them: `decimal(5,2)`, `'text'`, `0x0AFF`, `2024-02-29 01:02:03.000`.

use std::fmt;

use super::client::Bytes;

const MAX: u16 = 0xFFFF;
/// Days from 0001-01-01 to 1900-01-01.
const DAYS_TO_1900: i64 = 693_595;

/// TYPE_INFO of a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Type {
    token: u8,
    /// Bytes of a value, at most; [`MAX`] for the `max` types.
    size: u16,
    precision: u8,
    scale: u8,
}

impl Type {
    pub fn read(bytes: &mut Bytes<'_>) -> Self {
        let token = bytes.u8();
        let mut ty = Self { token, size: 0, precision: 0, scale: 0 };
        match token {
            0x26 | 0x68 | 0x6D | 0x6E | 0x6F | 0x24 => ty.size = bytes.u8().into(),
            0x6A | 0x6C => (ty.size, ty.precision, ty.scale) = (bytes.u8().into(), bytes.u8(), bytes.u8()),
            0x29..=0x2B => ty.scale = bytes.u8(),
            0xA7 | 0xAF | 0xE7 | 0xEF => {
                ty.size = bytes.u16();
                bytes.take(5);
            }
            0xA5 | 0xAD => ty.size = bytes.u16(),
            0x62 => drop(bytes.u32()),
            0x28 => {}
            0x30 | 0x32 => (ty.token, ty.size) = (if token == 0x32 { 0x68 } else { 0x26 }, 1),
            0x34 => (ty.token, ty.size) = (0x26, 2),
            0x38 => (ty.token, ty.size) = (0x26, 4),
            0x7F => (ty.token, ty.size) = (0x26, 8),
            0x3B => (ty.token, ty.size) = (0x6D, 4),
            0x3E => (ty.token, ty.size) = (0x6D, 8),
            0x3A => (ty.token, ty.size) = (0x6F, 4),
            0x3D => (ty.token, ty.size) = (0x6F, 8),
            0x7A => (ty.token, ty.size) = (0x6E, 4),
            0x3C => (ty.token, ty.size) = (0x6E, 8),
            other => panic!("a column of type {other:#04X}, which the corpus does not know"),
        }
        // The fixed types carry no length before the value: a precision of 255 marks them.
        if ty.token != token {
            ty.precision = 255;
        }
        ty
    }

    /// Reads a value and shows it.
    pub fn value(&self, bytes: &mut Bytes<'_>) -> String {
        if self.token == 0x62 {
            return variant(bytes);
        }
        if matches!(self.token, 0xA5 | 0xA7 | 0xE7) && self.size == MAX {
            return chunks(bytes).map_or("NULL".to_owned(), |value| self.shown(&value));
        }
        let length = match self.token {
            _ if self.precision == 255 => usize::from(self.size),
            0xA5 | 0xA7 | 0xAD | 0xAF | 0xE7 | 0xEF => match bytes.u16() {
                MAX => return "NULL".to_owned(),
                length => length.into(),
            },
            _ => match bytes.u8() {
                0 => return "NULL".to_owned(),
                length => length.into(),
            },
        };
        self.shown(bytes.take(length))
    }

    fn shown(&self, value: &[u8]) -> String {
        match self.token {
            0x68 => u8::from(value[0] != 0).to_string(),
            0x26 if value.len() == 1 => value[0].to_string(),
            0x26 => signed(value).to_string(),
            0x6D if value.len() == 4 => f32::from_le_bytes(value.try_into().unwrap()).to_string(),
            0x6D => f64::from_le_bytes(value.try_into().unwrap()).to_string(),
            0x6A | 0x6C => decimal(value[0] == 1, unsigned(&value[1..]), self.scale.into()),
            0x6E if value.len() == 4 => money(signed(value)),
            // The high half comes first.
            0x6E => money(signed(&[&value[4..], &value[..4]].concat())),
            0xA7 | 0xAF => format!("'{}'", windows_1252(value)),
            0xE7 | 0xEF => format!("'{}'", utf16(value)),
            0xA5 | 0xAD => value.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02X}")),
            0x24 => uuid::Uuid::from_slice_le(value).unwrap().to_string().to_uppercase(),
            0x28 => date(unsigned(value).try_into().unwrap()),
            0x29 => time(value, self.scale),
            0x2A => {
                let (clock, days) = value.split_at(value.len() - 3);
                format!("{} {}", date(unsigned(days).try_into().unwrap()), time(clock, self.scale))
            }
            0x2B => offset(value, self.scale),
            0x6F if value.len() == 4 => {
                let minutes = unsigned(&value[2..]);
                let day = date(DAYS_TO_1900 + i64::try_from(unsigned(&value[..2])).unwrap());
                format!("{day} {:02}:{:02}", minutes / 60, minutes % 60)
            }
            0x6F => {
                let day = date(DAYS_TO_1900 + signed(&value[..4]));
                let milliseconds = (unsigned(&value[4..]) * 10 + 1) / 3;
                format!("{day} {}", clock(milliseconds * 10_000, 3))
            }
            other => panic!("a value of type {other:#04X}"),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match (self.token, self.size) {
            (0x68, _) => "bit",
            (0x26, 1) => "tinyint",
            (0x26, 2) => "smallint",
            (0x26, 4) => "int",
            (0x26, _) => "bigint",
            (0x6D, 4) => "real",
            (0x6D, _) => "float",
            (0x6E, 4) => "smallmoney",
            (0x6E, _) => "money",
            (0x6F, 4) => "smalldatetime",
            (0x6F, _) => "datetime",
            (0x24, _) => "uniqueidentifier",
            (0x28, _) => "date",
            (0x62, _) => "sql_variant",
            (0x6A | 0x6C, _) => return write!(formatter, "decimal({},{})", self.precision, self.scale),
            (0x29, _) => return write!(formatter, "time({})", self.scale),
            (0x2A, _) => return write!(formatter, "datetime2({})", self.scale),
            (0x2B, _) => return write!(formatter, "datetimeoffset({})", self.scale),
            (0xA5, _) => return self.sized(formatter, "varbinary", 1),
            (0xAD, _) => return self.sized(formatter, "binary", 1),
            (0xA7, _) => return self.sized(formatter, "varchar", 1),
            (0xAF, _) => return self.sized(formatter, "char", 1),
            (0xE7, _) => return self.sized(formatter, "nvarchar", 2),
            _ => return self.sized(formatter, "nchar", 2),
        };
        formatter.write_str(name)
    }
}

impl Type {
    fn sized(&self, formatter: &mut fmt::Formatter<'_>, name: &str, bytes_each: u16) -> fmt::Result {
        match self.size {
            MAX => write!(formatter, "{name}(max)"),
            size => write!(formatter, "{name}({})", size / bytes_each),
        }
    }
}

fn chunks(bytes: &mut Bytes<'_>) -> Option<Vec<u8>> {
    if bytes.u64() == u64::MAX {
        return None;
    }
    let mut value = Vec::new();
    loop {
        match bytes.u32() {
            0 => return Some(value),
            length => value.extend(bytes.take(length as usize)),
        }
    }
}

/// A `sql_variant`: its length, its own type with what belongs to it, the value. The corpus reads numbers and strings.
fn variant(bytes: &mut Bytes<'_>) -> String {
    let length = bytes.u32() as usize;
    if length == 0 {
        return "NULL".to_owned();
    }
    let mut value = Bytes(bytes.take(length));
    let (token, properties) = (value.u8(), value.u8());
    value.take(properties.into());
    let token = if matches!(token, 0x30 | 0x34 | 0x38 | 0x7F) { 0x26 } else { token };
    assert!(matches!(token, 0x26 | 0xA7 | 0xE7), "a sql_variant of type {token:#04X}");
    Type { token, size: 0, precision: 0, scale: 0 }.shown(value.0)
}

fn unsigned(bytes: &[u8]) -> u128 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

fn signed(bytes: &[u8]) -> i64 {
    let shift = 64 - 8 * bytes.len();
    ((unsigned(bytes) as i64) << shift) >> shift
}

fn decimal(positive: bool, digits: u128, scale: usize) -> String {
    let sign = if positive { "" } else { "-" };
    let text = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = text.split_at(text.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

fn money(ten_thousandths: i64) -> String {
    decimal(ten_thousandths >= 0, ten_thousandths.unsigned_abs().into(), 4)
}

pub fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}

/// The corpus writes only ASCII and Latin-1 letters in `varchar`, and the euro sign.
fn windows_1252(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| if *byte == 0x80 { '€' } else { char::from(*byte) }).collect()
}

fn date(days: i64) -> String {
    let first = time::Date::from_calendar_date(1, time::Month::January, 1).unwrap();
    let date = first + time::Duration::days(days);
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

fn time(units: &[u8], scale: u8) -> String {
    clock(unsigned(units) * 10_u128.pow(u32::from(7 - scale)), scale)
}

/// A time of day in ticks of 100 ns.
fn clock(ticks: u128, scale: u8) -> String {
    let seconds = ticks / 10_000_000;
    let whole = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let fraction = format!("{:07}", ticks % 10_000_000);
    if scale == 0 { whole } else { format!("{whole}.{}", &fraction[..scale.into()]) }
}

/// The instant in UTC and the offset in minutes, shown as local time.
fn offset(value: &[u8], scale: u8) -> String {
    const DAY: i64 = 864_000_000_000;
    let (clock_units, rest) = value.split_at(value.len() - 5);
    let ticks = unsigned(clock_units) * 10_u128.pow(u32::from(7 - scale));
    let (days, minutes) = (unsigned(&rest[..3]), signed(&rest[3..]));
    let local = i64::try_from(days).unwrap() * DAY + i64::try_from(ticks).unwrap() + minutes * 600_000_000;
    let (day, tick) = (local.div_euclid(DAY), local.rem_euclid(DAY));
    let sign = if minutes < 0 { '-' } else { '+' };
    let clock = clock(tick.unsigned_abs().into(), scale);
    format!("{} {clock} {sign}{:02}:{:02}", date(day), minutes.abs() / 60, minutes.abs() % 60)
}
