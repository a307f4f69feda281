//! The next time on a calendar without time zones.

use jiff::civil::{Date, DateTime, Time, Weekday};

use super::Cron;

/// Cronos looks no further.
const YEAR_MAX: i16 = 2499;

impl Cron {
    /// The first local time at or after `from`.
    pub(super) fn next_local(&self, from: DateTime) -> Option<DateTime> {
        let mut month = from.date().first_of_month();
        while month.year() <= YEAR_MAX {
            if has(self.month, month.month()) {
                let found = self.days_of(month).find_map(|date| match date.cmp(&from.date()) {
                    std::cmp::Ordering::Less => None,
                    std::cmp::Ordering::Equal => Some(date.to_datetime(self.next_time(from.time())?)),
                    std::cmp::Ordering::Greater => Some(date.to_datetime(self.next_time(Time::midnight())?)),
                });
                if found.is_some() {
                    return found;
                }
            }
            month = month.last_of_month().tomorrow().ok()?;
        }
        None
    }

    /// The first time of a day at or after `from`.
    fn next_time(&self, from: Time) -> Option<Time> {
        set_from(self.hour, from.hour()).find_map(|hour| {
            let same_hour = hour == from.hour();
            let first_minute = if same_hour { from.minute() } else { 0 };
            set_from(self.minute, first_minute).find_map(|minute| {
                let same_minute = same_hour && minute == from.minute();
                let first_second = if same_minute { from.second() } else { 0 };
                let second = set_from(self.second, first_second).next()?;
                Time::new(hour, minute, second, 0).ok()
            })
        })
    }

    /// The days of a month that both day fields allow, in order.
    fn days_of(&self, month: Date) -> impl Iterator<Item = Date> {
        let last = month.days_in_month();
        let wanted = match self.last_day_minus {
            Some(days) if days < last => 1 << (last - days),
            Some(_) => 0,
            None => self.day_of_month,
        };
        set_from(wanted, 1).take_while(move |day| *day <= last).filter_map(move |day| {
            let date = Date::new(month.year(), month.month(), day).ok()?;
            let date = if self.nearest_weekday { nearest_weekday(date)? } else { date };
            self.is_right_weekday(date).then_some(date)
        })
    }

    fn is_right_weekday(&self, date: Date) -> bool {
        let nth = (date.day() - 1) / 7 + 1;
        has(self.day_of_week, date.weekday().to_sunday_zero_offset())
            && self.nth.is_none_or(|wanted| wanted == nth)
            && (!self.last_of_weekday || date.day() + 7 > date.days_in_month())
    }
}

/// Cronos, "`W`": Saturday becomes Friday, Sunday becomes Monday, but never in another month.
fn nearest_weekday(date: Date) -> Option<Date> {
    let days = match date.weekday() {
        Weekday::Saturday if date.day() == 1 => 2,
        Weekday::Saturday => -1,
        Weekday::Sunday if date.day() == date.days_in_month() => -2,
        Weekday::Sunday => 1,
        _ => 0,
    };
    date.checked_add(jiff::Span::new().days(days)).ok()
}

fn has(bits: u64, value: i8) -> bool {
    bits & (1 << value) != 0
}

/// The values of a field from `first` on.
fn set_from(bits: u64, first: i8) -> impl Iterator<Item = i8> {
    let mut rest = bits & (u64::MAX << first);
    std::iter::from_fn(move || {
        let value = i8::try_from(rest.trailing_zeros()).ok().filter(|_| rest != 0)?;
        rest &= rest - 1;
        Some(value)
    })
}
