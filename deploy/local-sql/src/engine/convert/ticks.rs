//! Dates and times as 100 ns ticks since 0001-01-01: civil calendar, parsing, formatting, rounding.

use super::super::error::{Result, SqlError};
use super::super::types::SqlType;

pub(in super::super) const PER_MICROSECOND: i64 = 10;
pub(in super::super) const PER_MILLISECOND: i64 = 10_000;
pub(in super::super) const PER_SECOND: i64 = 10_000_000;
pub(in super::super) const PER_MINUTE: i64 = 60 * PER_SECOND;
pub(in super::super) const PER_HOUR: i64 = 60 * PER_MINUTE;
pub(in super::super) const PER_DAY: i64 = 24 * PER_HOUR;
/// Days from 0001-01-01 to 1970-01-01.
const UNIX_EPOCH_DAYS: i64 = 719_162;
/// Days from 0001-01-01 to 1900-01-01, the zero of `datetime`.
const DAYS_TO_1900: i64 = 693_595;
/// Days from 0001-01-01 to 1753-01-01, the first `datetime`.
const DAYS_TO_1753: i64 = 639_905;
/// The first tick of the year 10000.
pub(in super::super) const END: i64 = 3_652_059 * PER_DAY;

/// 1900-01-01.
pub(in super::super) fn of_1900() -> i64 {
    DAYS_TO_1900 * PER_DAY
}

/// Whether `datetime` can hold it.
pub(in super::super) fn is_valid_datetime(ticks: i64) -> bool {
    (DAYS_TO_1753 * PER_DAY..END).contains(&ticks)
}

/// Now, in UTC.
pub(in super::super) fn now() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let ticks = i64::try_from(since_epoch.as_nanos() / 100).unwrap_or(0);
    UNIX_EPOCH_DAYS * PER_DAY + ticks
}

/// A civil date of the proleptic Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Civil {
    pub year: i64,
    pub month: i64,
    pub day: i64,
}

impl Civil {
    /// The date of a tick (days are counted by Howard Hinnant's `civil_from_days`).
    pub(in super::super) fn of(ticks: i64) -> Self {
        let days = ticks.div_euclid(PER_DAY) + 306;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Self { year: year_of_era + era * 400 + i64::from(month <= 2), month, day }
    }

    /// The first tick of the day, if the date exists within 0001 to 9999.
    pub(in super::super) fn ticks(self) -> Option<i64> {
        let valid = (1..=9_999).contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=days_in_month(self.year, self.month)).contains(&self.day);
        if !valid {
            return None;
        }
        let year = self.year - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let shifted = (self.month + 9) % 12;
        let day_of_year = (153 * shifted + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Some((era * 146_097 + day_of_era - 306) * PER_DAY)
    }
}

/// Length of a month; months outside 1 to 12 have none.
pub(in super::super) fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 0,
    }
}

/// The value at the precision of its type: 1/300 s for `datetime`, minutes for `smalldatetime`, `p` digits
/// otherwise.
pub(in super::super) fn rounded(ticks: i64, ty: SqlType) -> Result<i64> {
    let out_of_range = || {
        SqlError::new(
            242,
            format!(
                "The conversion of a data type to a {} data type resulted in an out-of-range value.",
                ty.name()
            ),
        )
    };
    let rounded = match ty {
        SqlType::Date => ticks - ticks.rem_euclid(PER_DAY),
        SqlType::DateTime => {
            if !is_valid_datetime(ticks) {
                return Err(out_of_range());
            }
            let day = ticks.div_euclid(PER_DAY) * PER_DAY;
            // Thirds of a hundredth: 300 units a second, each shown in whole milliseconds (.000, .003, .007).
            let units = ((ticks - day) * 3 + 50_000).div_euclid(100_000);
            day + datetime_units_to_ticks(units)
        }
        SqlType::SmallDateTime => (ticks + PER_MINUTE / 2).div_euclid(PER_MINUTE) * PER_MINUTE,
        SqlType::DateTime2(precision) | SqlType::Time(precision) | SqlType::DateTimeOffset(precision) => {
            let unit = 10_i64.pow(7 - u32::from(precision.min(7)));
            (ticks + unit / 2).div_euclid(unit) * unit
        }
        _ => ticks,
    };
    if (0..END).contains(&rounded) { Ok(rounded) } else { Err(out_of_range()) }
}

/// Ticks of a number of 1/300 s, rounded to the millisecond that SQL Server shows.
pub(in super::super) fn datetime_units_to_ticks(units: i64) -> i64 {
    // 1/300 s = 3.333 ms: .000, .003, .007 with the carry into the next hundredth.
    let milliseconds = (units * 10 + 1).div_euclid(3);
    milliseconds * PER_MILLISECOND
}

/// A `datetime`, which is kept in the milliseconds that SQL Server shows, with its exact thirds: widening it
/// to `datetime2` gives .0033333 where text shows .003 (database compatibility level 130 and later).
pub(in super::super) fn exact_datetime(ticks: i64) -> i64 {
    let day = ticks.div_euclid(PER_DAY) * PER_DAY;
    day + (ticks_to_datetime_units(ticks - day) * 100_000 + 1).div_euclid(3)
}

/// The number of 1/300 s in a time of day.
pub(in super::super) fn ticks_to_datetime_units(ticks: i64) -> i64 {
    (ticks * 3 + 50_000).div_euclid(100_000)
}

