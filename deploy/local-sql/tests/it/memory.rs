//! What a connection costs, however it behaves.

use std::time::Duration;

use tokio::time::timeout;

use crate::binary::Binary;
use crate::raw::{BATCH, LAST, RawClient, batch};

const CONNECTIONS: u64 = 100;
/// Generous: four parts of 32 KiB and a chunk of 64 KiB are on their way, the rest is SQLite's cache and the stack.
const KIB_EACH: u64 = 3 * 1024;

/// Each asks for half a gigabyte and reads none of it.
#[tokio::test]
async fn a_client_that_does_not_read_costs_a_bounded_amount_of_memory() {
    let binary = Binary::start_with(["--memory".as_ref()]);
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(RawClient::log_in(binary.address).await);
    }
    let before = resident_kib(&binary);
    let rows = "SELECT REPLICATE(N'x', 4000) AS Pad FROM OPENJSON(N'[0,0,0,0,0,0,0,0,0,0]') AS a";
    let many = (b'b'..=b'e').fold(rows.to_owned(), |text, name| {
        format!("{text} CROSS JOIN OPENJSON(N'[0,0,0,0,0,0,0,0,0,0]') AS {}", char::from(name))
    });
    for client in &mut clients {
        client.packet(BATCH, LAST, &batch(0, &many)).await;
    }
    // The answers flow until the sockets are full; the first bytes of each are there then.
    for client in &mut clients {
        assert!(timeout(Duration::from_secs(60), client.first_byte()).await.is_ok());
    }
    let mut grown = 0;
    for _ in 0..50 {
        grown = resident_kib(&binary).saturating_sub(before);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("{} KiB a connection", grown / CONNECTIONS);
    assert!(grown < CONNECTIONS * KIB_EACH, "{} KiB a connection", grown / CONNECTIONS);
}

fn resident_kib(binary: &Binary) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", binary.process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
