//! Text forms of numbers and GUIDs, and lengths in UTF-16 units.

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
