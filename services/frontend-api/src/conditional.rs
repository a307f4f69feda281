//! `If-None-Match` (RFC 9110 13.1.2): a list of entity tags in one or several lines, or `*`.
//!
//! Compared byte by byte in place: this runs for every conditional request. What is no entity tag matches nothing,
//! and so does everything behind it in its line.

use actix_web::http::header::{HeaderMap, IF_NONE_MATCH};

/// Whether the client has a document with this entity tag (strong, with its quotes). Compares weakly, as the
/// header demands: the client's `W/` makes no difference.
pub(crate) fn is_not_modified(headers: &HeaderMap, etag: &[u8]) -> bool {
    headers.get_all(IF_NONE_MATCH).any(|line| names(line.as_bytes(), etag))
}

fn names(line: &[u8], etag: &[u8]) -> bool {
    // Nearly every client sends back exactly the tag it was given.
    if line == etag {
        return true;
    }
    if line.trim_ascii() == b"*" {
        return true;
    }
    let mut rest = line;
    while let Some((tag, behind)) = next_tag(rest) {
        if tag == etag {
            return true;
        }
        rest = behind;
    }
    false
}

/// The first entity tag of a list, with its quotes and without `W/`, and what is behind it.
fn next_tag(list: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = list.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b','))?;
    let tag = &list[start..];
    let tag = tag.strip_prefix(b"W/").unwrap_or(tag);
    let inside = tag.strip_prefix(b"\"")?;
    // A tag may contain commas and blanks, but no quote.
    let length = inside.iter().position(|byte| *byte == b'"')? + 2;
    Some(tag.split_at(length))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn asked(lines: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(IF_NONE_MATCH, HeaderValue::from_static(line));
        }
        is_not_modified(&headers, b"\"abc\"")
    }

    #[test]
    fn a_tag_matches_alone_in_a_list_in_another_line_and_weakly() {
        assert!(asked(&["\"abc\""]));
        assert!(asked(&["\"x\", \"abc\""]));
        assert!(asked(&["\"x\",\"abc\" , \"y\""]));
        assert!(asked(&["\"x\"", "\"abc\""]));
        assert!(asked(&["W/\"abc\""]));
        assert!(asked(&["\"a,b\", W/\"abc\""]));
    }

    #[test]
    fn a_star_matches_whatever_there_is() {
        assert!(asked(&["*"]));
        assert!(asked(&[" * "]));
    }

    #[test]
    fn other_tags_and_what_is_no_tag_match_nothing() {
        assert!(!asked(&[]));
        assert!(!asked(&["\"ABC\""]));
        assert!(!asked(&["abc"]));
        assert!(!asked(&["\"abc"]));
        assert!(!asked(&["w/\"abc\""]), "the W is case-sensitive");
        assert!(!asked(&["\"abcd\", \"ab\""]));
        assert!(!asked(&["nonsense, \"abc\""]));
    }
}
