//! Recurring jobs.

use std::collections::BTreeMap;
use std::time::Duration;

use jobs::{Error, Misfire, Recurring, ServerOptions, recurring};
use sql::RowExt;

use crate::support::{Note, World, eventually, note, quick, reporting, soon};

const EVERY_SECOND: &str = "* * * * * *";
const NIGHTLY: &str = "0 3 * * *";

/// `change!(world, |client, tx| client.pause_recurring(tx, "id"))` in a transaction of its own.
macro_rules! change {
    ($world:expr, |$client:ident, $tx:ident| $change:expr) => {{
        let $client = &$world.client;
        let database = &$world.database;
        database.transaction("test", |$tx| Box::pin(async move { $change.await })).await
    }};
}

async fn set(world: &World, recurring: &Recurring, payload: &Note) -> Result<(), Error> {
    change!(world, |client, tx| client.set_recurring(tx, recurring, payload))
}

async fn hash(world: &World, id: &str) -> BTreeMap<String, String> {
    let key = format!("recurring-job:{id}");
    let rows = world
        .database
        .query("SELECT h.Field, h.Value FROM HangFire.Hash AS h WHERE h.[Key] = @P1", &[&key.as_str()])
        .await
        .unwrap();
    let text = |row: &sql::Row, column: &str| row.read::<&str>(column).unwrap().to_owned();
    rows.iter().map(|row| (text(row, "Field"), text(row, "Value"))).collect()
}

async fn score(world: &World, id: &str) -> f64 {
    let rows = world
        .database
        .query(
            "SELECT s.Score FROM HangFire.[Set] AS s WHERE s.[Key] = N'recurring-jobs' AND s.Value = @P1",
            &[&id],
        )
        .await
        .unwrap();
    rows[0].read("Score").unwrap()
}

/// Moves the next run of a recurring job to the past, as if nobody had been there for `ago`.
async fn miss(world: &World, id: &str, ago: Duration) {
    let at = time::OffsetDateTime::now_utc().unix_timestamp() - i64::try_from(ago.as_secs()).unwrap();
    world
        .run(&format!(
            "UPDATE s SET s.Score = {at} FROM HangFire.[Set] AS s WHERE s.[Key] = N'recurring-jobs' AND s.Value = N'{id}';
             UPDATE h SET h.Value = N'{at}000' FROM HangFire.Hash AS h WHERE h.[Key] = N'recurring-job:{id}' AND h.Field = N'NextExecution';"
        ))
        .await;
}

fn with_recurring() -> ServerOptions {
    ServerOptions { recurring_interval: Duration::from_millis(500), ..quick() }
}

#[tokio::test]
async fn the_hash_is_written_as_dotnet_writes_it() {
    let world = World::new().await;
    let nightly = Recurring::new("nightly", NIGHTLY).zone("W. Europe Standard Time").misfire(Misfire::Strict);
    set(&world, &nightly, &note(1)).await.unwrap();
    let mut fields = hash(&world, "nightly").await;
    let next: i64 = fields["NextExecution"].parse().unwrap();
    assert_eq!(next % 3_600_000, 0);
    assert_eq!(score(&world, "nightly").await as i64 * 1000, next);
    for time in ["NextExecution", "CreatedAt"] {
        assert_eq!(fields.insert(time.to_owned(), "unix ms, 13 digits".to_owned()).unwrap().len(), 13);
    }
    insta::assert_json_snapshot!("hash_of_a_recurring_job", fields);
}

