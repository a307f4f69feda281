//! `authoring-api migrate`, `job-worker new-log`, and two versions of the program on one database.

use host::Service;
use sql::RowExt as _;
use sql::testing::TestDatabase;

use crate::process::{MIGRATIONS, NEXT, NEXT_MIGRATIONS, Process, settings, until_status};

const SERVE: [&str; 2] = ["--listen", "127.0.0.1:0"];
const PRODUCTION: &str = "Production";

/// Runs `authoring-api migrate` with these further words to its end: exit code, and its log lines up to the last.
async fn migrate(test: &TestDatabase, environment: &str, words: &[&str]) -> (i32, String) {
    let words: Vec<&str> = ["migrate"].iter().chain(words).copied().collect();
    let process = Process::start_as(Service::AuthoringApi, environment, &settings(&test.connection), &words);
    process.end_with_lines().await
}

/// How many of the steps have no record.
async fn missing(test: &TestDatabase, migrations: &[&[sql::Migration]]) -> usize {
    sql::pending_migrations(&test.database, migrations).await.unwrap().len()
}

/// Starts a worker and waits until it is ready.
async fn ready(test: &TestDatabase, environment: &str, words: &[&str]) -> (Process, String) {
    let words: Vec<&str> = SERVE.iter().chain(words).copied().collect();
    let mut process = Process::start_in(environment, &settings(&test.connection), &words);
    let url = format!("{}/health/ready", process.url().await);
    until_status(&url, 200).await;
    (process, url)
}

#[tokio::test]
async fn the_migrate_command_lists_then_applies_what_is_missing_and_ends() {
    let test = TestDatabase::create_empty().await;
    let steps = MIGRATIONS.iter().map(|set| set.len()).sum::<usize>();
    let (code, lines) = migrate(&test, PRODUCTION, &["--list"]).await;
    assert_eq!(code, 4, "{lines}");
    assert_eq!(lines.matches("migration is missing").count(), steps, "{lines}");
    assert!(lines.contains("Platform 1: change feed and commit records"), "{lines}");
    assert_eq!(missing(&test, MIGRATIONS).await, steps, "a list changes nothing");

    // Whatever Sql:Migrate says: it was asked for by name.
    let (code, lines) = migrate(&test, PRODUCTION, &["--set", "Sql:Migrate=Never"]).await;
    assert_eq!(code, 0, "{lines}");
    assert_eq!(lines.matches("migration applied").count(), steps, "{lines}");
    assert_eq!(missing(&test, MIGRATIONS).await, 0);
    for words in [&["--list"][..], &[]] {
        let (code, lines) = migrate(&test, PRODUCTION, words).await;
        assert!(code == 0 && lines.contains("schema is up to date"), "{lines}");
    }
    let (process, _) = ready(&test, PRODUCTION, &["--set", "Sql:Migrate=Never"]).await;
    process.signal("TERM");
    assert_eq!(process.end().await.0, 0);
    test.close().await;
}

#[tokio::test]
async fn each_command_belongs_to_one_service() {
    let refused = async |service: Service, words: &[&str]| {
        let (code, errors) = Process::start_as(service, PRODUCTION, "{}", words).end().await;
        assert_eq!(code, 2, "{errors}");
        errors
    };
    let errors = refused(Service::JobWorker, &["migrate"]).await;
    assert!(errors.contains("migrate is a command of authoring-api"), "{errors}");
    let errors = refused(Service::AuthoringApi, &["new-log"]).await;
    assert!(errors.contains("new-log is a command of job-worker"), "{errors}");
    let errors = refused(Service::JobWorker, &["new-log", "--list"]).await;
    assert!(errors.contains("--list belongs to migrate"), "{errors}");
    let errors = refused(Service::AuthoringApi, &["--list"]).await;
    assert!(errors.contains("required arguments were not provided"), "{errors}");
    let errors = refused(Service::AuthoringApi, &["migrat"]).await;
    assert!(errors.contains("a similar value exists: 'migrate'"), "{errors}");
}

#[tokio::test]
async fn a_migrate_command_whose_database_does_not_come_ends_with_1() {
    let settings = r#"{"ConnectionStrings": {"VirtoCommerce":
        "Server=127.0.0.1,1;Database=d;User ID=u;Password=p;Encrypt=False"}}"#;
    let words = ["migrate", "--set", "Sql:StartTimeout=00:00:01"];
    let (code, lines) =
        Process::start_as(Service::AuthoringApi, PRODUCTION, settings, &words).end_with_lines().await;
    assert!(code == 1 && lines.contains("the database did not answer within 1000 ms"), "{code}: {lines}");
}

