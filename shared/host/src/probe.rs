//! The command `health`: asks the process that serves beside it, for health checks in images without an HTTP client.
//!
//! Plain HTTP over one connection that the server closes: a client library would load certificate authorities, and a
//! proxy's variables, for one status line every few seconds.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::lifecycle::End;

/// Connecting, asking and reading together. The health routes ask nobody: they answer at once or hardly ever.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// An answer above this is none of ours.
const ANSWER_BYTES_MAX: u64 = 16 * 1024;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Does the process answer at all?
    Live,
    /// Should it get requests?
    Ready,
}

impl Probe {
    fn path(self) -> &'static str {
        match self {
            Self::Live => "/health/live",
            Self::Ready => "/health/ready",
        }
    }
}

/// Asks the process that listens on `listen` and prints one line: on standard output with [`End::Stopped`] if it says
/// yes, on standard error with [`End::Failed`] if it says no or nothing.
pub fn ask(listen: SocketAddr, probe: Probe) -> End {
    let path = probe.path();
    match answer(listen, path) {
        Ok(status) => {
            println!("{path}: {status}");
            End::Stopped
        }
        Err(reason) => {
            eprintln!("{path}: {reason}");
            End::Failed
        }
    }
}

fn answer(listen: SocketAddr, path: &str) -> Result<String, String> {
    if listen.port() == 0 {
        return Err("Http:Listen has port 0, so nobody but the process knows its port".to_owned());
    }
    let address = SocketAddr::new(reachable(listen.ip()), listen.port());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot ask: {error}"))?;
    let asked = runtime.block_on(async { tokio::time::timeout(ANSWER_LIMIT, get(address, path)).await });
    match asked {
        Ok(Ok(answer)) => judge(&answer).map_err(|reason| format!("{address} {reason}")),
        Ok(Err(error)) => Err(format!("{address}: {error}")),
        Err(_) => Err(format!("{address}: no complete answer within {} s", ANSWER_LIMIT.as_secs())),
    }
}

/// Whoever listens on every address listens on loopback.
fn reachable(listen: IpAddr) -> IpAddr {
    match listen {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    }
}

async fn get(address: SocketAddr, path: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
    Ok(answer)
}

/// What an answer says of itself: a health route's one word, or a problem's sentence.
#[derive(Default, Deserialize)]
struct Said {
    #[serde(default)]
    status: serde_json::Value,
    #[serde(default)]
    detail: Option<String>,
}

fn judge(answer: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let code: Option<u16> =
        head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
    let Some(code) = code else { return Err("does not speak HTTP".to_owned()) };
    let said: Said = serde_json::from_str(body).unwrap_or_default();
    if code == 200 {
        return Ok(said.status.as_str().unwrap_or("200").to_owned());
    }
    Err(format!("answers {code}: {}", said.detail.as_deref().unwrap_or("no reason")))
}

#[cfg(test)]
mod tests {
    use super::{judge, reachable};

    #[test]
    fn an_answer_is_judged_by_its_status_and_told_in_its_own_words() {
        let yes = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"status\":\"degraded\"}";
        assert_eq!(judge(yes.as_bytes()), Ok("degraded".to_owned()));
        let no = "HTTP/1.1 503 Service Unavailable\r\n\r\n{\"status\":503,\"detail\":\"SQL Server is away\"}";
        assert_eq!(judge(no.as_bytes()), Err("answers 503: SQL Server is away".to_owned()));
        assert_eq!(judge(b"HTTP/1.1 404 Not Found\r\n\r\nx"), Err("answers 404: no reason".to_owned()));
        for none in ["", "HTTP/1.1", "HTTP/1.1 2\r\n\r\n", "SSH-2.0-OpenSSH\r\n", "HTTP/1.1 20é"] {
            assert_eq!(judge(none.as_bytes()), Err("does not speak HTTP".to_owned()), "{none:?}");
        }
    }

    #[test]
    fn a_process_that_listens_everywhere_is_asked_on_loopback() {
        for (listen, asked) in [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("10.1.2.3", "10.1.2.3")] {
            assert_eq!(reachable(listen.parse().unwrap()), asked.parse::<std::net::IpAddr>().unwrap());
        }
    }
}
