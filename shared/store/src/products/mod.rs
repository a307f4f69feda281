//! Products with their variants and images: one aggregate, one version.
//!
//! Every change goes through [`save_and_publish`] (one product that somebody edits) or [`upsert_and_publish`] (a
//! chunk of an import): both write the product, its variants, what is published of it, the audit row and the tags
//! in the caller's transaction.

mod content;
mod get;
mod update;
mod upsert;

pub use get::{StoredProduct, get, store_of};
pub use update::{Saved, save_and_publish};
pub use upsert::{CHUNK_PRODUCTS_MAX, Chunk, ChunkOutcome, upsert_and_publish};
