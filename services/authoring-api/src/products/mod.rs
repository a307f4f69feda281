//! Products as the merchant edits them: one file per operation; `working_copy` is their JSON.

mod get;
mod put;
mod working_copy;

pub(crate) use get::get;
pub(crate) use put::put;

use sql::Database;
use store::products;
use store::stores::Store;
use utoipa::OpenApi;

use crate::error::Error;

/// These operations in the API document.
#[derive(OpenApi)]
#[openapi(paths(get::get, put::put))]
pub(crate) struct Api;

const NO_PRODUCT: Error = Error::NotFound("such product");

/// Ids are unique over all stores, so addresses name none.
async fn store_of(database: &Database, id: i64) -> Result<Store, Error> {
    products::store_of(database, id).await?.ok_or(NO_PRODUCT)
}
