//! Jobs that a server cannot run wait for one that can, and are in nobody's way.

use jobs::{Context, Failure, Registry};
use sql::RowExt;

use crate::support::{Letter, Note, World, eventually, note, quick, reporting, soon};

fn letters_only() -> Registry {
    let mut registry = Registry::new();
    registry.register(|_: Context, _: Letter| async { Ok::<(), Failure>(()) });
    registry
}

#[tokio::test]
async fn an_unknown_type_leaves_the_queue_and_runs_when_a_server_with_its_handler_comes() {
    let world = World::new().await;
    let unknown = world.enqueue_many(&[note(1), note(2)]).await;
    let first = world.server(&letters_only(), quick());
    let known = world.enqueue(Letter { page: 1 }).await;
    world.reaches(known, "Succeeded").await;
    let held = eventually("both are on the shelf", async || {
        let held = world.rows("SELECT s.Reason, s.[Key] AS Handler FROM Jobs.Shelf AS s").await;
        if held.len() == 2 { Ok(held) } else { Err(held.len()) }
    })
    .await;
    assert_eq!(held[0].read::<&str>("Reason").unwrap(), "handler");
    assert_eq!(held[0].read::<&str>("Handler").unwrap(), "Example.Jobs.Note, Example::Run");
    assert_eq!(world.job(unknown[0]).await.held_for.as_deref(), Some("Example.Jobs.Note, Example::Run"));
    assert_eq!(world.history(unknown[0]).await, ["Enqueued"], "waiting writes no history");
    assert_eq!(world.queue_rows().await, 0, "no claim meets them again");

    let (mut reports, registry) = reporting();
    let second = world.server(&registry, quick());
    for _ in 0..2 {
        soon("the held jobs run", reports.recv()).await;
    }
    world.nothing_is_left().await;
    assert_eq!(world.count("SELECT COUNT(*) AS n FROM Jobs.Shelf AS s").await, 0);
    assert_eq!(world.history(unknown[1]).await, ["Enqueued", "Processing", "Succeeded"]);
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn servers_with_different_handlers_share_a_queue() {
    let world = World::new().await;
    let (mut reports, notes_only) = reporting();
    let servers = [world.server(&letters_only(), quick()), world.server(&notes_only, quick())];
    let notes: Vec<Note> = (0..20).map(note).collect();
    let pages: Vec<Letter> = (0..20).map(|page| Letter { page }).collect();
    let ids = [world.enqueue_many(&notes).await, world.enqueue_many(&pages).await].concat();
    for _ in 0..20 {
        soon("the notes run", reports.recv()).await;
    }
    for id in ids {
        world.reaches(id, "Succeeded").await;
    }
    world.nothing_is_left().await;
    for server in servers {
        server.stop().await;
    }
}

/// 5,000 here, 100,000 in `make soak`.
#[tokio::test]
async fn a_flood_of_an_unknown_type_at_the_head_of_the_queue_keeps_nobody_waiting() {
    flood(5_000).await;
}

#[tokio::test]
#[ignore = "minutes: make soak"]
async fn a_flood_of_100_000_jobs_of_an_unknown_type_keeps_nobody_waiting() {
    flood(100_000).await;
}

async fn flood(jobs: i64) {
    let world = World::new().await;
    for _ in 0..jobs / 1_000 {
        world.enqueue_many(&(0..1_000).map(note).collect::<Vec<_>>()).await;
    }
    let wanted = world.enqueue(Letter { page: 1 }).await;
    let server = world.server(&letters_only(), quick());
    world.reaches(wanted, "Succeeded").await;
    // A few hundred statements of a thousand rows, not one claim for every four jobs.
    let claims = server.status().exchanges;
    assert!(i64::try_from(claims).unwrap() < jobs / 20, "{claims} exchanges");
    // What cost something costs nothing any more.
    let before = server.status().exchanges;
    for page in 2..12 {
        world.reaches(world.enqueue(Letter { page }).await, "Succeeded").await;
    }
    let claims = server.status().exchanges - before;
    assert!(claims <= 60, "{claims} exchanges for ten jobs");
    server.stop().await;
    assert_eq!(i64::from(world.count("SELECT COUNT(*) AS n FROM Jobs.Shelf AS s").await), jobs);
}
