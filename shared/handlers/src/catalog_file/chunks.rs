//! Chunks of a catalog: what one transaction of an import carries, and where reading goes on after it.

use domain::import::{Assembled, Assembler, Columns, Refusal};
use domain::{Currency, Product};

use super::{BrokenFile, Records};

/// Most refusals of a chunk; above it the chunk ends with the product that has them.
pub const CHUNK_REFUSALS_MAX: usize = 500;
/// Most bytes of the file in a chunk: bounds the memory and the transaction where products are large, and the work
/// that is repeated after a crash where rows are empty.
pub const CHUNK_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A place between two products of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Rows before it, the header included.
    pub row: u64,
    /// Bytes before it.
    pub byte: u64,
}

/// Products and refusals of consecutive rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// What can be stored, in the order of the file.
    pub products: Vec<Product>,
    /// For each product where it stands.
    pub origins: Vec<Origin>,
    /// Everything that is wrong with the others.
    pub refusals: Vec<Refusal>,
    /// Groups of rows that are no product.
    pub products_refused: u64,
    /// Rows with something wrong with them.
    pub rows_refused: u64,
    /// Everything before is in this chunk or an earlier one, nothing behind it is.
    pub to: Position,
}

/// Where a product stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its first row.
    pub row: u64,
    /// As that row writes it.
    pub handle: String,
}

/// Turns the bytes behind a position into chunks. Holds one chunk and one open group of rows at a time.
#[derive(Debug)]
pub struct Chunks {
    records: Records,
    assembler: Assembler,
    products_max: usize,
    collected: Chunk,
    /// Where the chunk began.
    from: Position,
    /// Behind the last record.
    end: Position,
    /// Where the group of rows that is still open begins.
    open: Option<Position>,
}

impl Chunks {
    /// The last chunk may have this many products more than the others: those that the end of the file completes.
    pub const LAST_MORE: usize = 2;

    /// Goes on where `records` stands: behind the header, or at a [`Chunk::to`]. At most `products_max` products a
    /// chunk, and [`LAST_MORE`](Self::LAST_MORE) in the last one.
    pub fn new(columns: Columns, currency: Currency, records: Records, products_max: usize) -> Self {
        let from = records.position();
        Self {
            records,
            assembler: Assembler::new(columns, currency),
            products_max,
            collected: Chunk::ending_at(from),
            from,
            end: from,
            open: None,
        }
    }

    /// Takes bytes from `input` until a chunk is full; `None` when all of them are taken first.
    ///
    /// # Errors
    /// The file cannot be read any further; what lies before the last chunk's end stays good.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Chunk>, BrokenFile> {
        loop {
            // A chunk ends where a record begins, never behind one: what belongs to the end of a line is then
            // beyond doubt.
            let is_full = self.is_full();
            let Some(record) = self.records.read(input)? else { return Ok(None) };
            let start = Position { row: record.row - 1, byte: record.start };
            self.end = Position { row: record.row, byte: record.end };
            let full = is_full.then(|| {
                self.from = self.open.unwrap_or(start);
                let mut full = std::mem::replace(&mut self.collected, Chunk::ending_at(self.from));
                full.to = self.from;
                full
            });
            self.collected.add(self.assembler.push(record.row, record.cells()));
            if self.assembler.pending_first_row() == Some(record.row) {
                self.open = Some(start);
            }
            if full.is_some() {
                return Ok(full);
            }
        }
    }

    /// Ends the file: the last chunk, which may be empty.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn finish(mut self) -> Result<Chunk, BrokenFile> {
        let mut chunk = self.collected;
        if let Some(record) = self.records.finish()? {
            self.end = Position { row: record.row, byte: record.end };
            chunk.add(self.assembler.push(record.row, record.cells()));
        }
        chunk.add(self.assembler.finish());
        chunk.to = self.end;
        Ok(chunk)
    }

    fn is_full(&self) -> bool {
        // Where the next chunk would begin: before the open group, because its rows belong together.
        let next = self.open.unwrap_or(self.end);
        self.collected.products.len() >= self.products_max
            || self.collected.refusals.len() >= CHUNK_REFUSALS_MAX
            || next.byte - self.from.byte >= CHUNK_BYTES_MAX
    }
}

impl Chunk {
    fn ending_at(to: Position) -> Self {
        Self {
            products: Vec::new(),
            origins: Vec::new(),
            refusals: Vec::new(),
            products_refused: 0,
            rows_refused: 0,
            to,
        }
    }

