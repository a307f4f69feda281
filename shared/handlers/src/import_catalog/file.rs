//! The uploaded file as chunks, read from SQL part by part.

use bytes::{Buf, Bytes};
use domain::import::Columns;
use sql::Database;
use store::blobs;
use store::imports::{Checkpoint, Work};
use store::products::CHUNK_PRODUCTS_MAX;

use super::stop::Stop;
use crate::catalog_file::{BrokenFile, Chunk, Chunks, Records};

/// So that the last chunk fits too.
const CHUNK_PRODUCTS: usize = CHUNK_PRODUCTS_MAX - Chunks::LAST_MORE;

/// A file that is being imported. Holds one part of it and one chunk.
pub(super) struct File<'a> {
    database: &'a Database,
    reader: blobs::Reader,
    part: Bytes,
    /// `None` after the last chunk.
    chunks: Option<Chunks>,
}

impl<'a> File<'a> {
    /// Opens the file where the import goes on.
    pub(super) async fn open(database: &'a Database, work: &Work) -> Result<Self, Stop> {
        let mut reader = open_at(database, work.blob_id, 0).await?;
        let mut records = Records::new(0, 0);
        // Read again by every run: what the header means is this version's business, not the checkpoint's.
        let (columns, mut part) = read_header(database, &mut reader, &mut records).await?;
        let Checkpoint { row, byte } = work.checkpoint;
        if byte > 0 {
            reader = open_at(database, work.blob_id, byte).await?;
            records = Records::new(byte, row);
            part = Bytes::new();
        }
        let chunks = Chunks::new(columns, work.store.currency, records, CHUNK_PRODUCTS);
        Ok(Self { database, reader, part, chunks: Some(chunks) })
    }

    /// The next chunk, and whether it is the last; after the last one it must not be called again.
    pub(super) async fn next_chunk(&mut self) -> Result<(Chunk, bool), Stop> {
        loop {
            if let Some(chunks) = &mut self.chunks {
                let mut rest = &self.part[..];
                let chunk = chunks.read(&mut rest)?;
                self.part.advance(self.part.len() - rest.len());
                if let Some(chunk) = chunk {
                    return Ok((chunk, false));
                }
            }
            match self.reader.next_part(self.database).await? {
                Some(part) => self.part = part,
                None => {
                    let chunks = self.chunks.take().ok_or(Stop::FileVanished)?;
                    return Ok((chunks.finish()?, true));
                }
            }
        }
    }
}

/// The columns, and what is left of the part in which the header ends.
async fn read_header(
    database: &Database,
    reader: &mut blobs::Reader,
    records: &mut Records,
) -> Result<(Columns, Bytes), Stop> {
    while let Some(part) = reader.next_part(database).await? {
        let mut rest = &part[..];
        if let Some(record) = records.read(&mut rest)? {
            let columns = Columns::from_header(record.cells()).map_err(BrokenFile::from)?;
            return Ok((columns, part.slice_ref(rest)));
        }
    }
    let record = records.finish()?.ok_or(BrokenFile::Empty)?;
    let columns = Columns::from_header(record.cells()).map_err(BrokenFile::from)?;
    Ok((columns, Bytes::new()))
}

async fn open_at(database: &Database, blob_id: i64, byte: u64) -> Result<blobs::Reader, Stop> {
    blobs::Reader::open(database, blob_id, byte).await?.ok_or(Stop::FileVanished)
}
