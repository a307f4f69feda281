//! What the storefront sees: finished JSON, one row per published product, and the lists.
//!
//! Frontends read only this. Whoever changes products writes it in the same transaction, through [`crate::products`],
//! and raises the tags of everything that the change may have made wrong: the product, its slug, the lists it is
//! or was in.

mod find;
mod replace;

pub use find::{find_document, find_documents, listing_page};
pub(crate) use replace::{Before, Change, publish};
pub use replace::{ListingTags, raise_listings};
