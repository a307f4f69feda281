//! Expired rows go, in small steps; what is wanted stays.

use std::time::Duration;

use jobs::ServerOptions;
use sql::RowExt as _;

use crate::support::{World, eventually, note, quick, reporting, soon};

/// Steps of ten.
fn tidy() -> ServerOptions {
    ServerOptions { cleanup_interval: Duration::from_millis(50), cleanup_batch: 10, ..quick() }
}

/// Jobs that ended long ago, with history and parameters.
async fn expired(world: &World, jobs: i32) {
    world
        .database
        .query(
            "SET NOCOUNT ON;
             DECLARE @job TABLE (Id bigint NOT NULL PRIMARY KEY);
             INSERT INTO HangFire.Job (StateName, InvocationData, Arguments, CreatedAt, ExpireAt)
             OUTPUT inserted.Id INTO @job (Id)
             SELECT TOP (@P1) N'Succeeded', N'{\"t\":\"A, B\",\"m\":\"Run\"}', N'[]', GETUTCDATE(),
                 DATEADD(day, -1, GETUTCDATE())
             FROM OPENJSON(N'[0,1,2,3,4,5,6,7,8,9]') AS a CROSS JOIN OPENJSON(N'[0,1,2,3,4,5,6,7,8,9]') AS b
                 CROSS JOIN OPENJSON(N'[0,1,2,3,4,5,6,7,8,9]') AS c CROSS JOIN OPENJSON(N'[0,1,2,3,4,5,6,7,8,9]') AS d;
             INSERT INTO HangFire.State (JobId, Name, CreatedAt) SELECT j.Id, N'Succeeded', GETUTCDATE() FROM @job AS j;
             INSERT INTO HangFire.JobParameter (JobId, Name, Value) SELECT j.Id, N'CurrentCulture', N'\"\"' FROM @job AS j;
             INSERT INTO Jobs.Delivery (JobId, Deaths) SELECT j.Id, 1 FROM @job AS j;
             SELECT 1 AS n;",
            &[&jobs],
        )
        .await
        .unwrap();
}

async fn left(world: &World) -> i32 {
    world.count("SELECT COUNT(*) AS n FROM HangFire.Job AS j WHERE j.ExpireAt < GETUTCDATE()").await
}

#[tokio::test]
async fn expired_jobs_go_with_everything_about_them_and_others_stay() {
    let world = World::new().await;
    expired(&world, 95).await;
    world
        .run(
            "INSERT INTO HangFire.Hash ([Key], Field, ExpireAt) VALUES (N'a', N'old', DATEADD(day, -1, GETUTCDATE())),
                 (N'a', N'new', DATEADD(day, 1, GETUTCDATE())), (N'a', N'kept', NULL);
             INSERT INTO HangFire.List ([Key], ExpireAt) VALUES (N'a', DATEADD(day, -1, GETUTCDATE())), (N'a', NULL);
             INSERT INTO HangFire.[Set] ([Key], Score, Value, ExpireAt) VALUES
                 (N'a', 0, N'old', DATEADD(day, -1, GETUTCDATE())), (N'a', 0, N'kept', NULL);
             INSERT INTO HangFire.AggregatedCounter ([Key], Value, ExpireAt) VALUES
                 (N'old', 1, DATEADD(day, -1, GETUTCDATE())), (N'kept', 1, NULL);",
        )
        .await;
    let (_reports, registry) = reporting();
    let waiting = world.enqueue(note(1)).await;
    let server = world.server(&registry, tidy());
    world.reaches(waiting, "Succeeded").await;
    eventually("everything expired is gone", async || match left(&world).await {
        0 => Ok(()),
        left => Err(left),
    })
    .await;
    for (table, kept) in [
        ("SELECT COUNT(*) AS n FROM HangFire.Hash AS h", 2),
        ("SELECT COUNT(*) AS n FROM HangFire.List AS l", 1),
        ("SELECT COUNT(*) AS n FROM HangFire.[Set] AS s", 1),
        ("SELECT COUNT(*) AS n FROM HangFire.AggregatedCounter AS a WHERE a.[Key] IN (N'old', N'kept')", 1),
        ("SELECT COUNT(*) AS n FROM HangFire.Job AS j", 1),
        ("SELECT COUNT(*) AS n FROM HangFire.JobParameter AS p", 1),
        ("SELECT COUNT(*) AS n FROM HangFire.State AS s WHERE s.Name = N'Succeeded'", 1),
        ("SELECT COUNT(*) AS n FROM Jobs.Delivery AS v", 0),
    ] {
        assert_eq!(world.count(table).await, kept, "{table}");
    }
    server.stop().await;
}

/// However much there is to clean, jobs run meanwhile: the steps are small, and pause.
#[tokio::test]
async fn jobs_run_while_a_large_backlog_is_cleaned() {
    let world = World::new().await;
    expired(&world, 5_000).await;
    let (mut reports, registry) = reporting();
    let server = world.server(&registry, tidy());
    eventually("cleaning is under way", async || match left(&world).await {
        5_000 => Err(()),
        _ => Ok(()),
    })
    .await;
    for number in 0..10 {
        world.enqueue(note(number)).await;
        soon("the job runs", reports.recv()).await;
    }
    let left = left(&world).await;
    assert!(left > 0, "ten jobs ran before the backlog was gone");
    server.stop().await;
}

#[tokio::test]
async fn counters_are_summed_for_the_dashboard() {
    let world = World::new().await;
    world
        .run(
            "INSERT INTO HangFire.Counter ([Key], Value, ExpireAt) VALUES (N'stats:deleted', 2, NULL),
                 (N'stats:deleted', -1, NULL), (N'stats:deleted:2026-03-01', 3, N'2099-03-01T00:00:00');
             INSERT INTO HangFire.AggregatedCounter ([Key], Value, ExpireAt) VALUES (N'stats:deleted', 40, NULL);",
        )
        .await;
    let (_reports, registry) = reporting();
    let server = world.server(&registry, tidy());
    eventually("the counters are summed", async || {
        match world.count("SELECT COUNT(*) AS n FROM HangFire.Counter AS c").await {
            0 => Ok(()),
            rows => Err(rows),
        }
    })
    .await;
    server.stop().await;
    let sums = "SELECT a.[Key] AS Name, a.Value FROM HangFire.AggregatedCounter AS a ORDER BY a.[Key]";
    let sums: Vec<(String, i64)> = world
        .rows(sums)
        .await
        .iter()
        .map(|row| (row.read::<&str>("Name").unwrap().to_owned(), row.read("Value").unwrap()))
        .collect();
    assert_eq!(sums, [("stats:deleted".to_owned(), 41), ("stats:deleted:2026-03-01".to_owned(), 3)]);
}
