//! The real binary, killed.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use local_sql::{Options, Server, Storage};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rustix::process::Signal;
use tokio::sync::mpsc::UnboundedSender;

use crate::binary::Binary;
use crate::support::{batch, config, connect, connect_with, options, scalar};

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
async fn a_directory_is_used_by_one_server_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::Directory(directory.path().to_owned());
    let first = Server::start(Options { storage: storage.clone(), ..options() }).await.unwrap();
    let refused =
        Server::start(Options { storage: storage.clone(), ..options() }).await.expect_err("refused");
    assert!(refused.to_string().contains("another local-sql uses it"), "{refused}");
    first.stop().await;
    let mut binary = Binary::start(directory.path());
    binary.signal(Signal::KILL);
    binary.process.wait().unwrap();
    Server::start(Options { storage, ..options() }).await.unwrap().stop().await;
}

#[tokio::test]
async fn a_termination_signal_ends_the_binary_with_status_zero() {
    let directory = tempfile::tempdir().unwrap();
    let mut binary = Binary::start(directory.path());
    let _idle = connect_with(config(binary.address)).await.unwrap();
    binary.signal(Signal::TERM);
    assert!(binary.process.wait().unwrap().success());
}

/// Writers insert pairs of rows, one transaction each, in three ways. The binary is killed at a random instant, again
/// and again; after each kill every acknowledged pair is there, nothing that was not asked to commit is, and a commit
/// without an answer happened whole or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_under_load_keeps_exactly_what_was_committed() {
    const COMMITS_BEFORE_KILL: std::ops::Range<usize> = 0..30;
    const MOMENT_AFTER_THEM_US: std::ops::Range<u64> = 0..10_000;
    let kills: u64 = std::env::var(KILLS).map_or(20, |text| text.parse().expect(KILLS));
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let directory = tempfile::tempdir().unwrap();
    let mut promised = Promised::default();
    let mut binary = Binary::start(directory.path());
    let mut client = connect_with(config(binary.address)).await.unwrap();
    let table = "CREATE TABLE T (Id int NOT NULL, Half bit NOT NULL, PRIMARY KEY (Id, Half))";
    batch(&mut client, table).await.unwrap();
    for round in 0..kills as i32 {
        let (sender, mut progress) = tokio::sync::mpsc::unbounded_channel();
        for (index, way) in [Way::OneBatch, Way::Requests, Way::WithTable].into_iter().enumerate() {
            let first = first_id(round, index as i32);
            tokio::spawn(write_pairs(binary.address, way, first, sender.clone()));
        }
        drop(sender);
        let mut commits = random.random_range(COMMITS_BEFORE_KILL);
        while commits > 0 {
            let step = progress.recv().await.expect("writers that go on");
            commits -= usize::from(matches!(step, Step::Acknowledged(_)));
            promised.note(step);
        }
        tokio::time::sleep(Duration::from_micros(random.random_range(MOMENT_AFTER_THEM_US))).await;
        binary.signal(Signal::KILL);
        // Ends when the last writer has noticed.
        while let Some(step) = progress.recv().await {
            promised.note(step);
        }
        drop(binary);
        if round % 4 == 3 {
            // Killed again while it recovers.
            drop(Binary::start(directory.path()));
        }
        binary = Binary::start(directory.path());
        promised.check(binary.address, round).await;
    }
    drop(binary);
    check_files(directory.path());
    println!("{kills} kills: {promised}");
}

/// The variable with the number of kills, for `make soak`.
const KILLS: &str = "LOCAL_SQL_KILLS";

/// The writers of a round count from here.
fn first_id(round: i32, writer: i32) -> i32 {
    (round * 3 + writer) * 10_000
}

/// How a pair is written.
#[derive(Debug, Clone, Copy)]
enum Way {
    OneBatch,
    /// BEGIN, two inserts and COMMIT, each a request of its own.
    Requests,
    /// The transaction makes a table, too.
    WithTable,
}

/// What a writer has to say about a pair.
#[derive(Debug)]
enum Step {
    /// From now on its commit may happen.
    CommitSent(i32),
    Acknowledged(i32),
}