#[tokio::test]
async fn one_of_several_servers_makes_each_run_and_another_goes_on_when_it_stops() {
    let world = World::new().await;
    set(&world, &Recurring::new("tick", EVERY_SECOND), &note(7)).await.unwrap();
    let (mut reports, registry) = reporting();
    let first = world.server(&registry, with_recurring());
    let second = world.server(&registry, with_recurring());
    for _ in 0..2 {
        assert_eq!(soon("it runs", reports.recv()).await, Some(note(7)));
    }
    first.stop().await;
    for _ in 0..2 {
        soon("it still runs", reports.recv()).await;
    }
    second.stop().await;
    // Relaxed: a late server makes one run for several seconds, and never two for one.
    let rows = world
        .rows(
            "SELECT p.Value, COUNT(*) AS n FROM HangFire.JobParameter AS p WHERE p.Name = N'Time' \
             GROUP BY p.Value HAVING COUNT(*) > 1",
        )
        .await;
    assert!(rows.is_empty(), "two runs for one time");
    let parameters = world.rows("SELECT MAX(j.Id) AS Id FROM HangFire.Job AS j").await;
    let last = world.job(jobs::JobId(parameters[0].read("Id").unwrap())).await;
    assert_eq!(last.parameters["RecurringJobId"], "\"tick\"");
    assert_eq!(last.parameters["UserName"], "\"system:tick\"");
    assert_eq!(last.parameters["CurrentCulture"], "\"\"");
    assert_eq!(last.queue.as_deref(), Some("default"));
    assert_eq!(hash(&world, "tick").await["LastJobId"], last.id.to_string());
}

#[tokio::test]
async fn missed_times_are_made_up_for_as_each_mode_says() {
    let world = World::new().await;
    for (number, (id, misfire)) in
        [("relaxed", Misfire::Relaxed), ("strict", Misfire::Strict), ("ignorable", Misfire::Ignorable)]
            .into_iter()
            .enumerate()
    {
        let recurring = Recurring::new(id, "0 * * * *").misfire(misfire);
        set(&world, &recurring, &note(i64::try_from(number).unwrap())).await.unwrap();
        // To the full hour, so that the times that were missed are three.
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        miss(&world, id, Duration::from_secs(u64::try_from(now % 3600 + 7200).unwrap())).await;
    }
    let (mut reports, registry) = reporting();
    let server = world.server(&registry, with_recurring());
    let mut ran = Vec::new();
    for _ in 0..4 {
        ran.push(soon("missed runs", reports.recv()).await.unwrap().number);
    }
    ran.sort_unstable();
    assert_eq!(ran, [0, 1, 1, 1]);
    eventually("everything is scheduled again", async || {
        let due = world.rows("SELECT MIN(s.Score) AS n FROM HangFire.[Set] AS s").await[0]
            .read::<f64>("n")
            .unwrap();
        if due > time::OffsetDateTime::now_utc().unix_timestamp() as f64 { Ok(()) } else { Err(due) }
    })
    .await;
    server.stop().await;
    assert!(reports.try_recv().is_err());
}

