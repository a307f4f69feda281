//! CSV records out of bytes that come in parts of any size.
//!
//! Above `csv_core` this adds the byte at which each record begins, the numbering of rows as a spreadsheet shows
//! them (an empty line is a row, a quoted line break is none), and limits. A reader made for the beginning of any
//! record goes on there exactly as the first one would have.

use super::Position;

/// Most bytes of one record, without its quotes. The largest product row that `domain::limits` allows is a third
/// of it; beyond lies a file whose quotes do not match.
pub const RECORD_BYTES_MAX: usize = 1024 * 1024;
/// Most cells of one record.
pub const CELLS_MAX: usize = 4_096;

const FIRST_BYTES: usize = 4_096;
const FIRST_CELLS: usize = 128;

/// A record that is refused for its size. No record after it can be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Above [`RECORD_BYTES_MAX`].
    #[error("row {row} is larger than {RECORD_BYTES_MAX} bytes; a quotation mark may be missing before it")]
    TooLarge {
        /// Which one.
        row: u64,
    },
    /// Above [`CELLS_MAX`].
    #[error("row {row} has more than {CELLS_MAX} cells")]
    TooManyCells {
        /// Which one.
        row: u64,
    },
}

/// A push parser: give it parts with [`read`](Self::read), end with [`finish`](Self::finish).
#[derive(Debug)]
pub struct Records {
    parser: csv_core::Reader,
    bytes: Vec<u8>,
    filled: usize,
    ends: Vec<usize>,
    cells: usize,
    /// Bytes of the file before what is read next.
    offset: u64,
    /// The last row that was given out or skipped as empty.
    row: u64,
    /// Empty lines since then. They count once a record follows, so that the end of a file has none.
    empty_lines: u64,
    /// Where the record that is being read began; `None` between two records.
    start: Option<u64>,
    /// The last byte was a carriage return that ended a row: a line feed after it is part of the same end.
    after_return: bool,
}

/// One record, borrowed until the next is read.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// As a spreadsheet counts: the header is row 1.
    pub row: u64,
    /// The byte of the file at which it begins.
    pub start: u64,
    /// The byte after its end; a line feed after a carriage return may follow.
    pub end: u64,
    bytes: &'a [u8],
    ends: &'a [usize],
}

impl<'a> Record<'a> {
    /// The cells without quotes, in order.
    pub fn cells(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (bytes, ends) = (self.bytes, self.ends);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts.zip(ends).map(move |(start, end)| &bytes[start..*end])
    }
}

impl Records {
    /// Behind the last record.
    pub(super) fn position(&self) -> Position {
        Position { row: self.row, byte: self.offset }
    }

    /// Goes on at byte `offset`, where a record begins and `row` rows lie before; (0, 0) for a whole file.
    pub fn new(offset: u64, row: u64) -> Self {
        let mut parser = csv_core::Reader::new();
        if offset > 0 {
            // A parser that has read something no longer takes the bytes of a byte order mark for one.
            parser.read_record(b"\n", &mut [0], &mut [0]);
        }
        Self {
            parser,
            bytes: vec![0; FIRST_BYTES],
            filled: 0,
            ends: vec![0; FIRST_CELLS],
            cells: 0,
            offset,
            row,
            empty_lines: 0,
            start: None,
            after_return: false,
        }
    }

    /// The next record of `input`, which moves on behind it. `None`: all of it is taken, and the record goes on in
    /// the next part.
    ///
    /// # Errors
    /// A record beyond its limits; this reader must not be used any more.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Record<'_>>, RecordError> {
        if self.start.is_none() {
            self.skip_empty_lines(input);
        }
        if input.is_empty() || !self.advance(input)? {
            return Ok(None);
        }
        Ok(Some(self.complete()))
    }

    /// Ends the file: the last record, if no line end followed it.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn finish(&mut self) -> Result<Option<Record<'_>>, RecordError> {
        if self.start.is_none() || !self.advance(&mut [].as_slice())? {
            return Ok(None);
        }
        Ok(Some(self.complete()))
    }

    fn skip_empty_lines(&mut self, input: &mut &[u8]) {
        while let [byte @ (b'\n' | b'\r'), rest @ ..] = input {
            if !(*byte == b'\n' && self.after_return) {
                self.empty_lines += 1;
            }
            self.after_return = *byte == b'\r';
            self.offset += 1;
            *input = rest;
        }
        if !input.is_empty() {
            self.start = Some(self.offset);
            self.after_return = false;
        }
    }

    /// Feeds the parser until a record is complete or the input is used up. An empty input is the end of the file.
    fn advance(&mut self, input: &mut &[u8]) -> Result<bool, RecordError> {
        use csv_core::ReadRecordResult::{End, InputEmpty, OutputEndsFull, OutputFull, Record};
        loop {
            let (result, taken, written, ended) =
                self.parser.read_record(input, &mut self.bytes[self.filled..], &mut self.ends[self.cells..]);
            self.after_return = taken > 0 && input[taken - 1] == b'\r';
            self.offset += taken as u64;
            self.filled += written;
            self.cells += ended;
            *input = &input[taken..];
            match result {
                Record => return Ok(true),
                InputEmpty | End => return Ok(false),
                OutputFull => {
                    let row = self.row + self.empty_lines + 1;
                    grow(&mut self.bytes, RECORD_BYTES_MAX).ok_or(RecordError::TooLarge { row })?;
                }
                OutputEndsFull => {
                    let row = self.row + self.empty_lines + 1;
                    grow(&mut self.ends, CELLS_MAX).ok_or(RecordError::TooManyCells { row })?;
                }
            }
        }
    }

    fn complete(&mut self) -> Record<'_> {
        self.row += self.empty_lines + 1;
        self.empty_lines = 0;
        let start = self.start.take().unwrap_or(self.offset);
        let (filled, cells) = (std::mem::take(&mut self.filled), std::mem::take(&mut self.cells));
        Record {
            row: self.row,
            start,
            end: self.offset,
            bytes: &self.bytes[..filled],
            ends: &self.ends[..cells],
        }
    }
}