/// Until the server is gone.
async fn write_pairs(address: SocketAddr, way: Way, first: i32, progress: UnboundedSender<Step>) {
    let Ok(mut client) = connect_with(config(address)).await else { return };
    for id in first.. {
        let halves =
            format!("INSERT INTO T (Id, Half) VALUES ({id}, 0); INSERT INTO T (Id, Half) VALUES ({id}, 1);");
        let requests = match way {
            Way::OneBatch => {
                vec![format!("SET XACT_ABORT ON; BEGIN TRANSACTION; {halves} COMMIT TRANSACTION;")]
            }
            Way::Requests => {
                let [first, second] =
                    [0, 1].map(|half| format!("INSERT INTO T (Id, Half) VALUES ({id}, {half})"));
                vec!["BEGIN TRANSACTION".to_owned(), first, second, "COMMIT TRANSACTION".to_owned()]
            }
            Way::WithTable => vec![
                format!("BEGIN TRANSACTION; CREATE TABLE D{id} (Id int NOT NULL); {halves}"),
                format!("INSERT INTO D{id} (Id) VALUES ({id}); COMMIT TRANSACTION"),
            ],
        };
        let (last, earlier) = requests.split_last().unwrap();
        for request in earlier {
            if batch(&mut client, request).await.is_err() {
                return;
            }
        }
        let _ = progress.send(Step::CommitSent(id));
        if batch(&mut client, last).await.is_err() {
            return;
        }
        let _ = progress.send(Step::Acknowledged(id));
    }
}

/// What the server must have, and what it may have.
#[derive(Debug, Default)]
struct Promised {
    acknowledged: BTreeSet<i32>,
    /// Commits that were sent and not answered.
    unknown: BTreeSet<i32>,
    /// Those of them that had happened.
    found_of_unknown: usize,
}

impl Promised {
    fn note(&mut self, step: Step) {
        match step {
            Step::CommitSent(id) => self.unknown.insert(id),
            Step::Acknowledged(id) => self.unknown.remove(&id) && self.acknowledged.insert(id),
        };
    }

    async fn check(&mut self, address: SocketAddr, round: i32) {
        let mut client = connect_with(config(address)).await.unwrap();
        let pairs = "SELECT Id, COUNT(*) AS Halves FROM T GROUP BY Id";
        let mut found = BTreeSet::new();
        for row in &batch(&mut client, pairs).await.unwrap()[0] {
            assert_eq!(row.get::<i32, _>("Halves"), Some(2), "half a transaction survived: {row:?}");
            found.insert(row.get::<i32, _>("Id").unwrap());
        }
        let lost: Vec<_> = self.acknowledged.difference(&found).collect();
        assert!(lost.is_empty(), "acknowledged commits are lost: {lost:?}");
        let surplus: Vec<_> =
            found.iter().filter(|id| !self.acknowledged.contains(id) && !self.unknown.contains(id)).collect();
        assert!(surplus.is_empty(), "never asked to commit: {surplus:?}");
        self.found_of_unknown = self.unknown.intersection(&found).count();
        let tables =
            "SELECT CAST(SUBSTRING(t.name, 2, 20) AS int) AS Id FROM sys.tables AS t WHERE t.name LIKE 'D%'";
        let mut with_table = BTreeSet::new();
        for row in &batch(&mut client, tables).await.unwrap()[0] {
            let id = row.get::<i32, _>("Id").unwrap();
            let rows = format!("SELECT COUNT(*) FROM D{id}");
            assert_eq!(scalar::<i32>(&mut client, &rows).await, 1, "half a transaction survived: D{id}");
            batch(&mut client, &format!("DROP TABLE D{id}")).await.unwrap();
            with_table.insert(id);
        }
        let expected: BTreeSet<i32> =
            found.range(first_id(round, 2)..first_id(round + 1, 0)).copied().collect();
        assert_eq!(with_table, expected, "tables and rows of one transaction");
    }
}

impl std::fmt::Display for Promised {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} commits acknowledged and kept; {} without an answer, {} of them kept, each whole",
            self.acknowledged.len(),
            self.unknown.len(),
            self.found_of_unknown
        )
    }
}

/// SQLite finds nothing wrong with its files.
fn check_files(data: &Path) {
    let files = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    for file in files.filter(|file| file.extension().is_some_and(|kind| kind == "sqlite")) {
        let connection = rusqlite::Connection::open(&file).unwrap();
        let verdict: String = connection.query_row("PRAGMA quick_check", [], |row| row.get(0)).unwrap();
        assert_eq!(verdict, "ok", "{}", file.display());
    }
}
