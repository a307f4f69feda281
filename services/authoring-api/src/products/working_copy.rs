//! A product in the merchant's JSON: what is read ([`WorkingCopy`]) and what may be sent back ([`Edit`]).
//!
//! The same shape both ways; ids, versions and times of an edit are ignored, so a client may change one field of
//! what it read and send all of it. Amounts are decimal text in the store's currency.

use domain::{Currency, Field, Image, ImageDraft, Money, Product, ProductDraft, Variant, VariantDraft};
use host::problem::FieldError;
use serde::{Deserialize, Serialize};
use store::products::StoredProduct;
use store::stores::Store;
use utoipa::ToSchema;

use crate::error::Error;
use crate::timestamp::Timestamp;

/// A product as the merchant sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WorkingCopy<'a> {
    id: i64,
    store: &'a str,
    version: i64,
    slug: &'a str,
    title: &'a str,
    body_html: &'a str,
    vendor: &'a str,
    /// `A > B`; empty: in no category.
    category: String,
    product_type: &'a str,
    tags: &'a [String],
    published: bool,
    seo_title: &'a str,
    seo_description: &'a str,
    option_names: &'a [String],
    variants: Vec<VariantView<'a>>,
    images: Vec<ImageView<'a>>,
    currency: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// One thing that can be bought.
#[derive(Serialize, ToSchema)]
#[schema(as = Variant)]
#[serde(rename_all = "camelCase")]
struct VariantView<'a> {
    sku: &'a str,
    option_values: &'a [String],
    price: String,
    compare_at_price: Option<String>,
    grams: i32,
    inventory_quantity: i32,
}

/// A picture.
#[derive(Serialize, ToSchema)]
#[schema(as = Image)]
struct ImageView<'a> {
    src: &'a str,
    alt: &'a str,
}

/// The body of `PUT /admin/products/{id}`: the whole product. What is missing is empty.
#[derive(Deserialize, Default, ToSchema)]
#[schema(as = ProductEdit)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Edit {
    slug: String,
    title: String,
    body_html: String,
    vendor: String,
    category: String,
    product_type: String,
    tags: Vec<String>,
    published: bool,
    seo_title: String,
    seo_description: String,
    option_names: Vec<String>,
    variants: Vec<VariantEdit>,
    images: Vec<ImageEdit>,
}

/// One thing that can be bought.
#[derive(Deserialize, Serialize, Default, ToSchema)]
#[serde(rename_all = "camelCase", default)]
struct VariantEdit {
    sku: Option<String>,
    option_values: Vec<String>,
    price: Option<String>,
    compare_at_price: Option<String>,
    grams: i64,
    inventory_quantity: i64,
}

/// A picture.
#[derive(Deserialize, Serialize, Default, ToSchema)]
#[serde(default)]
struct ImageEdit {
    src: String,
    alt: String,
}

impl<'a> WorkingCopy<'a> {
    pub(super) fn of(store: &'a Store, stored: &'a StoredProduct) -> Self {
        let product: &'a Product = &stored.product;
        Self {
            id: stored.id,
            store: store.id.as_str(),
            version: stored.version,
            slug: product.slug.as_str(),
            title: &product.title,
            body_html: &product.body_html,
            vendor: &product.vendor,
            category: product.category.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
            product_type: &product.product_type,
            tags: &product.tags,
            published: product.published,
            seo_title: &product.seo_title,
            seo_description: &product.seo_description,
            option_names: &product.option_names,
            variants: product.variants.iter().map(VariantView::of).collect(),
            images: product.images.iter().map(ImageView::of).collect(),
            currency: store.currency.code(),
            created_at: Timestamp(stored.created_at),
            updated_at: Timestamp(stored.updated_at),
        }
    }
}

impl<'a> VariantView<'a> {
    fn of(variant: &'a Variant) -> Self {
        Self {
            sku: variant.sku.as_ref().map(|sku| sku.as_str()).unwrap_or_default(),
            option_values: &variant.option_values,
            price: variant.price.decimal(),
            compare_at_price: variant.compare_at_price.map(|price| price.decimal()),
            grams: variant.grams,
            inventory_quantity: variant.inventory_quantity,
        }
    }
}

impl<'a> ImageView<'a> {
    fn of(image: &'a Image) -> Self {
        Self { src: &image.src, alt: &image.alt }
    }
}

