//! Stopping in order.

use std::time::Duration;

use jobs::ServerOptions;

use crate::support::{Gate, World, note, quick, reporting, soon};

#[tokio::test]
async fn stopping_waits_for_handlers_that_end_in_time() {
    let world = World::new().await;
    let ids = world.enqueue_many(&[note(1), note(2)]).await;
    let (mut gate, registry) = Gate::new(true);
    let server = world.server(&registry, quick());
    gate.next_start().await;
    let (context, _) = gate.next_start().await;
    let stopping = tokio::spawn(server.stop());
    gate.open(2);
    soon("the server stops", stopping).await.unwrap();
    assert!(!context.cancelled().is_cancelled());
    for id in ids {
        assert_eq!(world.state(id).await, "Succeeded");
    }
    world.nothing_is_left().await;
    for table in [
        "SELECT COUNT(*) AS n FROM HangFire.Server AS s",
        "SELECT COUNT(*) AS n FROM Jobs.Server AS s",
        "SELECT COUNT(*) AS n FROM Jobs.ServerHandler AS s",
        "SELECT COUNT(*) AS n FROM Jobs.ServerQueue AS s",
    ] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn handlers_that_heed_their_token_are_requeued_without_using_an_attempt() {
    let world = World::new().await;
    let id = world.enqueue(note(1)).await;
    let (mut gate, registry) = Gate::new(true);
    let server = world.server(&registry, ServerOptions { cancel_grace: Duration::ZERO, ..quick() });
    let (context, _) = gate.next_start().await;
    soon("the server stops", server.stop()).await;
    assert!(context.cancelled().is_cancelled());
    let job = world.job(id).await;
    assert_eq!(job.state.as_deref(), Some("Enqueued"));
    assert!(job.reason.unwrap().starts_with("Requeued: shutdown of server "));
    assert!(!job.parameters.contains_key("RetryCount"));
    assert_eq!(world.leases().await, 0);
    let free = "SELECT COUNT(*) AS n FROM HangFire.JobQueue AS q WHERE q.FetchedAt IS NULL";
    assert_eq!(world.count(free).await, 1);

    let (mut reports, registry) = reporting();
    let next = world.server(&registry, quick());
    soon("the next server runs it", reports.recv()).await;
    world.reaches(id, "Succeeded").await;
    assert_eq!(world.history(id).await, ["Enqueued", "Processing", "Enqueued", "Processing", "Succeeded"]);
    next.stop().await;
}

#[tokio::test]
async fn handlers_that_ignore_their_token_are_dropped_and_requeued() {
    let world = World::new().await;
    let id = world.enqueue(note(1)).await;
    let (mut gate, registry) = Gate::new(false);
    let options = ServerOptions {
        cancel_grace: Duration::ZERO,
        shutdown_timeout: Duration::from_millis(50),
        ..quick()
    };
    let server = world.server(&registry, options);
    gate.next_start().await;
    soon("the server stops", server.stop()).await;
    assert_eq!(world.state(id).await, "Enqueued");
    assert_eq!(world.leases().await, 0);
}
