//! `ts_ci` (the default: case-insensitive, accent-sensitive) and `ts_bin` (BIN2: code points). Both ignore trailing
//! blanks, as SQL Server does when it compares strings. `ts_instant` compares values of `datetimeoffset`.

use std::cmp::Ordering;

use rusqlite::Connection;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::super::storage_form::INSTANT_DIGITS;

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_collation("ts_ci", compare_ci)?;
    connection.create_collation("ts_bin", compare_binary)?;
    // A stored `datetimeoffset`: the instant decides, not the offset behind it.
    connection.create_collation("ts_instant", |left, right| {
        left.get(..INSTANT_DIGITS).cmp(&right.get(..INSTANT_DIGITS))
    })
}

/// Case-insensitive, accent-sensitive comparison.
///
/// Signs come before digits and digits before letters; accents decide only between words that are otherwise equal
/// (`cote` < `côte` < `coter`). That is the order of SQL Server's Windows collations except among signs, which are
/// ordered by code point here, and for hyphen and apostrophe, which SQL Server almost ignores.
pub(in super::super) fn compare_ci(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_end_matches(' '), right.trim_end_matches(' '));
    if left.is_ascii() && right.is_ascii() {
        let left = left.bytes().map(|byte| weight(char::from(byte.to_ascii_lowercase())));
        return left.cmp(right.bytes().map(|byte| weight(char::from(byte.to_ascii_lowercase()))));
    }
    let base = |text: &str| -> Vec<(u8, char)> {
        let letters = text.nfd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase);
        letters.map(weight).collect()
    };
    let whole = |text: &str| -> Vec<char> { text.nfd().flat_map(char::to_lowercase).collect() };
    base(left).cmp(&base(right)).then_with(|| whole(left).cmp(&whole(right)))
}

/// Signs, digits, letters; each by code point.
fn weight(letter: char) -> (u8, char) {
    let class = if letter.is_alphabetic() {
        2
    } else if letter.is_numeric() {
        1
    } else {
        0
    };
    (class, letter)
}

fn compare_binary(left: &str, right: &str) -> Ordering {
    left.trim_end_matches(' ').encode_utf16().cmp(right.trim_end_matches(' ').encode_utf16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_sort_by_letters_then_by_accents() {
        let sorted = ["", "_a", "{", "1", "a", "A1", "cote", "Côte", "coter", "z", "ß"];
        for pair in sorted.windows(2) {
            assert_eq!(compare_ci(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(compare_ci("Ärger ", "ärger"), Ordering::Equal);
        assert_ne!(compare_ci("Ärger", "Arger"), Ordering::Equal);
        assert_eq!(compare_ci("e\u{301}", "É"), Ordering::Equal);
    }
}