#[tokio::test]
async fn a_changed_setting_holds_at_once_and_an_unchanged_one_changes_nothing() {
    let world = World::new().await;
    set(&world, &Recurring::new("job", NIGHTLY), &note(1)).await.unwrap();
    let before = hash(&world, "job").await;
    set(&world, &Recurring::new("job", NIGHTLY), &note(1)).await.unwrap();
    assert_eq!(hash(&world, "job").await, before);
    let (mut reports, registry) = reporting();
    let server = world.server(&registry, with_recurring());
    let often = &Recurring::new("job", EVERY_SECOND).queue("default");
    let changed = change!(world, |client, tx| client.change_recurring(tx, often)).unwrap();
    assert!(changed);
    soon("it runs at its new times", reports.recv()).await;
    let other = &Recurring::new("other", EVERY_SECOND);
    let missing = change!(world, |client, tx| client.change_recurring(tx, other)).unwrap();
    assert!(!missing && hash(&world, "other").await.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_paused_job_rests_through_deployments_until_it_is_resumed_and_runs_when_triggered() {
    let world = World::new().await;
    set(&world, &Recurring::new("job", NIGHTLY), &note(1)).await.unwrap();
    assert!(change!(world, |client, tx| client.pause_recurring(tx, "job")).unwrap());
    set(&world, &Recurring::new("job", EVERY_SECOND), &note(2)).await.unwrap();
    let view = recurring::get(&world.database, "job").await.unwrap().unwrap();
    assert!(view.paused_at.is_some() && view.next_at.is_none() && view.upcoming.is_empty(), "{view:?}");
    assert_eq!((view.cron.as_str(), score(&world, "job").await as i64), (EVERY_SECOND, -1));

    let triggered = change!(world, |client, tx| client.trigger_recurring(tx, "job")).unwrap().unwrap();
    let (mut reports, registry) = reporting();
    let server = world.server(&registry, with_recurring());
    world.reaches(triggered, "Succeeded").await;
    assert_eq!(reports.recv().await, Some(note(2)));
    assert!(reports.try_recv().is_err(), "it rests");
    assert!(change!(world, |client, tx| client.resume_recurring(tx, "job")).unwrap());
    assert_eq!(soon("it runs again", reports.recv()).await, Some(note(2)));
    assert!(change!(world, |client, tx| client.remove_recurring(tx, "job")).unwrap());
    assert!(recurring::get(&world.database, "job").await.unwrap().is_none());
    assert!(!change!(world, |client, tx| client.pause_recurring(tx, "job")).unwrap());
    assert_eq!(change!(world, |client, tx| client.trigger_recurring(tx, "job")).unwrap(), None);
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_scheduled_is_refused_at_the_call() {
    let world = World::new().await;
    let good = || Recurring::new("id", NIGHTLY);
    for (bad, why) in [
        (Recurring::new("", NIGHTLY), "id"),
        (Recurring::new("x".repeat(87), NIGHTLY), "id"),
        (Recurring::new("id", "61 * * * *"), "minute: 61"),
        (good().zone("Mars/Olympus"), "time zone"),
        (good().queue("No Queue"), "queue name"),
        (good().jitter(Duration::from_secs(90_000)), "jitter"),
    ] {
        let refused = set(&world, &bad, &note(1)).await.unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
    assert_eq!(world.count("SELECT COUNT(*) AS n FROM HangFire.[Set] AS s").await, 0);
}

/// What .NET clients of each level leave, with times in the past: it runs, and stays a recurring job.
#[tokio::test]
async fn recurring_jobs_of_dotnet_clients_run_at_every_level_without_anybody_loading_their_types() {
    let world = World::new().await;
    let level_110 = r#"{"Type":"Example.Jobs.Note, Example, Version=1.0.0.0, Culture=neutral, PublicKeyToken=null","Method":"Run","ParameterTypes":"[\"Example.Jobs.Note, Example\"]","Arguments":"[\"{\\\"number\\\":110,\\\"text\\\":\\\"\\\"}\"]"}"#;
    let level_180 = r#"{"t":"Example.Jobs.Note, Example","m":"Run","p":["Example.Jobs.Note, Example"],"a":["{\"number\":180,\"text\":\"\"}"]}"#;
    let unknown = r#"{"t":"Example.Dotnet.Only, Example","m":"Run"}"#;
    for (id, job, next, created) in [
        ("level-110", level_110, "2026-03-01T10:00:00.0000000Z", "2026-02-01T10:00:00.0000000Z"),
        ("level-180", level_180, "1772359200000", "1769940000000"),
        ("dotnet-only", unknown, "1772359200000", "1769940000000"),
    ] {
        world
            .run(&format!(
                "INSERT INTO HangFire.Hash ([Key], Field, Value) VALUES
                     (N'recurring-job:{id}', N'Queue', N'default'), (N'recurring-job:{id}', N'Cron', N'0 3 * * *'),
                     (N'recurring-job:{id}', N'TimeZoneId', N'W. Europe Standard Time'), (N'recurring-job:{id}', N'Job', N'{job}'),
                     (N'recurring-job:{id}', N'CreatedAt', N'{created}'), (N'recurring-job:{id}', N'NextExecution', N'{next}'),
                     (N'recurring-job:{id}', N'V', N'2');
                 INSERT INTO HangFire.[Set] ([Key], Score, Value) VALUES (N'recurring-jobs', 1772359200, N'{id}');"
            ))
            .await;
    }
    let (mut reports, registry) = reporting();
    let server = world.server(&registry, with_recurring());
    let mut ran = [
        soon("one runs", reports.recv()).await.unwrap().number,
        soon("one runs", reports.recv()).await.unwrap().number,
    ];
    ran.sort_unstable();
    assert_eq!(ran, [110, 180]);
    let view = eventually("the third is scheduled on", async || {
        let view = recurring::get(&world.database, "dotnet-only").await.unwrap().unwrap();
        if view.last_job.is_some() { Ok(view) } else { Err(view) }
    })
    .await;
    assert_eq!(view.error, None);
    assert_eq!(view.upcoming.len(), 5);
    let waiting = world.job(view.last_job.unwrap()).await;
    assert_eq!(
        (waiting.state.as_deref(), waiting.job_type.as_deref()),
        (Some("Enqueued"), Some("Example.Dotnet.Only, Example"))
    );
    server.stop().await;
}

#[tokio::test]
async fn an_outage_switches_nothing_off_and_what_cannot_be_read_says_so_and_heals() {
    let world = World::new().await;
    set(&world, &Recurring::new("tick", EVERY_SECOND), &note(1)).await.unwrap();
    set(&world, &Recurring::new("broken", EVERY_SECOND), &note(2)).await.unwrap();
    world
        .run("UPDATE h SET h.Value = N'every \"now\" and then' FROM HangFire.Hash AS h WHERE h.[Key] = N'recurring-job:broken' AND h.Field = N'Cron';")
        .await;
    let proxy = world.test.proxy().await;
    let options = sql::Options { acquire_timeout_ms: 1_000, ..sql::Options::default() };
    let shaky = sql::Database::connect(proxy.connection(), options).await.unwrap();
    let (mut reports, registry) = reporting();
    let server = world.server_on(&shaky, &registry, with_recurring());
    soon("it runs", reports.recv()).await;
    proxy.refuse();
    eventually("the storage is away", async || {
        proxy.cut();
        if server.status().storage_away { Ok(()) } else { Err(()) }
    })
    .await;
    proxy.accept();
    while reports.try_recv().is_ok() {}
    soon("it runs again", reports.recv()).await;

    let view = eventually("the broken one says so", async || {
        let view = recurring::get(&world.database, "broken").await.unwrap().unwrap();
        if view.error.is_some() { Ok(view) } else { Err(view) }
    })
    .await;
    assert!(view.error.unwrap().contains("it has 4 fields"));
    assert!(score(&world, "broken").await > 0.0, "it is looked at again");
    let mended = &Recurring::new("broken", EVERY_SECOND);
    assert!(change!(world, |client, tx| client.change_recurring(tx, mended)).unwrap());
    eventually("the mended one runs", async || match reports.recv().await {
        Some(note) if note.number == 2 => Ok(()),
        other => Err(other),
    })
    .await;
    assert_eq!(recurring::get(&world.database, "broken").await.unwrap().unwrap().error, None);
    server.stop().await;
}

#[tokio::test]
async fn a_page_of_recurring_jobs_begins_behind_the_last_one() {
    let world = World::new().await;
    for id in ["a", "b-mail", "c-mail", "d"] {
        set(&world, &Recurring::new(id, NIGHTLY).jitter(Duration::from_secs(60)), &note(1)).await.unwrap();
    }
    let page = async |after: &str, search: &str| {
        let page = recurring::list(&world.database, after, search, 2).await.unwrap();
        page.into_iter().map(|view| view.id).collect::<Vec<_>>()
    };
    assert_eq!(page("", "").await, ["a", "b-mail"]);
    assert_eq!(page("b-mail", "").await, ["c-mail", "d"]);
    assert_eq!(page("b", "mail").await, ["b-mail", "c-mail"]);
    let view = recurring::get(&world.database, "a").await.unwrap().unwrap();
    assert_eq!(view.jitter, Duration::from_secs(60));
    assert_eq!(view.job_type.as_deref(), Some("Example.Jobs.Note, Example"));
}
