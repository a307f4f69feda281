//! Stores: one file per operation.

mod get;
mod put;

pub(crate) use get::get;
pub(crate) use put::put;

use serde::Serialize;
use store::stores::Store;
use utoipa::{OpenApi, ToSchema};

/// These operations in the API document.
#[derive(OpenApi)]
#[openapi(paths(get::get, put::put))]
pub(crate) struct Api;

/// A store in JSON.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Store)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoreView {
    /// Chosen when the store was made.
    id: String,
    /// As shoppers see it.
    name: String,
    /// ISO 4217; stays.
    currency: String,
    /// BCP 47, as the merchant wrote it.
    language: String,
    /// Counts the changes of the store.
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
