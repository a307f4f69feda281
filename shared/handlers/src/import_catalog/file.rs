//! The uploaded file as chunks, read from SQL part by part.

use bytes::{Buf, Bytes};
use domain::import::Columns;
use sql::Database;
use store::{blobs, imports::Work, products};

use super::stop::Stop;
use crate::catalog_file::{BrokenFile, Chunk, Chunks, Position, Records};

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
        let (columns, after_header) = read_header(database, work.blob_id).await?;
        let from = match work.checkpoint {
            checkpoint if checkpoint.byte > 0 => Position { row: checkpoint.row, byte: checkpoint.byte },
            _ => after_header,
        };
        let chunks = Chunks::new(columns, work.store.currency, from, products::CHUNK_PRODUCTS_MAX);
        let reader = open_at(database, work.blob_id, from.byte).await?;
        Ok(Self { database, reader, part: Bytes::new(), chunks: Some(chunks) })
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

/// The header is read again by every run: what it means is this version's business, not the checkpoint's.
async fn read_header(database: &Database, blob_id: i64) -> Result<(Columns, Position), Stop> {
    let mut reader = open_at(database, blob_id, 0).await?;
    let mut records = Records::new(0, 0);
    while let Some(part) = reader.next_part(database).await? {
        if let Some(record) = records.read(&mut &part[..])? {
            let columns = Columns::from_header(record.cells()).map_err(BrokenFile::from)?;
            return Ok((columns, Position { row: record.row, byte: record.end }));
        }
    }
    let record = records.finish()?.ok_or(BrokenFile::Empty)?;
    let columns = Columns::from_header(record.cells()).map_err(BrokenFile::from)?;
    Ok((columns, Position { row: record.row, byte: record.end }))
}

async fn open_at(database: &Database, blob_id: i64, byte: u64) -> Result<blobs::Reader, Stop> {
    blobs::Reader::open(database, blob_id, byte).await?.ok_or(Stop::FileVanished)
}
