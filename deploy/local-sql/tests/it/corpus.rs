//! The conformance corpus: what SQL Server is documented to answer, in `tests/corpus/*.sql`, run on local-sql and, with
//! `STOA_TEST_SQLSERVER`, on that server too. Where a known server differs, `tests/corpus/differences` says why; a
//! difference that no longer occurs fails like a new one.

mod client;
mod format;
mod value;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use client::{Connection, Target};

use crate::support::{self, PASSWORD};

/// What the reason of a case begins with that a server must not be given.
const NOT_RUN: &str = "not run";

/// A server other than local-sql to run on, as in every other suite of this project.
const OTHER_SERVER: &str = "STOA_TEST_SQLSERVER";

macro_rules! corpus {
    ($($file:ident),* $(,)?) => {
        const FILES: &[&str] = &[$(stringify!($file)),*];
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $file() {
                run(stringify!($file)).await;
            }
        )*
    };
}

corpus! {
    arithmetic, batches, changes, columns, comparisons, constraints, control_flow, conversions, dates, decimals, errors,
    functions, identities, json, metadata, money, names, offsets, queries, strings, syntax, tables, transactions,
}

#[test]
fn every_file_of_the_corpus_is_run_and_no_id_occurs_twice() {
    let mut found: Vec<String> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(found, FILES);
    let mut ids: Vec<String> =
        FILES.iter().flat_map(|file| cases(file).into_iter().map(|case| case.id)).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
    assert!(count >= 250, "{count} cases");
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn cases(file: &str) -> Vec<format::Case> {
    let path = directory().join(format!("{file}.sql"));
    format::parse(file, &std::fs::read_to_string(&path).unwrap())
}

/// The cases in which a server is known to differ, with the reasons.
fn known_differences(server: &str) -> HashMap<String, String> {
    let path = directory().join("differences").join(format!("{server}.txt"));
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (id, reason) =
                line.split_once(": ").unwrap_or_else(|| panic!("a difference without reason: {line}"));
            (id.to_owned(), reason.to_owned())
        })
        .collect()
}

async fn run(file: &'static str) {
    let server = support::unjudged_server().await;
    let here = Target {
        address: server.address().to_string(),
        user: "sa".to_owned(),
        password: PASSWORD.to_owned(),
    };
    let mut targets = vec![here];
    targets.extend(std::env::var(OTHER_SERVER).ok().map(|text| Target::parse(&text)));
    let outcome = tokio::task::spawn_blocking(move || {
        targets.iter().flat_map(|target| differences(file, target)).collect::<Vec<String>>()
    });
    let differences = outcome.await.unwrap();
    server.stop().await;
    assert!(differences.is_empty(), "{} differences\n\n{}", differences.len(), differences.join("\n\n"));
}

/// Runs a file's cases in a database of their own and returns what is not as expected.
fn differences(file: &str, target: &Target) -> Vec<String> {
    let database = format!("Corpus_{}", uuid::Uuid::new_v4().simple());
    let mut master = Connection::open(target, "master");
    master.batch(&format!("CREATE DATABASE {database}"));
    let server = server_name(&mut master);
    let known = known_differences(server);
    let mut differences = Vec::new();
    for case in cases(file) {
        if known.get(&case.id).is_some_and(|reason| reason.starts_with(NOT_RUN)) {
            continue;
        }
        match (difference(&case, target, &database), known.get(&case.id)) {
            (Some(_), Some(_)) | (None, None) => {}
            (Some(difference), None) => differences.push(format!("on {server}: {difference}")),
            (None, Some(reason)) => differences.push(format!(
                "on {server}: {} is listed as different ({reason}) but is as expected",
                case.id
            )),
        }
    }
    master.batch(&format!("DROP DATABASE {database}"));
    differences
}

fn server_name(connection: &mut Connection) -> &'static str {
    let version = format::shown(&connection.batch("SELECT @@VERSION"));
    match version {
        version if version.contains("Babelfish") => "babelfish",
        version if version.contains("local-sql") => "local-sql",
        _ => "sql-server",
    }
}

/// Runs the batches of a case on a connection of their own, up to the first that differs.
fn difference(case: &format::Case, target: &Target, database: &str) -> Option<String> {
    let mut connection = Connection::open(target, database);
    let wrong = case.batches.iter().find_map(|batch| {
        let events = connection.batch(&batch.text);
        (!batch.holds(&events)).then(|| (batch, format::shown(&events)))
    });
    let (batch, found) = wrong?;
    let lines: Vec<String> = batch.expected.iter().map(|line| format!("{line:?}")).collect();
    Some(format!("{}\n{}\nexpected {}\nfound\n{found}", case.id, batch.text, lines.join(", ")))
}
