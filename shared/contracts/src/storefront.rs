//! The documents of the storefront API. Publishing renders them, SQL keeps them, frontends serve the bytes.
//!
//! They show what any visitor may see and nothing that depends on who asks. Amounts are whole minor units with
//! their currency; the formatted text beside them is for display only.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{CategoryPath, Money, Product, Variant};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// Products on a page when the caller does not say.
pub const LISTING_LIMIT_DEFAULT: u16 = 24;
/// Most products on a page.
pub const LISTING_LIMIT_MAX: u16 = 100;

/// `GET /v1/{store}/products/{idOrSlug}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductDocument {
    /// Never changes and is never used again.
    pub id: i64,
    /// May change; the id stays.
    pub slug: String,
    /// Counts the changes of the product.
    pub version: i64,
    /// As the merchant wrote it.
    pub title: String,
    /// The merchant's HTML, not sanitised.
    pub body_html: String,
    /// May be empty.
    pub vendor: String,
    /// `null`: in no category.
    pub category: Option<CategoryDocument>,
    /// May be empty.
    #[serde(rename = "type")]
    pub product_type: String,
    /// In the merchant's order.
    pub tags: Vec<String>,
    /// Empty: there is nothing to choose.
    pub options: Vec<OptionDocument>,
    /// At least one, in the merchant's order.
    pub variants: Vec<VariantDocument>,
    /// In the merchant's order.
    pub images: Vec<ImageDocument>,
    /// Over all variants.
    pub price_range: PriceRange,
    /// Whether any variant is.
    pub available: bool,
    /// For search engines.
    pub seo: SeoDocument,
}

/// A product in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductSummary {
    /// See [`ProductDocument::id`].
    pub id: i64,
    /// See [`ProductDocument::slug`].
    pub slug: String,
    /// See [`ProductDocument::version`].
    pub version: i64,
    /// As the merchant wrote it.
    pub title: String,
    /// May be empty.
    pub vendor: String,
    /// `null`: in no category.
    pub category: Option<CategoryDocument>,
    /// May be empty.
    #[serde(rename = "type")]
    pub product_type: String,
    /// The first image.
    pub image: Option<ImageDocument>,
    /// Over all variants.
    pub price_range: PriceRange,
    /// Whether any variant is.
    pub available: bool,
}

/// `GET /v1/{store}/products`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListingPage<Item = ProductSummary> {
    /// In the order of their ids.
    pub items: Vec<Item>,
    /// Pass it as `cursor` for the page that follows; `null` on the last page.
    pub next_cursor: Option<String>,
}

/// Where a product stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CategoryDocument {
    /// Normalised; what `category=` takes.
    pub path: String,
    /// From the root down, as the merchant wrote them.
    pub names: Vec<String>,
}

/// One thing to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OptionDocument {
    /// Such as `Size`.
    pub name: String,
    /// Each value that a variant has, in the order in which they first appear.
    pub values: Vec<String>,
}

/// One thing that can be bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VariantDocument {
    /// `null`: none.
    pub sku: Option<String>,
    /// One value for each option of the product.
    pub options: Vec<String>,
    /// What it costs.
    pub price: Price,
    /// What the price is advertised against.
    pub compare_at_price: Option<Price>,
    /// Weight.
    pub grams: i32,
    /// In stock when this was published; never relied on when something is bought.
    pub inventory_quantity: i32,
    /// Whether any is in stock.
    pub available: bool,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageDocument {
    /// Absolute address.
    pub src: String,
    /// May be empty.
    pub alt: String,
}

/// The cheapest and the dearest variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PriceRange {
    /// The cheapest.
    pub min: Price,
    /// The dearest.
    pub max: Price,
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// Whole minor units of the currency.
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// The amount as a decimal number and the code, for display only.
    pub formatted: String,
}

/// What search engines show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeoDocument {
    /// The product's title where the merchant gave none.
    pub title: String,
    /// May be empty.
    pub description: String,
}

