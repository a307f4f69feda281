//! The fields of accounts, from what a client sent to what is stored. Each check names in `wrong` what does not fit.

use std::collections::BTreeSet;

use contracts::permissions;
use host::problem::FieldError;

use super::passwords::PASSWORD_BYTES_MAX;
use super::{NAME_MAX, normalised_name};
use crate::error::Error;
use crate::text;

/// What display names and descriptions are limited to, characters.
pub(super) const DISPLAY_NAME_MAX: usize = 255;
pub(super) const DESCRIPTION_MAX: usize = 500;
/// RFC 5321 4.5.3.1.3, without the angle brackets.
const EMAIL_MAX: usize = 254;
/// Names in a list; more roles or permissions than anybody has.
const NAMES_MAX: usize = 100;

/// Every field, or all that are wrong.
pub(super) fn all_right<T>(value: T, wrong: Vec<FieldError>) -> Result<T, Error> {
    if wrong.is_empty() { Ok(value) } else { Err(Error::Invalid(wrong)) }
}

/// The name of a user or role.
pub(super) fn name(field: &str, given: &str, wrong: &mut Vec<FieldError>) -> String {
    normalised_name(given).unwrap_or_else(|| {
        let reason = format!("is not 1 to {NAME_MAX} characters without control characters");
        wrong.push(FieldError::new(field, reason));
        String::new()
    })
}

/// A line of text, which may be empty.
pub(super) fn line(field: &str, given: &str, max: usize, wrong: &mut Vec<FieldError>) -> String {
    if given.trim().is_empty() {
        return String::new();
    }
    text::line(field, given, max).unwrap_or_else(|error| {
        wrong.push(error);
        String::new()
    })
}

/// An e-mail address, if there is one. Only sending to it can tell whether it exists; here it has a part on each side
/// of its one `@`, and nothing that could end a header.
pub(super) fn email(field: &str, given: Option<&str>, wrong: &mut Vec<FieldError>) -> Option<String> {
    let given = given.map(str::trim).filter(|given| !given.is_empty())?;
    let is_plain = given.chars().all(|c| !c.is_control() && !c.is_whitespace());
    let has_two_parts = given
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    if given.encode_utf16().count() > EMAIL_MAX {
        wrong.push(FieldError::new(field, format!("is longer than {EMAIL_MAX} characters")));
    } else if !is_plain || !has_two_parts {
        wrong.push(FieldError::new(field, "is not an e-mail address").value(given));
    }
    Some(given.to_owned())
}

/// Names of roles or permissions, each once.
pub(super) fn names(field: &str, given: &[String], wrong: &mut Vec<FieldError>) -> BTreeSet<String> {
    if given.len() > NAMES_MAX {
        wrong.push(FieldError::new(field, format!("names more than {NAMES_MAX}")));
        return BTreeSet::new();
    }
    given.iter().enumerate().map(|(at, given)| name(&format!("{field}[{at}]"), given, wrong)).collect()
}

/// Names of permissions that there are, each once; `also` are names that stand for several.
pub(super) fn permissions(
    field: &str,
    given: &[String],
    also: &[&str],
    wrong: &mut Vec<FieldError>,
) -> BTreeSet<String> {
    let names = names(field, given, wrong);
    let is_known =
        |name: &str| also.contains(&name) || permissions::ALL.iter().any(|known| known.name == name);
    for unknown in names.iter().filter(|name| !name.is_empty() && !is_known(name)) {
        wrong.push(FieldError::new(field, "there is no such permission").value(&**unknown));
    }
    names
}

/// A new password: long enough and not too long. What it is made of is its owner's business.
pub(super) fn new_password(field: &str, given: &str, length_min: usize, wrong: &mut Vec<FieldError>) {
    if given.chars().count() < length_min {
        wrong.push(FieldError::new(field, format!("is shorter than {length_min} characters")));
    } else if given.len() > PASSWORD_BYTES_MAX {
        wrong.push(FieldError::new(field, format!("is longer than {PASSWORD_BYTES_MAX} bytes")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T>(check: impl FnOnce(&mut Vec<FieldError>) -> T) -> Result<T, Vec<String>> {
        let mut wrong = Vec::new();
        let value = check(&mut wrong);
        if wrong.is_empty() { Ok(value) } else { Err(wrong.into_iter().map(|wrong| wrong.field).collect()) }
    }

    #[test]
    fn an_email_address_has_two_parts_and_no_room_for_a_header() {
        let parsed = |given| check(|wrong| email("email", Some(given), wrong));
        assert_eq!(parsed(" Jo@example.com "), Ok(Some("Jo@example.com".to_owned())));
        assert_eq!(parsed("  "), Ok(None));
        for given in [
            "jo",
            "@example.com",
            "jo@",
            "a@b@c",
            "a b@c",
            "a@b\r\nBcc:x@y",
            &format!("a@{}", "b".repeat(254)),
        ] {
            assert!(check(|wrong| email("email", Some(given), wrong)).is_err(), "{given}");
        }
    }

    #[test]
    fn a_name_in_a_list_is_named_by_its_place() {
        let given = ["Editor ".to_owned(), String::new(), "editor".to_owned()];
        assert_eq!(check(|wrong| names("roles", &given, wrong)), Err(vec!["roles[1]".to_owned()]));
        let one = check(|wrong| names("roles", &["Editor ".to_owned(), "editor".to_owned()], wrong)).unwrap();
        assert_eq!(one.into_iter().collect::<Vec<_>>(), ["editor"]);
        assert!(check(|wrong| names("roles", &vec!["a".to_owned(); 101], wrong)).is_err());
    }

    #[test]
    fn a_password_is_judged_by_its_length_only() {
        let judged = |given: &str| check(|wrong| new_password("password", given, 12, wrong)).is_ok();
        assert!(judged("twelve chars") && judged("äöüßäöüßäöüß") && judged(&"x".repeat(1_024)));
        assert!(!judged("eleven char") && !judged("") && !judged(&"x".repeat(1_025)));
    }
}
