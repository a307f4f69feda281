//! The real binary, killed.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use local_sql::{Options, Server, Storage};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{PASSWORD, batch, config, connect, connect_with, options, scalar};

const KILLS: usize = 4;

/// The binary with its address; killed when dropped.
struct Binary {
    process: Child,
    address: SocketAddr,
}

impl Binary {
    fn start(data: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_local-sql"))
            .args(["--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .env("LOCAL_SQL_SA_PASSWORD", PASSWORD)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let address = stdout
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listening on ")?.parse().ok())
            .expect("the address on standard output");
        Self { process, address }
    }

    fn signal(&mut self, signal: Signal) {
        let pid = Pid::from_child(&self.process);
        kill_process(pid, signal).unwrap();
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn a_restart_keeps_the_data() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::Directory(directory.path().to_owned());
    for expected in 0..3 {
        let server = Server::start(Options { storage: storage.clone(), ..options() }).await.unwrap();
        let mut client = connect(&server).await;
        if expected == 0 {
            batch(&mut client, "CREATE TABLE T (Id int IDENTITY NOT NULL PRIMARY KEY)").await.unwrap();
        }
        assert_eq!(scalar::<i32>(&mut client, "SELECT COUNT(*) FROM T").await, expected);
        batch(&mut client, "INSERT INTO T DEFAULT VALUES").await.unwrap();
        server.stop().await;
    }
}

#[tokio::test]
async fn a_termination_signal_ends_the_binary_with_status_zero() {
    let directory = tempfile::tempdir().unwrap();
    let mut binary = Binary::start(directory.path());
    let _idle = connect_with(config(binary.address)).await.unwrap();
    binary.signal(Signal::TERM);
    assert!(binary.process.wait().unwrap().success());
}

/// Writers insert pairs of rows, one transaction each, and count what was acknowledged. After each kill the table
/// holds whole pairs only: all that were acknowledged, and at most one more a writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_under_load_keeps_exactly_what_was_committed() {
    const WRITERS: i32 = 4;
    const COMMITS_BEFORE_KILL: usize = 20;
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = std::collections::BTreeSet::new();
    for round in 0..KILLS as i32 {
        let mut binary = Binary::start(directory.path());
        let mut client = connect_with(config(binary.address)).await.unwrap();
        if round == 0 {
            let table = "CREATE TABLE T (Id int NOT NULL, Half bit NOT NULL, PRIMARY KEY (Id, Half))";
            batch(&mut client, table).await.unwrap();
        }
        let (sender, mut committed) = tokio::sync::mpsc::unbounded_channel();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                tokio::spawn(write_pairs(
                    binary.address,
                    (round * WRITERS + writer) * 100_000,
                    sender.clone(),
                ))
            })
            .collect();
        drop(sender);
        for _ in 0..COMMITS_BEFORE_KILL {
            acknowledged.insert(committed.recv().await.unwrap());
        }
        binary.signal(Signal::KILL);
        for writer in writers {
            writer.await.unwrap();
        }
        while let Some(id) = committed.recv().await {
            acknowledged.insert(id);
        }
        drop(binary);
        check(directory.path(), &acknowledged, (WRITERS * (round + 1)) as usize).await;
    }
}

/// Until the server is gone.
async fn write_pairs(address: SocketAddr, first: i32, committed: tokio::sync::mpsc::UnboundedSender<i32>) {
    let Ok(mut client) = connect_with(config(address)).await else { return };
    for id in first.. {
        let text = format!(
            "SET XACT_ABORT ON; BEGIN TRANSACTION; INSERT INTO T (Id, Half) VALUES ({id}, 0); \
             INSERT INTO T (Id, Half) VALUES ({id}, 1); COMMIT TRANSACTION;"
        );
        if batch(&mut client, &text).await.is_err() {
            return;
        }
        let _ = committed.send(id);
    }
}

async fn check(data: &Path, acknowledged: &std::collections::BTreeSet<i32>, unacknowledged_at_most: usize) {
    let binary = Binary::start(data);
    let mut client = connect_with(config(binary.address)).await.unwrap();
    let rows =
        batch(&mut client, "SELECT Id, COUNT(*) AS Halves FROM T GROUP BY Id").await.unwrap().remove(0);
    let mut found = std::collections::BTreeSet::new();
    for row in &rows {
        assert_eq!(row.get::<i32, _>("Halves"), Some(2), "half a transaction survived");
        found.insert(row.get::<i32, _>("Id").unwrap());
    }
    assert!(acknowledged.is_subset(&found), "an acknowledged commit is lost");
    assert!(found.len() - acknowledged.len() <= unacknowledged_at_most);
}
