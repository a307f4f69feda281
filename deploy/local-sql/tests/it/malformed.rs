//! What no driver sends: each such client loses its own connection and nobody else's.

use std::time::Duration;

use local_sql::{Limits, Options, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::raw::PRELOGIN;
use crate::support::{batch, connect, options, scalar, server, unjudged_server};

/// Sends the bytes and returns what comes back until the server closes.
async fn send(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    // The server may close before everything is written.
    let _ = socket.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    answer
}

/// Sends the first byte again and again, slower than the login may take, until the server closes.
async fn drip(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let mut answer = Vec::new();
    // Three minutes' worth, if it were let.
    for byte in bytes[..7].iter().chain(std::iter::repeat_n(&bytes[7], 18_000)) {
        ticks.tick().await;
        if socket.write_all(&[*byte]).await.is_err() {
            break;
        }
        let mut byte = [0];
        match socket.try_read(&mut byte) {
            Ok(0) => break,
            Ok(_) => answer.push(byte[0]),
            Err(_) => {}
        }
    }
    answer
}

#[tokio::test]
async fn garbage_closes_its_own_connection_only() {
    let server = server().await;
    let mut bystander = connect(&server).await;
    let headers_of_no_kind: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        &[0; 64],
        &[0xFF; 64],
        // A length shorter than the header.
        &[18, 1, 0, 7, 0, 0, 1, 0],
        // A packet type of the server.
        &[4, 1, 0, 9, 0, 0, 1, 0, 0],
        // A login before PRELOGIN.
        &[16, 1, 0, 9, 0, 0, 1, 0, 0],
    ];
    for bytes in headers_of_no_kind {
        assert_eq!(send(&server, bytes).await, b"", "{bytes:?}");
    }
    assert_eq!(scalar::<i32>(&mut bystander, "SELECT 1").await, 1);
    server.stop().await;
}

#[tokio::test]
async fn a_login_that_ends_early_is_no_login() {
    let server = server().await;
    for login in [&[16, 1, 0, 9, 0, 0, 1, 0, 0][..], &[16, 1, 0, 12, 0, 0, 1, 0, 0xFF, 0xFF, 0xFF, 0xFF]] {
        let answer = send(&server, &[&PRELOGIN, login].concat()).await;
        // The answer to PRELOGIN and nothing after it.
        assert_eq!(answer.len(), usize::from(u16::from_be_bytes([answer[2], answer[3]])));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_login_above_the_limit_is_cut_off() {
    let server = server().await;
    let mut packet = vec![16, 0, 0x7F, 0xFF, 0, 0, 1, 0];
    packet.resize(0x7FFF, 0);
    let answer = send(&server, &[&PRELOGIN[..], &packet.repeat(5)].concat()).await;
    assert!(answer.len() < 100);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_never_logs_in_is_closed() {
    let limits = Limits { login_timeout: Duration::from_millis(100), ..Limits::default() };
    let server = Server::start(Options { limits, ..options() }).await.unwrap();
    assert_eq!(send(&server, &[]).await, b"");
    for beginning in [&PRELOGIN[..4], &[22, 3, 1, 0, 100, 1, 0, 0, 96, 3, 3]] {
        assert_eq!(send(&server, beginning).await, b"", "{beginning:?}");
    }
    assert_eq!(drip(&server, &PRELOGIN).await, b"");
    server.stop().await;
}

#[tokio::test]
async fn a_statement_nested_without_end_harms_nobody_else() {
    // These overflow the judge's own stack.
    let server = unjudged_server().await;
    let mut bystander = connect(&server).await;
    for text in [
        format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("SELECT {}1", "-(".repeat(100_000)),
        format!("SELECT {} 1", "NOT ".repeat(100_000)),
        "BEGIN ".repeat(100_000),
        "IF 1 = 1 ".repeat(100_000),
        format!("SELECT 1{}", " + 1".repeat(100_000)),
        format!("SELECT 1 WHERE 1 = 1{}", " AND 1 = 1".repeat(100_000)),
        format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(20_000)),
        format!("SELECT {}1{}", "(SELECT ".repeat(20_000), ")".repeat(20_000)),
        format!("SELECT {}1{}", "ABS(".repeat(20_000), ")".repeat(20_000)),
        format!("SELECT {}1{}", "CASE WHEN 1 = 1 THEN ".repeat(20_000), " END".repeat(20_000)),
    ] {
        let mut client = connect(&server).await;
        // Some are answered, most refused; none may overflow a stack, which would end the whole server.
        let _ = batch(&mut client, &text).await;
    }
    assert_eq!(scalar::<i32>(&mut bystander, "SELECT 1").await, 1);
    server.stop().await;
}
