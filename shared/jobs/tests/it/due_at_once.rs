//! Very many jobs due at one moment: moved in a few statements, and not in front of everybody else.

use jobs::ServerOptions;

use crate::support::{World, note, quick, reporting, soon};

/// 8,000 here, 100,000 in `make soak`.
#[tokio::test]
async fn jobs_enqueued_now_run_long_before_the_last_of_those_due_at_once() {
    due_at_once(8_000).await;
}

#[tokio::test]
#[ignore = "minutes: make soak"]
async fn jobs_enqueued_now_run_long_before_the_last_of_100_000_due_at_once() {
    due_at_once(100_000).await;
}

async fn due_at_once(jobs: i64) {
    let world = World::new().await;
    for _ in 0..jobs / 1_000 {
        world.enqueue_many(&(0..1_000).map(note).collect::<Vec<_>>()).await;
    }
    world
        .run(
            "DELETE FROM HangFire.JobQueue;
             UPDATE HangFire.Job SET StateName = N'Scheduled';
             INSERT INTO HangFire.[Set] ([Key], Score, Value)
             SELECT N'schedule', 1, N'default:' + CAST(j.Id AS nvarchar(20)) FROM HangFire.Job AS j;",
        )
        .await;
    let (mut reports, registry) = reporting();
    let server = world.server(&registry, ServerOptions { worker_count: 20, ..quick() });
    soon("the first of them runs", reports.recv()).await;
    world.enqueue(note(-1)).await;
    while soon("the runs", reports.recv()).await.unwrap().number != -1 {}
    let waiting = "SELECT COUNT(*) AS n FROM HangFire.[Set] AS s WHERE s.[Key] = N'schedule'";
    assert!(world.count(waiting).await > 0, "all that was due had been put in front of it");
    server.stop().await;
    let by_state = jobs::monitor::counts(&world.database).await.unwrap().by_state;
    let known =
        ["Succeeded", "Enqueued", "Scheduled"].map(|state| by_state.get(state).copied().unwrap_or_default());
    assert_eq!(known.iter().sum::<i64>(), jobs + 1, "{by_state:?}");
}
