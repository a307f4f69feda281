//! What becomes of failures.

use jobs::{Context, Failure, Registry, RetryPolicy, ServerOptions};
use sql::RowExt;
use tokio::sync::mpsc;

use crate::support::{Note, World, note, quick, soon};

#[tokio::test]
async fn a_failing_job_is_tried_again_and_then_fails() {
    let world = World::new().await;
    let (report, mut attempts) = mpsc::unbounded_channel();
    let mut registry = Registry::new();
    registry.register(move |context: Context, _: Note| {
        report.send(context.attempt()).unwrap();
        async { Err::<(), Failure>(Failure::retry("the printer is on fire")) }
    });
    let id = world.enqueue(note(1)).await;
    let server = world.server(&registry, quick());
    let job = world.reaches(id, "Failed").await;
    let names: Vec<&str> = job.history.iter().map(|state| state.name.as_str()).collect();
    let once = ["Processing", "Failed", "Scheduled", "Enqueued"];
    assert_eq!(names, [&["Enqueued"][..], &once, &once, &["Processing", "Failed"]].concat());
    assert_eq!(job.parameters["RetryCount"], "2");
    assert_eq!(job.history[3].reason.as_deref(), Some("Retry attempt 1 of 2: the printer is on fire"));
    assert_eq!(job.history[4].reason.as_deref(), Some("Triggered by DelayedJobScheduler"));
    world.nothing_is_left().await;
    assert_eq!(world.count("SELECT COUNT(*) AS n FROM HangFire.[Set] AS s").await, 0);
    server.stop().await;
    for attempt in 1..=3 {
        assert_eq!(attempts.recv().await, Some(attempt));
    }
    assert!(attempts.try_recv().is_err());
}

#[tokio::test]
async fn a_retry_waits_in_the_schedule_in_hangfires_layout() {
    let world = World::new().await;
    let mut registry = Registry::new();
    registry.register(|_: Context, _: Note| async { Err::<(), Failure>(Failure::retry("not now")) });
    let id = world.enqueue(note(1)).await;
    let server = world.server(&registry, ServerOptions { retry: RetryPolicy::default(), ..quick() });
    let job = world.reaches(id, "Scheduled").await;
    world.nothing_is_left().await;
    server.stop().await;
    let set = world
        .rows("SELECT s.[Key] AS Name, s.Score, s.Value FROM HangFire.[Set] AS s ORDER BY s.[Key]")
        .await;
    assert_eq!(set.len(), 2);
    assert_eq!(set[0].read::<&str>("Name").unwrap(), "retries");
    assert_eq!(set[0].read::<&str>("Value").unwrap(), id.to_string());
    assert_eq!(set[1].read::<&str>("Name").unwrap(), "schedule");
    assert_eq!(set[1].read::<&str>("Value").unwrap(), format!("default:{id}"));
    let scheduled = job.history.last().unwrap();
    let [enqueue_at, scheduled_at] =
        ["EnqueueAt", "ScheduledAt"].map(|key| scheduled.data[key].parse::<i64>().unwrap());
    assert_eq!(set[1].read::<f64>("Score").unwrap() as i64, enqueue_at / 1000, "unix seconds");
    assert!((15_000..=44_000).contains(&(enqueue_at - scheduled_at)), "Hangfire's first delay");
}

#[tokio::test]
async fn a_failure_that_repetition_cannot_mend_fails_at_once() {
    let world = World::new().await;
    let mut registry = Registry::new();
    registry.register(|_: Context, _: Note| async { Err::<(), Failure>(Failure::fail("no such customer")) });
    let id = world.enqueue(note(1)).await;
    let server = world.server(&registry, quick());
    let job = world.reaches(id, "Failed").await;
    assert_eq!(world.history(id).await, ["Enqueued", "Processing", "Failed"]);
    let failed = job.history.last().unwrap();
    assert_eq!(failed.reason.as_deref(), Some("An exception occurred during performance of the job."));
    assert_eq!(failed.data["ExceptionMessage"], "no such customer");
    assert!(failed.data["ExceptionDetails"].ends_with("no such customer"));
    assert!(job.expires_at.is_none(), "failed jobs are kept");
    world.nothing_is_left().await;
    server.stop().await;
}

#[tokio::test]
async fn a_panic_is_a_failure_of_the_job_not_of_the_server() {
    let world = World::new().await;
    let mut registry = Registry::new();
    registry.register(|context: Context, note: Note| async move {
        assert!(context.attempt() > 1, "note {} panics first", note.number);
        Ok::<(), Failure>(())
    });
    let id = world.enqueue(note(5)).await;
    let server = world.server(&registry, quick());
    let job = world.reaches(id, "Succeeded").await;
    assert_eq!(job.history[2].data["ExceptionType"], "panic");
    assert_eq!(job.history[2].data["ExceptionMessage"], "the handler panicked: note 5 panics first");
    server.stop().await;
}

#[tokio::test]
async fn an_unreadable_payload_fails_with_the_reason() {
    let world = World::new().await;
    let mut registry = Registry::new();
    registry.register(|_: Context, _: Note| async { Ok::<(), Failure>(()) });
    let ids = world.enqueue_many(&[note(1), note(2), note(3)]).await;
    world
        .run(&format!(
            "UPDATE HangFire.Job SET Arguments = N'[\"{{}}\"]' WHERE Id = {};
             UPDATE HangFire.Job SET InvocationData = N'not json' WHERE Id = {};",
            ids[0], ids[1]
        ))
        .await;
    let server = world.server(&registry, quick());
    for (id, why) in [(ids[0], "does not fit"), (ids[1], "InvocationData")] {
        let job = world.reaches(id, "Failed").await;
        let reason = job.reason.unwrap();
        assert!(reason.starts_with("Can not read the job: ") && reason.contains(why), "{reason}");
        assert_eq!(job.history.last().unwrap().data["ExceptionType"], "jobs::UnreadablePayload");
    }
    world.reaches(ids[2], "Succeeded").await;
    server.stop().await;
}

#[tokio::test]
async fn long_and_quoted_messages_fit() {
    let world = World::new().await;
    let mut registry = Registry::new();
    registry.register(|_: Context, _: Note| async {
        Err::<(), Failure>(Failure::fail(format!("\"quoted\" \\ {}\n", "größer ".repeat(20_000))))
    });
    let id = world.enqueue(note(1)).await;
    let server = world.server(&registry, quick());
    let job = soon("the job fails", world.reaches(id, "Failed")).await;
    assert!(job.history[2].data["ExceptionMessage"].starts_with("\"quoted\" \\ größer"));
    assert!(job.history[2].data["ExceptionMessage"].ends_with('…'));
    server.stop().await;
}
