//! From text to fields. The grammar is Cronos' ("Cron grammar" in its README), which is case-insensitive.

use std::fmt;

use super::Cron;

/// Longer texts are not looked at: the column of a hash has no limit, a cron expression does.
const TEXT_MAX: usize = 200;

/// Why a text is no cron expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronError {
    text: String,
    problem: String,
}

impl fmt::Display for CronError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a cron expression: {}", self.text, self.problem)
    }
}

impl std::error::Error for CronError {}

/// One field's name and values.
#[derive(Clone, Copy)]
struct Field {
    name: &'static str,
    first: u8,
    last: u8,
    names: &'static [&'static str],
    /// Only these make an expression interval-based.
    is_time: bool,
}

const SECOND: Field = Field { name: "second", first: 0, last: 59, names: &[], is_time: true };
const MINUTE: Field = Field { name: "minute", first: 0, last: 59, names: &[], is_time: true };
const HOUR: Field = Field { name: "hour", first: 0, last: 23, names: &[], is_time: true };
const DAY_OF_MONTH: Field = Field { name: "day of month", first: 1, last: 31, names: &[], is_time: false };
const MONTH: Field = Field {
    name: "month",
    first: 1,
    last: 12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    is_time: false,
};
const DAY_OF_WEEK: Field = Field {
    name: "day of week",
    first: 0,
    last: 7,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    is_time: false,
};
/// 0 and 7.
const SUNDAYS: u64 = 0b1000_0001;

pub(super) fn parse(text: &str) -> Result<Cron, CronError> {
    read(text).map_err(|problem| CronError { text: text.chars().take(TEXT_MAX).collect(), problem })
}

fn read(text: &str) -> Result<Cron, String> {
    if text.len() > TEXT_MAX {
        return Err(format!("it is longer than {TEXT_MAX} characters"));
    }
    let upper = text.to_ascii_uppercase();
    let upper = match upper.trim_matches([' ', '\t']) {
        name if name.starts_with('@') => expand(name)?,
        other => other,
    };
    let fields: Vec<&str> = upper.split([' ', '\t']).filter(|field| !field.is_empty()).collect();
    match fields.as_slice() {
        [minute, hour, day, month, weekday] => build("0", minute, hour, day, month, weekday),
        [second, minute, hour, day, month, weekday] => build(second, minute, hour, day, month, weekday),
        other => Err(format!("it has {} fields; five are wanted, or six with seconds first", other.len())),
    }
}

fn expand(name: &str) -> Result<&'static str, String> {
    Ok(match name {
        "@EVERY_SECOND" => "* * * * * *",
        "@EVERY_MINUTE" => "* * * * *",
        "@HOURLY" => "0 * * * *",
        "@DAILY" | "@MIDNIGHT" => "0 0 * * *",
        "@WEEKLY" => "0 0 * * 0",
        "@MONTHLY" => "0 0 1 * *",
        "@YEARLY" | "@ANNUALLY" => "0 0 1 1 *",
        _ => return Err("there is no such macro".to_owned()),
    })
}

fn build(
    second: &str,
    minute: &str,
    hour: &str,
    day: &str,
    month: &str,
    weekday: &str,
) -> Result<Cron, String> {
    let mut cron = Cron {
        second: 0,
        minute: 0,
        hour: 0,
        day_of_month: 0,
        month: 0,
        day_of_week: 0,
        last_day_minus: None,
        nearest_weekday: false,
        nth: None,
        last_of_weekday: false,
        is_interval: false,
    };
    cron.second = Reader::new(SECOND, second).values(&mut cron)?;
    cron.minute = Reader::new(MINUTE, minute).values(&mut cron)?;
    cron.hour = Reader::new(HOUR, hour).values(&mut cron)?;
    cron.day_of_month = Reader::new(DAY_OF_MONTH, day).values(&mut cron)?;
    cron.month = Reader::new(MONTH, month).values(&mut cron)?;
    cron.day_of_week = Reader::new(DAY_OF_WEEK, weekday).values(&mut cron)?;
    if cron.day_of_week & SUNDAYS != 0 {
        cron.day_of_week |= SUNDAYS;
    }
    Ok(cron)
}

