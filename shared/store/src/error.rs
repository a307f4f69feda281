//! What can go wrong, beyond what SQL itself reports.

use domain::{Slug, StoreId};

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the caller cannot go on with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server, the connection, or a row that is not what the statement promises.
    #[error(transparent)]
    Sql(#[from] sql::Error),

    /// Another product of the store has the slug. The transaction is lost.
    #[error("store {store} has another product with the slug {slug}")]
    SlugTaken {
        /// The store.
        store: StoreId,
        /// The slug both want.
        slug: Slug,
    },

    /// Prices are stored in the currency of their store, so a store keeps it.
    #[error("store {store} has the currency {existing}, which cannot be changed to {wanted}")]
    CurrencyFixed {
        /// The store.
        store: StoreId,
        /// What it has.
        existing: String,
        /// What was asked for.
        wanted: String,
    },

    /// More products than one chunk may have: their tags would not fit one commit.
    #[error("a chunk of {given} products is too large, at most {max} are written at once")]
    ChunkTooLarge {
        /// What was given.
        given: usize,
        /// [`products::CHUNK_PRODUCTS_MAX`](crate::products::CHUNK_PRODUCTS_MAX).
        max: usize,
    },

    /// The import is not where this run left it: another run is ahead, or it has ended. Nothing of this run's
    /// chunk may be kept.
    #[error("import {import_id} is no longer running at row {row}: another run is ahead of this one")]
    ImportMovedOn {
        /// The import.
        import_id: i64,
        /// The checkpoint row that this run went on from.
        row: u64,
    },

    /// A finished blob without one of its parts.
    #[error("blob {blob_id} has lost part {ordinal}")]
    BlobPartMissing {
        /// The blob.
        blob_id: i64,
        /// The part, from 0.
        ordinal: i32,
    },

    /// Written by a newer version, or not by this crate.
    #[error("{what} {id} is stored in a form that cannot be read: {reason}")]
    Unreadable {
        /// The kind of thing.
        what: &'static str,
        /// Which one.
        id: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A value that has no JSON form.
    #[error("cannot write {what} as JSON: {source}")]
    Json {
        /// The kind of thing.
        what: &'static str,
        /// What the writer said.
        source: serde_json::Error,
    },
}

impl Error {
    /// For `map_err`: a stored value that does not read back.
    pub(crate) fn unreadable<E: std::fmt::Display>(
        what: &'static str,
        id: impl std::fmt::Display,
    ) -> impl FnOnce(E) -> Error {
        move |reason| Error::Unreadable { what, id: id.to_string(), reason: reason.to_string() }
    }

    /// For `map_err`: a value that cannot be written.
    pub(crate) fn json(what: &'static str) -> impl FnOnce(serde_json::Error) -> Error {
        move |source| Error::Json { what, source }
    }
}

impl sql::Retryable for Error {
    fn sql_error(&self) -> Option<&sql::Error> {
        match self {
            Error::Sql(error) => Some(error),
            _ => None,
        }
    }
}
