//! Dates and times between the wire and [`Value`](crate::engine::Value) ticks of 100 ns.

/// Days from 0001-01-01, the epoch of our ticks, to 1900-01-01, the epoch of `datetime`.
const DAYS_TO_1900: i64 = 693_595;
/// 9999-12-31, the last day of every date type.
pub(crate) const LAST_DAY: i64 = 3_652_058;
/// 100 ns in a day.
pub(crate) const TICKS_PER_DAY: i64 = 864_000_000_000;
const TICKS_PER_MINUTE: i64 = 600_000_000;
/// `datetime` counts 1/300 s; this many in a day.
const THREE_HUNDREDTHS_PER_DAY: u32 = 25_920_000;

/// `datetime` to ticks: three 300ths are 100,000 ticks. `None` outside the type's range.
pub(crate) fn datetime_to_ticks(days: i32, three_hundredths: u32) -> Option<i64> {
    let day = i64::from(days) + DAYS_TO_1900;
    if !(0..=LAST_DAY).contains(&day) || three_hundredths >= THREE_HUNDREDTHS_PER_DAY {
        return None;
    }
    Some(day * TICKS_PER_DAY + (i64::from(three_hundredths) * 100_000 + 1) / 3)
}

/// Ticks to `datetime`, rounded to the nearest 1/300 s.
pub(crate) fn ticks_to_datetime(ticks: i64) -> (i32, u32) {
    let mut day = ticks.div_euclid(TICKS_PER_DAY);
    let mut three_hundredths = (ticks.rem_euclid(TICKS_PER_DAY) * 3 + 50_000) / 100_000;
    if three_hundredths == i64::from(THREE_HUNDREDTHS_PER_DAY) {
        day += 1;
        three_hundredths = 0;
    }
    ((day - DAYS_TO_1900) as i32, three_hundredths as u32)
}

/// `smalldatetime` to ticks. `None` outside a day.
pub(crate) fn small_to_ticks(days: u16, minutes: u16) -> Option<i64> {
    (minutes < 1_440)
        .then(|| (i64::from(days) + DAYS_TO_1900) * TICKS_PER_DAY + i64::from(minutes) * TICKS_PER_MINUTE)
}

/// Ticks to `smalldatetime`; the engine has rounded to minutes.
pub(crate) fn ticks_to_small(ticks: i64) -> Option<(u16, u16)> {
    let day = ticks.div_euclid(TICKS_PER_DAY) - DAYS_TO_1900;
    let minute = ticks.rem_euclid(TICKS_PER_DAY) / TICKS_PER_MINUTE;
    Some((u16::try_from(day).ok()?, u16::try_from(minute).ok()?))
}

/// Bytes of a time of day at this scale.
pub(crate) fn time_bytes(scale: u8) -> usize {
    match scale {
        0..=2 => 3,
        3 | 4 => 4,
        _ => 5,
    }
}

/// A time of day in units of 10^-scale s to ticks. `None` past midnight.
pub(crate) fn scaled_to_ticks(units: u64, scale: u8) -> Option<i64> {
    let ticks = i64::try_from(units).ok()?.checked_mul(ticks_per_unit(scale))?;
    (ticks < TICKS_PER_DAY).then_some(ticks)
}

/// Ticks of a day to units of 10^-scale s; the engine has rounded to the scale.
pub(crate) fn ticks_to_scaled(ticks: i64, scale: u8) -> u64 {
    (ticks / ticks_per_unit(scale)) as u64
}

fn ticks_per_unit(scale: u8) -> i64 {
    10i64.pow(u32::from(7 - scale.min(7)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_three_hundredth_of_a_second_survives_the_round_trip() {
        for three_hundredths in (0..THREE_HUNDREDTHS_PER_DAY).step_by(997).chain([1, 2, 25_919_999]) {
            let ticks = datetime_to_ticks(45_000, three_hundredths).unwrap();
            assert_eq!(ticks_to_datetime(ticks), (45_000, three_hundredths));
        }
    }

    #[test]
    fn datetime_rounds_up_over_midnight() {
        assert_eq!(ticks_to_datetime((DAYS_TO_1900 + 1) * TICKS_PER_DAY - 1), (1, 0));
    }

    #[test]
    fn values_outside_the_calendar_are_refused() {
        assert_eq!(datetime_to_ticks(i32::MAX, 0), None);
        assert_eq!(datetime_to_ticks(0, THREE_HUNDREDTHS_PER_DAY), None);
        assert_eq!(small_to_ticks(0, 1_440), None);
        assert_eq!(scaled_to_ticks(86_400, 0), None);
        assert_eq!(scaled_to_ticks(u64::MAX, 7), None);
    }
}
