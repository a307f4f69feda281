//! The product: what a merchant writes ([`ProductDraft`]) and what the shop may rely on ([`Product`]).
//!
//! [`ProductDraft::validate`] is the only door from one to the other. It reports every problem at once, each
//! with its field, the value and the reason, so that a merchant mends a product in one go. Ids, versions and
//! times belong to storage and are not here.

use crate::limits::{
    BODY_HTML_MAX, GRAMS_MAX, IMAGE_ALT_MAX, IMAGE_SRC_MAX, IMAGES_MAX, INVENTORY_MAX, OPTION_TEXT_MAX,
    OPTIONS_MAX, PRICE_MAX_MINOR, PRODUCT_TYPE_MAX, REFUSED_VALUE_MAX, SEO_DESCRIPTION_MAX, SEO_TITLE_MAX,
    TAG_MAX, TAGS_MAX, TITLE_MAX, VARIANTS_MAX, VENDOR_MAX,
};
use crate::{CategoryPath, Currency, Money, Reason, Sku, Slug, text};
use std::collections::HashMap;
use std::fmt;

/// A product that keeps all rules. Made by [`ProductDraft::validate`], or read back from storage, which only
/// ever wrote such products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Unique within the store.
    pub slug: Slug,
    /// Never empty.
    pub title: String,
    /// As the merchant gave it: **not sanitised**. Whoever renders it must treat it as the merchant's HTML.
    pub body_html: String,
    /// May be empty.
    pub vendor: String,
    /// `None`: stands in no category, is found in the whole list only.
    pub category: Option<CategoryPath>,
    /// May be empty.
    pub product_type: String,
    /// No empty ones, none twice, in the merchant's order.
    pub tags: Vec<String>,
    /// Only published products have a storefront document.
    pub published: bool,
    /// May be empty: the title serves.
    pub seo_title: String,
    /// May be empty.
    pub seo_description: String,
    /// Names of the option axes, at most [`OPTIONS_MAX`]. Empty: exactly one variant, without choices.
    pub option_names: Vec<String>,
    /// At least one; their order is their position.
    pub variants: Vec<Variant>,
    /// Their order is their position; the first one stands for the product in lists.
    pub images: Vec<Image>,
}

/// One thing that can be bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Unique within the product.
    pub sku: Option<Sku>,
    /// One value per option axis, together unique within the product.
    pub option_values: Vec<String>,
    /// Never negative.
    pub price: Money,
    /// What the price is advertised against; never negative.
    pub compare_at_price: Option<Money>,
    /// Weight.
    pub grams: i32,
    /// In stock; negative when oversold.
    pub inventory_quantity: i32,
}

/// A picture, by address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// An absolute `http` or `https` address.
    pub src: String,
    /// For those who do not see it; may be empty.
    pub alt: String,
}

/// A product as somebody wrote it: a file, a request. Anything may be wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProductDraft {
    /// See [`Slug`].
    pub slug: String,
    /// Required.
    pub title: String,
    /// Kept as given.
    pub body_html: String,
    /// Optional: empty is none.
    pub vendor: String,
    /// In the form of [`CategoryPath::parse`]; empty is none.
    pub category: String,
    /// Optional: empty is none.
    pub product_type: String,
    /// Empty ones and repeats are dropped.
    pub tags: Vec<String>,
    /// Whether the storefront shows it.
    pub published: bool,
    /// Optional.
    pub seo_title: String,
    /// Optional.
    pub seo_description: String,
    /// Names of the option axes.
    pub option_names: Vec<String>,
    /// In order of position.
    pub variants: Vec<VariantDraft>,
    /// In order of position.
    pub images: Vec<ImageDraft>,
}

/// A variant as somebody wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VariantDraft {
    /// Empty is none.
    pub sku: String,
    /// One per option axis.
    pub option_values: Vec<String>,
    /// Required.
    pub price: Option<Money>,
    /// Optional.
    pub compare_at_price: Option<Money>,
    /// Weight.
    pub grams: i64,
    /// In stock.
    pub inventory_quantity: i64,
}

/// An image as somebody wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageDraft {
    /// Required.
    pub src: String,
    /// Optional.
    pub alt: String,
}

/// What is wrong with one field of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub field: Field,
    /// What stood there, cut to [`REFUSED_VALUE_MAX`].
    pub value: String,
    /// Why it was refused.
    pub reason: Reason,
}

