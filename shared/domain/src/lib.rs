//! Commerce types and rules: pure, synchronous, no I/O, no clock, no serde.
//!
//! Callers parse at the edge, into types that cannot hold an invalid value ([`Slug`], [`Money`],
//! [`CategoryPath`]), and check a whole product at once with [`ProductDraft::validate`]. What a file of
//! Shopify's product export means is decided in [`import`]; who reads the file and who stores the products
//! is not this crate's matter.
//!
//! Start with [`product`], then [`import`].

pub mod category;
pub mod identifier;
pub mod import;
pub mod limits;
pub mod money;
pub mod product;
mod reason;
mod text;

pub use category::{CategoryKey, CategoryPath};
pub use identifier::{ProductReference, Sku, Slug, StoreId};
pub use money::{Currency, Money};
pub use product::{Field, Image, ImageDraft, Problem, Product, ProductDraft, Variant, VariantDraft};
pub use reason::Reason;
