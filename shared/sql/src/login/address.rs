//! Finds the addresses of a server and connects to one of them.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::net::{TcpStream, lookup_host};

use crate::connection_string::{AddressPreference, ConnectionString};

/// Connects to the first address that answers; with `MultiSubnetFailover` all are tried at once.
pub(super) async fn dial(target: &ConnectionString) -> io::Result<TcpStream> {
    let mut addresses: Vec<SocketAddr> = lookup_host((target.server(), target.port())).await?.collect();
    match target.address_preference {
        AddressPreference::Ipv4First => addresses.sort_by_key(|a| !a.is_ipv4()),
        AddressPreference::Ipv6First => addresses.sort_by_key(|a| !a.is_ipv6()),
        AddressPreference::PlatformDefault => {}
    }
    if target.multi_subnet_failover {
        return dial_all(&addresses).await;
    }
    // One address that swallows packets must not use up the time of the others.
    let share =
        Duration::from_secs(target.login_timeout_s) / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    dial_in_turn(&addresses, share).await
}

async fn dial_in_turn(addresses: &[SocketAddr], share: Duration) -> io::Result<TcpStream> {
    let mut last = nobody();
    for address in addresses {
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

async fn dial_all(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut attempts: FuturesUnordered<_> = addresses.iter().map(TcpStream::connect).collect();
    let mut last = nobody();
    while let Some(attempt) = attempts.next().await {
        match attempt {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn nobody() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the name has no address")
}
