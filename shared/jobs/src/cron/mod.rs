//! Cron expressions by the rules of Cronos, which Hangfire uses: what a .NET client stored must run here at the same times.
//!
//! No crate has all of these rules (both day fields together mean AND, ranges may wrap, what happens when the clocks
//! change), so this is our own; each rule that is not plain cron names its source: the README of HangfireIO/Cronos
//! (below: "Cronos"). `parse` reads the text, `next` finds times on a calendar, `zone` knows time zones by the names
//! that .NET writes; this file puts calendar and clock changes together. Start at [`Cron::next_after`].

mod next;
mod parse;
mod windows_zones;
mod zone;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset};
use time::OffsetDateTime;

pub use parse::CronError;
pub use zone::Zone;

/// A cron expression: five fields, or six with seconds first, or a macro such as `@daily`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    /// Bit n = the value n, in every field.
    second: u64,
    minute: u64,
    hour: u64,
    day_of_month: u64,
    month: u64,
    /// Sunday is both 0 and 7.
    day_of_week: u64,
    /// `L`, `L-3`: that many days before the last one of the month, instead of `day_of_month`.
    last_day_minus: Option<i8>,
    /// `W`: moved to the nearest weekday of the same month.
    nearest_weekday: bool,
    /// `#3`: only the third such day of the month.
    nth: Option<i8>,
    /// `5L`: only the last such day of the month.
    last_of_weekday: bool,
    /// Second, minute or hour has `*`, a range or a step: such expressions keep their rhythm when clocks go back.
    is_interval: bool,
}

impl std::str::FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        parse::parse(text)
    }
}

impl Cron {
    /// The first time after `after`; `None` if there is none until the year 2499 (the 30th of February).
    pub fn next_after(&self, after: OffsetDateTime, zone: &Zone) -> Option<OffsetDateTime> {
        let after = Timestamp::from_second(after.unix_timestamp()).ok()?;
        let next = self.next(after, zone)?;
        OffsetDateTime::from_unix_timestamp(next.as_second()).ok()
    }

    /// The first `count` times after `after`.
    pub fn upcoming(&self, after: OffsetDateTime, zone: &Zone, count: usize) -> Vec<OffsetDateTime> {
        let next = |at: &OffsetDateTime| self.next_after(*at, zone);
        std::iter::successors(self.next_after(after, zone), next).take(count).collect()
    }

    fn next(&self, after: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let offset = zone.offset(after);
        let asked = local(after, offset);
        // On the clock on the wall, as Cronos counts: one second later may be a time that the clocks jump over.
        let mut from = asked.checked_add(jiff::SignedDuration::from_secs(1)).ok()?;
        if let AmbiguousOffset::Fold { before, after: late } = zone.ambiguity(asked) {
            let turn = zone.turn_of_fold(asked, before, late)?;
            let fold_end = local(turn, before);
            // Cronos, "Daylight Saving Time to Standard Time": everything runs in the first pass of the repeated hour …
            if offset == before {
                if let Some(found) = self.next_local(from).filter(|found| *found < fold_end) {
                    return instant(found, before);
                }
                from = local(turn, late);
            }
            // … and in the second one only interval-based expressions.
            if self.is_interval
                && let Some(found) = self.next_local(from).filter(|found| *found < fold_end)
            {
                return instant(found, late);
            }
            from = fold_end;
        }
        let found = self.next_local(from)?;
        match zone.ambiguity(found) {
            AmbiguousOffset::Unambiguous { offset } => instant(found, offset),
            AmbiguousOffset::Fold { before, .. } => instant(found, before),
            // Cronos, "Standard Time to Daylight Saving Time": moved to the next valid time.
            AmbiguousOffset::Gap { after, .. } => zone.turn_after(instant(found, after)?, after),
        }
    }
}

fn local(at: Timestamp, offset: Offset) -> DateTime {
    offset.to_datetime(at)
}

