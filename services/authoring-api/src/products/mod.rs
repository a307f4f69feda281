//! Products as the merchant edits them: one file per operation; `working_copy` is their JSON, `version` the entity
//! tag that an edit must name.

mod get;
mod put;
mod version;
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

/// What a segment of an address says; anything but digits names no product.
fn parse_id(segment: &str) -> Result<i64, Error> {
    segment.parse().ok().filter(|id| *id > 0).ok_or(NO_PRODUCT)
}

/// Ids are unique over all stores, so addresses name none.
async fn store_of(database: &Database, id: i64) -> Result<Store, Error> {
    products::store_of(database, id).await?.ok_or(NO_PRODUCT)
}
