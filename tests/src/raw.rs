//! Requests byte by byte, as no HTTP client would send them.

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends `request` to `address` (`host:port`) as it is and reads until the server closes: status line and headers, then
/// the body. The server may close before it has read all.
pub async fn raw(address: &str, request: &[u8]) -> Result<(String, String)> {
    let mut stream = TcpStream::connect(address).await?;
    let (mut read, mut write) = stream.split();
    let send = async {
        // What it answered matters, not whether it wanted the rest.
        let _ = write.write_all(request).await;
    };
    let mut answer = Vec::new();
    let receive = async {
        // A reset behind the answer, because the server did not read the rest, takes nothing from it.
        let _ = read.read_to_end(&mut answer).await;
    };
    tokio::join!(send, receive);
    let answer = String::from_utf8(answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    Ok((head.to_owned(), body.to_owned()))
}
