//! Reading a catalog file that arrives in parts: bytes in, chunks of products out.
//!
//! [`records`] cuts bytes into records and knows where each begins; [`chunks`] turns records into [`Chunk`]s that
//! end where reading may be taken up again. What rows mean is decided in `domain::import`.
//! Pure: no reader, no clock, no SQL. Start at [`Chunks`].

mod chunks;
mod records;

pub use chunks::{CHUNK_BYTES_MAX, CHUNK_REFUSALS_MAX, Chunk, Chunks, Origin, Position};
pub use records::{CELLS_MAX, RECORD_BYTES_MAX, Record, RecordError, Records};

use domain::import::{Columns, HeaderError};

/// A catalog that cannot be read any further, whoever tries it: the words are for the merchant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenFile {
    /// There is not even a header.
    #[error("the file is empty")]
    Empty,
    /// The header cannot be understood.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A record is beyond its limits.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Reads the header from the opening of a file, which must hold all of it unless the file ends with it.
///
/// # Errors
/// What [`Chunks`] would say about the same file.
pub fn header_of(opening: &[u8]) -> Result<Columns, BrokenFile> {
    let mut records = Records::new(0, 0);
    let mut rest = opening;
    if let Some(record) = records.read(&mut rest)? {
        return Ok(Columns::from_header(record.cells())?);
    }
    let header = records.finish()?.ok_or(BrokenFile::Empty)?;
    Ok(Columns::from_header(header.cells())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_from_the_opening_of_a_file() {
        let columns = header_of("\u{feff}\"Handle\",Gift Card\r\nlamp,no\r\n".as_bytes()).unwrap();
        assert_eq!(columns.ignored(), ["Gift Card"]);
        assert!(header_of(b"Handle").is_ok(), "a file may end with its header");
    }

    #[test]
    fn a_file_without_a_usable_header_says_why() {
        let why = |file: &[u8]| header_of(file).unwrap_err().to_string();
        assert_eq!(why(b""), "the file is empty");
        assert_eq!(why(b"\r\n\n"), "the file is empty");
        assert_eq!(why(b"Title\nLamp\n"), "the header has no column Handle; its columns are: Title");
    }
}
