//! `ts_ci` (the default: case-insensitive, accent-sensitive) and `ts_bin` (BIN2: code points). Both ignore
//! trailing blanks, as SQL Server does when it compares strings.

use std::cmp::Ordering;

use rusqlite::Connection;

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_collation("ts_ci", compare_ci)?;
    connection.create_collation("ts_bin", compare_binary)
}

/// Case-insensitive comparison by simple lower case, ties in favour of equality.
///
/// SQL Server's Windows collations order punctuation and digits before letters and sort by weights; only
/// equality is promised to be the same here, order is by lower-case code point.
pub(in super::super) fn compare_ci(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_end_matches(' '), right.trim_end_matches(' '));
    if left.is_ascii() && right.is_ascii() {
        let lower = |text: &str| -> Vec<u8> { text.bytes().map(|byte| byte.to_ascii_lowercase()).collect() };
        if left.eq_ignore_ascii_case(right) {
            return Ordering::Equal;
        }
        return lower(left).cmp(&lower(right));
    }
    left.chars().flat_map(char::to_lowercase).cmp(right.chars().flat_map(char::to_lowercase))
}

fn compare_binary(left: &str, right: &str) -> Ordering {
    left.trim_end_matches(' ').encode_utf16().cmp(right.trim_end_matches(' ').encode_utf16())
}
