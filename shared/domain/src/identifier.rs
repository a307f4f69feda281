//! Names of things: stores, products, variants. Each is normalised when it is parsed, so that equal names are
//! equal strings in SQL (binary collation), in cache keys and in addresses.

use crate::limits::{SKU_MAX, SLUG_MAX, STORE_ID_MAX};
use crate::{Reason, text};
use std::fmt;

/// The id of a store, chosen by the owner: lower-case ASCII letters, digits, `-`, `_`; it opens with a letter
/// or a digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoreId(String);

impl StoreId {
    /// Normalises and checks.
    pub fn parse(given: &str) -> Result<Self, Reason> {
        let id = text::normalise(given);
        text::check_length(&id, STORE_ID_MAX)?;
        match id.chars().next() {
            None => return Err(Reason::fixed("is empty")),
            Some(first) if !first.is_ascii_alphanumeric() => {
                return Err(Reason::fixed("must begin with a letter or a digit"));
            }
            Some(_) => {}
        }
        match id.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))) {
            Some(other) => {
                Err(Reason::new(format!("contains {other:?}; only a-z, 0-9, '-' and '_' are allowed")))
            }
            None => Ok(StoreId(id)),
        }
    }

    /// The normalised form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The part of a product's address that people read (Shopify: handle). Letters and digits of any script, `-`
/// and `_`. Digits alone are refused, because a path segment of digits addresses a product by its id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slug(String);

impl Slug {
    /// Normalises and checks.
    pub fn parse(given: &str) -> Result<Self, Reason> {
        let slug = text::normalise(given);
        if slug.is_empty() {
            return Err(Reason::fixed("is empty"));
        }
        text::check_length(&slug, SLUG_MAX)?;
        if let Some(other) = slug.chars().find(|c| !(c.is_alphanumeric() || matches!(c, '-' | '_'))) {
            return Err(Reason::new(format!(
                "contains {other:?}; only letters, digits, '-' and '_' are allowed"
            )));
        }
        if slug.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Reason::fixed("has only digits, which would address a product by its id"));
        }
        Ok(Slug(slug))
    }

    /// The normalised form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A stock keeping unit. Kept as written, for people and labels; compared by its normalised [`key`](Sku::key).
#[derive(Debug, Clone)]
pub struct Sku {
    written: String,
    key: String,
}

impl Sku {
    /// Trims and checks; any characters but control characters are allowed.
    pub fn parse(given: &str) -> Result<Self, Reason> {
        let written = text::clean(given);
        if written.is_empty() {
            return Err(Reason::fixed("is empty"));
        }
        text::check_single_line(&written)?;
        text::check_length(&written, SKU_MAX)?;
        let normalised = text::normalise(&written);
        // Lower-casing can lengthen (İ).
        text::check_length(&normalised, SKU_MAX)?;
        let key = normalised.replace('%', "%25").replace('"', "%22").replace('\\', "%5C");
        Ok(Sku { written, key })
    }

    /// As the merchant wrote it, trimmed.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The normalised form: equal keys are the same SKU. `"`, `\` and `%` are percent-encoded in it, so that a key
    /// is never changed by a JSON string: at most three times [`SKU_MAX`] long.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl PartialEq for Sku {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Sku {}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// How a path segment names a product.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ProductReference {
    /// ASCII digits only.
    Id(i64),
    /// Anything else that is a valid slug.
    Slug(Slug),
}

impl ProductReference {
    /// `None` when no product can have that name (an id beyond 64 bits, characters that no slug has): the
    /// answer to the client is the same as for a product that does not exist.
    pub fn parse(segment: &str) -> Option<Self> {
        if !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()) {
            return segment.parse().ok().map(ProductReference::Id);
        }
        Slug::parse(segment).ok().map(ProductReference::Slug)
    }
}

impl fmt::Display for ProductReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProductReference::Id(id) => id.fmt(f),
            ProductReference::Slug(slug) => slug.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reason<T: fmt::Debug>(result: Result<T, Reason>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_slug_is_normalised() {
        assert_eq!(Slug::parse("  Linen-Shirt ").unwrap().as_str(), "linen-shirt");
        assert_eq!(Slug::parse("Cafe\u{301}").unwrap().as_str(), "caf\u{e9}");
    }

    #[test]
    fn a_slug_of_digits_only_is_refused_because_digits_address_an_id() {
        assert_eq!(reason(Slug::parse("501")), "has only digits, which would address a product by its id");
        assert!(Slug::parse("501-jeans").is_ok());
    }

    #[test]
    fn a_slug_names_the_character_it_cannot_have() {
        assert_eq!(
            reason(Slug::parse("linen shirt")),
            "contains ' '; only letters, digits, '-' and '_' are allowed"
        );
        assert_eq!(reason(Slug::parse(" ")), "is empty");
        assert_eq!(reason(Slug::parse(&"a".repeat(256))), "has 256 characters, at most 255 are allowed");
    }

    #[test]
    fn skus_differing_in_case_are_the_same_sku() {
        let (a, b) = (Sku::parse("LS-01 ").unwrap(), Sku::parse("ls-01").unwrap());
        assert_eq!(a, b);
        assert_eq!(a.as_str(), "LS-01");
        assert_eq!(Sku::parse(r#"pan 12" 100% \"#).unwrap().key(), "pan 12%22 100%25 %5C");
    }

    #[test]
    fn a_store_id_is_short_and_plain() {
        assert_eq!(StoreId::parse(" Main_Store ").unwrap().as_str(), "main_store");
        assert_eq!(reason(StoreId::parse("-a")), "must begin with a letter or a digit");
        assert_eq!(reason(StoreId::parse("")), "is empty");
        assert!(StoreId::parse("käse").is_err());
    }

    #[test]
    fn digits_name_an_id_and_everything_else_a_slug() {
        assert_eq!(ProductReference::parse("42"), Some(ProductReference::Id(42)));
        assert_eq!(ProductReference::parse("99999999999999999999"), None);
        assert_eq!(ProductReference::parse("a b"), None);
        assert_eq!(
            ProductReference::parse("Linen-Shirt"),
            Some(ProductReference::Slug(Slug::parse("linen-shirt").unwrap()))
        );
    }

    proptest! {
        #[test]
        fn normalising_a_slug_twice_changes_nothing(given in "\\PC{0,40}") {
            if let Ok(slug) = Slug::parse(&given) {
                prop_assert_eq!(&Slug::parse(slug.as_str()).unwrap(), &slug);
                prop_assert_eq!(ProductReference::parse(slug.as_str()), Some(ProductReference::Slug(slug)));
            }
        }

        #[test]
        fn letters_and_hyphens_always_make_a_slug(given in "[a-zA-Z][a-zA-Z0-9_-]{0,60}") {
            prop_assert!(Slug::parse(&given).is_ok());
        }
    }
}