/// Doubles the buffer up to `max`; `None` when it is there already.
fn grow<T: Copy + Default>(buffer: &mut Vec<T>, max: usize) -> Option<()> {
    let length = (buffer.len() * 2).min(max);
    (length > buffer.len()).then(|| buffer.resize(length, T::default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Row, first byte, cells.
    type Plain = (u64, u64, Vec<String>);

    fn plain(record: Record<'_>) -> Plain {
        let cells = record.cells().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
        (record.row, record.start, cells)
    }

    fn read_from(records: &mut Records, parts: &[&[u8]]) -> Result<Vec<Plain>, RecordError> {
        let mut found = Vec::new();
        for part in parts {
            let mut rest = *part;
            while let Some(record) = records.read(&mut rest)? {
                found.push(plain(record));
            }
        }
        found.extend(records.finish()?.map(plain));
        Ok(found)
    }

    fn whole(file: &[u8]) -> Vec<Plain> {
        read_from(&mut Records::new(0, 0), &[file]).unwrap()
    }

    fn cells(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn quoted_line_breaks_are_no_rows_and_empty_lines_are() {
        let found = whole(b"a,b\r\n\r\n\"x\r\ny\",2\r\n3,\"\"\"4\"\"\"\n\n");
        assert_eq!(
            found,
            [(1, 0, cells(&["a", "b"])), (3, 7, cells(&["x\r\ny", "2"])), (4, 17, cells(&["3", "\"4\""]))]
        );
    }

    #[test]
    fn old_line_ends_and_a_missing_last_one_are_understood() {
        assert_eq!(
            whole(b"a\rb\r\rc"),
            [(1, 0, cells(&["a"])), (2, 2, cells(&["b"])), (4, 5, cells(&["c"]))]
        );
    }

    #[test]
    fn a_record_beyond_its_limits_is_refused_with_its_row() {
        let endless = [b"a\n\"".as_slice(), &vec![b'x'; RECORD_BYTES_MAX + 1]].concat();
        let refused = read_from(&mut Records::new(0, 0), &[&endless]);
        assert_eq!(refused, Err(RecordError::TooLarge { row: 2 }));
        let refused = read_from(&mut Records::new(0, 0), &[&vec![b','; CELLS_MAX]]);
        assert_eq!(refused, Err(RecordError::TooManyCells { row: 1 }));
        let longest = vec![b'x'; RECORD_BYTES_MAX];
        assert_eq!(whole(&longest)[0].2[0].len(), RECORD_BYTES_MAX);
    }

    fn csv() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop::sample::select(vec![
            "a",
            "bc",
            ",",
            "\n",
            "\r\n",
            "\r",
            "\"",
            "\"x,y\"",
            "\"l1\nl2\"",
            "\"l1\r\nl2\"",
            "\"\"",
            "é",
            "€",
            "😀",
        ]);
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn where_parts_end_makes_no_difference(file in csv(), size in 1_usize..9) {
            let parts: Vec<&[u8]> = file.chunks(size).collect();
            prop_assert_eq!(read_from(&mut Records::new(0, 0), &parts).unwrap(), whole(&file));
        }

        #[test]
        fn reading_may_be_taken_up_again_at_every_record(file in csv()) {
            let all = whole(&file);
            for (at, (row, start, _)) in all.iter().enumerate() {
                let mut records = Records::new(*start, row - 1);
                let again = read_from(&mut records, &[&file[*start as usize..]]).unwrap();
                prop_assert_eq!(&again[..], &all[at..]);
            }
        }
    }
}
