//! Jobs for later.

use std::time::Duration;

use sql::RowExt;
use time::OffsetDateTime;

use crate::support::{Note, World, note, quick, reporting, soon};

#[tokio::test]
async fn a_job_for_later_waits_in_hangfires_set_and_runs_when_it_is_due() {
    let world = World::new().await;
    let (client, database) = (&world.client, &world.database);
    let due = OffsetDateTime::now_utc() + Duration::from_secs(3600);
    let ids = database
        .transaction("test", |tx| {
            Box::pin(async move {
                let later = client.schedule(tx, &note(1), due).await?;
                let past = client.schedule(tx, &note(2), due - Duration::from_secs(7200)).await?;
                let soon = client
                    .schedule_many_to(tx, "default", &[note(3), note(4)], Duration::from_millis(300))
                    .await?;
                Ok::<_, jobs::Error>([later, past, soon[0], soon[1]])
            })
        })
        .await
        .unwrap();
    let job = world.job(ids[0]).await;
    assert_eq!(job.state.as_deref(), Some("Scheduled"));
    let due_ms = due.unix_timestamp_nanos() / 1_000_000;
    assert_eq!(job.history[0].data["EnqueueAt"], due_ms.to_string());
    let rows = world
        .rows("SELECT s.Value, s.Score FROM HangFire.[Set] AS s WHERE s.[Key] = N'schedule' ORDER BY s.Value")
        .await;
    assert_eq!(rows[0].read::<&str>("Value").unwrap(), format!("default:{}", ids[0]));
    #[expect(clippy::cast_precision_loss, reason = "seconds fit")]
    let score = ((due_ms + 999) / 1000) as f64;
    assert_eq!(rows[0].read::<f64>("Score").unwrap().to_bits(), score.to_bits());

    let (mut reports, registry) = reporting();
    let server = world.server(&registry, quick());
    let mut ran: Vec<Note> = Vec::new();
    for _ in 0..3 {
        ran.push(soon("a due job runs", reports.recv()).await.unwrap());
    }
    ran.sort_by_key(|note| note.number);
    assert_eq!(ran, [note(2), note(3), note(4)]);
    for id in &ids[1..] {
        world.reaches(*id, "Succeeded").await;
        assert_eq!(world.history(*id).await, ["Scheduled", "Enqueued", "Processing", "Succeeded"]);
    }
    assert_eq!(world.state(ids[0]).await, "Scheduled");
    assert_eq!(
        world.count("SELECT COUNT(*) AS n FROM HangFire.[Set] AS s WHERE s.[Key] = N'schedule'").await,
        1
    );
    server.stop().await;
}

#[tokio::test]
async fn many_due_jobs_are_moved_once_each_by_several_servers() {
    let world = World::new().await;
    let (client, database) = (&world.client, &world.database);
    let notes: Vec<Note> = (0..2_500).map(note).collect();
    let payloads = &notes;
    let ids = database
        .transaction("test", |tx| {
            Box::pin(async move { client.schedule_many_to(tx, "default", payloads, Duration::ZERO).await })
        })
        .await
        .unwrap();
    let (mut reports, registry) = reporting();
    let servers: Vec<_> = (0..3).map(|_| world.server(&registry, quick())).collect();
    let mut seen = std::collections::HashSet::new();
    while seen.len() < ids.len() {
        let note = soon("all jobs run", reports.recv()).await.unwrap();
        assert!(seen.insert(note.number), "{} ran twice", note.number);
    }
    for server in servers {
        server.stop().await;
    }
    let moved = world.count("SELECT COUNT(*) AS n FROM HangFire.State AS s WHERE s.Name = N'Enqueued'").await;
    assert_eq!(moved, 2_500);
}

#[tokio::test]
async fn members_of_dotnet_clients_are_moved_with_and_without_a_queue() {
    let world = World::new().await;
    let (client, database) = (&world.client, &world.database);
    let ids = database
        .transaction("test", |tx| {
            Box::pin(async move {
                client.schedule_many_to(tx, "default", &[note(1), note(2)], Duration::from_secs(3600)).await
            })
        })
        .await
        .unwrap();
    // As levels 110 and 170 write them: one member is the bare id.
    world
        .run(&format!(
            "UPDATE s SET s.Score = 1, s.Value = N'{}' FROM HangFire.[Set] AS s WHERE s.Value = N'default:{}';
             UPDATE s SET s.Score = 2 FROM HangFire.[Set] AS s WHERE s.Value = N'default:{}';",
            ids[0], ids[0], ids[1]
        ))
        .await;
    let (_reports, registry) = reporting();
    let server = world.server(&registry, quick());
    for id in ids {
        world.reaches(id, "Succeeded").await;
    }
    assert_eq!(world.count("SELECT COUNT(*) AS n FROM HangFire.[Set] AS s").await, 0);
    server.stop().await;
}

#[tokio::test]
async fn a_job_remembers_on_whose_behalf_it_runs() {
    let world = World::new().await;
    let (report, mut reports) = tokio::sync::mpsc::unbounded_channel();
    let mut registry = jobs::Registry::new();
    registry.register(move |context: jobs::Context, _: Note| {
        let report = report.clone();
        async move {
            report.send(context.user_name()).unwrap();
            Ok::<(), jobs::Failure>(())
        }
    });
    let client = &world.client.for_user("jo \"the\" größte");
    world
        .database
        .transaction("test", |tx| Box::pin(async move { client.enqueue(tx, &note(1)).await }))
        .await
        .unwrap();
    let server = world.server(&registry, quick());
    assert_eq!(soon("the job runs", reports.recv()).await.unwrap().as_deref(), Some("jo \"the\" größte"));
    server.stop().await;
}