impl ProductDocument {
    /// What a published product looks like.
    pub fn new(id: i64, version: i64, product: &Product) -> Self {
        let seo_title = if product.seo_title.is_empty() { &product.title } else { &product.seo_title };
        ProductDocument {
            id,
            slug: product.slug.to_string(),
            version,
            title: product.title.clone(),
            body_html: product.body_html.clone(),
            vendor: product.vendor.clone(),
            category: product.category.as_ref().map(CategoryDocument::new),
            product_type: product.product_type.clone(),
            tags: product.tags.clone(),
            options: options(product),
            variants: product.variants.iter().map(VariantDocument::new).collect(),
            images: product.images.iter().map(ImageDocument::new).collect(),
            price_range: PriceRange::new(product),
            available: is_available(product),
            seo: SeoDocument { title: seo_title.clone(), description: product.seo_description.clone() },
        }
    }
}

impl ProductSummary {
    /// What a published product looks like in a list.
    pub fn new(id: i64, version: i64, product: &Product) -> Self {
        ProductSummary {
            id,
            slug: product.slug.to_string(),
            version,
            title: product.title.clone(),
            vendor: product.vendor.clone(),
            category: product.category.as_ref().map(CategoryDocument::new),
            product_type: product.product_type.clone(),
            image: product.images.first().map(ImageDocument::new),
            price_range: PriceRange::new(product),
            available: is_available(product),
        }
    }
}

/// Puts finished summaries, each a JSON text, together to a page, byte for byte.
///
/// # Errors
/// A summary that is not JSON.
pub fn listing_page(summaries: Vec<String>, next: Option<Cursor>) -> Result<String, serde_json::Error> {
    let items = summaries.into_iter().map(RawValue::from_string).collect::<Result<Vec<_>, _>>()?;
    serde_json::to_string(&ListingPage { items, next_cursor: next.map(Cursor::encode) })
}

/// Where a page ends: the next one has the products with greater ids. Opaque to clients, so that it may come to
/// mean something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The id of the last product on the page.
    pub after: i64,
}

impl Cursor {
    const PREFIX: &str = "id>";

    /// The form in which clients see it.
    pub fn encode(self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}{}", Self::PREFIX, self.after))
    }

    /// `None`: not one of ours. Accepts exactly what `encode` gives, so that a page has one address.
    pub fn decode(text: &str) -> Option<Self> {
        let decoded = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let cursor = Cursor { after: decoded.strip_prefix(Self::PREFIX)?.parse().ok()? };
        (cursor.after >= 0 && cursor.encode() == text).then_some(cursor)
    }
}

impl CategoryDocument {
    fn new(category: &CategoryPath) -> Self {
        CategoryDocument { path: category.key().to_string(), names: category.names().to_vec() }
    }
}

impl VariantDocument {
    fn new(variant: &Variant) -> Self {
        VariantDocument {
            sku: variant.sku.as_ref().map(ToString::to_string),
            options: variant.option_values.clone(),
            price: Price::new(variant.price),
            compare_at_price: variant.compare_at_price.map(Price::new),
            grams: variant.grams,
            inventory_quantity: variant.inventory_quantity,
            available: variant.inventory_quantity > 0,
        }
    }
}

impl ImageDocument {
    fn new(image: &domain::Image) -> Self {
        ImageDocument { src: image.src.clone(), alt: image.alt.clone() }
    }
}

impl Price {
    /// With its display form.
    pub fn new(money: Money) -> Self {
        Price {
            amount_minor: money.amount_minor,
            currency: money.currency.code().to_owned(),
            formatted: money.to_string(),
        }
    }
}

impl PriceRange {
    /// A product has at least one variant, all in one currency; for one without, nothing costs nothing.
    fn new(product: &Product) -> Self {
        let prices = || product.variants.iter().map(|variant| variant.price);
        let of = |price: Option<Money>| {
            price.map_or_else(
                || Price { amount_minor: 0, currency: String::new(), formatted: String::new() },
                Price::new,
            )
        };
        PriceRange {
            min: of(prices().min_by_key(|price| price.amount_minor)),
            max: of(prices().max_by_key(|price| price.amount_minor)),
        }
    }
}

fn options(product: &Product) -> Vec<OptionDocument> {
    let values_of = |axis: usize| {
        let mut values: Vec<String> = Vec::new();
        for value in product.variants.iter().filter_map(|variant| variant.option_values.get(axis)) {
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
        values
    };
    let names = product.option_names.iter().enumerate();
    names.map(|(axis, name)| OptionDocument { name: name.clone(), values: values_of(axis) }).collect()
}

fn is_available(product: &Product) -> bool {
    product.variants.iter().any(|variant| variant.inventory_quantity > 0)
}
