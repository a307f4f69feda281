//! The stored form of a product: JSON for words, columns for what SQL compares.
//!
//! Rows outlive versions of this program: fields are added with a default, never renamed.

use crate::{Error, Result};
use domain::{CategoryPath, Currency, Image, Money, Product, Sku, Slug, Variant};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sql::RowExt;

/// `Commerce.Product.Content`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    title: String,
    body_html: String,
    vendor: String,
    /// The display form; the key is computed from it.
    category: Option<String>,
    #[serde(rename = "type")]
    product_type: String,
    tags: Vec<String>,
    seo_title: String,
    seo_description: String,
    option_names: Vec<String>,
    images: Vec<ImageContent>,
    currency: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageContent {
    src: String,
    alt: String,
}

/// `Commerce.Variant.Detail`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    sku: Option<String>,
    options: Vec<String>,
}

/// One row of `Commerce.Variant`, as OPENJSON reads it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VariantRow {
    /// Which product of the chunk; always 0 for a single product.
    ordinal: usize,
    position: usize,
    sku: Option<String>,
    price: i64,
    compare_at_price: Option<i64>,
    grams: i32,
    inventory_quantity: i32,
    detail: Detail,
}

/// What is written of one product.
pub(super) struct Written {
    pub(super) content: String,
    pub(super) content_hash: String,
    pub(super) category_key: Option<String>,
    pub(super) variants: Vec<VariantRow>,
}

/// The stored form. `ordinal` goes into the variants' rows; the hash does not depend on it.
pub(super) fn write(product: &Product, ordinal: usize) -> Result<Written> {
    let content = Content {
        title: product.title.clone(),
        body_html: product.body_html.clone(),
        vendor: product.vendor.clone(),
        category: product.category.as_ref().map(CategoryPath::display),
        product_type: product.product_type.clone(),
        tags: product.tags.clone(),
        seo_title: product.seo_title.clone(),
        seo_description: product.seo_description.clone(),
        option_names: product.option_names.clone(),
        images: product.images.iter().map(ImageContent::new).collect(),
        // Every variant has the store's currency.
        currency: product
            .variants
            .first()
            .map_or_else(String::new, |variant| variant.price.currency.to_string()),
    };
    let content = serde_json::to_string(&content).map_err(Error::json("a product"))?;
    let mut variants: Vec<VariantRow> =
        product.variants.iter().enumerate().map(|(at, variant)| VariantRow::new(at + 1, variant)).collect();
    let hashed = serde_json::to_string(&(product.slug.as_str(), product.published, &content, &variants))
        .map_err(Error::json("a product"))?;
    for variant in &mut variants {
        variant.ordinal = ordinal;
    }
    Ok(Written {
        content_hash: Sha256::digest(hashed).iter().map(|byte| format!("{byte:02x}")).collect(),
        category_key: product.category.as_ref().map(|category| category.key().to_string()),
        content,
        variants,
    })
}

/// Reads a product from its row and those of its variants, in the order of their positions.
pub(super) fn read(id: i64, row: &sql::Row, variants: &[sql::Row]) -> Result<Product> {
    let content: Content =
        serde_json::from_str(row.read("Content")?).map_err(Error::unreadable("product", id))?;
    let currency = Currency::parse(&content.currency).map_err(Error::unreadable("product", id))?;
    let category = content.category.as_deref().map(CategoryPath::parse).transpose();
    Ok(Product {
        slug: Slug::parse(row.read("Slug")?).map_err(Error::unreadable("product", id))?,
        published: row.read("Published")?,
        title: content.title,
        body_html: content.body_html,
        vendor: content.vendor,
        category: category.map_err(Error::unreadable("product", id))?,
        product_type: content.product_type,
        tags: content.tags,
        seo_title: content.seo_title,
        seo_description: content.seo_description,
        option_names: content.option_names,
        variants: variants
            .iter()
            .map(|row| read_variant(id, row, currency))
            .collect::<Result<Vec<Variant>>>()?,
        images: content.images.into_iter().map(|image| Image { src: image.src, alt: image.alt }).collect(),
    })
}

