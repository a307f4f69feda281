//! `Data Source`: `[tcp:]host[,port]`. Other protocols and named instances are refused.

/// The port of SQL Server's default instance.
const DEFAULT_PORT: u16 = 1433;

/// Host and port of a `Data Source`, or what was expected.
pub(super) fn parse(value: &str) -> Result<(String, u16), &'static str> {
    let lower = value.to_ascii_lowercase();
    if ["np:", "lpc:", "admin:"].iter().any(|prefix| lower.starts_with(prefix)) {
        return Err("tcp:host,port: only TCP is supported");
    }
    if lower.starts_with("(localdb)") {
        return Err("host,port: LocalDB is not supported");
    }
    let rest = if lower.starts_with("tcp:") { &value[4..] } else { value };
    let (host, port) = match rest.rsplit_once(',') {
        Some((host, port)) => (host, parse_port(port)?),
        None => (rest, DEFAULT_PORT),
    };
    Ok((parse_host(host.trim())?, port))
}

fn parse_port(port: &str) -> Result<u16, &'static str> {
    port.trim().parse().ok().filter(|p| *p > 0).ok_or("a port from 1 to 65535 after the comma")
}

fn parse_host(host: &str) -> Result<String, &'static str> {
    if host.contains('\\') {
        return Err("host,port: named instances are not supported, give the port of the instance");
    }
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    if bare.parse::<std::net::Ipv6Addr>().is_ok() {
        return Ok(bare.to_owned());
    }
    if host.contains(':') {
        return Err("host,port: the port stands after a comma");
    }
    if host.is_empty() || host.contains([',', '/', ';']) || host.contains(char::is_whitespace) {
        return Err("host or host,port");
    }
    let local = host == "." || host.eq_ignore_ascii_case("(local)");
    Ok(if local { "localhost".to_owned() } else { host.to_owned() })
}
