//! Catalogs to import: the demo catalog, and generated ones of any size in the same format.

use std::fmt::Write as _;

/// The demo catalog: 44 products in Shopify's product export format.
pub const DEMO: &[u8] = include_bytes!("../demo/catalog.csv");
/// Products in [`DEMO`].
pub const DEMO_PRODUCTS: u64 = 44;

/// Variants of each generated product.
pub const GENERATED_VARIANTS: usize = 3;

/// A catalog of `products` products with [`GENERATED_VARIANTS`] rows each. Slugs are `{prefix}-{number}`, numbered
/// from 0, so that a story can tell exactly which products must exist afterwards.
pub fn generated(prefix: &str, products: usize) -> Vec<u8> {
    let mut csv = String::from(
        "Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,Option1 Value,\
         Variant SKU,Variant Grams,Variant Inventory Qty,Variant Price\n",
    );
    for product in 0..products {
        for variant in 0..GENERATED_VARIANTS {
            let size = ["S", "M", "L"][variant % 3];
            let price = 10 + product % 90;
            let (title, rest) = if variant == 0 {
                (
                    format!("Generated product {product}"),
                    "\"<p>Line one,\nline two</p>\",Maker,Generated > Things,Thing,generated,TRUE,Size",
                )
            } else {
                (String::new(), ",,,,,,")
            };
            writeln!(
                csv,
                "{prefix}-{product},{title},{rest},{size},{prefix}-{product}-{size},100,{variant},{price}.50"
            )
            .expect("writing to a string does not fail");
        }
    }
    csv.into_bytes()
}
