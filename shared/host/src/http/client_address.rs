//! What the proxies in front say of a request: whose it is, which host was asked.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, HeaderMap, HeaderName};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The address of the client: the peer of the connection, or, behind `trusted_hops` proxies that each append the
/// address they were called from, the entry that the outermost of them wrote. What stands before it was written by
/// the client itself and proves nothing. Fewer entries than proxies: the request did not come through all of them,
/// and the first entry is the nearest to the truth.
pub fn client_address(request: &HttpRequest, trusted_hops: usize) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip());
    let entry = forwarded(request.headers(), X_FORWARDED_FOR, trusted_hops);
    entry.and_then(address_in).unwrap_or(peer).to_canonical()
}

/// The host that the client asked, with its port if it named one: the `Host` header, or what the outermost of
/// `trusted_hops` proxies says that it was.
pub(super) fn asked_host(headers: &HeaderMap, trusted_hops: usize) -> Option<&str> {
    let host = || headers.get(HOST)?.to_str().ok();
    forwarded(headers, X_FORWARDED_HOST, trusted_hops).or_else(host)
}

/// The entry of a list to which each proxy appends that the outermost of them wrote.
fn forwarded(headers: &HeaderMap, name: HeaderName, trusted_hops: usize) -> Option<&str> {
    let lines = headers.get_all(name).filter_map(|line| line.to_str().ok());
    let entries: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    entries[entries.len().saturating_sub(trusted_hops)..].first().copied()
}

/// Some proxies write a port behind the address, and brackets around IPv6.
fn address_in(entry: &str) -> Option<IpAddr> {
    let with_port = || entry.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    entry.parse().ok().or_else(with_port).or_else(in_brackets)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn asked(lines: &[&str], trusted_hops: usize) -> String {
        let mut request = TestRequest::default().peer_addr(([10, 0, 0, 1], 4711).into());
        for line in lines {
            request = request.append_header((X_FORWARDED_FOR, *line));
        }
        client_address(&request.to_http_request(), trusted_hops).to_string()
    }

    #[test]
    fn without_proxies_the_header_is_whatever_a_client_made_up() {
        assert_eq!(asked(&["203.0.113.7"], 0), "10.0.0.1");
        assert_eq!(asked(&[], 1), "10.0.0.1");
    }

    #[test]
    fn behind_proxies_the_entry_of_the_outermost_counts_and_nothing_before_it() {
        assert_eq!(asked(&["1.1.1.1, 203.0.113.7"], 1), "203.0.113.7");
        assert_eq!(asked(&["1.1.1.1, 203.0.113.7", "10.0.0.9"], 2), "203.0.113.7");
        assert_eq!(asked(&["203.0.113.7"], 2), "203.0.113.7");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_understood() {
        assert_eq!(asked(&["203.0.113.7:61000"], 1), "203.0.113.7");
        assert_eq!(asked(&["[2001:db8::1]:61000"], 1), "2001:db8::1");
        assert_eq!(asked(&["[2001:db8::1]"], 1), "2001:db8::1");
        assert_eq!(asked(&["::ffff:203.0.113.7"], 1), "203.0.113.7");
        assert_eq!(asked(&["unknown"], 1), "10.0.0.1");
    }
}
