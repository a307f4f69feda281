//! Who runs what: each job once, queues in order, surplus rows not at all.

use std::collections::BTreeMap;

use jobs::{Context, Failure, Registry, ServerOptions};
use tokio::sync::mpsc;

use crate::support::{Note, World, note, quick, reporting, soon};

#[tokio::test]
async fn many_servers_run_each_job_once() {
    let world = World::new().await;
    let notes: Vec<Note> = (0..300).map(note).collect();
    world.enqueue_many(&notes).await;
    let (mut reports, registry) = reporting();
    let servers: Vec<_> = (0..5).map(|_| world.server(&registry, quick())).collect();
    let mut runs: BTreeMap<i64, u32> = BTreeMap::new();
    for _ in 0..300 {
        *runs.entry(soon("300 runs", reports.recv()).await.unwrap().number).or_default() += 1;
    }
    world.nothing_is_left().await;
    for server in servers {
        server.stop().await;
    }
    assert!(reports.try_recv().is_err());
    assert_eq!(runs.len(), 300);
    assert!(runs.values().all(|count| *count == 1), "{runs:?}");
    assert_eq!(
        jobs::monitor::counts(&world.database).await.unwrap().by_state,
        [("Succeeded".into(), 300)].into()
    );
    let counted = "SELECT SUM(c.Value) AS n FROM HangFire.Counter AS c WHERE c.[Key] = N'stats:succeeded'";
    assert_eq!(world.count(counted).await, 300);
    assert_eq!(world.count("SELECT COUNT(*) AS n FROM HangFire.Server AS s").await, 0);
}

#[tokio::test]
async fn an_earlier_queue_goes_first() {
    let world = World::new().await;
    let client = &world.client;
    for (queue, number) in [("aaa", 1), ("urgent", 2), ("aaa", 3), ("urgent", 4)] {
        world
            .database
            .transaction("test.enqueue", |tx| {
                Box::pin(async move { client.enqueue_to(tx, queue, &note(number)).await })
            })
            .await
            .unwrap();
    }
    let (report, mut reports) = mpsc::unbounded_channel();
    let mut registry = Registry::new();
    registry.register(move |_: Context, note: Note| {
        report.send(note.number).unwrap();
        async { Ok::<(), Failure>(()) }
    });
    let queues = vec!["urgent".to_owned(), "aaa".to_owned()];
    let server = world.server(&registry, ServerOptions { queues, worker_count: 1, ..quick() });
    let mut order = Vec::new();
    for _ in 0..4 {
        order.push(soon("four runs", reports.recv()).await.unwrap());
    }
    server.stop().await;
    assert_eq!(order, [2, 4, 1, 3]);
}

#[tokio::test]
async fn a_surplus_queue_row_runs_nothing_and_is_removed() {
    let world = World::new().await;
    let id = world.enqueue(note(1)).await;
    world
        .run(&format!(
            "INSERT INTO HangFire.JobQueue (JobId, Queue) VALUES ({id}, N'default'), ({id}, N'default'), (987654, N'default');"
        ))
        .await;
    let (mut reports, registry) = reporting();
    let server = world.server(&registry, quick());
    world.reaches(id, "Succeeded").await;
    world.nothing_is_left().await;
    server.stop().await;
    assert!(reports.recv().await.is_some());
    assert!(reports.try_recv().is_err(), "ran once");
    assert_eq!(world.history(id).await, ["Enqueued", "Processing", "Succeeded"]);
}

#[tokio::test]
async fn a_server_without_handlers_or_with_two_for_one_job_does_not_start() {
    let world = World::new().await;
    let start = |registry: &Registry| {
        jobs::Server::start(world.database.clone(), registry.clone(), quick(), world.wake.clone()).map(drop)
    };
    let mut registry = Registry::new();
    assert!(start(&registry).unwrap_err().to_string().contains("handler"));
    let handler = |_: Context, _: Note| async { Ok::<(), Failure>(()) };
    registry.register(handler).register(handler);
    assert!(start(&registry).unwrap_err().to_string().contains("registered already"));
}