/// A field of a draft. Displayed as a path with indexes from 0: `variants[2].price`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the field of the same name in the drafts above")]
pub enum Field {
    Slug,
    Title,
    BodyHtml,
    Vendor,
    Category,
    ProductType,
    Tags,
    SeoTitle,
    SeoDescription,
    /// The list of axes as a whole.
    OptionNames,
    OptionName(usize),
    /// The list as a whole.
    Variants,
    /// The variant as a whole.
    Variant(usize),
    VariantSku(usize),
    /// Variant, axis.
    VariantOption(usize, usize),
    VariantPrice(usize),
    VariantCompareAtPrice(usize),
    VariantGrams(usize),
    VariantInventory(usize),
    /// The list as a whole.
    Images,
    ImageSrc(usize),
    ImageAlt(usize),
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::Slug => f.write_str("slug"),
            Field::Title => f.write_str("title"),
            Field::BodyHtml => f.write_str("bodyHtml"),
            Field::Vendor => f.write_str("vendor"),
            Field::Category => f.write_str("category"),
            Field::ProductType => f.write_str("type"),
            Field::Tags => f.write_str("tags"),
            Field::SeoTitle => f.write_str("seo.title"),
            Field::SeoDescription => f.write_str("seo.description"),
            Field::OptionNames => f.write_str("options"),
            Field::OptionName(axis) => write!(f, "options[{axis}]"),
            Field::Variants => f.write_str("variants"),
            Field::Variant(at) => write!(f, "variants[{at}]"),
            Field::VariantSku(at) => write!(f, "variants[{at}].sku"),
            Field::VariantOption(at, axis) => write!(f, "variants[{at}].options[{axis}]"),
            Field::VariantPrice(at) => write!(f, "variants[{at}].price"),
            Field::VariantCompareAtPrice(at) => write!(f, "variants[{at}].compareAtPrice"),
            Field::VariantGrams(at) => write!(f, "variants[{at}].grams"),
            Field::VariantInventory(at) => write!(f, "variants[{at}].inventoryQuantity"),
            Field::Images => f.write_str("images"),
            Field::ImageSrc(at) => write!(f, "images[{at}].src"),
            Field::ImageAlt(at) => write!(f, "images[{at}].alt"),
        }
    }
}

impl ProductDraft {
    /// Checks every rule and cleans every text. `currency` is the store's: prices in another one are refused.
    ///
    /// # Errors
    /// All problems of the draft, in the order of its fields; never an empty list.
    pub fn validate(&self, currency: Currency) -> Result<Product, Vec<Problem>> {
        let mut check = Check { problems: Vec::new(), currency };
        let slug = check.parsed(Field::Slug, &self.slug, Slug::parse);
        let title = check.line(Field::Title, &self.title, TITLE_MAX);
        if title.is_empty() && !check.found(Field::Title) {
            check.refuse(Field::Title, &self.title, Reason::fixed("is missing: every product needs a title"));
        }
        let body_html = check.block(Field::BodyHtml, &self.body_html, BODY_HTML_MAX);
        let vendor = check.line(Field::Vendor, &self.vendor, VENDOR_MAX);
        let category = check.optional(Field::Category, &self.category, CategoryPath::parse);
        let product_type = check.line(Field::ProductType, &self.product_type, PRODUCT_TYPE_MAX);
        let tags = check.tags(&self.tags);
        let seo_title = check.line(Field::SeoTitle, &self.seo_title, SEO_TITLE_MAX);
        let seo_description = check.block(Field::SeoDescription, &self.seo_description, SEO_DESCRIPTION_MAX);
        let option_names = check.option_names(&self.option_names);
        let variants = check.variants(&self.variants, self.option_names.len());
        let images = check.images(&self.images);

        // Without a slug there is a problem that says so.
        match slug {
            Some(slug) if check.problems.is_empty() => Ok(Product {
                slug,
                title,
                body_html,
                vendor,
                category,
                product_type,
                tags,
                published: self.published,
                seo_title,
                seo_description,
                option_names,
                variants,
                images,
            }),
            _ => Err(check.problems),
        }
    }
}

/// Collects problems while values are cleaned. After a problem it goes on with any value of the right type:
/// nothing of it is used once `problems` is not empty.
struct Check {
    problems: Vec<Problem>,
    currency: Currency,
}

impl Check {
    fn refuse(&mut self, field: Field, value: &str, reason: Reason) {
        let value = text::cut(value, REFUSED_VALUE_MAX).to_owned();
        self.problems.push(Problem { field, value, reason });
    }

    fn found(&self, field: Field) -> bool {
        self.problems.iter().any(|problem| problem.field == field)
    }

