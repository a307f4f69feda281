//! Stores: who sells, in which currency and language.

use crate::{Error, Result};
use contracts::cache::tags;
use domain::{Currency, StoreId};
use sql::RowExt;

/// A store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// Part of every address.
    pub id: StoreId,
    /// For people; at most 255 characters.
    pub name: String,
    /// All prices of the store; fixed when it is created.
    pub currency: Currency,
    /// BCP 47, at most 35 characters.
    pub language: String,
    /// Counts its changes; ignored by [`put`].
    pub version: i64,
}

/// Creates the store, or changes its name and language. Writing what is there already changes nothing.
/// Gives the version.
///
/// # Errors
/// [`Error::CurrencyFixed`] if the store exists with another currency.
pub async fn put(tx: &mut sql::Transaction<'_>, store: &Store) -> Result<i64> {
    let rows = tx
        .query(
            include_str!("put.sql"),
            &[&store.id.as_str(), &store.name.as_str(), &store.currency.code(), &store.language.as_str()],
        )
        .await?;
    let row =
        rows.first().ok_or("the statement gave no row").map_err(Error::unreadable("store", &store.id))?;
    let existing: &str = row.read("Currency")?;
    if existing != store.currency.code() {
        return Err(Error::CurrencyFixed {
            store: store.id.clone(),
            existing: existing.to_owned(),
            wanted: store.currency.code().to_owned(),
        });
    }
    if row.read::<i32>("Written")? > 0 {
        // Frontends remember that a store does not exist under this tag.
        tx.changed(tags::listings(&store.id));
    }
    Ok(row.read("Version")?)
}

/// The store with this id.
pub async fn get(db: &sql::Database, id: &StoreId) -> Result<Option<Store>> {
    let rows = db.query(include_str!("get.sql"), &[&id.as_str()]).await?;
    rows.first().map(|row| read(row, id.clone(), "Version")).transpose()
}

/// Reads a store from a row with its columns; `version` names the column of its version.
pub(crate) fn read(row: &sql::Row, id: StoreId, version: &str) -> Result<Store> {
    let currency = Currency::parse(row.read("Currency")?).map_err(Error::unreadable("store", &id))?;
    Ok(Store {
        name: row.read::<&str>("Name")?.to_owned(),
        language: row.read::<&str>("Language")?.to_owned(),
        version: row.read(version)?,
        currency,
        id,
    })
}