    fn add(&mut self, ended: Vec<Assembled>) {
        for assembled in ended {
            self.rows_refused += assembled.rows_refused();
            let Assembled { handle, first_row, outcome, .. } = assembled;
            match outcome {
                Ok(product) => {
                    self.products.push(product);
                    self.origins.push(Origin { row: first_row, handle });
                }
                Err(refusals) => {
                    self.products_refused += 1;
                    self.refusals.extend(refusals);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog_file::header_of;
    use proptest::prelude::*;

    const HEADER: &str = "Handle,Title,Variant Price,Option1 Name,Option1 Value\r\n";
    const START: Position = Position { row: 0, byte: 0 };

    /// All chunks of a file from `from` on, fed in parts of `size` bytes.
    fn read_from(file: &[u8], from: Position, products_max: usize, size: usize) -> Vec<Chunk> {
        let currency = Currency::parse("EUR").unwrap();
        let mut parts = file[from.byte as usize..].chunks(size);
        let mut rest: &[u8] = &[];
        let mut records = Records::new(from.byte, from.row);
        if from == START {
            rest = parts.next().unwrap();
            while records.read(&mut rest).unwrap().is_none() {
                rest = parts.next().unwrap();
            }
        }
        let columns = header_of(HEADER.as_bytes()).unwrap();
        let mut chunks = Chunks::new(columns, currency, records, products_max);
        let mut found = Vec::new();
        loop {
            while let Some(chunk) = chunks.read(&mut rest).unwrap() {
                found.push(chunk);
            }
            let Some(part) = parts.next() else { break };
            rest = part;
        }
        found.push(chunks.finish().unwrap());
        found
    }

    /// What all chunks together say.
    fn sum(chunks: &[Chunk]) -> (Vec<(Origin, Product)>, Vec<Refusal>, u64) {
        let found = |chunk: &Chunk| chunk.origins.clone().into_iter().zip(chunk.products.clone());
        let products = chunks.iter().flat_map(found).collect();
        let refusals = chunks.iter().flat_map(|chunk| chunk.refusals.clone()).collect();
        (products, refusals, chunks.iter().map(|chunk| chunk.products_refused).sum())
    }

    fn file(rows: &[&str]) -> Vec<u8> {
        [HEADER, &rows.concat()].concat().into_bytes()
    }

    #[test]
    fn a_chunk_ends_before_the_group_of_rows_that_is_still_open() {
        let file = file(&["a,A,1,Size,S\r\n", "a,,2,,M\r\n", "b,B,1,,\r\n", "c,C,1,,\r\n"]);
        let found = read_from(&file, START, 1, usize::MAX);
        let ends: Vec<u64> = found.iter().map(|chunk| chunk.to.row).collect();
        assert_eq!(ends, [3, 5]);
        assert_eq!(found[0].products[0].variants.len(), 2);
        assert_eq!(found[1].products.len(), 1 + 1, "the last chunk has what the end of the file completes");
        assert_eq!(found[1].to.byte, file.len() as u64 - 1, "the line feed of the last line end is left");
    }

    #[test]
    fn a_chunk_ends_after_its_most_refusals() {
        let rows: Vec<String> = (0..CHUNK_REFUSALS_MAX * 2).map(|row| format!("p{row},,1,,\n")).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let found = read_from(&file(&rows), START, 10, usize::MAX);
        assert_eq!(found[0].refusals.len(), CHUNK_REFUSALS_MAX);
        assert_eq!(found.iter().map(|chunk| chunk.products_refused).sum::<u64>(), rows.len() as u64);
    }

    #[test]
    fn a_file_without_products_gives_one_empty_chunk_at_its_end() {
        let found = read_from(&file(&[]), START, 10, 3);
        assert_eq!(found, [Chunk::ending_at(Position { row: 1, byte: HEADER.len() as u64 - 1 })]);
    }

    fn rows() -> impl Strategy<Value = Vec<u8>> {
        let row = prop::sample::select(vec![
            "a,Ä,1,Size,S\r\n",
            "a,,2,,M\r\n",
            "A,,3,,L\n",
            "b,\"B\r\nb\",1,,\r\n",
            "c,\"say \"\"c\"\"\",cheap,,\n",
            ",stray,,,\n",
            ",,,,\n",
            "\n",
            "d,,1,,\r",
            "😀,Smile,1,,\n",
            "e,E,1,,,surplus\n",
        ]);
        prop::collection::vec(row, 0..24).prop_map(|rows| file(&rows))
    }

    proptest! {
        #[test]
        fn going_on_at_any_chunk_gives_what_reading_through_gives(
            file in rows(), products_max in 1_usize..4, size in 1_usize..40,
        ) {
            let whole = read_from(&file, START, usize::MAX, usize::MAX);
            let through = read_from(&file, START, products_max, size);
            prop_assert_eq!(sum(&through), sum(&whole));
            prop_assert_eq!(through.last().unwrap().to, whole[0].to);
            for (at, chunk) in through.iter().enumerate().take(through.len() - 1) {
                let again = read_from(&file, chunk.to, products_max, size);
                prop_assert_eq!(sum(&again), sum(&through[at + 1..]), "from chunk {} on", at);
                prop_assert_eq!(again.last().unwrap().to, whole[0].to);
            }
        }
    }
}