/// Reads one field from left to right.
struct Reader<'a> {
    field: Field,
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn new(field: Field, text: &'a str) -> Self {
        Self { field, rest: text }
    }

    /// The whole field. What is more than a set of values goes straight into `cron`.
    fn values(mut self, cron: &mut Cron) -> Result<u64, String> {
        let bits = if self.accept('*') || self.accept('?') {
            cron.is_interval |= self.field.is_time;
            let step = if self.accept('/') { self.step()? } else { 1 };
            self.range(self.field.first, self.field.last, step)
        } else if self.field.name == DAY_OF_MONTH.name && self.accept('L') {
            self.last_day(cron)?
        } else {
            self.list(cron)?
        };
        if self.rest.is_empty() { Ok(bits) } else { Err(self.unexpected()) }
    }

    /// `L`, `L-3`, `LW`, `L-3W`.
    fn last_day(&mut self, cron: &mut Cron) -> Result<u64, String> {
        let days = if self.accept('-') { self.number(0, self.field.last - 1)? } else { 0 };
        cron.last_day_minus = i8::try_from(days).ok();
        cron.nearest_weekday = self.accept('W');
        Ok(self.range(self.field.first, self.field.last, 1))
    }

    /// Values, ranges and steps between commas; `W`, `L` and `#` only behind a single value.
    fn list(&mut self, cron: &mut Cron) -> Result<u64, String> {
        let mut bits = 0;
        let mut is_first = true;
        loop {
            let low = self.value()?;
            if is_first && self.special(cron)? {
                return Ok(1 << low);
            }
            is_first = false;
            bits |= self.value_onward(low, cron)?;
            if !self.accept(',') {
                return Ok(bits);
            }
        }
    }

    fn special(&mut self, cron: &mut Cron) -> Result<bool, String> {
        if self.field.name == DAY_OF_MONTH.name && self.accept('W') {
            cron.nearest_weekday = true;
            return Ok(true);
        }
        if self.field.name == DAY_OF_WEEK.name {
            if self.accept('L') {
                cron.last_of_weekday = true;
                return Ok(true);
            }
            if self.accept('#') {
                cron.nth = i8::try_from(self.number(1, 5)?).ok();
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// `5`, `5/2`, `5-9`, `5-9/2`.
    fn value_onward(&mut self, low: u8, cron: &mut Cron) -> Result<u64, String> {
        let high = match self.accept('-') {
            true => Some(self.value()?),
            false => None,
        };
        let step = if self.accept('/') { Some(self.step()?) } else { None };
        if high.is_none() && step.is_none() {
            return Ok(1 << low);
        }
        cron.is_interval |= self.field.is_time;
        Ok(self.range(low, high.unwrap_or(self.field.last), step.unwrap_or(1)))
    }

    /// Cronos, "Reversed ranges": `23-1` is `23,0,1`, and a step counts on through the end.
    fn range(&self, low: u8, high: u8, step: u8) -> u64 {
        let Field { first, last, .. } = self.field;
        if low <= high {
            return (low..=high).step_by(step.into()).fold(0, |bits, value| bits | 1 << value);
        }
        // One of the two Sundays.
        let last = if self.field.name == DAY_OF_WEEK.name { last - 1 } else { last };
        let length = u32::from(last - first) + 1;
        let end = u32::from(high) + length;
        let values = (u32::from(low)..=end).step_by(step.into());
        values.fold(0, |bits, value| bits | 1 << if value > u32::from(last) { value - length } else { value })
    }

    /// A number or a name of the field.
    fn value(&mut self) -> Result<u8, String> {
        let named =
            self.field.names.iter().zip(self.field.first..).find(|(name, _)| self.rest.starts_with(**name));
        if let Some((name, value)) = named {
            self.rest = &self.rest[name.len()..];
            return Ok(value);
        }
        self.number(self.field.first, self.field.last)
    }

    fn step(&mut self) -> Result<u8, String> {
        self.number(1, self.field.last)
    }

    fn number(&mut self, min: u8, max: u8) -> Result<u8, String> {
        let digits = self.rest.len() - self.rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 {
            return Err(self.unexpected());
        }
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        let name = self.field.name;
        let fitting = number.parse().ok().filter(|number| (min..=max).contains(number));
        fitting.ok_or_else(|| format!("{name}: {number} is not between {min} and {max}"))
    }

    fn accept(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn unexpected(&self) -> String {
        match self.rest.chars().next() {
            Some(found) => format!("{}: {found:?} is not expected there", self.field.name),
            None => format!("{}: something is missing at its end", self.field.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(bits: u64) -> Vec<u32> {
        (0..64).filter(|bit| bits & (1 << bit) != 0).collect()
    }

    fn cron(text: &str) -> Cron {
        parse(text).unwrap()
    }

    #[test]
    fn lists_ranges_and_steps() {
        assert_eq!(values(cron("3,5-11/3,12 * * * *").minute), [3, 5, 8, 11, 12]);
        assert_eq!(values(cron("*/24 * * * *").minute), [0, 24, 48]);
        assert_eq!(values(cron("50/4 * * * *").minute), [50, 54, 58]);
        assert_eq!(values(cron("0 0 * jan-mar,DEC mon-Fri").month), [1, 2, 3, 12]);
        assert_eq!(values(cron("0 0 * * mon-Fri").day_of_week), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn ranges_wrap_and_their_step_goes_on_behind_the_end() {
        assert_eq!(values(cron("0 22-1 * * *").hour), [0, 1, 22, 23]);
        assert_eq!(values(cron("45-15/2 1 * * *").minute).len(), 8 + 8);
        assert_eq!(values(cron("45-15/2 1 * * *").minute)[..3], [1, 3, 5]);
        assert_eq!(values(cron("0 0 * DEC-FEB *").month), [1, 2, 12]);
        assert_eq!(values(cron("0 0 * * FRI-MON").day_of_week), [0, 1, 5, 6, 7]);
        assert_eq!(values(cron("0 0 * * 7").day_of_week), [0, 7]);
        assert_eq!(values(cron("0 0 * * 6-7").day_of_week), [0, 6, 7]);
    }

    #[test]
    fn an_expression_is_interval_based_by_its_time_fields_only() {
        for interval in ["* * * * *", "0 */2 * * *", "0 1-3 * * *", "0/30 * * * * *", "? 1 * * *"] {
            assert!(cron(interval).is_interval, "{interval}");
        }
        for fixed in ["0 1 * * *", "0 0,45 1,2 * * *", "30 1 */2 1-3 MON-FRI", "@daily"] {
            assert!(!cron(fixed).is_interval, "{fixed}");
        }
    }

    #[test]
    fn every_macro_is_known_in_any_case() {
        for name in [
            "@every_second",
            "@every_minute",
            "@hourly",
            "@daily",
            "@midnight",
            "@weekly",
            "@monthly",
            "@Yearly",
            " @ANNUALLY\t",
        ] {
            cron(name);
        }
        assert_eq!(cron("@weekly"), cron("0 0 * * 7"));
    }

    #[test]
    fn what_cronos_refuses_is_refused_with_the_reason() {
        let refusals: Vec<String> = [
            "",
            "* * * *",
            "* * * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * 32 * *",
            "* * * 13 *",
            "* * * * 8",
            "*/0 * * * *",
            "*/60 * * * *",
            "1- * * * *",
            "1,,2 * * * *",
            "-1 * * * *",
            "* * L-31 * *",
            "* * 1,2W * *",
            "* * L,15 * *",
            "* * * * MON#6",
            "* * * * MONDAY",
            "* * * * 1L,2",
            "@fortnightly",
            "a * * * *",
            "5 L * * *",
            "* * * * 1W",
        ]
        .iter()
        .map(|text| parse(text).unwrap_err().to_string())
        .collect();
        insta::assert_snapshot!(refusals.join("\n"));
        assert!(parse(&"1,".repeat(200)).is_err());
    }
}
