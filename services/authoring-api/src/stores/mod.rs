//! Stores: one file per operation.

mod get;
mod put;

pub(crate) use get::get;
pub(crate) use put::put;

use serde::Serialize;
use store::stores::Store;

/// A store in JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoreView {
    id: String,
    name: String,
    currency: String,
    language: String,
    version: i64,
}

impl StoreView {
    pub(crate) fn of(store: &Store) -> Self {
        Self {
            id: store.id.to_string(),
            name: store.name.clone(),
            currency: store.currency.to_string(),
            language: store.language.clone(),
            version: store.version,
        }
    }
}