#[tokio::test]
async fn two_versions_work_side_by_side_until_a_step_asks_for_the_newer_one() {
    let test = TestDatabase::create_empty().await;
    let (old, old_url) = ready(&test, PRODUCTION, &[]).await;
    let (code, lines) = migrate(&test, NEXT, &[]).await;
    assert_eq!(code, 0, "{lines}");
    assert_eq!(missing(&test, NEXT_MIGRATIONS).await, 0);
    let (new, new_url) = ready(&test, NEXT, &["--set", "Sql:Migrate=Never"]).await;
    // The old one is still ready, and can be started again: the way back is open.
    let (again, again_url) = ready(&test, PRODUCTION, &["--set", "Sql:Migrate=Never"]).await;
    let (code, lines) = migrate(&test, PRODUCTION, &[]).await;
    assert!(code == 0 && lines.contains("schema is up to date"), "an old one finds nothing to do: {lines}");
    for url in [&old_url, &new_url, &again_url] {
        until_status(url, 200).await;
    }

    // A later version has contracted the schema.
    let raise = "UPDATE Platform.Migration SET MinBinary = @P1 WHERE Component = N'Next'";
    test.database.execute(raise, &[&i32::try_from(sql::SCHEMA_LEVEL + 1).unwrap()]).await.unwrap();
    let refusal = format!(
        "the database needs schema level {} since migration Next 1: a column more, this binary knows {}",
        sql::SCHEMA_LEVEL + 1,
        sql::SCHEMA_LEVEL
    );
    for mode in ["Sql:Migrate=Auto", "Sql:Migrate=Never"] {
        let words = [SERVE[0], SERVE[1], "--set", mode];
        let mut late = Process::start_in(PRODUCTION, &settings(&test.connection), &words);
        let line = late.line("\"failed\"").await;
        assert!(line.contains(&refusal), "{line}");
        assert_eq!(late.end().await.0, 1);
    }
    for words in [&["--list"][..], &[]] {
        let (code, lines) = migrate(&test, PRODUCTION, words).await;
        assert!(code == 1 && lines.contains(&refusal), "{lines}");
    }
    for process in [old, new, again] {
        process.signal("TERM");
        assert_eq!(process.end().await.0, 0);
    }
    test.close().await;
}

#[tokio::test]
async fn new_log_gives_the_log_another_identity_that_a_running_process_follows() {
    let test = TestDatabase::create_empty().await;
    let (running, url) = ready(&test, PRODUCTION, &[]).await;
    let flushes = async || {
        let metrics = url.replace("/health/ready", "/metrics");
        let text = reqwest::get(metrics).await.unwrap().text().await.unwrap();
        let value =
            text.lines().find_map(|line| line.strip_prefix(r#"stoa_feed_flushes_total{cause="new_log"} "#));
        value.unwrap().to_owned()
    };
    assert_eq!(flushes().await, "0");
    let before = log_id(&test).await;

    let (code, lines) = new_log(&test).await;

    assert_eq!(code, 0, "{lines}");
    let after = log_id(&test).await;
    assert_ne!(before, after);
    let said = lines.lines().find(|line| line.contains("the change feed has a new identity")).unwrap();
    let said: serde_json::Value = serde_json::from_str(said).unwrap();
    assert_eq!((&said["old_log_id"], &said["new_log_id"]), (&before.into(), &after.into()));
    while flushes().await != "1" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    running.signal("TERM");
    assert_eq!(running.end().await.0, 0);
    test.close().await;
}

#[tokio::test]
async fn new_log_refuses_a_database_that_is_not_migrated_and_changes_nothing() {
    let test = TestDatabase::create_empty().await;
    let (code, lines) = new_log(&test).await;
    assert!(code == 1 && lines.contains("run `authoring-api migrate` first"), "{code}: {lines}");
    assert_eq!(missing(&test, MIGRATIONS).await, MIGRATIONS.iter().map(|set| set.len()).sum::<usize>());

    // One step short: its data is whole, and the binary is newer than its schema.
    sql::migrate(&test.database, MIGRATIONS).await.unwrap();
    let before = log_id(&test).await;
    let process = Process::start_in(NEXT, &settings(&test.connection), &["new-log"]);
    let (code, lines) = process.end_with_lines().await;
    assert!(
        code == 1 && lines.contains("lacks 1 migrations, first \\\"Next 1: a column more"),
        "{code}: {lines}"
    );
    assert_eq!(log_id(&test).await, before);
    test.close().await;
}

/// Runs `job-worker new-log` to its end.
async fn new_log(test: &TestDatabase) -> (i32, String) {
    Process::start_in(PRODUCTION, &settings(&test.connection), &["new-log"]).end_with_lines().await
}

async fn log_id(test: &TestDatabase) -> i64 {
    let rows = test.database.query("SELECT h.LogId FROM Platform.FeedHead AS h;", &[]).await.unwrap();
    rows[0].read("LogId").unwrap()
}
