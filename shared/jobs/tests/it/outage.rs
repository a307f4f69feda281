//! The storage goes away and comes back; no job pays for it.

use std::sync::Arc;
use std::time::Duration;

use jobs::{Context, Failure, Registry, ServerOptions, WakeUp};
use tokio::sync::Notify;

use crate::support::{Gate, Note, World, eventually, note, quick, reporting, soon};

/// A pool that gives up soon.
async fn connect(proxy: &sql::testing::Proxy) -> sql::Database {
    let options = sql::Options { acquire_timeout_ms: 1_000, ..sql::Options::default() };
    sql::Database::connect(proxy.connection(), options).await.unwrap()
}

/// Cuts every connection, the ones just being made as well, until the server has noticed.
async fn take_away(proxy: &sql::testing::Proxy, shaky: &sql::Database, server: &jobs::Server) {
    proxy.refuse();
    eventually("the storage is away", async || {
        proxy.cut();
        let answers = shaky.query("SELECT 1 AS n", &[]).await.is_ok();
        if server.status().storage_away && !answers { Ok(()) } else { Err(answers) }
    })
    .await;
}

#[tokio::test]
async fn a_job_that_ends_while_the_storage_is_away_is_acknowledged_afterwards() {
    let world = World::new().await;
    let proxy = world.test.proxy().await;
    let shaky = connect(&proxy).await;
    let id = world.enqueue(note(1)).await;
    let (mut gate, registry) = Gate::new(true);
    let server = world.server_on(&shaky, &registry, quick());
    gate.next_start().await;
    take_away(&proxy, &shaky, &server).await;
    gate.open(1);
    eventually("the handler has ended", async || match server.status().running {
        0 => Ok(()),
        running => Err(running),
    })
    .await;
    assert_eq!(world.state(id).await, "Processing");
    proxy.accept();
    world.reaches(id, "Succeeded").await;
    assert_eq!(world.history(id).await, ["Enqueued", "Processing", "Succeeded"]);
    world.nothing_is_left().await;
    server.stop().await;
}

#[tokio::test]
async fn a_handler_that_fails_because_the_storage_is_away_uses_no_attempt() {
    let world = World::new().await;
    let proxy = world.test.proxy().await;
    let shaky = connect(&proxy).await;
    let (started, outage) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut registry = Registry::new();
    let (handler_started, handler_outage, database) = (started.clone(), outage.clone(), shaky.clone());
    registry.register(move |_: Context, note: Note| {
        let (started, outage, database) = (handler_started.clone(), handler_outage.clone(), database.clone());
        async move {
            if note.number == 1 && database.query("SELECT 1 AS n", &[]).await.is_ok() {
                started.notify_one();
                outage.notified().await;
            }
            database.query("SELECT 2 AS n", &[]).await?;
            Ok::<(), Failure>(())
        }
    });
    let id = world.enqueue(note(1)).await;
    let server = world.server_on(&shaky, &registry, quick());
    soon("the handler starts", started.notified()).await;
    take_away(&proxy, &shaky, &server).await;
    outage.notify_one();
    eventually("the handler has failed", async || match server.status().running {
        0 => Ok(()),
        running => Err(running),
    })
    .await;
    // The second run finds nobody to wait for.
    outage.notify_one();
    proxy.accept();
    let job = world.reaches(id, "Succeeded").await;
    assert_eq!(world.history(id).await, ["Enqueued", "Processing", "Enqueued", "Processing", "Succeeded"]);
    assert!(
        job.history[2].reason.as_deref().unwrap().starts_with("Requeued: the storage was away"),
        "{job:?}"
    );
    assert!(!job.parameters.contains_key("RetryCount"));
    server.stop().await;
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_given_back_and_runs_once() {
    let world = World::new().await;
    let proxy = world.test.proxy().await;
    let shaky = connect(&proxy).await;
    let (mut reports, registry) = reporting();
    // Only hints move this server, and no heartbeat comes between.
    let options = ServerOptions {
        poll_min: Duration::from_secs(600),
        poll_max: Duration::from_secs(600),
        heartbeat: Duration::from_secs(600),
        ..quick()
    };
    let server = world.server_on(&shaky, &registry, options);
    eventually("the first look", async || match server.status().polls {
        0 => Err(()),
        _ => Ok(()),
    })
    .await;
    // Enqueued by a process whose hints do not reach us.
    let silent = jobs::Client::new(Arc::new(jobs::NoWakeUp));
    let client = &silent;
    let id = world
        .database
        .transaction("test.enqueue", |tx| Box::pin(async move { client.enqueue(tx, &note(1)).await }))
        .await
        .unwrap();
    proxy.cut_after_commit();
    world.wake.announce("default");
    soon("the job runs", reports.recv()).await;
    world.reaches(id, "Succeeded").await;
    assert_eq!(world.history(id).await, ["Enqueued", "Processing", "Enqueued", "Processing", "Succeeded"]);
    server.stop().await;
    assert!(reports.try_recv().is_err(), "ran once");
}

#[tokio::test]
async fn a_server_starts_before_its_storage_does() {
    let world = World::new().await;
    let proxy = world.test.proxy().await;
    let shaky = connect(&proxy).await;
    proxy.refuse();
    proxy.cut();
    let id = world.enqueue(note(1)).await;
    let (mut reports, registry) = reporting();
    let server = world.server_on(&shaky, &registry, quick());
    eventually("the server notices", async || if server.status().storage_away { Ok(()) } else { Err(()) })
        .await;
    assert!(!server.status().registered);
    proxy.accept();
    soon("the job runs", reports.recv()).await;
    world.reaches(id, "Succeeded").await;
    server.stop().await;
}