fn read_variant(id: i64, row: &sql::Row, currency: Currency) -> Result<Variant> {
    let detail: Detail =
        serde_json::from_str(row.read("Detail")?).map_err(Error::unreadable("product", id))?;
    let sku = detail.sku.as_deref().map(Sku::parse).transpose();
    let money = |amount_minor| Money { amount_minor, currency };
    Ok(Variant {
        sku: sku.map_err(Error::unreadable("product", id))?,
        option_values: detail.options,
        price: money(row.read("Price")?),
        compare_at_price: row.read_opt("CompareAtPrice")?.map(money),
        grams: row.read("Grams")?,
        inventory_quantity: row.read("InventoryQuantity")?,
    })
}

impl ImageContent {
    fn new(image: &Image) -> Self {
        ImageContent { src: image.src.clone(), alt: image.alt.clone() }
    }
}

impl VariantRow {
    fn new(position: usize, variant: &Variant) -> Self {
        VariantRow {
            ordinal: 0,
            position,
            sku: variant.sku.as_ref().map(|sku| sku.key().to_owned()),
            price: variant.price.amount_minor,
            compare_at_price: variant.compare_at_price.map(|price| price.amount_minor),
            grams: variant.grams,
            inventory_quantity: variant.inventory_quantity,
            detail: Detail {
                sku: variant.sku.as_ref().map(ToString::to_string),
                options: variant.option_values.clone(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{ImageDraft, ProductDraft, VariantDraft};

    fn mug() -> Product {
        let currency = Currency::parse("EUR").unwrap();
        let draft = ProductDraft {
            slug: "mug".into(),
            title: "Mug".into(),
            category: "Home > Mugs".into(),
            published: true,
            option_names: vec!["Size".into()],
            variants: vec![VariantDraft {
                sku: "M-1".into(),
                option_values: vec!["S".into()],
                price: Some(Money { amount_minor: 500, currency }),
                ..VariantDraft::default()
            }],
            images: vec![ImageDraft { src: "https://images.example.com/mug.jpg".into(), alt: String::new() }],
            ..ProductDraft::default()
        };
        draft.validate(currency).unwrap()
    }

    #[test]
    fn the_stored_form_is_what_older_rows_have() {
        let written = write(&mug(), 7).unwrap();
        insta::assert_snapshot!(written.content, @r#"{"title":"Mug","bodyHtml":"","vendor":"","category":"Home > Mugs","type":"","tags":[],"seoTitle":"","seoDescription":"","optionNames":["Size"],"images":[{"src":"https://images.example.com/mug.jpg","alt":""}],"currency":"EUR"}"#);
        insta::assert_snapshot!(serde_json::to_string(&written.variants).unwrap(), @r#"[{"ordinal":7,"position":1,"sku":"m-1","price":500,"compareAtPrice":null,"grams":0,"inventoryQuantity":0,"detail":{"sku":"M-1","options":["S"]}}]"#);
        insta::assert_snapshot!(written.content_hash, @"67cf099bd5fdb3127b2446fdf157d0117175f348c42425df78823bcc1df15433");
    }

    #[test]
    fn the_hash_sees_every_field_and_no_ordinal() {
        let hash = |product: &Product, ordinal| write(product, ordinal).unwrap().content_hash;
        let original = hash(&mug(), 0);
        assert_eq!(hash(&mug(), 9), original);
        let changes: [fn(&mut Product); 8] = [
            |product| product.slug = Slug::parse("cup").unwrap(),
            |product| product.title.push('!'),
            |product| product.published = false,
            |product| product.category = None,
            |product| product.images.clear(),
            |product| product.variants[0].price.amount_minor += 1,
            |product| product.variants[0].inventory_quantity += 1,
            |product| product.variants[0].sku = Some(Sku::parse("m-1").unwrap()),
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut product = mug();
            change(&mut product);
            assert_ne!(hash(&product, 0), original, "change {number}");
        }
    }
}
