//! Jobs that a server cannot run wait for one that can.

use jobs::{Context, Failure, Registry};
use sql::RowExt;

use crate::support::{Letter, Note, World, eventually, note, quick, reporting, soon};

fn letters_only() -> Registry {
    let mut registry = Registry::new();
    registry.register(|_: Context, _: Letter| async { Ok::<(), Failure>(()) });
    registry
}

#[tokio::test]
async fn an_unknown_type_is_held_once_and_runs_when_a_server_with_its_handler_comes() {
    let world = World::new().await;
    let unknown = world.enqueue_many(&[note(1), note(2)]).await;
    let first = world.server(&letters_only(), quick());
    let known = world.enqueue(Letter { page: 1 }).await;
    world.reaches(known, "Succeeded").await;
    let held = eventually("both are held", async || {
        let held = world.rows("SELECT h.Reason, h.[Key] AS Handler FROM Jobs.Hold AS h").await;
        if held.len() == 2 { Ok(held) } else { Err(held.len()) }
    })
    .await;
    assert_eq!(held[0].read::<&str>("Reason").unwrap(), "handler");
    assert_eq!(held[0].read::<&str>("Handler").unwrap(), "Example.Jobs.Note, Example::Run");
    assert_eq!(world.job(unknown[0]).await.held_for.as_deref(), Some("Example.Jobs.Note, Example::Run"));
    assert_eq!(world.history(unknown[0]).await, ["Enqueued"], "waiting writes no history");

    let (mut reports, registry) = reporting();
    let second = world.server(&registry, quick());
    for _ in 0..2 {
        soon("the held jobs run", reports.recv()).await;
    }
    world.nothing_is_left().await;
    assert_eq!(world.count("SELECT COUNT(*) AS n FROM Jobs.Hold AS h").await, 0);
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
