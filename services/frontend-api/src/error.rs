//! What can go wrong here, as the problem that the client sees.

use backplane::CacheError;
use host::problem::Problem;

/// What a 503 tells clients: loads are short, and so is this.
const RETRY_AFTER_SECS: u32 = 1;

/// The cache could not load: SQL Server is away, or too much is asked of it.
#[derive(Debug)]
pub(crate) struct Error(pub(crate) CacheError<store::Error>);

impl From<Error> for Problem {
    fn from(Error(error): Error) -> Self {
        let retry_after_secs = match &error {
            CacheError::Overloaded { retry_after } => {
                u32::try_from(retry_after.as_secs()).unwrap_or(RETRY_AFTER_SECS)
            }
            CacheError::Timeout { .. } | CacheError::LoadFailed(_) => RETRY_AFTER_SECS,
        };
        Self::unavailable(retry_after_secs.max(RETRY_AFTER_SECS), error)
    }
}

/// No such store or product; which of the two is not said.
pub(crate) fn not_found() -> Problem {
    Problem::not_found("this store shows no such product")
}
