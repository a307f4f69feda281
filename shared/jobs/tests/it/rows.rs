//! The rows as they are written, word for word: a diff here is a decision about compatibility.

use std::fmt::Write;

use jobs::{Context, Failure, JobId, Registry};
use sql::RowExt;

use crate::support::{Note, World, quick};

#[tokio::test]
async fn the_rows_of_a_job_that_succeeds_at_its_second_attempt() {
    let world = World::new().await;
    let mut registry = Registry::new();
    registry.register(|context: Context, _: Note| async move {
        match context.attempt() {
            1 => Err(Failure::retry("no paper")),
            _ => Ok(()),
        }
    });
    let id = world.enqueue(Note { number: 1, text: "größer \"&\" schöner".into() }).await;
    insta::assert_snapshot!("enqueued", written(&world, id).await);
    let server = world.server(&registry, quick());
    world.reaches(id, "Succeeded").await;
    world.nothing_is_left().await;
    server.stop().await;
    insta::assert_snapshot!("succeeded_at_the_second_attempt", written(&world, id).await);
}

#[tokio::test]
async fn the_rows_of_a_job_that_fails() {
    let world = World::new().await;
    let mut registry = Registry::new();
    registry.register(|_: Context, _: Note| async { Err::<(), Failure>(Failure::fail("no such customer")) });
    let id = world.enqueue(Note { number: 2, text: String::new() }).await;
    let server = world.server(&registry, quick());
    world.reaches(id, "Failed").await;
    world.nothing_is_left().await;
    server.stop().await;
    insta::assert_snapshot!("failed", written(&world, id).await);
}

/// All rows about the job; times, numbers of rows and names of processes are blanked.
async fn written(world: &World, id: JobId) -> String {
    let job = world.database.query("SELECT j.StateName, j.InvocationData, j.Arguments, j.ExpireAt, \
        CASE WHEN j.StateId = (SELECT MAX(s.Id) FROM HangFire.State AS s WHERE s.JobId = j.Id) THEN 1 ELSE 0 END AS Latest \
        FROM HangFire.Job AS j WHERE j.Id = @P1", &[&id.0]).await.unwrap();
    let job = &job[0];
    let expires = job.read_opt::<time::PrimitiveDateTime>("ExpireAt").unwrap().is_some();
    let mut text = format!(
        "Job\n  StateName {}, StateId is the latest: {}, expires: {expires}\n  InvocationData {}\n  Arguments {}\n",
        job.read::<&str>("StateName").unwrap(),
        job.read::<i32>("Latest").unwrap() == 1,
        job.read::<&str>("InvocationData").unwrap(),
        job.read::<&str>("Arguments").unwrap(),
    );
    let states = "SELECT s.Name, s.Reason, s.Data FROM HangFire.State AS s WHERE s.JobId = @P1 ORDER BY s.Id";
    for row in world.database.query(states, &[&id.0]).await.unwrap() {
        let reason = row.read_opt::<&str>("Reason").unwrap().unwrap_or("NULL");
        let data = blanked(row.read("Data").unwrap());
        writeln!(text, "State {}, {reason}\n  {data}", row.read::<&str>("Name").unwrap()).unwrap();
    }
    let parameters =
        "SELECT p.Name, p.Value FROM HangFire.JobParameter AS p WHERE p.JobId = @P1 ORDER BY p.Name";
    for row in world.database.query(parameters, &[&id.0]).await.unwrap() {
        writeln!(
            text,
            "JobParameter {} = {}",
            row.read::<&str>("Name").unwrap(),
            row.read::<&str>("Value").unwrap()
        )
        .unwrap();
    }
    for row in world.rows("SELECT q.Queue FROM HangFire.JobQueue AS q").await {
        writeln!(text, "JobQueue {}", row.read::<&str>("Queue").unwrap()).unwrap();
    }
    let counters = "SELECT c.[Key] AS Name, c.Value, DATEDIFF(hour, GETUTCDATE(), c.ExpireAt) AS Hours \
        FROM HangFire.Counter AS c ORDER BY c.Id";
    for row in world.rows(counters).await {
        let name: String = row
            .read::<&str>("Name")
            .unwrap()
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        let life = match row.read_opt::<i32>("Hours").unwrap() {
            None => "for ever",
            Some(23..=24) => "a day",
            Some(27..=745) => "a month",
            Some(_) => "?",
        };
        writeln!(text, "Counter {name} {}, {life}", row.read::<i32>("Value").unwrap()).unwrap();
    }
    text
}

fn blanked(data: &str) -> String {
    // The order of members is not part of the contract, and an engine may keep its own.
    let members: std::collections::BTreeMap<String, String> = serde_json::from_str(data).unwrap();
    let blank = |(key, value): (String, String)| {
        let number = value.parse::<i64>().is_ok();
        let value = match key.as_str() {
            "ServerId" | "WorkerId" => "…".to_owned(),
            _ if key.ends_with("At") && number => format!("unix ms, {} digits", value.len()),
            _ if number => "ms".to_owned(),
            _ => value,
        };
        format!("{key}={value}")
    };
    members.into_iter().map(blank).collect::<Vec<_>>().join(" | ")
}
