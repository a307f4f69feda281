//! Hints shorten the wait.

use std::sync::Arc;
use std::time::Duration;

use jobs::{ServerOptions, WakeUp};

use crate::support::{World, eventually, note, quick, reporting, soon};

/// A server that would sleep through the test.
fn sleepy() -> ServerOptions {
    ServerOptions { poll_min: Duration::from_secs(600), poll_max: Duration::from_secs(600), ..quick() }
}

#[tokio::test]
async fn a_hint_wakes_a_server_that_would_poll_much_later() {
    let world = World::new().await;
    let (mut reports, registry) = reporting();
    let server = world.server(&registry, sleepy());
    eventually("the first look", async || match server.status().polls {
        0 => Err(()),
        _ => Ok(()),
    })
    .await;
    for number in 0..3 {
        let id = world.enqueue(note(number)).await;
        assert_eq!(soon("the hint", reports.recv()).await, Some(note(number)));
        world.reaches(id, "Succeeded").await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_storm_of_hints_is_one_claim() {
    let world = World::new().await;
    let (mut reports, registry) = reporting();
    let server =
        world.server(&registry, ServerOptions { hint_cooldown: Duration::from_millis(200), ..sleepy() });
    eventually("the first look", async || match server.status().polls {
        0 => Err(()),
        _ => Ok(()),
    })
    .await;
    let before = server.status().exchanges;
    for _ in 0..10_000 {
        world.wake.announce("default");
    }
    world.enqueue(note(1)).await;
    soon("the job runs", reports.recv()).await;
    world.nothing_is_left().await;
    let spent = server.status().exchanges - before;
    assert!(spent <= 5, "{spent} exchanges");
    server.stop().await;
}

#[tokio::test]
async fn without_hints_polling_finds_the_job() {
    let world = World::new().await;
    let (mut reports, registry) = reporting();
    let server =
        jobs::Server::start(world.database.clone(), registry, quick(), Arc::new(jobs::NoWakeUp)).unwrap();
    world.enqueue(note(1)).await;
    soon("the job runs", reports.recv()).await;
    server.stop().await;
}
