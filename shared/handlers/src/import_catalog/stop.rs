//! Why an import stops before the end of its file, and whether trying again could help.

use jobs::Failure;

use crate::catalog_file::{BrokenFile, RecordError};

/// Everything but success.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// The process is stopping, or the job was taken away.
    #[error("the import was interrupted between two chunks")]
    Cancelled,
    /// The job is not ours any more, or that could not be found out.
    #[error("{0}")]
    Job(Failure),
    /// SQL Server, below `store`.
    #[error(transparent)]
    Sql(#[from] sql::Error),
    /// SQL Server, or another run that has moved the checkpoint.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The notification.
    #[error(transparent)]
    Push(#[from] backplane::push::Error),
    /// Nobody can read the file.
    #[error(transparent)]
    Broken(#[from] BrokenFile),
    /// Its parts are gone.
    #[error("the uploaded file is no longer stored")]
    FileVanished,
    /// A payload that names nothing.
    #[error("import {import_id} does not exist")]
    ImportVanished {
        /// The id in the payload.
        import_id: i64,
    },
}

impl Stop {
    /// Whether every other try would end the same way.
    pub(crate) fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Broken(_)
                | Self::FileVanished
                | Self::ImportVanished { .. }
                | Self::Store(store::Error::BlobPartMissing { .. })
        )
    }

    /// What the job engine is told.
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Self::Job(failure) => failure,
            // The engine looks for trouble with its own storage: it must find the error itself.
            Self::Sql(error)
            | Self::Store(store::Error::Sql(error))
            | Self::Push(backplane::push::Error::Sql(error)) => Failure::retry(error),
            stop if stop.is_final() => Failure::fail(stop),
            stop => Failure::retry(stop),
        }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Job(failure)
    }
}

impl From<RecordError> for Stop {
    fn from(error: RecordError) -> Self {
        Self::Broken(error.into())
    }
}

impl sql::Retryable for Stop {
    fn sql_error(&self) -> Option<&sql::Error> {
        match self {
            Self::Sql(error) => Some(error),
            Self::Store(error) => error.sql_error(),
            Self::Push(error) => error.sql_error(),
            Self::Job(failure) => failure.sql_error(),
            _ => None,
        }
    }
}
