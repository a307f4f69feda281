//! Where a product stands in the shop's tree: names for people, and a normalised path for keys.

use crate::limits::{CATEGORY_DISPLAY_MAX, CATEGORY_KEY_MAX, CATEGORY_LEVELS_MAX};
use crate::{Reason, text};
use std::fmt;

/// A normalised category path such as `apparel-accessories/clothing/shirts`.
///
/// Each level keeps the letters and digits of its name in lower case; whatever stands between them becomes
/// one hyphen. Two display paths with the same key are the same category.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CategoryKey(String);

impl CategoryKey {
    /// Reads a path as it stands in an address. Accepts any spelling of the names between the slashes.
    pub fn parse(given: &str) -> Result<Self, Reason> {
        CategoryKey::from_names(given.trim().trim_matches('/').split('/'))
    }

    fn from_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<Self, Reason> {
        let mut key = String::new();
        for (level, name) in names.enumerate() {
            if level == CATEGORY_LEVELS_MAX {
                return Err(Reason::new(format!("has more than {CATEGORY_LEVELS_MAX} levels")));
            }
            let segment = segment_of(name);
            if segment.is_empty() {
                return Err(Reason::fixed("has a level without letters or digits"));
            }
            if level > 0 {
                key.push('/');
            }
            key.push_str(&segment);
        }
        text::check_length(&key, CATEGORY_KEY_MAX)?;
        Ok(CategoryKey(key))
    }

    /// The normalised path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Every category that contains this one, the root first, and last this one itself.
    pub fn ancestors(&self) -> impl Iterator<Item = CategoryKey> + '_ {
        let ends = self.0.match_indices('/').map(|(at, _)| at).chain([self.0.len()]);
        ends.map(|end| CategoryKey(self.0[..end].to_owned()))
    }
}

impl fmt::Display for CategoryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Letters and digits of a name, lower case, with one hyphen wherever something else stood between them.
fn segment_of(name: &str) -> String {
    let mut segment = String::with_capacity(name.len());
    for character in text::normalise(name).chars() {
        if character.is_alphanumeric() {
            segment.push(character);
        } else if !segment.is_empty() && !segment.ends_with('-') {
            segment.push('-');
        }
    }
    segment.truncate(segment.trim_end_matches('-').len());
    segment
}

/// A category path as a merchant writes it, `Apparel & Accessories > Clothing > Shirts`, with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryPath {
    names: Vec<String>,
    key: CategoryKey,
}

impl CategoryPath {
    /// Between the levels of a display path.
    pub const SEPARATOR: &str = " > ";

    /// Reads Shopify's form: names with `>` between them; spaces around the names do not matter.
    pub fn parse(given: &str) -> Result<Self, Reason> {
        text::check_single_line(given.trim())?;
        let names: Vec<String> = given.split('>').map(text::clean).collect();
        let key = CategoryKey::from_names(names.iter().map(String::as_str))?;
        let path = CategoryPath { names, key };
        text::check_length(&path.display(), CATEGORY_DISPLAY_MAX)?;
        Ok(path)
    }

    /// The names from the root down.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The names with ` > ` between them; parsing this gives the same path again.
    pub fn display(&self) -> String {
        self.names.join(Self::SEPARATOR)
    }

    /// The normalised path.
    pub fn key(&self) -> &CategoryKey {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_display_path_has_a_normalised_key() {
        let path = CategoryPath::parse("Apparel & Accessories >Clothing >  Shirts ").unwrap();
        assert_eq!(path.key().as_str(), "apparel-accessories/clothing/shirts");
        assert_eq!(path.display(), "Apparel & Accessories > Clothing > Shirts");
        assert_eq!(CategoryPath::parse("Küche").unwrap().key().as_str(), "küche");
    }

    #[test]
    fn ancestors_begin_at_the_root_and_end_with_the_category_itself() {
        let key = CategoryKey::parse("a-b/c/d").unwrap();
        let ancestors: Vec<String> = key.ancestors().map(|key| key.to_string()).collect();
        assert_eq!(ancestors, ["a-b", "a-b/c", "a-b/c/d"]);
    }

    #[test]
    fn an_address_may_spell_a_category_loosely() {
        let key = CategoryKey::parse("/Apparel%/ Clothing/").unwrap();
        assert_eq!(key.as_str(), "apparel/clothing");
    }

    #[test]
    fn a_path_that_is_no_path_is_refused_with_the_reason() {
        let reason = |given: &str| CategoryPath::parse(given).unwrap_err().to_string();
        assert_eq!(reason("Apparel > > Shirts"), "has a level without letters or digits");
        assert_eq!(reason(""), "has a level without letters or digits");
        assert_eq!(reason("1>2>3>4>5>6>7>8>9"), "has more than 8 levels");
        assert_eq!(reason("a\u{0}b"), "contains the control character U+0000");
        assert_eq!(reason(&"a".repeat(301)), "has 301 characters, at most 300 are allowed");
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key(given in "\\PC{0,40}") {
            if let Ok(path) = CategoryPath::parse(&given) {
                prop_assert_eq!(&CategoryKey::parse(path.key().as_str()).unwrap(), path.key());
                prop_assert_eq!(CategoryPath::parse(&path.display()).unwrap(), path);
            }
        }

        #[test]
        fn every_ancestor_is_a_prefix_and_the_last_is_the_key(given in "[a-z]{1,5}(/[a-z]{1,5}){0,7}") {
            let key = CategoryKey::parse(&given).unwrap();
            let ancestors: Vec<CategoryKey> = key.ancestors().collect();
            prop_assert_eq!(ancestors.last(), Some(&key));
            for pair in ancestors.windows(2) {
                let below = format!("{}/", pair[0]);
                prop_assert!(pair[1].as_str().starts_with(&below));
            }
        }
    }
}
