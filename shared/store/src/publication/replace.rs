//! Writing what is published, and raising the tags of what it was and is.

use crate::{Error, Result, audit};
use contracts::cache::tags;
use contracts::storefront::{ProductDocument, ProductSummary};
use domain::{CategoryKey, Product, Slug, StoreId};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Distinct lists whose tags one commit raises by name; beyond that it raises the one tag of all lists.
const LISTING_TAGS_MAX: usize = 50;

/// When the lists of a store learn of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListingTags {
    /// With this commit.
    Now,
    /// Later: the caller raises them with [`raise_listings`], at most once a second, and remembers that it owes it.
    Deferred,
}

/// A product that was just written.
pub(crate) struct Change<'a> {
    pub(crate) product_id: i64,
    pub(crate) version: i64,
    pub(crate) product: &'a Product,
    /// `None`: it is new.
    pub(crate) before: Option<Before>,
}

/// What stood there before, as far as anybody may have cached it.
pub(crate) struct Before {
    pub(crate) slug: Slug,
    pub(crate) category: Option<CategoryKey>,
    pub(crate) published: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DocumentRow<'a> {
    product_id: i64,
    slug: &'a str,
    version: i64,
    /// Left out: no longer published.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<ProductDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<ProductSummary>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CategoryRow {
    product_id: i64,
    category_key: String,
}

impl Change<'_> {
    /// Whether any visitor can see a difference.
    fn is_visible(&self) -> bool {
        self.product.published || self.before.as_ref().is_some_and(|before| before.published)
    }

    pub(crate) fn audit_entry(&self, store: &StoreId) -> audit::Entry<'static> {
        let action = if self.before.is_some() { "product.updated" } else { "product.created" };
        let detail = serde_json::json!({
            "store": store.as_str(),
            "slug": self.product.slug.as_str(),
            "version": self.version,
        });
        audit::Entry { action, entity: "product", entity_id: Cow::Owned(self.product_id.to_string()), detail }
    }
}

/// Renders and writes the documents of the changed products with one statement, takes away those that are no
/// longer published, and raises the tags. Gives whether any list may show something else now.
pub(crate) async fn publish(
    tx: &mut sql::Transaction<'_>,
    store: &StoreId,
    changes: &[Change<'_>],
    listing: ListingTags,
) -> Result<bool> {
    let visible: Vec<&Change<'_>> = changes.iter().filter(|change| change.is_visible()).collect();
    if visible.is_empty() {
        return Ok(false);
    }
    replace(tx, store, &visible).await?;
    for change in &visible {
        tx.changed(tags::product(store, change.product_id));
        tx.changed(tags::slug(store, &change.product.slug));
        if let Some(before) = change.before.as_ref().filter(|before| before.slug != change.product.slug) {
            tx.changed(tags::slug(store, &before.slug));
        }
    }
    if listing == ListingTags::Now {
        raise_lists_of(tx, store, &visible);
    }
    Ok(true)
}

/// Raises the one tag that every page of every list of the store has: for changes whose own listing tags were
/// deferred.
pub fn raise_listings(tx: &mut sql::Transaction<'_>, store: &StoreId) {
    tx.changed(tags::listings(store));
}

async fn replace(tx: &mut sql::Transaction<'_>, store: &StoreId, changes: &[&Change<'_>]) -> Result<()> {
    let mut documents = Vec::with_capacity(changes.len());
    let mut categories = Vec::new();
    for change in changes {
        let (product_id, version, product) = (change.product_id, change.version, change.product);
        let published = product.published;
        documents.push(DocumentRow {
            product_id,
            slug: product.slug.as_str(),
            version,
            document: published.then(|| ProductDocument::new(product_id, version, product)),
            summary: published.then(|| ProductSummary::new(product_id, version, product)),
        });
        let category = product.category.as_ref().filter(|_| published);
        let keys = category.into_iter().flat_map(|category| category.key().ancestors());
        categories.extend(keys.map(|key| CategoryRow { product_id, category_key: key.to_string() }));
    }
    // Writers that meet take the rows in one order.
    documents.sort_by_key(|row| row.product_id);
    let documents = serde_json::to_string(&documents).map_err(Error::json("the documents"))?;
    let categories = serde_json::to_string(&categories).map_err(Error::json("the categories"))?;
    tx.execute(include_str!("replace.sql"), &[&store.as_str(), &documents.as_str(), &categories.as_str()])
        .await?;
    Ok(())
}

/// Every list that a changed product was in or is in now.
fn raise_lists_of(tx: &mut sql::Transaction<'_>, store: &StoreId, changes: &[&Change<'_>]) {
    let mut lists: BTreeSet<CategoryKey> = BTreeSet::new();
    for change in changes {
        let before = change.before.as_ref().filter(|before| before.published);
        let before = before.and_then(|before| before.category.as_ref());
        let after = change.product.category.as_ref().filter(|_| change.product.published);
        let after = after.map(|category| category.key());
        lists.extend(before.into_iter().chain(after).flat_map(CategoryKey::ancestors));
    }
    if lists.len() > LISTING_TAGS_MAX {
        raise_listings(tx, store);
        return;
    }
    tx.changed(tags::listing(store));
    for list in &lists {
        tx.changed(tags::listing_category(store, list));
    }
}
