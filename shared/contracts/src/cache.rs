//! Addresses of cached answers, and the tags that make them invalid.
//!
//! Both are 64-bit hashes ([`backplane::hash64`]) that every process and every version must compute alike, because
//! tags travel through SQL and Redis as nothing but that number. They are built **only here**, and only from types
//! that are normalised already ([`StoreId`], [`domain::Slug`], [`CategoryKey`]), so that two spellings of a name can
//! never have two tags. Nothing personal and nothing secret may ever be part of one.
//!
//! Two different names may have the same hash; that costs a needless reload, never a stale answer.

use bytes::Bytes;
use domain::{CategoryKey, ProductReference, StoreId};
use sha2::{Digest, Sha256};

/// What a change raises and what an answer depends on.
pub mod tags {
    use backplane::hash64;
    use domain::{CategoryKey, Slug, StoreId};

    /// The product with this id: its document, and the negative answer for it.
    pub fn product(store: &StoreId, product_id: i64) -> i64 {
        hash64("product", &[store.as_str().as_bytes(), product_id.to_string().as_bytes()])
    }

    /// Whatever this slug names, including nothing. Raised for the slug before and the slug after a change.
    pub fn slug(store: &StoreId, slug: &Slug) -> i64 {
        hash64("slug", &[store.as_str().as_bytes(), slug.as_str().as_bytes()])
    }

    /// The pages of the whole list of a store, without a category.
    pub fn listing(store: &StoreId) -> i64 {
        hash64("listing", &[store.as_str().as_bytes()])
    }

    /// The pages of one category. A change raises it for each ancestor of the category before and after.
    pub fn listing_category(store: &StoreId, category: &CategoryKey) -> i64 {
        hash64("listing-category", &[store.as_str().as_bytes(), category.as_str().as_bytes()])
    }

    /// Coarse: every page of every list of a store, and whether the store exists. For changes to many products.
    pub fn listings(store: &StoreId) -> i64 {
        hash64("listings", &[store.as_str().as_bytes()])
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
            StorefrontKey::Listing { store, category, after, limit } => backplane::hash64(
                "listing-page",
                &[
                    store.as_str().as_bytes(),
                    // No category has an empty key.
                    category.as_ref().map_or("", CategoryKey::as_str).as_bytes(),
                    after.to_string().as_bytes(),
                    limit.to_string().as_bytes(),
                ],
            ),
        }
    }
}

impl backplane::CacheKey for StorefrontKey {
    type Value = Document;

    fn hash64(&self) -> i64 {
        self.tag()
    }

    fn heap_bytes(&self) -> usize {
        match self {
            StorefrontKey::Product { store, reference: ProductReference::Id(_) } => store.as_str().len(),
            StorefrontKey::Product { store, reference: ProductReference::Slug(slug) } => {
                store.as_str().len() + slug.as_str().len()
            }
            StorefrontKey::Listing { store, category, .. } => {
                store.as_str().len() + category.as_ref().map_or(0, |category| category.as_str().len())
            }
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

impl backplane::Weigh for Document {
    fn weigh(&self) -> usize {
        size_of::<Self>() + self.bytes.len() + self.etag.len()
    }
}
