//! One product, as authoring sees it.

use super::content;
use crate::stores::{self, Store};
use crate::{Error, Result};
use domain::{Product, StoreId};
use sql::RowExt;
use time::{OffsetDateTime, PrimitiveDateTime};

/// A product in storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredProduct {
    /// Never changes.
    pub id: i64,
    /// Grows by one with each change.
    pub version: i64,
    /// UTC, the server's clock.
    pub created_at: OffsetDateTime,
    /// Of the last change.
    pub updated_at: OffsetDateTime,
    /// The working copy, published or not.
    pub product: Product,
}

/// The product of this store with this id.
pub async fn get(db: &sql::Database, store: &StoreId, id: i64) -> Result<Option<StoredProduct>> {
    let sets = db.query_sets(include_str!("get.sql"), &[&store.as_str(), &id]).await?;
    let Some(row) = sets.first().and_then(|rows| rows.first()) else { return Ok(None) };
    let variants = sets.get(1).map_or(&[][..], Vec::as_slice);
    Ok(Some(StoredProduct {
        id,
        version: row.read("Version")?,
        created_at: row.read::<PrimitiveDateTime>("CreatedAt")?.assume_utc(),
        updated_at: row.read::<PrimitiveDateTime>("UpdatedAt")?.assume_utc(),
        product: content::read(id, row, variants)?,
    }))
}

/// The store that has the product with this id: ids are unique over all stores.
pub async fn store_of(db: &sql::Database, id: i64) -> Result<Option<Store>> {
    let rows = db.query(include_str!("store_of.sql"), &[&id]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let store = StoreId::parse(row.read("Id")?).map_err(Error::unreadable("product", id))?;
    stores::read(row, store, "Version").map(Some)
}