/// A value as text, as CAST to a string gives it. `datetime` has its own traditional form.
pub(in super::super) fn format(ticks: i64, ty: SqlType) -> String {
    let civil = Civil::of(ticks);
    let time = ticks.rem_euclid(PER_DAY);
    let (hour, minute) = (time / PER_HOUR, time / PER_MINUTE % 60);
    let date = format!("{:04}-{:02}-{:02}", civil.year, civil.month, civil.day);
    match ty {
        SqlType::Date => date,
        SqlType::Time(precision) => clock(time, precision),
        SqlType::DateTime2(precision) => format!("{date} {}", clock(time, precision)),
        _ => {
            const MONTHS: [&str; 12] =
                ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
            let month =
                usize::try_from(civil.month - 1).ok().and_then(|index| MONTHS.get(index)).unwrap_or(&"");
            let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
            let half = if hour < 12 { "AM" } else { "PM" };
            format!("{month} {:>2} {:04} {twelve:>2}:{minute:02}{half}", civil.day, civil.year)
        }
    }
}

fn clock(time: i64, precision: u8) -> String {
    let whole = format!("{:02}:{:02}:{:02}", time / PER_HOUR, time / PER_MINUTE % 60, time / PER_SECOND % 60);
    if precision == 0 {
        return whole;
    }
    let fraction = format!("{:07}", time % PER_SECOND);
    format!("{whole}.{}", &fraction[..usize::from(precision.min(7))])
}

/// The largest offset from UTC.
const MAX_OFFSET_MINUTES: i64 = 14 * 60;

/// Ticks of an offset in minutes.
pub(in super::super) fn of_minutes(minutes: i16) -> i64 {
    i64::from(minutes) * PER_MINUTE
}

/// `2024-02-29 01:02:03.1234567 +05:30`, from the local time.
pub(super) fn format_offset(local: i64, minutes: i16, scale: u8) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    let (hours, minutes) = (minutes.unsigned_abs() / 60, minutes.unsigned_abs() % 60);
    format!("{} {sign}{hours:02}:{minutes:02}", format(local, SqlType::DateTime2(scale)))
}

/// A local time with an offset in minutes; UTC where none is written.
pub(super) fn parse_offset(text: &str) -> Option<(i64, i16)> {
    let ty = SqlType::DateTime2(7);
    // The sign of an offset stands behind the time; those of a date before it.
    let at = text.find(':').and_then(|clock| Some(clock + text.get(clock..)?.find(['+', '-'])?));
    let Some(at) = at else { return parse(text, ty).map(|local| (local, 0)) };
    let (local, offset) = text.split_at_checked(at)?;
    Some((parse(local.trim_end_matches(' '), ty)?, offset_minutes(offset)?))
}

/// `+05:30`.
pub(in super::super) fn offset_minutes(text: &str) -> Option<i16> {
    let (sign, digits) = (text.get(..1)?, text.get(1..)?);
    let number = |part: &str| part.parse::<i64>().ok().filter(|_| part.len() == 2);
    let (hours, minutes) = digits.split_once(':')?;
    let total = number(hours)? * 60 + number(minutes).filter(|minutes| *minutes < 60)?;
    let total = match sign {
        "+" => total,
        "-" => -total,
        _ => return None,
    };
    checked_offset(total)
}

/// An offset in minutes, within fourteen hours.
pub(in super::super) fn checked_offset(minutes: i64) -> Option<i16> {
    i16::try_from(minutes).ok().filter(|_| minutes.abs() <= MAX_OFFSET_MINUTES)
}

/// ISO forms: `yyyy-mm-dd`, `yyyymmdd`, with ` ` or `T` and `hh:mm[:ss[.fffffff]]`, an optional `Z`; a time
/// alone.
pub(in super::super) fn parse(text: &str, to: SqlType) -> Option<i64> {
    if text.is_empty() {
        return Some(if matches!(to, SqlType::Time(_)) { 0 } else { of_1900() });
    }
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (Some(date), Some(time)),
        None if text.contains(':') => (None, Some(text)),
        None => (Some(text), None),
    };
    let date = match date {
        Some(date) => parse_date(date)?,
        None if matches!(to, SqlType::Time(_)) => 0,
        None => of_1900(),
    };
    let time = time.map_or(Some(0), parse_time)?;
    match to {
        SqlType::Time(_) => Some(time),
        SqlType::Date => Some(date),
        _ => Some(date + time),
    }
}

fn parse_date(text: &str) -> Option<i64> {
    let number =
        |part: &str| part.parse::<i64>().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()));
    let (year, month, day) = match text.split('-').collect::<Vec<_>>()[..] {
        [year, month, day] if year.len() == 4 => (number(year)?, number(month)?, number(day)?),
        [all] if all.len() == 8 && all.is_ascii() => {
            (number(&all[..4])?, number(&all[4..6])?, number(&all[6..])?)
        }
        _ => return None,
    };
    Civil { year, month, day }.ticks()
}

fn parse_time(text: &str) -> Option<i64> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.split(':').map(|part| part.parse::<i64>().ok().filter(|_| part.len() <= 2));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 || fraction.len() > 7 {
        return None;
    }
    let fraction = if fraction.is_empty() { 0 } else { format!("{fraction:0<7}").parse::<i64>().ok()? };
    Some(hour * PER_HOUR + minute * PER_MINUTE + second * PER_SECOND + fraction)
}
