//! Limits, unique keys and weighted queues: decided when a job is claimed or enqueued, never by waiting in a slot.

use std::time::Duration;

use jobs::{Enqueue, Enqueued, JobId, QueueWeights, ServerOptions, Unique};

use crate::support::{Gate, World, eventually, note, quick, reporting, soon};

async fn enqueue(world: &World, number: i64, how: &Enqueue) -> Enqueued {
    let client = &world.client;
    world
        .database
        .transaction("test.enqueue", |tx| {
            Box::pin(async move { client.enqueue_with(tx, &note(number), how).await })
        })
        .await
        .unwrap()
}

async fn shelf(world: &World, jobs: i32) {
    eventually(&format!("{jobs} jobs wait on the shelf"), async || {
        match world.count("SELECT COUNT(*) AS n FROM Jobs.Shelf AS s WHERE s.Reason = N'limit'").await {
            n if n == jobs => Ok(()),
            n => Err(n),
        }
    })
    .await;
}

#[tokio::test]
async fn no_more_jobs_of_a_key_run_than_it_has_places_and_the_others_take_no_slot() {
    let world = World::new().await;
    let two_at_a_time = Enqueue::new().limit("erp", 2);
    let mut limited = Vec::new();
    for number in 0..6 {
        limited.push(enqueue(&world, number, &two_at_a_time).await.id());
    }
    let (mut gate, registry) = Gate::new(true);
    // Two processes with four slots each.
    let servers = [world.server(&registry, quick()), world.server(&registry, quick())];
    for _ in 0..2 {
        gate.next_start().await;
    }
    shelf(&world, 4).await;
    assert_eq!(world.queue_rows().await, 2, "what waits is in no queue");
    // Other jobs run meanwhile, in all the slots that are left.
    for number in 100..106 {
        world.enqueue(note(number)).await;
        assert!(gate.next_start().await.1.number >= 100);
    }
    gate.open(2 + 6);
    for left in [3, 2, 1, 0] {
        let (_, note) = gate.next_start().await;
        assert!(note.number < 100);
        let running = "SELECT COUNT(*) AS n FROM HangFire.Job AS j INNER JOIN Jobs.JobLimit AS m ON m.JobId = j.Id \
            WHERE j.StateName = N'Processing'";
        assert!(world.count(running).await <= 2, "{left} left");
        gate.open(1);
    }
    for id in limited {
        world.reaches(id, "Succeeded").await;
        assert_eq!(
            world.history(id).await,
            ["Enqueued", "Processing", "Succeeded"],
            "waiting writes no history"
        );
    }
    world.nothing_is_left().await;
    for server in servers {
        server.stop().await;
    }
}

#[tokio::test]
async fn a_place_is_free_again_however_its_job_ended() {
    let world = World::new().await;
    let one_at_a_time = Enqueue::new().limit("erp", 1);
    let deleted = enqueue(&world, 1, &one_at_a_time).await.id();
    let (mut gate, registry) = Gate::new(false);
    let doomed = world.server(&registry, ServerOptions { heartbeat: Duration::from_millis(50), ..quick() });
    gate.next_start().await;
    // Deleted by a .NET dashboard, which knows nothing of places.
    let dead = enqueue(&world, 2, &one_at_a_time).await.id();
    shelf(&world, 1).await;
    world
        .run(&format!(
            "DECLARE @state bigint;
             INSERT INTO HangFire.State (JobId, Name, CreatedAt, Data) VALUES ({deleted}, N'Deleted', GETUTCDATE(), N'{{}}');
             SET @state = SCOPE_IDENTITY();
             UPDATE HangFire.Job SET StateId = @state, StateName = N'Deleted' WHERE Id = {deleted};"
        ))
        .await;
    assert_eq!(gate.next_start().await.0.job_id(), dead);
    // The process that has the place dies.
    let last = enqueue(&world, 3, &one_at_a_time).await.id();
    shelf(&world, 1).await;
    drop(doomed);
    let (mut reports, registry) = reporting();
    let options = ServerOptions {
        heartbeat: Duration::from_millis(50),
        dead_after: Duration::from_millis(150),
        ..quick()
    };
    let server = world.server(&registry, options);
    for _ in 0..2 {
        soon("both run", reports.recv()).await;
    }
    for id in [dead, last] {
        world.reaches(id, "Succeeded").await;
    }
    world.nothing_is_left().await;
    server.stop().await;
}

