//! Fills a database with jobs in every state, for looking at pages: `sample_jobs "Server=…;Database=…"`. For the judge of the
//! pages (`tests/judges/pages`); never run it on a database that matters.

use std::sync::Arc;
use std::time::Duration;

use jobs::{Action, After, Client, Misfire, NoWakeUp, Payload, Recurring};
use serde::{Deserialize, Serialize};
use sql::{ConnectionString, Database, Options};

/// A kind of job that no server runs.
#[derive(Serialize, Deserialize)]
struct SendNewsletter {
    customer: i64,
    subject: String,
}

impl Payload for SendNewsletter {
    const TYPE: &'static str = "Example.Mail.SendNewsletter, Example";
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let connection = std::env::args().nth(1).ok_or("the connection string is wanted")?;
    let connection = ConnectionString::parse(&connection)?;
    let database = Database::connect(&connection, Options::default()).await?;
    let client = &Client::new(Arc::new(NoWakeUp)).for_user("jo");
    let letters = &(1..=8)
        .map(|customer| SendNewsletter { customer, subject: format!("<b>News</b> for \"{customer}\"") })
        .collect::<Vec<_>>();
    database
        .transaction("sample", |tx| {
            Box::pin(async move {
                let ids = client.enqueue_many(tx, letters).await?;
                client.act(tx, Action::Delete, &ids[..2], "Deleted by jo").await?;
                client.continue_with(tx, ids[3], After::Success, &letters[0]).await?;
                client.schedule(tx, &letters[1], Duration::from_secs(3600)).await?;
                let nightly =
                    Recurring::new("nightly-report", "0 3 * * MON-FRI").zone("W. Europe Standard Time");
                client.set_recurring(tx, &nightly, &letters[2]).await?;
                let stock = Recurring::new("stock-sync", "*/15 * * * *")
                    .misfire(Misfire::Strict)
                    .jitter(Duration::from_secs(60));
                client.set_recurring(tx, &stock, &letters[2]).await?;
                client
                    .set_recurring(tx, &Recurring::new("yearly-archive", "0 0 L DEC *"), &letters[2])
                    .await?;
                client.pause_recurring(tx, "yearly-archive").await?;
                client.pause_queue(tx, "newsletters", "jo").await?;
                Ok::<_, jobs::Error>(())
            })
        })
        .await?;
    // A job that a worker does have a handler for, and cannot read: it fails.
    database
        .run_script(
            "DECLARE @job bigint, @state bigint;
             INSERT INTO HangFire.Job (StateName, InvocationData, Arguments, CreatedAt)
             SELECT TOP (1) N'Enqueued', j.InvocationData, N'[\"{}\"]', SYSUTCDATETIME() FROM HangFire.Job AS j
             WHERE j.StateName = N'Succeeded';
             SET @job = SCOPE_IDENTITY();
             INSERT INTO HangFire.State (JobId, Name, CreatedAt, Data) VALUES (@job, N'Enqueued', SYSUTCDATETIME(), N'{}');
             SET @state = SCOPE_IDENTITY();
             UPDATE HangFire.Job SET StateId = @state WHERE Id = @job;
             INSERT INTO HangFire.JobQueue (JobId, Queue) VALUES (@job, N'default');",
        )
        .await?;
    Ok(())
}
