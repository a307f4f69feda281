//! Real worker processes that lose their jobs and come back. One fault a story; `storm.rs` has them all at once.

use std::path::Path;

use sql::testing::Proxy;

use crate::storm::Fleet;
use crate::storm::history::{Event, History};
use crate::storm::worker::{Fate, Task, Worker, read_journal};
use crate::support::eventually;

/// The statements without their fence, as Hangfire has them: an outcome is accepted if the job is `Processing`, whoever
/// processes it. Made on the way to the storage, so that everything else is the shipped engine.
const WITHOUT_FENCE: &[(&str, &str)] = &[
    ("WHERE j.StateId = a.StateId AND", "WHERE a.StateId = a.StateId AND"),
    ("ON a.JobId = d.JobId AND a.StateId = d.StateId", "ON a.JobId = d.JobId AND a.StateId = a.StateId"),
    ("SELECT d.JobId, d.StateId FROM @done AS d;", "SELECT a.JobId, a.StateId FROM @ack  AS a;"),
];

fn task(number: i64) -> Task {
    Task { number, work_ms: 0, chunks: 0, fate: Fate::Success }
}

fn settled(journal: &Path) -> Vec<bool> {
    let accepted = |event: Event| match event {
        Event::Settled { accepted, .. } => Some(accepted),
        _ => None,
    };
    read_journal(journal).into_iter().filter_map(accepted).collect()
}

async fn starts(journal: &Path) {
    eventually("a handler starts", async || {
        let events = read_journal(journal);
        if events.iter().any(|event| matches!(event, Event::Started { .. })) { Ok(()) } else { Err(events) }
    })
    .await;
}

/// A process is stopped in the middle of a job. Another takes the job over and is still at it when the first goes on,
/// ends its run and sends the outcome through `wire`.
async fn stopped_and_resumed(fleet: &mut Fleet, wire: &Proxy) -> History {
    fleet.enqueue(&[task(1)]).await;
    let mut zombie_plan = fleet.plan(wire);
    zombie_plan.gate = Some(fleet.gate("zombie"));
    let zombie = Worker::start(&zombie_plan);
    starts(&zombie_plan.journal).await;
    zombie.pause();

    let straight = fleet.world.test.proxy().await;
    let mut successor_plan = fleet.plan(&straight);
    successor_plan.gate = Some(fleet.gate("successor"));
    let successor = Worker::start(&successor_plan);
    starts(&successor_plan.journal).await;

    std::fs::write(fleet.gate("zombie"), "").unwrap();
    zombie.resume();
    eventually("the zombie has heard of its outcome", async || match settled(&zombie_plan.journal).len() {
        0 => Err(()),
        _ => Ok(()),
    })
    .await;
    std::fs::write(fleet.gate("successor"), "").unwrap();
    fleet.drained().await;
    zombie.stop().await;
    successor.stop().await;
    fleet.history().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_stopped_past_its_lease_and_resumed_writes_nothing() {
    let mut fleet = Fleet::new().await;
    let wire = fleet.world.test.proxy().await;
    let history = stopped_and_resumed(&mut fleet, &wire).await;
    assert_eq!(history.violations(), Vec::<String>::new());
    let names = history.names(fleet.enqueued[0]);
    assert!(names.ends_with(&["Processing", "Succeeded"]), "{names:?}");
    let answers: Vec<bool> = history
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Settled { accepted, .. } => Some(*accepted),
            _ => None,
        })
        .collect();
    assert_eq!(answers, [false, true], "the zombie is refused, its successor is not");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_fence_the_checker_finds_the_zombie() {
    let mut fleet = Fleet::new().await;
    let wire = Proxy::start_rewriting(&fleet.world.test.connection, WITHOUT_FENCE).await;
    let history = stopped_and_resumed(&mut fleet, &wire).await;
    assert!(wire.rewritten() > 0, "the statements are not what this test takes them for");
    let violations = history.violations().join("\n");
    assert!(violations.contains("Succeeded was accepted under fence"), "{violations}");
}

/// Hangfire writes the state and removes the queue row in two steps; a connection cut between them runs the job twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_cut_around_the_acknowledgement_runs_nothing_twice() {
    for cut in [Proxy::cut_before_commit, Proxy::cut_after_commit] {
        let mut fleet = Fleet::new().await;
        let proxy = fleet.world.test.proxy().await;
        fleet.enqueue(&[task(1)]).await;
        let mut plan = fleet.plan(&proxy);
        plan.gate = Some(fleet.gate("gate"));
        // The acknowledgement is the next statement that commits.
        (plan.lease_ms, plan.heartbeat_ms) = (600_000, 600_000);
        let worker = Worker::start(&plan);
        starts(&plan.journal).await;
        cut(&proxy);
        std::fs::write(fleet.gate("gate"), "").unwrap();
        proxy.commits_cut(1).await;
        fleet.drained().await;
        worker.stop().await;
        let history = fleet.history().await;
        assert_eq!(history.violations(), Vec::<String>::new());
        assert_eq!(history.names(fleet.enqueued[0]), ["Enqueued", "Processing", "Succeeded"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn surplus_queue_rows_disturb_neither_a_running_job_nor_a_finished_one() {
    let mut fleet = Fleet::new().await;
    let proxy = fleet.world.test.proxy().await;
    fleet.enqueue(&[task(1)]).await;
    let mut plan = fleet.plan(&proxy);
    plan.gate = Some(fleet.gate("gate"));
    let owner = Worker::start(&plan);
    starts(&plan.journal).await;
    let idle = Worker::start(&fleet.plan(&proxy));
    let job = fleet.enqueued[0];
    let surplus = format!(
        "INSERT INTO HangFire.JobQueue (JobId, Queue) VALUES ({job}, N'default'), ({job}, N'default');"
    );
    fleet.world.run(&surplus).await;
    eventually("the surplus rows are removed", async || match fleet.world.queue_rows().await {
        1 => Ok(()),
        rows => Err(rows),
    })
    .await;
    std::fs::write(fleet.gate("gate"), "").unwrap();
    fleet.drained().await;
    fleet.world.run(&surplus).await;
    fleet.drained().await;
    owner.stop().await;
    idle.stop().await;
    let history = fleet.history().await;
    assert_eq!(history.violations(), Vec::<String>::new());
    assert_eq!(history.names(job), ["Enqueued", "Processing", "Succeeded"]);
}
