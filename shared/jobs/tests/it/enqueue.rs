//! A job exists if and only if the transaction that caused it committed.

use jobs::{Error, WakeUp};

use crate::support::{Note, World, note, soon};

#[tokio::test]
async fn a_rolled_back_transaction_leaves_no_job_and_wakes_nobody() {
    let world = World::new().await;
    let hints = world.wake.listen();
    let client = &world.client;
    let outcome: Result<(), Error> = world
        .database
        .transaction("test.rollback", |tx| {
            Box::pin(async move {
                client.enqueue(tx, &note(1)).await?;
                Err(Error::QueueName { name: "changed my mind".into() })
            })
        })
        .await;
    assert!(outcome.is_err());
    assert_eq!(world.count("SELECT COUNT(*) AS n FROM HangFire.Job AS j").await, 0);
    assert_eq!(world.queue_rows().await, 0);
    assert!(!hints.has_changed().unwrap());
}

#[tokio::test]
async fn a_committed_job_is_complete_and_announced() {
    let world = World::new().await;
    let mut hints = world.wake.listen();
    let id = world.enqueue(note(7)).await;
    soon("the hint", hints.changed()).await.unwrap();
    let job = world.job(id).await;
    assert_eq!(job.state.as_deref(), Some("Enqueued"));
    assert_eq!(job.queue.as_deref(), Some("default"));
    assert_eq!(job.history.len(), 1);
    assert_eq!(job.parameters["CurrentCulture"], "\"\"");
}

#[tokio::test]
async fn many_jobs_keep_their_order_over_several_batches() {
    let world = World::new().await;
    let notes: Vec<Note> = (0..1_203).map(note).collect();
    let ids = world.enqueue_many(&notes).await;
    assert!(ids.is_sorted());
    assert_eq!(ids.len(), notes.len());
    for position in [0, 499, 500, 1_202] {
        let arguments = world.job(ids[position]).await.arguments;
        let arguments: Vec<String> = serde_json::from_str(&arguments).unwrap();
        assert_eq!(serde_json::from_str::<Note>(&arguments[0]).unwrap(), notes[position]);
    }
    assert_eq!(world.queue_rows().await, 1_203);
    assert_eq!(world.count("SELECT COUNT(*) AS n FROM HangFire.JobParameter AS p").await, 1_203);
}

#[tokio::test]
async fn a_queue_name_that_hangfire_refuses_is_refused_before_anything_is_written() {
    let world = World::new().await;
    let client = &world.client;
    let outcome = world
        .database
        .transaction("test.queue", |tx| {
            Box::pin(async move { client.enqueue_to(tx, "Not A Queue", &note(1)).await })
        })
        .await;
    assert!(matches!(outcome, Err(Error::QueueName { name }) if name == "Not A Queue"));
    assert_eq!(world.queue_rows().await, 0);
}

#[tokio::test]
async fn a_long_payload_arrives_whole() {
    let world = World::new().await;
    let long = Note { number: 1, text: "größer \"&\" schöner, \\ ".repeat(5_000) };
    let id = world.enqueue(long.clone()).await;
    let arguments: Vec<String> = serde_json::from_str(&world.job(id).await.arguments).unwrap();
    assert_eq!(serde_json::from_str::<Note>(&arguments[0]).unwrap(), long);
}