    fn keep<T>(&mut self, field: Field, value: &str, result: Result<T, Reason>) -> Option<T> {
        result.map_err(|reason| self.refuse(field, value, reason)).ok()
    }

    fn parsed<T>(&mut self, field: Field, value: &str, parse: fn(&str) -> Result<T, Reason>) -> Option<T> {
        let parsed = parse(value);
        self.keep(field, value, parsed)
    }

    fn optional<T>(&mut self, field: Field, value: &str, parse: fn(&str) -> Result<T, Reason>) -> Option<T> {
        if value.trim().is_empty() { None } else { self.parsed(field, value, parse) }
    }

    /// Text of one line.
    fn line(&mut self, field: Field, value: &str, max: usize) -> String {
        let cleaned = text::clean(value);
        let checked = text::check_single_line(&cleaned).and_then(|()| text::check_length(&cleaned, max));
        self.keep(field, value, checked);
        cleaned
    }

    /// Text that may have several lines, otherwise kept as given.
    fn block(&mut self, field: Field, value: &str, max: usize) -> String {
        let checked = if value.contains('\0') {
            Err(Reason::fixed("contains the control character U+0000"))
        } else {
            text::check_length(value, max)
        };
        self.keep(field, value, checked);
        value.to_owned()
    }

    fn tags(&mut self, given: &[String]) -> Vec<String> {
        let mut tags: Vec<String> = Vec::new();
        for tag in given {
            let tag = self.line(Field::Tags, tag, TAG_MAX);
            if !tag.is_empty() && !tags.contains(&tag) {
                tags.push(tag);
            }
            if tags.len() > TAGS_MAX {
                let reason = Reason::new(format!("has more than {TAGS_MAX} tags"));
                self.refuse(Field::Tags, &given.join(", "), reason);
                break;
            }
        }
        tags
    }

    fn option_names(&mut self, given: &[String]) -> Vec<String> {
        if given.len() > OPTIONS_MAX {
            let reason = Reason::new(format!("has {} axes, at most {OPTIONS_MAX} are allowed", given.len()));
            self.refuse(Field::OptionNames, &given.join(", "), reason);
        }
        let mut names: Vec<String> = Vec::new();
        for (axis, given) in given.iter().enumerate() {
            let name = self.line(Field::OptionName(axis), given, OPTION_TEXT_MAX);
            if name.is_empty() {
                self.refuse(Field::OptionName(axis), given, Reason::fixed("is empty"));
            } else if names.contains(&name) {
                self.refuse(Field::OptionName(axis), given, Reason::fixed("names the same option twice"));
            }
            names.push(name);
        }
        names
    }

    fn variants(&mut self, given: &[VariantDraft], axes: usize) -> Vec<Variant> {
        if given.is_empty() {
            self.refuse(Field::Variants, "", Reason::fixed("is empty: every product needs a variant"));
        }
        if given.len() > VARIANTS_MAX {
            let reason =
                Reason::new(format!("has {} variants, at most {VARIANTS_MAX} are allowed", given.len()));
            self.refuse(Field::Variants, "", reason);
            return Vec::new();
        }
        let variants: Vec<Variant> =
            given.iter().enumerate().filter_map(|(at, draft)| self.variant(at, draft, axes)).collect();
        // Comparing needs all of them: one that was refused has said why already.
        if variants.len() == given.len() {
            self.unique_variants(&variants);
        }
        variants
    }

    fn variant(&mut self, at: usize, draft: &VariantDraft, axes: usize) -> Option<Variant> {
        if draft.option_values.len() != axes {
            let reason =
                Reason::new(format!("has {} option values for {axes} options", draft.option_values.len()));
            self.refuse(Field::Variant(at), &draft.option_values.join(", "), reason);
        }
        let option_values = draft
            .option_values
            .iter()
            .enumerate()
            .map(|(axis, value)| self.option_value(Field::VariantOption(at, axis), value))
            .collect();
        if draft.price.is_none() {
            let reason = Reason::fixed("is missing: every variant needs a price");
            self.refuse(Field::VariantPrice(at), "", reason);
        }
        let sku = self.optional(Field::VariantSku(at), &draft.sku, Sku::parse);
        let price = draft.price.and_then(|price| self.price(Field::VariantPrice(at), price));
        let compare_at_price =
            draft.compare_at_price.and_then(|price| self.price(Field::VariantCompareAtPrice(at), price));
        let grams = self.number(Field::VariantGrams(at), draft.grams, 0, GRAMS_MAX);
        let inventory_quantity =
            self.number(Field::VariantInventory(at), draft.inventory_quantity, -INVENTORY_MAX, INVENTORY_MAX);
        Some(Variant {
            sku,
            option_values,
            price: price?,
            compare_at_price,
            grams: grams?,
            inventory_quantity: inventory_quantity?,
        })
    }

