//! Pages of a list in the order of names, which are unique: the next page begins behind the last name of this one.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use host::problem::FieldError;

use super::{NAME_MAX, normalised_name};

/// Entries on a page unless the caller says how many.
const LIMIT_DEFAULT: u16 = 20;
/// Most entries on a page.
pub(super) const LIMIT_MAX: u16 = 100;
/// Longest cursor that can be one of ours: a name in UTF-8, in base64.
const CURSOR_MAX: usize = NAME_MAX * 3 * 4 / 3 + 4;

/// Which page is wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// The last name of the page before; empty: the first page.
    pub(super) after: String,
    limit: u16,
}

impl Page {
    /// Names in `wrong` what does not fit.
    pub(super) fn parse(limit: Option<u16>, cursor: Option<&str>, wrong: &mut Vec<FieldError>) -> Self {
        let limit = limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            let reason = format!("is not a number from 1 to {LIMIT_MAX}");
            wrong.push(FieldError::new("limit", reason).value(limit.to_string()));
        }
        let after = cursor.map_or(Some(String::new()), decode).unwrap_or_else(|| {
            wrong.push(FieldError::new("cursor", "is not the nextCursor of a page"));
            String::new()
        });
        Self { after, limit }
    }

    /// Entries to ask the database for: one more than are shown tells whether there is another page.
    pub(super) fn rows(&self) -> i32 {
        i32::from(self.limit) + 1
    }

    /// Cuts what was found to the page, and gives the cursor of the next one.
    pub(super) fn cut<T>(&self, found: &mut Vec<T>, name: impl Fn(&T) -> &str) -> Option<String> {
        let limit = usize::from(self.limit);
        let has_more = found.len() > limit;
        found.truncate(limit);
        found.last().filter(|_| has_more).map(|last| BASE64_URL_SAFE_NO_PAD.encode(name(last)))
    }
}

fn decode(cursor: &str) -> Option<String> {
    let bytes = (cursor.len() <= CURSOR_MAX).then(|| BASE64_URL_SAFE_NO_PAD.decode(cursor).ok())??;
    String::from_utf8(bytes).ok().filter(|name| normalised_name(name).as_ref() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(limit: Option<u16>, cursor: Option<&str>) -> Result<Page, Vec<String>> {
        let mut wrong = Vec::new();
        let page = Page::parse(limit, cursor, &mut wrong);
        if wrong.is_empty() { Ok(page) } else { Err(wrong.into_iter().map(|wrong| wrong.field).collect()) }
    }

    #[test]
    fn a_cursor_leads_behind_the_last_name_of_its_page() {
        let mut found = vec!["ä", "b", "c"];
        let first = page(Some(2), None).unwrap();
        let next = first.cut(&mut found, |name| name).unwrap();
        assert_eq!(found, ["ä", "b"]);
        assert_eq!(page(None, Some(&next)), Ok(Page { after: "b".to_owned(), limit: LIMIT_DEFAULT }));
        assert_eq!(first.cut(&mut vec!["c"], |name| name), None);
    }

    #[test]
    fn wrong_parameters_are_named() {
        assert_eq!(page(Some(0), Some("?")), Err(vec!["limit".to_owned(), "cursor".to_owned()]));
        for cursor in ["", "_w", "AAAAA", "AAAA", "QQ", &"A".repeat(1_000)] {
            assert!(page(Some(LIMIT_MAX), Some(cursor)).is_err(), "{cursor}");
        }
        assert!(page(Some(LIMIT_MAX + 1), None).is_err());
    }
}
