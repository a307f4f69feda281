//! What people do with jobs.

use std::time::Duration;

use jobs::{Action, After, Context, Failure, JobId, Registry};
use sql::RowExt;

use crate::support::{Gate, Letter, Note, World, eventually, note, quick, reporting, soon};

async fn act(world: &World, action: Action, ids: &[JobId]) -> Vec<JobId> {
    let client = &world.client;
    world
        .database
        .transaction("test", |tx| Box::pin(async move { client.act(tx, action, ids, "said the test").await }))
        .await
        .unwrap()
}

async fn total(world: &World, key: &str) -> i64 {
    let rows = world
        .database
        .query(
            "SELECT SUM(CAST(c.Value AS bigint)) AS n FROM HangFire.Counter AS c WHERE c.[Key] = @P1",
            &[&key],
        )
        .await
        .unwrap();
    rows[0].read_opt("n").unwrap().unwrap_or_default()
}

#[tokio::test]
async fn a_deleted_job_does_not_run_and_what_waits_for_it_learns_of_it() {
    let world = World::new().await;
    let id = world.enqueue(note(1)).await;
    let client = &world.client;
    let child = world
        .database
        .transaction("test", |tx| {
            Box::pin(async move { client.continue_with(tx, id, After::Deletion, &note(2)).await })
        })
        .await
        .unwrap();
    assert_eq!(act(&world, Action::Delete, &[id, JobId(999)]).await, [id]);
    assert!(act(&world, Action::Delete, &[id]).await.is_empty());
    let (mut reports, registry) = reporting();
    let server = world.server(&registry, quick());
    assert_eq!(soon("the child runs", reports.recv()).await, Some(note(2)));
    world.reaches(child, "Succeeded").await;
    world.nothing_is_left().await;
    let job = world.job(id).await;
    assert_eq!((job.state.as_deref(), job.reason.as_deref()), (Some("Deleted"), Some("said the test")));
    assert!(job.expires_at.is_some());
    assert_eq!(total(&world, "stats:deleted").await, 1);
    server.stop().await;
}

#[tokio::test]
async fn deleting_a_running_job_cancels_its_handler_and_refuses_its_outcome() {
    let world = World::new().await;
    let id = world.enqueue(note(1)).await;
    let (mut gate, registry) = Gate::new(true);
    let server = world.server(&registry, quick());
    let (context, _) = gate.next_start().await;
    act(&world, Action::Delete, &[id]).await;
    soon("the handler is told", context.cancelled().cancelled()).await;
    world.nothing_is_left().await;
    assert_eq!(world.history(id).await, ["Enqueued", "Processing", "Deleted"]);
    server.stop().await;
}

#[tokio::test]
async fn a_requeued_job_runs_again_and_counters_follow() {
    let world = World::new().await;
    let mut registry = Registry::new();
    registry.register(|context: Context, _: Note| async move {
        match context.parameter("Mended") {
            None => Err(Failure::fail("not yet")),
            Some(_) => Ok(()),
        }
    });
    let id = world.enqueue(note(1)).await;
    let server = world.server(&registry, quick());
    world.reaches(id, "Failed").await;
    world
        .run(&format!(
            "INSERT INTO HangFire.JobParameter (JobId, Name, Value) VALUES ({id}, N'Mended', N'1');"
        ))
        .await;
    assert_eq!(act(&world, Action::Requeue, &[id]).await, [id]);
    world.reaches(id, "Succeeded").await;
    assert_eq!(total(&world, "stats:succeeded").await, 1);
    act(&world, Action::Requeue, &[id]).await;
    eventually("it succeeded twice and counts once", async || {
        let state = world.state(id).await;
        match (state.as_str(), total(&world, "stats:succeeded").await, world.history(id).await.len()) {
            ("Succeeded", 1, 9) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn run_now_takes_jobs_for_later_and_jobs_that_wait_and_no_others() {
    let world = World::new().await;
    let client = &world.client;
    let (later, parent) = world
        .database
        .transaction("test", |tx| {
            Box::pin(async move {
                let later = client.schedule(tx, &note(1), Duration::from_secs(3600)).await?;
                Ok::<_, jobs::Error>((
                    later,
                    client.schedule(tx, &Letter { page: 1 }, Duration::from_secs(3600)).await?,
                ))
            })
        })
        .await
        .unwrap();
    let waiting = world
        .database
        .transaction("test", |tx| {
            Box::pin(async move { client.continue_with(tx, parent, After::Success, &note(2)).await })
        })
        .await
        .unwrap();
    let enqueued = world.enqueue(note(3)).await;
    assert_eq!(act(&world, Action::RunNow, &[later, waiting, enqueued]).await, [later, waiting]);
    let (_reports, registry) = reporting();
    let server = world.server(&registry, quick());
    for id in [later, waiting, enqueued] {
        world.reaches(id, "Succeeded").await;
    }
    assert_eq!(world.state(parent).await, "Scheduled");
    assert_eq!(world.count("SELECT COUNT(*) AS n FROM HangFire.[Set] AS s").await, 1);
    server.stop().await;
}

#[tokio::test]
async fn nothing_is_claimed_from_a_queue_that_rests() {
    let world = World::new().await;
    let client = &world.client;
    let pause = world
        .database
        .transaction("test", |tx| Box::pin(async move { client.pause_queue(tx, "default", "jo").await }));
    pause.await.unwrap();
    let id = world.enqueue(note(1)).await;
    let (mut reports, registry) = reporting();
    let options = jobs::ServerOptions { queues: vec!["default".into(), "other".into()], ..quick() };
    let server = world.server(&registry, options);
    let database = &world.database;
    database
        .transaction("test", |tx| Box::pin(async move { client.enqueue_to(tx, "other", &note(2)).await }))
        .await
        .unwrap();
    assert_eq!(soon("the other queue is read", reports.recv()).await, Some(note(2)));
    let queues = jobs::monitor::queues(database).await.unwrap();
    assert_eq!((queues[0].name.as_str(), queues[0].waiting, queues[0].servers), ("default", 1, 1));
    assert_eq!(queues[0].paused_by.as_deref(), Some("jo"));
    assert_eq!(world.state(id).await, "Enqueued");
    database
        .transaction("test", |tx| Box::pin(async move { client.resume_queue(tx, "default").await }))
        .await
        .unwrap();
    world.reaches(id, "Succeeded").await;
    server.stop().await;
}
