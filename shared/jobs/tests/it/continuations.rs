//! Jobs that wait for another.

use jobs::{After, Context, Failure, JobId, Registry};
use sql::RowExt;

use crate::support::{Letter, Note, World, eventually, note, quick};

/// Notes with an odd number fail for good; letters succeed.
fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.register(|_: Context, note: Note| async move {
        if note.number % 2 == 1 { Err(Failure::fail("odd")) } else { Ok(()) }
    });
    registry.register(|_: Context, _: Letter| async { Ok::<(), Failure>(()) });
    registry
}

async fn follow(world: &World, parent: JobId, after: After) -> JobId {
    let client = &world.client;
    world
        .database
        .transaction("test", |tx| {
            Box::pin(async move { client.continue_with(tx, parent, after, &Letter { page: 1 }).await })
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn children_run_or_are_deleted_by_how_their_parent_ended() {
    let world = World::new().await;
    let (good, bad) = (world.enqueue(note(2)).await, world.enqueue(note(1)).await);
    let of_good = [
        follow(&world, good, After::End).await,
        follow(&world, good, After::Success).await,
        follow(&world, good, After::Deletion).await,
        follow(&world, good, After::Failure).await,
    ];
    let of_bad = [follow(&world, bad, After::Success).await, follow(&world, bad, After::Failure).await];
    // What waits for a job that is deleted unrun is deleted in turn, or runs.
    let grandchildren =
        [follow(&world, of_good[2], After::Success).await, follow(&world, of_good[2], After::Deletion).await];
    assert_eq!(world.state(of_good[0]).await, "Awaiting");
    let listed = &world.job(good).await.parameters["Continuations"];
    let [end, success, deletion, _] = of_good;
    assert_eq!(
        *listed,
        format!(
            r#"[{{"JobId":"{end}"}},{{"JobId":"{success}","Options":1}},{{"JobId":"{deletion}","Options":2}}]"#
        )
    );

    let server = world.server(&registry(), quick());
    for (id, state) in [
        (of_good[0], "Succeeded"),
        (of_good[1], "Succeeded"),
        (of_good[2], "Deleted"),
        (of_good[3], "Deleted"),
        (grandchildren[0], "Deleted"),
        (grandchildren[1], "Succeeded"),
        (of_bad[1], "Succeeded"),
    ] {
        world.reaches(id, state).await;
    }
    assert_eq!(world.state(of_bad[0]).await, "Awaiting", "the parent may still be tried again");
    assert_eq!(world.job(of_good[2]).await.reason.as_deref(), Some("Continuation condition was not met"));
    assert_eq!(world.history(of_good[1]).await, ["Awaiting", "Enqueued", "Processing", "Succeeded"]);
    let deleted = world
        .rows("SELECT SUM(c.Value) AS n FROM HangFire.Counter AS c WHERE c.[Key] = N'stats:deleted'")
        .await;
    assert_eq!(deleted[0].read::<i32>("n").unwrap(), 3);
    server.stop().await;
}

#[tokio::test]
async fn a_child_of_a_job_that_has_ended_starts_at_once_and_one_of_none_is_refused() {
    let world = World::new().await;
    let parent = world.enqueue(note(2)).await;
    let server = world.server(&registry(), quick());
    world.reaches(parent, "Succeeded").await;
    world.reaches(follow(&world, parent, After::Success).await, "Succeeded").await;
    world.reaches(follow(&world, parent, After::Failure).await, "Deleted").await;
    let client = &world.client;
    let refused = world
        .database
        .transaction("test", |tx| {
            Box::pin(async move {
                client.continue_with(tx, JobId(999_999), After::End, &Letter { page: 1 }).await
            })
        })
        .await;
    assert!(matches!(refused, Err(jobs::Error::NoSuchParent { parent: JobId(999_999) })), "{refused:?}");
    server.stop().await;
}

#[tokio::test]
async fn what_a_dotnet_process_left_behind_is_found() {
    let world = World::new().await;
    let (parent, lost) = (world.enqueue(note(2)).await, world.enqueue(note(4)).await);
    let (child, orphan) =
        (follow(&world, parent, After::Success).await, follow(&world, lost, After::Success).await);
    // .NET's two steps at level 110, where it died between them; and a parent that was removed.
    world
        .run(&format!(
            "UPDATE HangFire.JobParameter SET Value = N'[{{\"JobId\":\"{child}\",\"Options\":\"OnlyOnSucceededState\"}}]' WHERE JobId = {parent} AND Name = N'Continuations';
             UPDATE HangFire.Job SET StateName = N'Succeeded' WHERE Id = {parent};
             DELETE FROM HangFire.Job WHERE Id = {lost};
             INSERT INTO HangFire.[Set] ([Key], Score, Value) VALUES (N'awaiting', 1, N'{child}');"
        ))
        .await;
    let options = jobs::ServerOptions { sweep_interval: std::time::Duration::from_millis(100), ..quick() };
    let server = world.server(&registry(), options);
    world.reaches(child, "Succeeded").await;
    assert_eq!(
        world.reaches(orphan, "Failed").await.reason.as_deref(),
        Some("The job that it waits for is gone")
    );
    assert_eq!(world.count("SELECT COUNT(*) AS n FROM HangFire.[Set] AS s").await, 0);
    server.stop().await;
}

#[tokio::test]
async fn no_child_is_lost_while_parents_end() {
    let world = World::new().await;
    let server = world.server(&registry(), quick());
    let mut children = Vec::new();
    for _ in 0..40 {
        let parent = world.enqueue(note(2)).await;
        children.push(follow(&world, parent, After::Success).await);
    }
    for child in children {
        eventually(&format!("{child} has run"), async || match world.state(child).await {
            state if state == "Succeeded" => Ok(()),
            state => Err(state),
        })
        .await;
    }
    server.stop().await;
}
