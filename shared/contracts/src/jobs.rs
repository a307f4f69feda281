//! Payloads of background jobs: ids only, never entities, so that a job reads what is true when it runs.

use serde::{Deserialize, Serialize};

/// Imports the file that an import row names. May run again at any time: it goes on at the checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportCatalog {
    /// `Commerce.Import.Id`.
    pub import_id: i64,
}

impl ::jobs::Payload for ImportCatalog {
    const TYPE: &'static str = "Stoa.Jobs.ImportCatalog, Stoa";
    const QUEUE: &'static str = "default";
}
