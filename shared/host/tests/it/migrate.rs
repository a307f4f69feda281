//! `authoring-api migrate`, and two versions of the program on one database.

use host::Service;
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
async fn migrate_is_a_command_of_authoring_api_alone() {
    let refused = async |service: Service, words: &[&str]| {
        let (code, errors) = Process::start_as(service, PRODUCTION, "{}", words).end().await;
        assert_eq!(code, 2, "{errors}");
        errors
    };
    let errors = refused(Service::JobWorker, &["migrate"]).await;
    assert!(errors.contains("migrate is a command of authoring-api"), "{errors}");
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
