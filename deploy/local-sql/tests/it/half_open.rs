//! A peer that vanished without a word. Its network has to vanish, too, so the test runs in a network namespace of its
//! own, which a child of the test binary enters with `unshare`.

use std::process::Command;
use std::time::Duration;

use local_sql::{Limits, Options, Server};

use crate::support::{batch, connect, options, scalar, until};

const INSIDE: &str = "LOCAL_SQL_TEST_INSIDE_NAMESPACE";
const TEST: &str = "half_open::a_peer_that_vanished_is_reaped_with_its_locks";

fn loopback(state: &str) {
    assert!(Command::new("ip").args(["link", "set", "lo", state]).status().unwrap().success());
}

fn namespaces_are_allowed() -> bool {
    let tried = Command::new("unshare").args(["-rn", "ip", "link", "set", "lo", "up"]).output();
    tried.is_ok_and(|output| output.status.success())
}

#[test]
fn a_peer_that_vanished_is_reaped_with_its_locks() {
    if std::env::var_os(INSIDE).is_some() {
        tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(inside());
        return;
    }
    if !namespaces_are_allowed() {
        // What the kernel is told is shown by `server::tests` then.
        eprintln!("skipped: this machine does not let a user make a network namespace");
        return;
    }
    let output = Command::new("unshare")
        .args(["-rn"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

async fn inside() {
    loopback("up");
    let limits = Limits { peer_timeout: Duration::from_secs(3), ..options().limits };
    // An idle writer is cut, too: not here.
    let server = Server::start(Options { limits, idle_writer_ms: 3_600_000, ..options() }).await.unwrap();
    let mut vanishing = connect(&server).await;
    batch(&mut vanishing, "CREATE TABLE T (Id int NOT NULL)").await.unwrap();
    batch(&mut vanishing, "BEGIN TRANSACTION; INSERT INTO T (Id) VALUES (1)").await.unwrap();
    assert_eq!(established(server.address().port()), 1);
    loopback("down");
    until("the server drops the connection", || async { established(server.address().port()) == 0 }).await;
    loopback("up");
    let mut next = connect(&server).await;
    batch(&mut next, "SET LOCK_TIMEOUT 10000; INSERT INTO T (Id) VALUES (2)").await.unwrap();
    assert_eq!(scalar::<i32>(&mut next, "SELECT SUM(Id) FROM T").await, 2, "rolled back");
    server.stop().await;
}

/// Established connections of the namespace whose near end is this port.
fn established(port: u16) -> usize {
    const ESTABLISHED: &str = "01";
    let near_end = format!("0100007F:{port:04X}");
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row.get(1) == Some(&near_end.as_str()) && row.get(3) == Some(&ESTABLISHED)).count()
}
