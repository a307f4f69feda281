//! Writing a chunk of an import: by slug, as a set, with few statements.

use super::content::{self, VariantRow};
use super::update::read_category;
use crate::publication::{Before, Change, ListingTags, publish};
use crate::{Error, Result, audit};
use domain::{Product, Slug, StoreId};
use serde::Serialize;
use serde_json::value::RawValue;
use sql::RowExt;
use std::collections::HashSet;

/// Most products of one chunk. Each raises two tags, and a commit may have 500.
pub const CHUNK_PRODUCTS_MAX: usize = 200;

/// Products of an import that are written together.
#[derive(Debug, Clone, Copy)]
pub struct Chunk<'a> {
    /// Whose they are.
    pub store: &'a StoreId,
    /// Remembered with each product, so that a slug which comes back later in the same file is noticed.
    pub import_id: i64,
    /// For the audit log.
    pub actor: &'a str,
    /// At most [`CHUNK_PRODUCTS_MAX`].
    pub products: &'a [Product],
}

/// What came of a chunk. Every product of it is counted in exactly one place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChunkOutcome {
    /// New slugs.
    pub created: u64,
    /// Known slugs with other content; their version grew.
    pub updated: u64,
    /// Known slugs with this very content; nothing was raised for them.
    pub unchanged: u64,
    /// Indexes of products that were **not** written, because this import has already written their slug.
    pub repeated: Vec<usize>,
    /// Lists may show something else now. With [`ListingTags::Deferred`] the caller owes them their tag: see
    /// [`raise_listings`](crate::publication::raise_listings).
    pub listing_changed: bool,
}

/// One row of `Commerce.Product`, as OPENJSON reads it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProductRow<'a> {
    ordinal: usize,
    slug: &'a str,
    category_key: Option<String>,
    published: bool,
    content: Box<RawValue>,
    content_hash: String,
}

/// Creates or updates the products by their slugs, with their variants, what is published of them, the audit rows
/// and the tags of what they were before and are now.
///
/// At most three statements, whatever the size of the chunk.
///
/// # Errors
/// [`Error::ChunkTooLarge`] before anything is written. A unique violation (as [`Error::Sql`]) if another writer
/// creates one of the slugs at the same moment and the server does not lock the gap: the whole transaction can be
/// tried again.
pub async fn upsert_and_publish(
    tx: &mut sql::Transaction<'_>,
    chunk: &Chunk<'_>,
    listing: ListingTags,
) -> Result<ChunkOutcome> {
    if chunk.products.len() > CHUNK_PRODUCTS_MAX {
        let given = chunk.products.len();
        return Err(Error::ChunkTooLarge { given, max: CHUNK_PRODUCTS_MAX });
    }
    let mut outcome = ChunkOutcome::default();
    let mut seen: HashSet<&Slug> = HashSet::new();
    let mut wanted: Vec<(usize, &Product)> = Vec::with_capacity(chunk.products.len());
    for (index, product) in chunk.products.iter().enumerate() {
        if seen.insert(&product.slug) {
            wanted.push((index, product));
        } else {
            outcome.repeated.push(index);
        }
    }
    if wanted.is_empty() {
        return Ok(outcome);
    }
    // Writers that meet take the rows in one order.
    wanted.sort_by(|(_, a), (_, b)| a.slug.cmp(&b.slug));

    let rows = write(tx, chunk, &wanted).await?;
    let mut changes: Vec<Change<'_>> = Vec::with_capacity(rows.len());
    for row in &rows {
        let index = row.read::<i32>("Ordinal")?;
        let index = usize::try_from(index).map_err(Error::unreadable("import", chunk.import_id))?;
        match read_outcome(row, index, chunk)? {
            Written::Changed(change) if change.before.is_none() => {
                outcome.created += 1;
                changes.push(change);
            }
            Written::Changed(change) => {
                outcome.updated += 1;
                changes.push(change);
            }
            Written::Unchanged => outcome.unchanged += 1,
            Written::Repeated => outcome.repeated.push(index),
        }
    }
    outcome.repeated.sort_unstable();

    let entries: Vec<audit::Entry<'_>> =
        changes.iter().map(|change| change.audit_entry(chunk.store)).collect();
    audit::record(tx, chunk.actor, &entries).await?;
    outcome.listing_changed = publish(tx, chunk.store, &changes, listing).await?;
    Ok(outcome)
}

async fn write(
    tx: &mut sql::Transaction<'_>,
    chunk: &Chunk<'_>,
    wanted: &[(usize, &Product)],
) -> Result<Vec<sql::Row>> {
    let mut products: Vec<ProductRow<'_>> = Vec::with_capacity(wanted.len());
    let mut variants: Vec<VariantRow> = Vec::new();
    for (index, product) in wanted {
        let written = content::write(product, *index)?;
        variants.extend(written.variants);
        products.push(ProductRow {
            ordinal: *index,
            slug: product.slug.as_str(),
            category_key: written.category_key,
            published: product.published,
            content: RawValue::from_string(written.content).map_err(Error::json("a product"))?,
            content_hash: written.content_hash,
        });
    }
    let products = serde_json::to_string(&products).map_err(Error::json("the products"))?;
    let variants = serde_json::to_string(&variants).map_err(Error::json("the variants"))?;
    let rows = tx
        .query(
            include_str!("upsert.sql"),
            &[&chunk.store.as_str(), &products.as_str(), &variants.as_str(), &chunk.import_id],
        )
        .await?;
    Ok(rows)
}

enum Written<'a> {
    Changed(Change<'a>),
    Unchanged,
    Repeated,
}

fn read_outcome<'a>(row: &sql::Row, index: usize, chunk: &Chunk<'a>) -> Result<Written<'a>> {
    let known = row.read_opt::<i64>("Existing")?.is_some();
    let Some(product_id) = row.read_opt::<i64>("ProductId")? else {
        return Ok(if known { Written::Unchanged } else { Written::Repeated });
    };
    let product = chunk
        .products
        .get(index)
        .ok_or("the statement gave another product back")
        .map_err(Error::unreadable("product", product_id))?;
    let before = match known {
        true => Some(Before {
            // Products are found by their slug, so it stays.
            slug: product.slug.clone(),
            category: read_category(product_id, row)?,
            published: row.read("PublishedBefore")?,
        }),
        false => None,
    };
    Ok(Written::Changed(Change { product_id, version: row.read("Version")?, product, before }))
}
