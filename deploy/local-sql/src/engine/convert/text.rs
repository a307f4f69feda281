//! Text forms of numbers, money and GUIDs, and lengths in UTF-16 units.

use super::super::decimal::{self, MAX_PRECISION, Rest, Shape};
use crate::tds::codepage;

/// The longest beginning of `text` with at most `limit` UTF-16 units; never half a surrogate pair.
pub(in super::super) fn first_units(text: &str, limit: usize) -> &str {
    let mut units = 0;
    for (index, character) in text.char_indices() {
        units += character.len_utf16();
        if units > limit {
            return &text[..index];
        }
    }
    text
}

/// A float as SQL Server shows it without a style: at most six digits.
pub(super) fn of_float(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{number:.5e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let shortened = |digits: &str| {
        let digits =
            if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
        digits.to_owned()
    };
    if (-5..15).contains(&exponent) && exponent < 6 {
        let decimals = usize::try_from((5 - exponent).max(0)).unwrap_or(0);
        return shortened(&format!("{number:.decimals$}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:03}", shortened(mantissa), exponent.abs())
}

/// A float from text: digits, a point, an exponent; no words such as `inf`.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let plausible =
        text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    text.parse().ok().filter(|number: &f64| plausible && number.is_finite())
}

/// `6F9619FF-8B86-D011-B42D-00C04FC964FF` from the bytes in wire order.
pub(in super::super) fn of_guid(guid: [u8; 16]) -> String {
    const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut text = String::with_capacity(36);
    for (position, index) in ORDER.into_iter().enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{:02X}", guid[index]));
    }
    text
}

/// The bytes in wire order of a GUID in text, with or without braces.
pub(super) fn parse_guid(text: &str) -> Option<[u8; 16]> {
    let inner = text.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or(text);
    if !inner.is_ascii() || inner.len() != 36 {
        return None;
    }
    let dashes = [8, 13, 18, 23];
    if !dashes.iter().all(|&at| inner.as_bytes()[at] == b'-') {
        return None;
    }
    uuid::Uuid::parse_str(inner).ok().map(|uuid| uuid.to_bytes_le())
}

/// Money, in ten-thousandths, as text in one of CONVERT's styles: two decimals (0), with a comma before every three
/// digits (1), four decimals (2).
pub(in super::super) fn of_money(units: i128, style: i64) -> String {
    if style == 2 {
        return decimal::shown(units, 4);
    }
    let hundredths = decimal::rescaled(units, 4, Shape::new(MAX_PRECISION, 2), Rest::Rounded).unwrap_or(0);
    let plain = decimal::shown(hundredths, 2);
    if style == 0 {
        return plain;
    }
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, "00"));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}.{fraction}")
}

/// `-$1,234.5`: money from text. The outer `None`: it is none; the inner one: it has too many digits.
pub(super) fn parse_money(text: &str) -> Option<Option<i128>> {
    if text.is_empty() {
        return Some(Some(0));
    }
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let digits: String =
        rest.strip_prefix('$').unwrap_or(rest).chars().filter(|letter| *letter != ',').collect();
    if sign == "-" && digits.starts_with(['+', '-']) {
        return None;
    }
    decimal::parse(&format!("{sign}{digits}"), Shape::new(MAX_PRECISION, 4))
}

/// The bytes of a string: UTF-16 for the national types, code page 1252 for the others.
pub(super) fn bytes_of(text: &str, national: bool) -> Vec<u8> {
    if national { text.encode_utf16().flat_map(u16::to_le_bytes).collect() } else { codepage::encode(text) }
}

/// The string of bytes in code page 1252.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    codepage::decode(bytes, codepage::COLLATION)
}
