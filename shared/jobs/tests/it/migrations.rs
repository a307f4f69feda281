//! Hangfire's schema is created, left alone, or refused.

use sql::RowExt;
use sql::testing::TestDatabase;

use crate::support::World;

#[tokio::test]
async fn a_fresh_database_gets_version_9() {
    let world = World::new().await;
    let rows = world.rows("SELECT s.Version FROM HangFire.[Schema] AS s").await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].read::<i32>("Version").unwrap(), 9);
    let again = sql::migrate(&world.database, &[sql::MIGRATIONS, jobs::MIGRATIONS]).await.unwrap();
    assert!(again.applied.is_empty(), "{again:?}");
}

#[tokio::test]
async fn an_existing_version_9_is_left_untouched() {
    let test = TestDatabase::create(&[]).await;
    test.database.run_script(jobs::MIGRATIONS[0].text).await.unwrap();
    test.database
        .run_script("INSERT INTO HangFire.Job (InvocationData, Arguments, CreatedAt) VALUES (N'{}', N'[]', GETUTCDATE());")
        .await
        .unwrap();
    sql::migrate(&test.database, &[sql::MIGRATIONS, jobs::MIGRATIONS]).await.unwrap();
    let rows = test.database.query("SELECT COUNT(*) AS n FROM HangFire.Job AS j", &[]).await.unwrap();
    assert_eq!(rows[0].read::<i32>("n").unwrap(), 1);
}

#[tokio::test]
async fn another_version_is_refused_by_name() {
    let test = TestDatabase::create(&[]).await;
    test.database
        .run_script(
            "EXEC (N'CREATE SCHEMA [HangFire]');
             CREATE TABLE HangFire.[Schema] (Version int NOT NULL PRIMARY KEY);
             INSERT INTO HangFire.[Schema] (Version) VALUES (7);",
        )
        .await
        .unwrap();
    let refused =
        sql::migrate(&test.database, &[sql::MIGRATIONS, jobs::MIGRATIONS]).await.unwrap_err().to_string();
    assert!(refused.contains("Hangfire schema version 7"), "{refused}");
}
