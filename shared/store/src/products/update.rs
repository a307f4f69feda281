//! Saving what somebody edited, if nobody else did in between.

use super::content;
use crate::publication::{Before, Change, ListingTags, publish};
use crate::{Error, Result, audit};
use domain::{CategoryKey, Product, Slug, StoreId};
use sql::RowExt;

/// What came of saving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// Written and published.
    Updated {
        /// The new one.
        version: i64,
    },
    /// The product was like this already: nothing was written, nothing was raised.
    Unchanged {
        /// The same as before.
        version: i64,
    },
    /// The store has no such product.
    NotFound,
    /// Somebody else was first.
    VersionMismatch {
        /// What the product has now.
        current: i64,
    },
}

/// Replaces a product that still has `expected_version`, with its variants, what is published of it, the audit row
/// and the tags of what it was before and is now. Of two writers with the same version exactly one is `Updated`.
///
/// At most three statements.
///
/// # Errors
/// [`Error::SlugTaken`]; the transaction cannot be used any more then.
pub async fn save_and_publish(
    tx: &mut sql::Transaction<'_>,
    store: &StoreId,
    id: i64,
    expected_version: i64,
    product: &Product,
    actor: &str,
) -> Result<Saved> {
    let written = content::write(product, 0)?;
    let variants = serde_json::to_string(&written.variants).map_err(Error::json("the variants"))?;
    let result = tx
        .query(
            include_str!("update.sql"),
            &[
                &store.as_str(),
                &id,
                &expected_version,
                &product.slug.as_str(),
                &written.category_key.as_deref().unwrap_or_default(),
                &product.published,
                &written.content.as_str(),
                &written.content_hash.as_str(),
                &variants.as_str(),
            ],
        )
        .await;
    let rows = match result {
        Err(error) if error.is_unique_violation() => {
            return Err(Error::SlugTaken { store: store.clone(), slug: product.slug.clone() });
        }
        result => result?,
    };
    let Some(row) = rows.first() else { return Ok(Saved::NotFound) };
    let version: i64 = row.read("Version")?;
    let Some(slug_before) = row.read_opt::<&str>("SlugBefore")? else {
        let same_content = row.read::<&str>("ContentHash")? == written.content_hash;
        return Ok(match version == expected_version && same_content {
            true => Saved::Unchanged { version },
            false => Saved::VersionMismatch { current: version },
        });
    };
    let before = Before {
        slug: Slug::parse(slug_before).map_err(Error::unreadable("product", id))?,
        category: read_category(id, row)?,
        published: row.read("PublishedBefore")?,
    };
    let change = Change { product_id: id, version, product, before: Some(before) };
    audit::record(tx, actor, &[change.audit_entry(store)]).await?;
    publish(tx, store, &[change], ListingTags::Now).await?;
    Ok(Saved::Updated { version })
}

/// The category of the before-image, from the column `CategoryKeyBefore`.
pub(super) fn read_category(id: i64, row: &sql::Row) -> Result<Option<CategoryKey>> {
    let key = row.read_opt::<&str>("CategoryKeyBefore")?;
    key.map(CategoryKey::parse).transpose().map_err(Error::unreadable("product", id))
}