    fn option_value(&mut self, field: Field, given: &str) -> String {
        let value = self.line(field, given, OPTION_TEXT_MAX);
        if value.is_empty() {
            self.refuse(field, given, Reason::fixed("is missing: every variant has a value for each option"));
        }
        value
    }

    fn price(&mut self, field: Field, price: Money) -> Option<Money> {
        let checked = if price.currency != self.currency {
            Err(Reason::new(format!("is not in the store's currency {}", self.currency)))
        } else if price.amount_minor < 0 {
            Err(Reason::fixed("must not be negative"))
        } else if price.amount_minor > PRICE_MAX_MINOR {
            Err(Reason::fixed("is too large"))
        } else {
            Ok(price)
        };
        self.keep(field, &price.decimal(), checked)
    }

    fn number(&mut self, field: Field, value: i64, min: i64, max: i64) -> Option<i32> {
        let checked = i32::try_from(value)
            .ok()
            .filter(|_| (min..=max).contains(&value))
            .ok_or_else(|| Reason::new(format!("must be between {min} and {max}")));
        self.keep(field, &value.to_string(), checked)
    }

    /// No SKU twice, no combination of option values twice.
    fn unique_variants(&mut self, variants: &[Variant]) {
        let mut skus: HashMap<&str, usize> = HashMap::new();
        let mut choices: HashMap<&[String], usize> = HashMap::new();
        for (at, variant) in variants.iter().enumerate() {
            if let Some(sku) = &variant.sku
                && let Some(first) = skus.insert(sku.key(), at)
            {
                let reason = Reason::new(format!("is also the SKU of variant {}", first + 1));
                self.refuse(Field::VariantSku(at), sku.as_str(), reason);
            }
            if let Some(first) = choices.insert(&variant.option_values, at) {
                let reason = Reason::new(format!("has the same option values as variant {}", first + 1));
                self.refuse(Field::Variant(at), &variant.option_values.join(", "), reason);
            }
        }
    }

