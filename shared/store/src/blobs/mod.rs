//! Files in SQL, in parts: uploaded catalogs now, results of jobs later. No service shares a disk with another.
//!
//! A part is small enough to be held in memory and read in one statement; all parts but the last have the same
//! length, so reading can begin at any byte.

use crate::{Error, Result};
use bytes::Bytes;
use sql::RowExt;

/// The length of each part but the last, in bytes.
pub const PART_BYTES: usize = 256 * 1024;

/// A finished file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// `Platform.Blob.Id`.
    pub id: i64,
    /// As it was uploaded; at most 255 characters.
    pub name: String,
    /// MIME type; at most 255 characters.
    pub content_type: String,
    /// In bytes.
    pub length: u64,
}

/// Writes a file within the caller's transaction: nobody sees it before the commit. Holds one part in memory.
#[derive(Debug)]
pub struct Writer {
    blob: Blob,
    next_ordinal: i32,
    part: Vec<u8>,
}

impl Writer {
    /// Begins a file.
    pub async fn create(tx: &mut sql::Transaction<'_>, name: &str, content_type: &str) -> Result<Self> {
        let rows = tx.query(include_str!("create.sql"), &[&name, &content_type]).await?;
        let row = rows.first().ok_or("the statement gave no id").map_err(Error::unreadable("blob", name))?;
        let (name, content_type) = (name.to_owned(), content_type.to_owned());
        let blob = Blob { id: row.read("BlobId")?, name, content_type, length: 0 };
        Ok(Writer { blob, next_ordinal: 0, part: Vec::with_capacity(PART_BYTES) })
    }

    /// Appends bytes: one statement for each part that they fill.
    pub async fn write(&mut self, tx: &mut sql::Transaction<'_>, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PART_BYTES - self.part.len()));
            self.part.extend_from_slice(now);
            bytes = later;
            if self.part.len() == PART_BYTES {
                self.flush(tx).await?;
            }
        }
        Ok(())
    }

    /// Writes what is left, and the length, which makes the file readable.
    pub async fn finish(mut self, tx: &mut sql::Transaction<'_>) -> Result<Blob> {
        if !self.part.is_empty() {
            self.flush(tx).await?;
        }
        let length = i64::try_from(self.blob.length).map_err(Error::unreadable("blob", self.blob.id))?;
        tx.execute(include_str!("finish.sql"), &[&self.blob.id, &length]).await?;
        Ok(self.blob)
    }

    async fn flush(&mut self, tx: &mut sql::Transaction<'_>) -> Result<()> {
        let data = self.part.as_slice();
        tx.execute(include_str!("append.sql"), &[&self.blob.id, &self.next_ordinal, &data]).await?;
        self.blob.length += self.part.len() as u64;
        self.next_ordinal += 1;
        self.part.clear();
        Ok(())
    }
}

/// Reads a file part by part, one statement each, without a transaction: finished files never change.
#[derive(Debug)]
pub struct Reader {
    blob: Blob,
    at: u64,
}

impl Reader {
    /// Begins at this byte; beyond the end there is nothing to read. `None`: no such finished file.
    pub async fn open(db: &sql::Database, blob_id: i64, at: u64) -> Result<Option<Self>> {
        let rows = db.query(include_str!("get.sql"), &[&blob_id]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let length = u64::try_from(row.read::<i64>("Length")?).map_err(Error::unreadable("blob", blob_id))?;
        let (name, content_type) = (row.read::<&str>("Name")?, row.read::<&str>("ContentType")?);
        let blob = Blob { id: blob_id, name: name.to_owned(), content_type: content_type.to_owned(), length };
        Ok(Some(Reader { blob, at }))
    }

    /// The file as a whole.
    pub fn blob(&self) -> &Blob {
        &self.blob
    }

    /// The bytes up to the end of the current part; `None` at the end of the file.
    pub async fn next_part(&mut self, db: &sql::Database) -> Result<Option<Bytes>> {
        if self.at >= self.blob.length {
            return Ok(None);
        }
        let blob_id = self.blob.id;
        let (ordinal, skip) = (self.at / PART_BYTES as u64, self.at % PART_BYTES as u64);
        let ordinal = i32::try_from(ordinal).map_err(Error::unreadable("blob", blob_id))?;
        let rows = db.query(include_str!("part.sql"), &[&blob_id, &ordinal]).await?;
        let part = rows.first().map(|row| row.read::<&[u8]>("Data")).transpose()?;
        // `skip` is below the length of a part, which fits a usize everywhere.
        match part.and_then(|data| data.get(skip as usize..)).filter(|rest| !rest.is_empty()) {
            Some(rest) => {
                self.at += rest.len() as u64;
                Ok(Some(Bytes::copy_from_slice(rest)))
            }
            None => Err(Error::BlobPartMissing { blob_id, ordinal }),
        }
    }
}