#[tokio::test]
async fn the_latest_job_of_a_key_says_how_many_places_it_has() {
    let world = World::new().await;
    enqueue(&world, 1, &Enqueue::new().limit("erp", 1)).await;
    enqueue(&world, 2, &Enqueue::new().limit("erp", 1)).await;
    let (mut gate, registry) = Gate::new(true);
    let server = world.server(&registry, quick());
    gate.next_start().await;
    shelf(&world, 1).await;
    enqueue(&world, 3, &Enqueue::new().limit("erp", 3)).await;
    for _ in 0..2 {
        gate.next_start().await;
    }
    gate.open(3);
    world.nothing_is_left().await;
    server.stop().await;
}

#[tokio::test]
async fn a_unique_key_is_kept_while_its_job_waits_or_until_it_ends_or_for_a_time() {
    let world = World::new().await;
    let pending = Enqueue::new().unique("pending", Unique::UntilStarted);
    let running = Enqueue::new().unique("running", Unique::UntilEnded);
    let period = Enqueue::new().unique("period", Unique::For(Duration::from_secs(3_600)));
    let mut first: Vec<JobId> = Vec::new();
    for how in [&pending, &running, &period] {
        let new = enqueue(&world, 1, how).await;
        assert!(!new.is_duplicate());
        let again = enqueue(&world, 2, how).await;
        assert!(again.is_duplicate() && again.id() == new.id());
        first.push(new.id());
    }
    assert_eq!(world.queue_rows().await, 3);

    let (mut gate, registry) = Gate::new(true);
    let server = world.server(&registry, quick());
    for _ in 0..3 {
        gate.next_start().await;
    }
    assert!(!enqueue(&world, 3, &pending).await.is_duplicate(), "the first has started");
    assert!(enqueue(&world, 3, &running).await.is_duplicate());
    gate.open(4);
    for id in &first {
        world.reaches(*id, "Succeeded").await;
    }
    assert!(!enqueue(&world, 4, &running).await.is_duplicate(), "the first has ended");
    assert!(enqueue(&world, 4, &period).await.is_duplicate(), "its time is not over");
    world
        .run("UPDATE u SET u.Until = '2020-01-01' FROM Jobs.UniqueKey AS u WHERE u.[Key] = N'period';")
        .await;
    assert!(!enqueue(&world, 5, &period).await.is_duplicate());
    gate.open(2);
    world.nothing_is_left().await;
    server.stop().await;
}

#[tokio::test]
async fn of_many_that_enqueue_under_one_key_at_once_one_does() {
    let world = World::new().await;
    let how = Enqueue::new().unique("only-one", Unique::UntilEnded);
    let all = (0..8).map(|number| enqueue(&world, number, &how));
    let outcomes = futures_util::future::join_all(all).await;
    assert_eq!(outcomes.iter().filter(|outcome| !outcome.is_duplicate()).count(), 1);
    assert_eq!(world.queue_rows().await, 1);
    assert!(outcomes.iter().all(|outcome| outcome.id() == outcomes[0].id()));
}

#[tokio::test]
async fn a_long_queue_does_not_starve_a_weighted_one_behind_it() {
    let world = World::new().await;
    let (mut reports, registry) = reporting();
    let front = Enqueue::new().queue("aaa");
    for number in 0..300 {
        enqueue(&world, number, &front).await;
    }
    enqueue(&world, 1_000, &Enqueue::new().queue("zzz")).await;
    let options = ServerOptions {
        queues: vec!["aaa".to_owned(), "zzz".to_owned()],
        weights: QueueWeights::Weighted(vec![3, 1]),
        worker_count: 1,
        ..quick()
    };
    let server = world.server(&registry, options);
    let mut before = 0;
    while soon("the runs", reports.recv()).await.unwrap().number != 1_000 {
        before += 1;
    }
    // By chance alone it would wait for this many claims once in 10^37.
    assert!(before < 300, "it ran last");
    server.stop().await;
}