    fn images(&mut self, given: &[ImageDraft]) -> Vec<Image> {
        if given.len() > IMAGES_MAX {
            let reason = Reason::new(format!("has {} images, at most {IMAGES_MAX} are allowed", given.len()));
            self.refuse(Field::Images, "", reason);
            return Vec::new();
        }
        let images = given.iter().enumerate();
        images
            .map(|(at, draft)| {
                let src = self.line(Field::ImageSrc(at), &draft.src, IMAGE_SRC_MAX);
                let absolute = src.strip_prefix("https://").or_else(|| src.strip_prefix("http://"));
                if absolute.is_none_or(|rest| rest.is_empty() || rest.contains(char::is_whitespace)) {
                    let reason = Reason::fixed("is not an absolute http or https address");
                    self.refuse(Field::ImageSrc(at), &draft.src, reason);
                }
                Image { src, alt: self.line(Field::ImageAlt(at), &draft.alt, IMAGE_ALT_MAX) }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn eur() -> Currency {
        Currency::parse("EUR").unwrap()
    }

    fn price(text: &str) -> Option<Money> {
        Some(Money::parse(text, eur()).unwrap())
    }

    fn shirt() -> ProductDraft {
        let variant = |size: &str, sku: &str| VariantDraft {
            sku: sku.into(),
            option_values: vec![size.into()],
            price: price("49.90"),
            grams: 230,
            inventory_quantity: 3,
            ..VariantDraft::default()
        };
        ProductDraft {
            slug: "Linen-Shirt".into(),
            title: " Linen shirt ".into(),
            category: "Apparel > Shirts".into(),
            tags: vec!["linen".into(), " ".into(), "linen".into(), "summer".into()],
            published: true,
            option_names: vec!["Size".into()],
            variants: vec![variant("S", "LS-S"), variant("M", "LS-M")],
            images: vec![ImageDraft { src: "https://images.example.com/ls.jpg".into(), alt: "".into() }],
            ..ProductDraft::default()
        }
    }

    /// `field: reason`, one a line.
    fn problems(draft: &ProductDraft) -> Vec<String> {
        let problems = draft.validate(eur()).unwrap_err();
        problems.iter().map(|problem| format!("{}: {}", problem.field, problem.reason)).collect()
    }

    #[test]
    fn a_valid_draft_becomes_a_clean_product() {
        let product = shirt().validate(eur()).unwrap();
        assert_eq!(product.slug.as_str(), "linen-shirt");
        assert_eq!(product.title, "Linen shirt");
        assert_eq!(product.tags, ["linen", "summer"]);
        assert_eq!(product.category.unwrap().key().as_str(), "apparel/shirts");
        assert_eq!(product.variants[1].sku.as_ref().unwrap().as_str(), "LS-M");
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let mut draft = shirt();
        draft.slug = "501".into();
        draft.title = "".into();
        draft.vendor = "a\nb".into();
        draft.category = ">".into();
        draft.variants[0].price = None;
        draft.variants[1].price = Some(Money { amount_minor: -1, currency: eur() });
        draft.variants[1].grams = -1;
        draft.images[0].src = "ls.jpg".into();
        assert_eq!(
            problems(&draft),
            [
                "slug: has only digits, which would address a product by its id",
                "title: is missing: every product needs a title",
                "vendor: contains the control character U+000A",
                "category: has a level without letters or digits",
                "variants[0].price: is missing: every variant needs a price",
                "variants[1].price: must not be negative",
                "variants[1].grams: must be between 0 and 100000000",
                "images[0].src: is not an absolute http or https address",
            ]
        );
    }

    #[test]
    fn variants_must_differ_in_sku_and_in_options() {
        let mut draft = shirt();
        draft.variants[1].sku = "ls-s".into();
        draft.variants[1].option_values = vec!["S".into()];
        assert_eq!(
            problems(&draft),
            [
                "variants[1].sku: is also the SKU of variant 1",
                "variants[1]: has the same option values as variant 1",
            ]
        );
    }

    #[test]
    fn a_product_without_options_has_exactly_one_variant() {
        let mut draft = shirt();
        draft.option_names.clear();
        for variant in &mut draft.variants {
            variant.option_values.clear();
        }
        assert_eq!(problems(&draft), ["variants[1]: has the same option values as variant 1"]);
        draft.variants.pop();
        assert!(draft.validate(eur()).is_ok());
        draft.variants.pop();
        assert_eq!(problems(&draft), ["variants: is empty: every product needs a variant"]);
    }

    #[test]
    fn lists_have_limits() {
        let mut draft = shirt();
        draft.option_names = ["a", "b", "c", "d"].map(String::from).into();
        draft.variants = vec![draft.variants[0].clone(); VARIANTS_MAX + 1];
        draft.images = vec![draft.images[0].clone(); IMAGES_MAX + 1];
        draft.tags = (0..=TAGS_MAX).map(|n| n.to_string()).collect();
        assert_eq!(
            problems(&draft),
            [
                "tags: has more than 250 tags",
                "options: has 4 axes, at most 3 are allowed",
                "variants: has 101 variants, at most 100 are allowed",
                "images: has 251 images, at most 250 are allowed",
            ]
        );
    }

    #[test]
    fn a_price_in_another_currency_is_refused() {
        let mut draft = shirt();
        draft.variants[0].price = Some(Money { amount_minor: 1, currency: Currency::parse("USD").unwrap() });
        assert_eq!(problems(&draft), ["variants[0].price: is not in the store's currency EUR"]);
    }

    #[test]
    fn a_refused_value_is_cut() {
        let mut draft = shirt();
        draft.title = "x".repeat(300);
        let problems = draft.validate(eur()).unwrap_err();
        assert_eq!(problems[0].value.len(), REFUSED_VALUE_MAX);
        assert_eq!(problems[0].reason.as_str(), "has 300 characters, at most 255 are allowed");
    }

    proptest! {
        #[test]
        fn validation_never_panics_and_says_why(
            slug in "\\PC{0,20}", title in "\\PC{0,20}", values in proptest::collection::vec("\\PC{0,3}", 0..5),
            grams: i64, inventory_quantity: i64, amount_minor: i64,
        ) {
            let mut draft = shirt();
            (draft.slug, draft.title) = (slug, title);
            draft.variants[0].option_values = values;
            draft.variants[0].grams = grams;
            draft.variants[0].inventory_quantity = inventory_quantity;
            draft.variants[0].price = Some(Money { amount_minor, currency: eur() });
            match draft.validate(eur()) {
                Ok(product) => {
                    prop_assert!(product.variants.iter().all(|variant| variant.price.amount_minor >= 0));
                    prop_assert!(product.variants.iter().all(|v| v.option_values.len() == product.option_names.len()));
                }
                Err(problems) => prop_assert!(!problems.is_empty()),
            }
        }
    }
}
