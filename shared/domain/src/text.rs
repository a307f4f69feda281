//! Normalising and measuring text. Everything that is compared or hashed goes through here once.

use crate::Reason;
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Length as `nvarchar(n)` counts it.
pub(crate) fn utf16_len(text: &str) -> usize {
    // ASCII is by far the most frequent; its length in bytes is the answer.
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

/// Trimmed and composed (NFC), case kept: the form in which words are stored.
pub(crate) fn clean(text: &str) -> String {
    let trimmed = text.trim();
    if is_nfc(trimmed) { trimmed.to_owned() } else { trimmed.nfc().collect() }
}

/// Trimmed, lower case, composed: the form in which codes are compared.
pub(crate) fn normalise(text: &str) -> String {
    let trimmed = text.trim();
    if trimmed.is_ascii() {
        return trimmed.to_ascii_lowercase();
    }
    // Composing first lets lower-casing see whole letters; lower-casing can decompose again (İ).
    trimmed.nfc().collect::<String>().to_lowercase().nfc().collect()
}

/// Cuts `text` so that it has at most `max` UTF-16 units, never inside a character.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    let mut units = 0;
    for (at, character) in text.char_indices() {
        units += character.len_utf16();
        if units > max {
            return &text[..at];
        }
    }
    text
}

/// Refuses text that is longer than `max`.
pub(crate) fn check_length(text: &str, max: usize) -> Result<(), Reason> {
    let length = utf16_len(text);
    if length > max {
        return Err(Reason::new(format!("has {length} characters, at most {max} are allowed")));
    }
    Ok(())
}

/// Refuses control characters: text of one line must stay one line, and NUL ends strings in too many places.
pub(crate) fn check_single_line(text: &str) -> Result<(), Reason> {
    match text.chars().find(|character| character.is_control()) {
        Some(control) => {
            Err(Reason::new(format!("contains the control character U+{:04X}", u32::from(control))))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_utf16_units() {
        assert_eq!(utf16_len("abc"), 3);
        assert_eq!(utf16_len("äöü"), 3);
        assert_eq!(utf16_len("🧶"), 2);
    }

    #[test]
    fn cutting_never_splits_a_character() {
        assert_eq!(cut("ab🧶c", 3), "ab");
        assert_eq!(cut("ab🧶c", 4), "ab🧶");
        assert_eq!(cut("abc", 10), "abc");
    }
}
