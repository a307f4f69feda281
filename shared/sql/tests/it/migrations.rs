//! Migrations: once each, whoever starts at once; never a changed text; never a database that is too new.

use std::sync::Arc;

use sql::testing::TestDatabase;
use sql::{
    Error, MIGRATIONS, Migration, MigrationError, Options, RowExt, SCHEMA_LEVEL, migrate, pending_migrations,
};

use crate::world::TABLES;

const SECOND: Migration = Migration {
    component: "Test",
    version: 2,
    name: "a row",
    min_binary: 1,
    text: "INSERT INTO dbo.Entry (Name) VALUES (N'from a migration');\nGO\nINSERT INTO dbo.Entry (Name) VALUES (N'another');",
};

fn problem(error: Error) -> MigrationError {
    match error {
        Error::Migration(problem) => Arc::unwrap_or_clone(problem),
        other => panic!("{other}"),
    }
}

async fn recorded(test: &TestDatabase) -> i32 {
    let rows = test.database.query("SELECT COUNT(*) AS N FROM Platform.Migration", &[]).await.unwrap();
    rows[0].read("N").unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_instances_at_once_apply_each_step_exactly_once() {
    let test = TestDatabase::create_empty().await;
    let instances: Vec<_> = (0..4)
        .map(|_| {
            let connection = test.connection.clone();
            tokio::spawn(async move {
                let pool = sql::Database::connect(&connection, Options::default()).await.unwrap();
                let report = migrate(&pool, &[MIGRATIONS, TABLES, &[]]).await.unwrap();
                pool.close().await;
                report.applied
            })
        })
        .collect();
    let mut applied = Vec::new();
    for instance in instances {
        applied.extend(instance.await.unwrap());
    }
    applied.sort();
    assert_eq!(applied, ["Platform 1: change feed and commit records", "Test 1: entries"]);
    assert_eq!(recorded(&test).await, 2);
    let rows = test.database.query("SELECT Id, LogId, Head FROM Platform.FeedHead", &[]).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert!(rows[0].read::<i64>("LogId").unwrap() > 0);
    test.close().await;
}

#[tokio::test]
async fn only_what_is_missing_is_applied() {
    let test = TestDatabase::create(&[TABLES]).await;
    let sets: &[&[Migration]] = &[MIGRATIONS, &[TABLES[0], SECOND]];
    assert_eq!(pending_migrations(&test.database, sets).await.unwrap(), ["Test 2: a row"]);
    assert_eq!(migrate(&test.database, sets).await.unwrap().applied, ["Test 2: a row"]);
    assert_eq!(migrate(&test.database, sets).await.unwrap().applied, [""; 0]);
    assert_eq!(crate::world::count(&test.database).await, 2);
    // An older binary goes on working beside it.
    assert_eq!(pending_migrations(&test.database, &[MIGRATIONS, TABLES]).await.unwrap(), [""; 0]);
    test.close().await;
}

#[tokio::test]
async fn a_changed_text_is_refused() {
    let test = TestDatabase::create(&[TABLES]).await;
    let changed = Migration { text: "CREATE TABLE dbo.Other (Id int NOT NULL);", ..TABLES[0] };
    let error = migrate(&test.database, &[MIGRATIONS, &[changed, SECOND]]).await.unwrap_err();
    assert!(matches!(problem(error), MigrationError::Changed { step, .. } if step == "Test 1: entries"));
    assert_eq!(recorded(&test).await, 2, "and nothing behind it is applied");
    test.close().await;
}

#[tokio::test]
async fn a_database_for_newer_binaries_is_refused_and_one_that_is_merely_newer_is_not() {
    let test = TestDatabase::create(&[]).await;
    let text = "INSERT INTO Platform.Migration (Component, Version, Name, Checksum, MinBinary) VALUES (N'Future', @P1, N'unknown', N'-', @P2)";
    let level = SCHEMA_LEVEL as i32;
    test.database.execute(text, &[&1, &level]).await.unwrap();
    migrate(&test.database, &[MIGRATIONS]).await.unwrap();
    test.database.execute(text, &[&2, &(level + 1)]).await.unwrap();
    let problem = problem(migrate(&test.database, &[MIGRATIONS]).await.unwrap_err());
    assert!(
        matches!(problem, MigrationError::TooNew { needed, .. } if needed == SCHEMA_LEVEL + 1),
        "{problem}"
    );
    test.close().await;
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing_and_can_be_mended() {
    let test = TestDatabase::create(&[TABLES]).await;
    let broken = Migration {
        text: "INSERT INTO dbo.Entry (Name) VALUES (N'half');\nGO\nINSERT INTO dbo.Entry (Name) VALUES (N'half');",
        ..SECOND
    };
    let error = migrate(&test.database, &[MIGRATIONS, &[TABLES[0], broken]]).await.unwrap_err();
    assert!(error.is_unique_violation(), "{error}");
    assert_eq!(crate::world::count(&test.database).await, 0);
    assert_eq!(recorded(&test).await, 2);
    migrate(&test.database, &[MIGRATIONS, &[TABLES[0], SECOND]]).await.unwrap();
    assert_eq!(crate::world::count(&test.database).await, 2);
    test.close().await;
}
