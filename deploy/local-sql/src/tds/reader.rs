//! Bounds-checked reading of a message that is complete in memory. Little-endian unless the name says otherwise.

use super::ProtocolError;

/// A cursor over the bytes of one structure; reading past the end is [`ProtocolError::Truncated`].
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

macro_rules! read_number {
    ($($name:ident: $number:ty),+) => {
        $(pub(crate) fn $name(&mut self) -> Result<$number, ProtocolError> {
            Ok(<$number>::from_le_bytes(self.array()?))
        })+
    };
}

impl<'a> Reader<'a> {
    /// `what` names the structure in errors.
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], ProtocolError> {
        let (head, tail) =
            self.rest.split_at_checked(length).ok_or(ProtocolError::Truncated { what: self.what })?;
        self.rest = tail;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], ProtocolError> {
        let (head, tail) =
            self.rest.split_first_chunk().ok_or(ProtocolError::Truncated { what: self.what })?;
        self.rest = tail;
        Ok(*head)
    }

    read_number!(u8: u8, u16: u16, u32: u32, u64: u64, i16: i16, i32: i32, i64: i64, f32: f32, f64: f64);

    pub(crate) fn u16_be(&mut self) -> Result<u16, ProtocolError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// `B_VARCHAR`: one byte counts UTF-16 units.
    pub(crate) fn b_varchar(&mut self) -> Result<String, ProtocolError> {
        let units = self.u8()?;
        self.utf16(units.into())
    }

    pub(crate) fn utf16(&mut self, units: usize) -> Result<String, ProtocolError> {
        utf16_to_string(self.bytes(units * 2)?, self.what)
    }
}

/// UTF-16LE to text. An unpaired surrogate, which SQL Server would keep, is an error: our text is UTF-8.
pub(crate) fn utf16_to_string(bytes: &[u8], what: &'static str) -> Result<String, ProtocolError> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(ProtocolError::invalid("byte length of UTF-16", bytes.len() as u64));
    }
    if pairs.iter().all(|[low, high]| *high == 0 && low.is_ascii()) {
        // Most text; the compiler does many characters at once.
        let ascii = pairs.iter().map(|[low, _]| *low).collect();
        return String::from_utf8(ascii).map_err(|_| ProtocolError::UnpairedSurrogate { what });
    }
    let mut text = String::with_capacity(pairs.len());
    for unit in char::decode_utf16(pairs.iter().map(|pair| u16::from_le_bytes(*pair))) {
        text.push(unit.map_err(|_| ProtocolError::UnpairedSurrogate { what })?);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_past_the_end_is_an_error_and_consumes_nothing() {
        let mut reader = Reader::new(&[1, 2, 3], "test");
        assert!(matches!(reader.u32(), Err(ProtocolError::Truncated { what: "test" })));
        assert_eq!(reader.u16().unwrap(), 0x0201);
        assert_eq!(reader.remaining(), 1);
    }

    #[test]
    fn surrogate_pairs_survive_and_lone_ones_are_refused() {
        let units: Vec<u8> = "a😀".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(utf16_to_string(&units, "test").unwrap(), "a😀");
        for lone in [&[0x00, 0xD8][..], &[0x3D, 0xD8, 0x61, 0x00], &[0x00, 0xDE]] {
            let outcome = utf16_to_string(lone, "test");
            assert!(matches!(outcome, Err(ProtocolError::UnpairedSurrogate { .. })), "{lone:?}");
        }
        assert!(utf16_to_string(&[0x61], "test").is_err());
    }
}
