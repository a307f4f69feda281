//! Every limit of the commerce types, by name.
//!
//! Lengths of text count UTF-16 code units, because that is what `nvarchar(n)` counts: a value that passes
//! here always fits its column. The numbers follow Shopify's product limits where those are known, so that an
//! export from there is never refused for its size alone.

/// Store ids: short, because they are part of every key.
pub const STORE_ID_MAX: usize = 50;
/// Slugs (Shopify: handles).
pub const SLUG_MAX: usize = 255;
/// Stock keeping units.
pub const SKU_MAX: usize = 100;
/// Titles of products.
pub const TITLE_MAX: usize = 255;
/// Description as HTML. It is kept as given, not sanitised.
pub const BODY_HTML_MAX: usize = 64 * 1024;
/// Vendor names.
pub const VENDOR_MAX: usize = 255;
/// Product types.
pub const PRODUCT_TYPE_MAX: usize = 255;
/// Titles for search engines.
pub const SEO_TITLE_MAX: usize = 255;
/// Descriptions for search engines.
pub const SEO_DESCRIPTION_MAX: usize = 1_000;

/// Tags of a product.
pub const TAGS_MAX: usize = 250;
/// One tag.
pub const TAG_MAX: usize = 255;

/// Option axes of a product (size, colour, material).
pub const OPTIONS_MAX: usize = 3;
/// The name of an option axis, and a value on it.
pub const OPTION_TEXT_MAX: usize = 255;
/// Variants of a product.
pub const VARIANTS_MAX: usize = 100;
/// Images of a product.
pub const IMAGES_MAX: usize = 250;
/// The address of an image.
pub const IMAGE_SRC_MAX: usize = 2_048;
/// The alternative text of an image.
pub const IMAGE_ALT_MAX: usize = 512;

/// Levels of a category path.
pub const CATEGORY_LEVELS_MAX: usize = 8;
/// The display names of a category path together with their separators.
pub const CATEGORY_DISPLAY_MAX: usize = 500;
/// The normalised category path: part of a clustered key, which SQL Server limits to 900 bytes.
pub const CATEGORY_KEY_MAX: usize = 300;

/// The highest price, in minor units. Far below 2^53, so that every client can hold it in a double.
pub const PRICE_MAX_MINOR: i64 = 1_000_000_000_000;
/// The greatest weight of a variant, in grams (100 tonnes).
pub const GRAMS_MAX: i64 = 100_000_000;
/// The greatest quantity in stock; the least is its negative (oversold).
pub const INVENTORY_MAX: i64 = 1_000_000_000;

/// Rows of one product in an import file: each variant and each image can need one of its own.
pub const IMPORT_ROWS_PER_PRODUCT_MAX: usize = VARIANTS_MAX + IMAGES_MAX;
/// A refused value is reported up to this length.
pub const REFUSED_VALUE_MAX: usize = 200;