fn instant(local: DateTime, offset: Offset) -> Option<Timestamp> {
    offset.to_timestamp(local).ok()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn next(cron: &str, zone: &str, after: OffsetDateTime) -> Option<OffsetDateTime> {
        cron.parse::<Cron>().unwrap().next_after(after, &Zone::parse(zone).unwrap())
    }

    fn all(cron: &str, zone: &str, after: OffsetDateTime, count: usize) -> Vec<String> {
        let times = cron.parse::<Cron>().unwrap().upcoming(after, &Zone::parse(zone).unwrap(), count);
        times
            .iter()
            .map(|time| time.format(&time::format_description::well_known::Rfc3339).unwrap())
            .collect()
    }

    #[test]
    fn both_day_fields_together_mean_and() {
        let friday_13th = next("0 0 13 * 5", "UTC", datetime!(2026-01-01 0:00 UTC));
        assert_eq!(friday_13th, Some(datetime!(2026-02-13 0:00 UTC)));
    }

    #[test]
    fn a_time_that_the_clocks_jump_over_runs_at_the_next_valid_one() {
        // Cronos' own example, by both of the zone's names: 2016-03-13, 01:59:59 -05:00 goes on at 03:00 -04:00.
        for zone in ["Eastern Standard Time", "America/New_York"] {
            assert_eq!(
                all("0 30 2 * * *", zone, datetime!(2016-03-13 6:59:59 UTC), 2),
                ["2016-03-13T07:00:00Z", "2016-03-14T06:30:00Z"]
            );
        }
    }

    #[test]
    fn in_a_repeated_hour_fixed_times_run_once_and_intervals_go_on() {
        // Cronos' own example: 2016-11-06 has 01:00 to 01:59 twice.
        let start = datetime!(2016-11-06 4:59:59 UTC);
        assert_eq!(
            all("30 * * * *", "Eastern Standard Time", start, 3),
            ["2016-11-06T05:30:00Z", "2016-11-06T06:30:00Z", "2016-11-06T07:30:00Z"]
        );
        assert_eq!(
            all("30 1 * * *", "Eastern Standard Time", start, 2),
            ["2016-11-06T05:30:00Z", "2016-11-07T06:30:00Z"]
        );
        // Asked in the second pass: the fixed time is over, the boundary after it is not.
        let late = datetime!(2016-11-06 6:10 UTC);
        assert_eq!(next("30 1 * * *", "Eastern Standard Time", late), Some(datetime!(2016-11-07 6:30 UTC)));
        assert_eq!(next("0 2 * * *", "Eastern Standard Time", late), Some(datetime!(2016-11-06 7:00 UTC)));
    }

    #[test]
    fn a_zone_whose_clocks_move_by_half_an_hour_is_no_special_case() {
        // Lord Howe Island, 2026-04-05: 02:00 +11:00 becomes 01:30 +10:30.
        assert_eq!(
            all("*/15 1 * * *", "Australia/Lord_Howe", datetime!(2026-04-04 14:00 UTC), 6),
            [
                "2026-04-04T14:15:00Z",
                "2026-04-04T14:30:00Z",
                "2026-04-04T14:45:00Z",
                "2026-04-04T15:00:00Z",
                "2026-04-04T15:15:00Z",
                "2026-04-05T14:30:00Z"
            ]
        );
    }

    #[test]
    fn what_never_comes_is_none() {
        assert_eq!(next("0 0 30 2 *", "UTC", datetime!(2026-01-01 0:00 UTC)), None);
        assert_eq!(next("0 0 L-30 2 *", "UTC", datetime!(2026-01-01 0:00 UTC)), None);
        assert_eq!(
            next("0 0 29 2 *", "UTC", datetime!(2026-01-01 0:00 UTC)),
            Some(datetime!(2028-02-29 0:00 UTC))
        );
    }

    #[test]
    fn the_time_asked_at_is_not_an_answer_and_fractions_do_not_matter() {
        assert_eq!(
            next("* * * * * *", "UTC", datetime!(2026-01-01 0:00:00.9 UTC)),
            Some(datetime!(2026-01-01 0:00:01 UTC))
        );
        assert_eq!(
            next("0 0 * * *", "UTC", datetime!(2026-01-01 0:00 UTC)),
            Some(datetime!(2026-01-02 0:00 UTC))
        );
    }
}
