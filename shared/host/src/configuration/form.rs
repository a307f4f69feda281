//! Reads a value of each form, and says what was expected when it does not fit.
//!
//! Pure functions from text. The words of `expected` complete "expected …" in messages to users.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use actix_web::http::header::HeaderName;

use super::keys::{Element, Form};
use super::time_span;

/// The longest text a list element may have.
const LIST_ELEMENT_CHARACTERS_MAX: usize = 50;

/// What a value of this form looks like.
pub fn expected(form: Form) -> String {
    match form {
        Form::Bool => "true or false".to_owned(),
        Form::Integer { min, max } => format!("a whole number from {min} to {max}"),
        Form::Bytes { min, max } => {
            format!("a number of bytes from {} to {}, such as 65536, 64KiB or 2MiB", size(min), size(max))
        }
        Form::TimeSpan { min, max } => {
            let (min, max) = (time_span::format(min), time_span::format(max));
            format!("{} from {min} to {max}", time_span::EXPECTED)
        }
        Form::Choice(words) => words.join(" or "),
        Form::Text { max } => format!("text of 1 to {max} characters"),
        Form::List(Element::Name) => {
            format!("an array of texts of 1 to {LIST_ELEMENT_CHARACTERS_MAX} letters, digits, `_` and `-`")
        }
        Form::List(Element::Origin) => "an array of origins as browsers send them: http or https, host, a port unless \
                                        it is the usual one, and nothing behind it, such as https://shop.example or \
                                        http://localhost:5173; or *"
            .to_owned(),
        Form::List(Element::Header) => "an array of names of HTTP headers, such as x-tenant".to_owned(),
        Form::Address => "an IP address with a port, such as 127.0.0.1:8080 or [::]:80".to_owned(),
        Form::SqlConnection => "an ADO.NET connection string of SQL Server".to_owned(),
        Form::RedisConnection => "a StackExchange.Redis connection string".to_owned(),
        Form::Secret { min } => format!("at least {min} characters without spaces"),
        Form::PemFile => "a PEM file with one or several certificates".to_owned(),
    }
}

/// The word for documents.
pub fn name(form: Form) -> &'static str {
    match form {
        Form::Bool => "true or false",
        Form::Integer { .. } => "number",
        Form::Bytes { .. } => "bytes",
        Form::TimeSpan { .. } => "time span",
        Form::Choice(_) => "one of the words",
        Form::Text { .. } => "text",
        Form::List(Element::Name) => "array",
        Form::List(Element::Origin) => "array of origins",
        Form::List(Element::Header) => "array of header names",
        Form::Address => "address:port",
        Form::SqlConnection => "ADO.NET string",
        Form::RedisConnection => "StackExchange.Redis string",
        Form::Secret { .. } => "secret",
        Form::PemFile => "PEM file",
    }
}

/// `true` or `false`, in any case.
pub fn bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// A whole number within the bounds.
pub fn integer(text: &str, min: u64, max: u64) -> Option<u64> {
    text.trim().parse().ok().filter(|number| (min..=max).contains(number))
}

/// A number of bytes within the bounds, plain or with a binary unit.
pub fn bytes(text: &str, min: u64, max: u64) -> Option<u64> {
    let text = text.trim();
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" => 1,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    let number: u64 = digits.parse().ok()?;
    number.checked_mul(factor).filter(|bytes| (min..=max).contains(bytes))
}

/// A time span within the bounds.
pub fn span(text: &str, min: Duration, max: Duration) -> Option<Duration> {
    time_span::parse(text).filter(|span| (min..=max).contains(span))
}

/// The word as the table writes it.
pub fn choice(text: &str, words: &'static [&'static str]) -> Option<&'static str> {
    words.iter().find(|word| word.eq_ignore_ascii_case(text.trim())).copied()
}

/// An IP address with a port.
pub fn address(text: &str) -> Option<SocketAddr> {
    text.trim().parse().ok()
}

/// What may stand in a list, in the spelling that is compared.
pub fn list_element(text: &str, element: Element) -> Option<String> {
    match element {
        Element::Name => name_element(text),
        Element::Origin => origin(text),
        Element::Header => Some(text.trim().parse::<HeaderName>().ok()?.as_str().to_owned()),
    }
}

fn name_element(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = (1..=LIST_ELEMENT_CHARACTERS_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    fits.then(|| text.to_ascii_lowercase())
}

/// An origin as browsers write it (RFC 6454 6.2): lower case, without the scheme's own port. `*` is every origin.
pub fn origin(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    if text == "*" {
        return Some(text);
    }
    let (scheme, authority) = text.split_once("://")?;
    let usual_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    let authority = authority.strip_suffix(usual_port).unwrap_or(authority);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok() && port.bytes().all(|b| b.is_ascii_digit());
    (is_host(host) && port.is_none_or(is_port)).then(|| format!("{scheme}://{authority}"))
}

/// A name in ASCII (an international one in its `xn--` form), an IPv4 address, an IPv6 address in brackets.
fn is_host(text: &str) -> bool {
    if let Some(inside) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inside.parse::<Ipv6Addr>().is_ok();
    }
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

/// Printable text without line breaks.
pub fn text(text: &str, max: usize) -> Option<String> {
    let text = text.trim();
    let fits = (1..=max).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

/// Bytes with the largest unit that divides them.
pub fn size(bytes: u64) -> String {
    let units: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.iter().find(|(factor, _)| bytes >= *factor && bytes.is_multiple_of(*factor));
    unit.map_or_else(|| bytes.to_string(), |(factor, name)| format!("{}{name}", bytes / factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_sends_and_nothing_more() {
        for (text, compared) in [
            ("https://shop.example", "https://shop.example"),
            (" HTTPS://Shop.Example:443", "https://shop.example"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://[::1]:80", "http://[::1]"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("*", "*"),
        ] {
            assert_eq!(origin(text).as_deref(), Some(compared), "{text}");
        }
        for wrong in [
            "https://shop.example/",
            "https://shop.example/de",
            "https://shop.example?x",
            "shop.example",
            "//shop.example",
            "ftp://shop.example",
            "https://*.shop.example",
            "https://user@shop.example",
            "https://shop.example:",
            "https://shop.example:+1",
            "https://shop.example:65536",
            "https://[shop]",
            "https://",
            "https://müller.example",
            "null",
        ] {
            assert_eq!(origin(wrong), None, "{wrong}");
        }
    }
}
