//! Rows that .NET wrote, or that .NET will read.

use jobs::JobId;
use sql::RowExt;

use crate::support::{Note, World, quick, reporting, soon};

/// What a .NET client leaves behind, in two steps, at compatibility level 110.
async fn enqueue_as_dotnet(world: &World, invocation_data: &str, arguments: &str) -> JobId {
    world
        .run(&format!(
            "DECLARE @job bigint, @state bigint;
             INSERT INTO HangFire.Job (InvocationData, Arguments, CreatedAt, ExpireAt)
             VALUES (N'{invocation_data}', N'{arguments}', GETUTCDATE(), DATEADD(day, 30, GETUTCDATE()));
             SET @job = SCOPE_IDENTITY();
             INSERT INTO HangFire.JobParameter (JobId, Name, Value) VALUES (@job, N'CurrentCulture', N'\"en-GB\"');
             INSERT INTO HangFire.State (JobId, Name, CreatedAt, Data) VALUES (@job, N'Enqueued', GETUTCDATE(),
                 N'{{\"EnqueuedAt\":\"2026-03-01T10:00:00.0000000Z\",\"Queue\":\"default\"}}');
             SET @state = SCOPE_IDENTITY();
             UPDATE HangFire.Job SET StateId = @state, StateName = N'Enqueued', ExpireAt = NULL WHERE Id = @job;
             INSERT INTO HangFire.JobQueue (JobId, Queue) VALUES (@job, N'default');"
        ))
        .await;
    JobId(world.rows("SELECT MAX(j.Id) AS Id FROM HangFire.Job AS j").await[0].read("Id").unwrap())
}

#[tokio::test]
async fn jobs_of_dotnet_clients_run_at_every_level() {
    let world = World::new().await;
    let arguments = r#"["{\"number\":5,\"text\":\"five\"}",null]"#;
    let level_110 = r#"{"Type":"Example.Jobs.Note, Example, Version=1.0.0.0, Culture=neutral, PublicKeyToken=null","Method":"Run","ParameterTypes":"[\"Example.Jobs.Note, Example\"]","Arguments":null}"#;
    let level_180 = r#"{"t":"Example.Jobs.Note, Example","m":"Run","p":["Example.Jobs.Note, Example","System.Threading.CancellationToken"]}"#;
    let (mut reports, registry) = reporting();
    let server = world.server(&registry, quick());
    for invocation_data in [level_110, level_180] {
        let id = enqueue_as_dotnet(&world, invocation_data, arguments).await;
        let expected = Note { number: 5, text: "five".into() };
        assert_eq!(soon("the job runs", reports.recv()).await, Some(expected));
        let job = world.reaches(id, "Succeeded").await;
        assert_eq!(job.method.as_deref(), Some("Run"));
        assert_eq!(job.history[0].data["EnqueuedAt"], "2026-03-01T10:00:00.0000000Z");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_job_that_a_dotnet_scheduler_moved_without_a_state_runs_and_leaves_the_sets() {
    let world = World::new().await;
    let id = enqueue_as_dotnet(
        &world,
        r#"{"t":"Example.Jobs.Note, Example","m":"Run"}"#,
        r#"["{\"number\":1,\"text\":\"\"}"]"#,
    )
    .await;
    world
        .run(&format!(
            "UPDATE HangFire.Job SET StateName = N'Scheduled' WHERE Id = {id};
             INSERT INTO HangFire.[Set] ([Key], Score, Value) VALUES (N'retries', 0, N'{id}');"
        ))
        .await;
    let (_reports, registry) = reporting();
    let server = world.server(&registry, quick());
    world.reaches(id, "Succeeded").await;
    assert_eq!(world.count("SELECT COUNT(*) AS n FROM HangFire.[Set] AS s").await, 0);
    server.stop().await;
}

#[tokio::test]
async fn a_job_that_a_dotnet_worker_left_in_processing_is_taken_over_when_its_claim_is_old() {
    let world = World::new().await;
    let id = enqueue_as_dotnet(
        &world,
        r#"{"t":"Example.Jobs.Note, Example","m":"Run"}"#,
        r#"["{\"number\":1,\"text\":\"\"}"]"#,
    )
    .await;
    world
        .run(&format!(
            "UPDATE HangFire.Job SET StateName = N'Processing' WHERE Id = {id};
             UPDATE HangFire.JobQueue SET FetchedAt = DATEADD(minute, -10, GETUTCDATE()) WHERE JobId = {id};"
        ))
        .await;
    let (_reports, registry) = reporting();
    let server = world.server(&registry, quick());
    world.reaches(id, "Succeeded").await;
    world.nothing_is_left().await;
    server.stop().await;
}

#[tokio::test]
async fn the_server_row_looks_like_hangfires() {
    let world = World::new().await;
    let (_reports, registry) = reporting();
    let server = world.server(&registry, quick());
    world.reaches(world.enqueue(crate::support::note(1)).await, "Succeeded").await;
    let rows = world.rows("SELECT s.Id, s.Data FROM HangFire.Server AS s").await;
    let parts: Vec<&str> = rows[0].read::<&str>("Id").unwrap().split(':').collect();
    assert_eq!(parts.len(), 3, "{parts:?}");
    assert_eq!(parts[1], std::process::id().to_string());
    let mut data: serde_json::Value = serde_json::from_str(rows[0].read("Data").unwrap()).unwrap();
    let started = data["StartedAt"].take();
    let started = time::OffsetDateTime::parse(
        started.as_str().unwrap(),
        &time::format_description::well_known::Rfc3339,
    );
    assert!(started.is_ok(), "{started:?}");
    assert_eq!(data.to_string(), r#"{"Queues":["default"],"StartedAt":null,"WorkerCount":4}"#);
    server.stop().await;
}
