//! Code page 1252, the one of `varchar` under the server's collation SQL_Latin1_General_CP1_CI_AS.

/// The collation as it stands in column descriptions: LCID 0x0409 with its flags, then the sort id (52).
pub(crate) const COLLATION: [u8; 5] = [0x09, 0x04, 0xD0, 0x00, 0x34];

/// Set in a collation whose code page is UTF-8.
const UTF8_FLAG: u32 = 0x0400_0000;

/// Code page 1252 at 0x80..=0x9F; the rest of it is Latin-1. Unassigned places are the C1 controls.
const HIGH_CONTROLS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
];

/// Reads a client's `varchar`: in UTF-8 if its collation says so, otherwise in code page 1252.
pub(crate) fn decode(bytes: &[u8], collation: [u8; 5]) -> String {
    let [a, b, c, d, _sort] = collation;
    if u32::from_le_bytes([a, b, c, d]) & UTF8_FLAG != 0 {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    bytes
        .iter()
        .map(|byte| match byte {
            0x80..=0x9F => HIGH_CONTROLS[usize::from(byte - 0x80)],
            byte => char::from(*byte),
        })
        .collect()
}

/// Writes code page 1252; what it does not have becomes `?`, as in SQL Server.
pub(crate) fn encode(text: &str) -> Vec<u8> {
    text.chars().map(|character| encode_character(character).unwrap_or(b'?')).collect()
}

fn encode_character(character: char) -> Option<u8> {
    match u32::from(character) {
        code @ (0..=0x7F | 0xA0..=0xFF) => u8::try_from(code).ok(),
        _ => HIGH_CONTROLS.iter().position(|high| *high == character).map(|index| 0x80 + index as u8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_the_round_trip() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(encode(&decode(&bytes, COLLATION)), bytes);
    }

    #[test]
    fn what_the_code_page_lacks_becomes_a_question_mark() {
        assert_eq!(encode("naïve € 漢"), b"na\xEFve \x80 ?");
    }
}
