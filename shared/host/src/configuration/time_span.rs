//! Durations as .NET writes them: `hh:mm`, `hh:mm:ss`, `hh:mm:ss.fffffff`, `d.hh:mm:ss`, `d:hh:mm:ss`.
//!
//! A plain number, which .NET reads as days, is refused: whoever writes `5` means seconds or minutes.

use std::time::Duration;

/// How messages describe the form.
pub const EXPECTED: &str =
    "a time span such as \"00:05:00\" (hours:minutes:seconds) or \"7.00:00:00\" (days first)";

/// Reads a time span that is not negative. `None`: not of this form, or an hour above 23, a minute or second
/// above 59, a day above 3650.
pub fn parse(text: &str) -> Option<Duration> {
    let (text, nanoseconds) = split_fraction(text.trim())?;
    let (days, clock) = match text.split_once('.') {
        Some((days, clock)) => (days, clock),
        None if text.matches(':').count() == 3 => text.split_once(':')?,
        None => ("0", text),
    };
    let mut parts = clock.split(':');
    let hours = number(parts.next()?, 23)?;
    let minutes = number(parts.next()?, 59)?;
    let seconds = parts.next().map_or(Some(0), |part| number(part, 59))?;
    if parts.next().is_some() {
        return None;
    }
    let days = number(days, DAYS_MAX)?;
    Some(Duration::new(((days * 24 + hours) * 60 + minutes) * 60 + seconds, nanoseconds))
}

/// Ten years: what is longer is a mistake in every key that we have.
pub const DAYS_MAX: u64 = 3650;

/// Writes a time span in the form that [`parse`] reads, in ticks of 100 ns as .NET does.
pub fn format(span: Duration) -> String {
    let total = span.as_secs();
    let (days, hours, minutes, seconds) = (total / 86_400, total / 3600 % 24, total / 60 % 60, total % 60);
    let mut text = format!("{hours:02}:{minutes:02}:{seconds:02}");
    if days > 0 {
        text = format!("{days}.{text}");
    }
    match span.subsec_nanos() / 100 {
        0 => text,
        ticks => format!("{text}.{ticks:07}"),
    }
}

/// Whole milliseconds, for logs and options.
pub fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Splits off `.fffffff`, which can only stand after the seconds, and so after two colons.
fn split_fraction(text: &str) -> Option<(&str, u32)> {
    let last_colon = text.rfind(':')?;
    let Some(dot) = text[last_colon..].find('.').map(|dot| last_colon + dot) else { return Some((text, 0)) };
    let digits = &text[dot + 1..];
    let is_fraction = text.matches(':').count() >= 2 && (1..=7).contains(&digits.len());
    if !is_fraction || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let padded: u32 = format!("{digits:0<9}").parse().ok()?;
    Some((&text[..dot], padded))
}

fn number(digits: &str, max: u64) -> Option<u64> {
    let plain = (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten().filter(|number| *number <= max)
}
