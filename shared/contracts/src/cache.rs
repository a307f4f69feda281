//! Addresses of cached answers, and the tags that make them invalid.
//!
//! Both are 64-bit hashes that every process and every version must compute alike, because tags travel through
//! SQL and Redis as nothing but that number. They are built **only here**, and only from types that are
//! normalised already ([`StoreId`], [`Slug`], [`CategoryKey`]), so that two spellings of a name can never have
//! two tags. Nothing personal and nothing secret may ever be part of one.
//!
//! Two different names may have the same hash; that costs a needless reload, never a stale answer.

use bytes::Bytes;
use domain::{CategoryKey, ProductReference, Slug, StoreId};
use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::xxh3_64;

/// Between the parts of a name: a control character, which no part can contain.
const SEPARATOR: u8 = 0x1f;

fn hash(parts: &[&str]) -> i64 {
    let mut name = Vec::with_capacity(96);
    for part in parts {
        name.extend_from_slice(part.as_bytes());
        name.push(SEPARATOR);
    }
    // SQL Server has no unsigned 64-bit type: the same bits, as a signed number.
    xxh3_64(&name).cast_signed()
}

/// What a change raises and what an answer depends on.
pub mod tags {
    use super::{CategoryKey, Slug, StoreId, hash};

    /// The product with this id: its document, and the negative answer for it.
    pub fn product(store: &StoreId, product_id: i64) -> i64 {
        hash(&["product", store.as_str(), &product_id.to_string()])
    }

    /// Whatever this slug names, including nothing. Raised for the slug before and the slug after a change.
    pub fn slug(store: &StoreId, slug: &Slug) -> i64 {
        hash(&["slug", store.as_str(), slug.as_str()])
    }

    /// The pages of the whole list of a store, without a category.
    pub fn listing(store: &StoreId) -> i64 {
        hash(&["listing", store.as_str()])
    }

    /// The pages of one category. A change raises it for each ancestor of the category before and after.
    pub fn listing_category(store: &StoreId, category: &CategoryKey) -> i64 {
        hash(&["listing-category", store.as_str(), category.as_str()])
    }

    /// Coarse: every page of every list of a store, and whether the store exists. For changes to many products.
    pub fn listings(store: &StoreId) -> i64 {
        hash(&["listings", store.as_str()])
    }
}

/// The address of an answer of the storefront.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StorefrontKey {
    /// One product.
    Product {
        /// The store asked.
        store: StoreId,
        /// By id or by slug: two entries for the same product, each with the tag of the product.
        reference: ProductReference,
    },
    /// One page of a list.
    Listing {
        /// The store asked.
        store: StoreId,
        /// `None`: all products of the store.
        category: Option<CategoryKey>,
        /// Products with a greater id than this; 0 for the first page.
        after: i64,
        /// Most products on the page.
        limit: u16,
    },
}

impl StorefrontKey {
    /// The key is a tag too: that of the product or the slug, or one of its own for a page.
    pub fn tag(&self) -> i64 {
        match self {
            StorefrontKey::Product { store, reference: ProductReference::Id(id) } => {
                tags::product(store, *id)
            }
            StorefrontKey::Product { store, reference: ProductReference::Slug(slug) } => {
                tags::slug(store, slug)
            }
            StorefrontKey::Listing { store, category, after, limit } => hash(&[
                "listing-page",
                store.as_str(),
                // No category has an empty key.
                category.as_ref().map_or("", CategoryKey::as_str),
                &after.to_string(),
                &limit.to_string(),
            ]),
        }
    }
}

/// A finished answer: the bytes that go out, and what HTTP needs to know about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The body.
    pub bytes: Bytes,
    /// A strong entity tag with its quotes. Visible ASCII only, so a header value can share it.
    pub etag: Bytes,
    /// The version of the aggregate it shows; 0 for pages, which show many.
    pub version: i64,
}

impl Document {
    /// Computes the entity tag: a hash of the bytes alone, so that every instance gives the same bytes the same
    /// tag, and a document that was published again without a difference keeps it.
    pub fn new(bytes: Bytes, version: i64) -> Self {
        let digest = Sha256::digest(&bytes);
        let mut etag = String::with_capacity(34);
        etag.push('"');
        // Half of the digest: 128 bits tell apart all documents there will ever be.
        for byte in &digest[..16] {
            etag.push_str(&format!("{byte:02x}"));
        }
        etag.push('"');
        Document { bytes, etag: Bytes::from(etag), version }
    }
}
