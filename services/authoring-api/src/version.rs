//! The version of what can be edited, as an entity tag: `"7"`, strong, because equal versions are equal bytes.

use actix_web::http::header::{HeaderMap, IF_MATCH};
use host::problem::Problem;

use crate::error::Error;

/// Nothing has this version: a tag that is not one of ours matches nothing.
const NONE: i64 = 0;

/// The entity tag of a version.
pub(crate) fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// The version that a change is based on, from `If-Match`.
///
/// Exactly one strong tag. `*` would overwrite whatever there is, which is what the header is asked for to prevent;
/// weak tags never match by definition (RFC 9110 13.1.1); of several, only one can be what the change is based on.
pub(crate) fn required(headers: &HeaderMap) -> Result<i64, Problem> {
    let mut lines = headers.get_all(IF_MATCH);
    let Some(line) = lines.next() else { return Err(Problem::version_required()) };
    if lines.next().is_some() {
        return Err(refuse("name one version, not several"));
    }
    let tag = line.as_bytes().trim_ascii();
    if tag == b"*" {
        return Err(refuse("* would overwrite whatever there is; name the version it is based on"));
    }
    if tag.starts_with(b"W/") {
        return Err(refuse("a weak entity tag never matches; send the ETag as it was given"));
    }
    let inside = tag.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    match inside {
        Some(opaque) if !opaque.contains(&b'"') => Ok(version_in(opaque)),
        _ => Err(refuse("this is not one entity tag; send the ETag as it was given")),
    }
}

/// Goes on only if nobody else was faster.
pub(crate) fn check(what: &'static str, current: i64, expected: i64) -> Result<(), Error> {
    if current == expected { Ok(()) } else { Err(Error::VersionMismatch { what, current }) }
}

/// Accepts exactly what [`etag`] writes.
fn version_in(opaque: &[u8]) -> i64 {
    let version = std::str::from_utf8(opaque).ok().and_then(|text| text.parse::<i64>().ok());
    version.filter(|version| *version > 0 && version.to_string().as_bytes() == opaque).unwrap_or(NONE)
}

fn refuse(reason: &'static str) -> Problem {
    Problem::bad_request(format!("If-Match: {reason}"))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn asked(lines: &[&'static str]) -> Result<i64, u16> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(IF_MATCH, HeaderValue::from_static(line));
        }
        required(&headers).map_err(|problem| problem.status.as_u16())
    }

    #[test]
    fn the_tag_that_was_given_is_understood() {
        assert_eq!(asked(&["\"7\""]), Ok(7));
        assert_eq!(asked(&[" \"7\" "]), Ok(7));
    }

    #[test]
    fn a_change_without_a_version_is_asked_for_one() {
        assert_eq!(asked(&[]), Err(428));
    }

    #[test]
    fn what_names_no_single_version_is_refused() {
        for line in ["*", "W/\"7\"", "7", "\"7", "\"7\", \"8\"", "", "\"\"\""] {
            assert_eq!(asked(&[line]), Err(400), "{line}");
        }
        assert_eq!(asked(&["\"7\"", "\"8\""]), Err(400));
    }

    #[test]
    fn a_tag_that_is_not_ours_matches_no_version() {
        for line in ["\"07\"", "\"+7\"", "\"seven\"", "\"\"", "\"-7\"", "\"99999999999999999999\""] {
            assert_eq!(asked(&[line]), Ok(NONE), "{line}");
        }
    }
}
