//! The variables that .NET containers set to say where to listen: `ASPNETCORE_URLS` and `ASPNETCORE_HTTP_PORTS`.
//!
//! They stand for `Http:Listen`, which wins over them where the environment or a flag sets it. What we do not do –
//! HTTPS, several addresses, host names – is refused with the reason.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::keys;
use super::mistake::Mistake;
use super::source::{Entry, Origin};

const URLS: &str = "ASPNETCORE_URLS";
const HTTP_PORTS: &str = "ASPNETCORE_HTTP_PORTS";
const HTTPS_PORTS: &str = "ASPNETCORE_HTTPS_PORTS";
const NO_HTTPS: &str =
    "expected no HTTPS: it ends at the proxy or load balancer in front, which speaks HTTP to us";

/// The address that they ask for. As in .NET, URLs win over ports.
///
/// # Errors
/// They ask for what we do not do.
pub fn listen(variables: &[(OsString, OsString)]) -> Result<Option<Entry>, Mistake> {
    let value = |name: &str| {
        let found = variables.iter().find(|(n, _)| n == name).and_then(|(_, value)| value.to_str());
        found.map(str::trim).filter(|value| !value.is_empty())
    };
    let refuse = |name: &str, value: &str, expected: &str| {
        Err(Mistake::new(Origin::Environment(name.to_owned()), expected).key(name).value(value))
    };
    if let Some(ports) = value(HTTPS_PORTS) {
        return refuse(HTTPS_PORTS, ports, NO_HTTPS);
    }
    let Some((name, value)) = [URLS, HTTP_PORTS].into_iter().find_map(|name| Some((name, value(name)?)))
    else {
        return Ok(None);
    };
    let read = if name == URLS { address(value) } else { port(value).map(everywhere) };
    match read {
        Ok(address) => {
            let origin = Origin::Environment(name.to_owned());
            Ok(Some(Entry { key: keys::LISTEN.name.to_owned(), value: address.to_string(), origin }))
        }
        Err(expected) => refuse(name, value, expected),
    }
}

fn address(url: &str) -> Result<SocketAddr, &'static str> {
    const EXPECTED: &str = "expected one address such as http://*:8080 or http://127.0.0.1:8080; a name other than \
                            localhost is not one";
    let lower = url.to_ascii_lowercase();
    if lower.contains("https:") {
        return Err(NO_HTTPS);
    }
    let authority =
        lower.strip_prefix("http://").map(|rest| rest.strip_suffix('/').unwrap_or(rest)).ok_or(EXPECTED)?;
    let (host, port) = match authority.rsplit_once(':') {
        // The last colon of an IPv6 address in brackets is not followed by a port.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| EXPECTED)?),
        _ => (authority, 80),
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match bare {
        "*" | "+" => Ok(everywhere(port)),
        "localhost" => Ok((Ipv4Addr::LOCALHOST, port).into()),
        _ => bare.parse::<IpAddr>().map(|ip| (ip, port).into()).map_err(|_| EXPECTED),
    }
}

fn port(ports: &str) -> Result<u16, &'static str> {
    ports.parse().map_err(|_| "expected one port, such as 8080")
}

fn everywhere(port: u16) -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, port).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening(variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let entry = listen(&variables).map_err(|mistake| mistake.to_string())?;
        Ok(entry.map(|entry| entry.value))
    }

    #[test]
    fn one_http_address_is_taken() {
        for (url, expected) in [
            ("http://+:8080", "0.0.0.0:8080"),
            ("http://*:80/", "0.0.0.0:80"),
            ("HTTP://*", "0.0.0.0:80"),
            ("http://localhost:5000", "127.0.0.1:5000"),
            ("http://10.0.0.1:81", "10.0.0.1:81"),
            ("http://[::]:81", "[::]:81"),
            ("http://[::1]", "[::1]:80"),
        ] {
            assert_eq!(listening(&[(URLS, url)]), Ok(Some(expected.to_owned())), "{url}");
        }
        assert_eq!(listening(&[(HTTP_PORTS, "8080")]), Ok(Some("0.0.0.0:8080".to_owned())));
        assert_eq!(listening(&[(HTTP_PORTS, "1"), (URLS, "http://*:2")]), Ok(Some("0.0.0.0:2".to_owned())));
        assert_eq!(listening(&[(HTTP_PORTS, ""), (URLS, " ")]), Ok(None));
    }

    #[test]
    fn what_is_not_done_is_refused_with_the_reason() {
        for (name, value, reason) in [
            (URLS, "https://+:443", "HTTPS"),
            (URLS, "http://+:80;https://+:443", "HTTPS"),
            (HTTPS_PORTS, "443", "HTTPS"),
            (URLS, "http://+:80;http://+:81", "one address"),
            (URLS, "http://shop.example:80", "one address"),
            (URLS, "http://unix:/tmp/socket", "one address"),
            (URLS, "8080", "one address"),
            (HTTP_PORTS, "80;81", "one port"),
            (HTTP_PORTS, "http", "one port"),
        ] {
            let refused = listening(&[(name, value)]).expect_err(value);
            let place = format!("environment variable {name}: {name} = {value:?}: expected ");
            assert!(refused.starts_with(&place) && refused.contains(reason), "{refused}");
        }
    }
}