impl Edit {
    /// The product, or everything that is wrong with it at once.
    pub(super) fn validate(self, currency: Currency) -> Result<Product, Error> {
        let mut wrong = Vec::new();
        let draft = self.into_draft(currency, &mut wrong);
        let validated = draft.validate(currency);
        for problem in validated.as_ref().err().into_iter().flatten() {
            let field = name_of(problem.field);
            // An unreadable price is not also a missing one.
            if !wrong.iter().any(|known: &FieldError| known.field == field) {
                wrong.push(FieldError::new(field, problem.reason.to_string()).value(problem.value.as_str()));
            }
        }
        match validated {
            Ok(product) if wrong.is_empty() => Ok(product),
            _ => Err(Error::Invalid(wrong)),
        }
    }

    fn into_draft(self, currency: Currency, wrong: &mut Vec<FieldError>) -> ProductDraft {
        let variants = self.variants.into_iter().enumerate();
        ProductDraft {
            slug: self.slug,
            title: self.title,
            body_html: self.body_html,
            vendor: self.vendor,
            category: self.category,
            product_type: self.product_type,
            tags: self.tags,
            published: self.published,
            seo_title: self.seo_title,
            seo_description: self.seo_description,
            option_names: self.option_names,
            variants: variants.map(|(at, variant)| variant.into_draft(at, currency, wrong)).collect(),
            images: self
                .images
                .into_iter()
                .map(|image| ImageDraft { src: image.src, alt: image.alt })
                .collect(),
        }
    }
}

impl VariantEdit {
    fn into_draft(self, at: usize, currency: Currency, wrong: &mut Vec<FieldError>) -> VariantDraft {
        let mut amount = |field: Field, text: Option<String>| {
            let text = text.filter(|text| !text.trim().is_empty())?;
            let refuse = |why: &domain::Reason| {
                wrong.push(FieldError::new(name_of(field), why.to_string()).value(text.as_str()));
            };
            Money::parse(&text, currency).inspect_err(refuse).ok()
        };
        VariantDraft {
            price: amount(Field::VariantPrice(at), self.price),
            compare_at_price: amount(Field::VariantCompareAtPrice(at), self.compare_at_price),
            sku: self.sku.unwrap_or_default(),
            option_values: self.option_values,
            grams: self.grams,
            inventory_quantity: self.inventory_quantity,
        }
    }
}

/// The field's name in this JSON; `Field` displays that of the storefront's document.
fn name_of(field: Field) -> String {
    match field {
        Field::ProductType => "productType".to_owned(),
        Field::SeoTitle => "seoTitle".to_owned(),
        Field::SeoDescription => "seoDescription".to_owned(),
        Field::OptionNames => "optionNames".to_owned(),
        Field::OptionName(axis) => format!("optionNames[{axis}]"),
        Field::VariantOption(variant, axis) => format!("variants[{variant}].optionValues[{axis}]"),
        same => same.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(json: serde_json::Value) -> Result<Product, Vec<String>> {
        let edit: Edit = serde_json::from_value(json).unwrap();
        edit.validate(Currency::parse("EUR").unwrap()).map_err(|error| match error {
            Error::Invalid(fields) => fields.into_iter().map(|field| field.field).collect(),
            other => panic!("{other}"),
        })
    }

    #[test]
    fn what_is_read_may_be_sent_back_with_fields_that_are_ignored() {
        let product = edit(serde_json::json!({
            "id": 7, "version": 3, "createdAt": "2026-01-01T00:00:00Z", "slug": "lamp", "title": "Lamp",
            "category": "Home > Light", "optionNames": ["Size"], "published": true,
            "variants": [{ "sku": null, "optionValues": ["S"], "price": "12.50", "compareAtPrice": null }],
        }))
        .unwrap();
        assert_eq!(product.variants[0].price.amount_minor, 1_250);
        assert_eq!(product.category.unwrap().key().as_str(), "home/light");
    }

    #[test]
    fn every_wrong_field_is_named_as_this_json_names_it() {
        let wrong = edit(serde_json::json!({
            "slug": "123", "seoTitle": "a\nb", "optionNames": [""],
            "variants": [{ "price": "cheap", "optionValues": [""] }, { "optionValues": ["M"] }],
        }));
        assert_eq!(
            wrong.unwrap_err(),
            [
                "variants[0].price",
                "slug",
                "title",
                "seoTitle",
                "optionNames[0]",
                "variants[0].optionValues[0]",
                "variants[1].price",
            ]
        );
    }
}
