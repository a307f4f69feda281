//! A process that dies takes no job with it.

use std::time::Duration;

use jobs::ServerOptions;

use crate::support::{Gate, World, note, quick, reporting, soon};

fn watchful() -> ServerOptions {
    ServerOptions { heartbeat: Duration::from_millis(50), dead_after: Duration::from_millis(150), ..quick() }
}

#[tokio::test]
async fn the_jobs_of_a_dead_server_are_given_back_long_before_their_lease_ends() {
    let world = World::new().await;
    let id = world.enqueue(note(1)).await;
    let (mut gate, registry) = Gate::new(false);
    let doomed = world.server(&registry, watchful());
    gate.next_start().await;
    // As a killed process: no farewell, no more heartbeats. Its handler's task lives on here, as a zombie would.
    drop(doomed);

    let (mut reports, registry) = reporting();
    let server = world.server(&registry, watchful());
    soon("the job runs again", reports.recv()).await;
    let job = world.reaches(id, "Succeeded").await;
    assert_eq!(world.history(id).await, ["Enqueued", "Processing", "Enqueued", "Processing", "Succeeded"]);
    assert!(job.history[2].reason.as_deref().unwrap().starts_with("Requeued: server "), "{job:?}");
    world.nothing_is_left().await;
    assert_eq!(world.count("SELECT COUNT(*) AS n FROM HangFire.Server AS s").await, 1);
    server.stop().await;
}

#[tokio::test]
async fn a_job_whose_server_died_too_often_is_parked_as_failed() {
    let world = World::new().await;
    let id = world.enqueue(note(1)).await;
    let (mut gate, registry) = Gate::new(false);
    let doomed = world.server(&registry, watchful());
    gate.next_start().await;
    drop(doomed);

    let (mut reports, registry) = reporting();
    let server = world.server(&registry, ServerOptions { deaths_max: 1, ..watchful() });
    let job = world.reaches(id, "Failed").await;
    assert!(job.reason.unwrap().contains("died while they ran this job"));
    server.stop().await;
    assert!(reports.try_recv().is_err());
}

#[tokio::test]
async fn a_server_that_was_taken_for_dead_announces_itself_again() {
    let world = World::new().await;
    let (mut reports, registry) = reporting();
    let server = world.server(&registry, quick());
    world.reaches(world.enqueue(note(1)).await, "Succeeded").await;
    world.run("DELETE FROM HangFire.Server; DELETE FROM Jobs.Server; DELETE FROM Jobs.ServerHandler;").await;
    crate::support::eventually("the server is back", async || {
        let rows = world.count("SELECT COUNT(*) AS n FROM Jobs.ServerHandler AS h").await;
        let server = world.count("SELECT COUNT(*) AS n FROM HangFire.Server AS s").await;
        if (rows, server) == (1, 1) { Ok(()) } else { Err((rows, server)) }
    })
    .await;
    world.reaches(world.enqueue(note(2)).await, "Succeeded").await;
    server.stop().await;
    assert!(reports.recv().await.is_some());
}
