//! What people see.

use jobs::monitor::{Filter, JobPage, Period};
use jobs::{JobId, monitor};
use time::OffsetDateTime;

use crate::support::{Letter, World, eventually, note, quick, reporting};

async fn list(world: &World, filter: Filter, before: Option<JobId>, limit: u16) -> JobPage {
    monitor::list(&world.database, &filter, before, limit).await.unwrap()
}

fn ids(page: &JobPage) -> Vec<i64> {
    page.jobs.iter().map(|job| job.id.0).collect()
}

#[tokio::test]
async fn jobs_are_found_by_state_type_argument_queue_and_time_a_page_at_a_time() {
    let world = World::new().await;
    let notes: Vec<_> = (1..=5).map(jobs_note).collect();
    let first: Vec<i64> = world.enqueue_many(&notes).await.iter().map(|id| id.0).collect();
    let letter = world.enqueue(Letter { page: 77 }).await;
    let client = &world.client;
    let other = world
        .database
        .transaction("test", |tx| {
            Box::pin(async move { client.enqueue_to(tx, "other", &jobs_note(9)).await })
        })
        .await
        .unwrap();

    let page = list(&world, Filter::default(), None, 3).await;
    assert_eq!(ids(&page), [other.0, letter.0, first[4]]);
    let next = list(&world, Filter::default(), page.next_before, 100).await;
    assert_eq!(ids(&next), [first[3], first[2], first[1], first[0]]);
    assert_eq!(next.next_before, None);

    let by = async |filter: Filter| ids(&list(&world, filter, None, 100).await);
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(by(Filter { job_type: text("jobs.LETTER"), ..Filter::default() }).await, [letter.0]);
    assert_eq!(by(Filter { argument: text("\"page\":77"), ..Filter::default() }).await, [letter.0]);
    assert_eq!(by(Filter { argument: text("größe \"3\""), ..Filter::default() }).await, [first[2]]);
    assert_eq!(by(Filter { queue: text("other"), ..Filter::default() }).await, [other.0]);
    assert!(by(Filter { state: text("Succeeded"), ..Filter::default() }).await.is_empty());
    assert_eq!(
        by(Filter { state: text("Enqueued"), queue: text("default"), ..Filter::default() }).await.len(),
        6
    );

    // The first three are of yesterday.
    world
        .run(&format!(
            "UPDATE HangFire.Job SET CreatedAt = DATEADD(day, -1, CreatedAt) WHERE Id <= {};",
            first[2]
        ))
        .await;
    let noon = OffsetDateTime::now_utc() - time::Duration::hours(12);
    assert_eq!(by(Filter { to: Some(noon), ..Filter::default() }).await, [first[2], first[1], first[0]]);
    assert_eq!(by(Filter { from: Some(noon), ..Filter::default() }).await.len(), 4);
    let line =
        list(&world, Filter { job_type: text("Letter"), ..Filter::default() }, None, 1).await.jobs.remove(0);
    assert_eq!((line.state.as_deref(), line.method.as_deref()), (Some("Enqueued"), Some("Run")));
    assert!(line.since.is_some() && line.arguments.contains("77"));
}

fn jobs_note(number: i64) -> crate::support::Note {
    crate::support::Note { number, text: format!("größe \"{number}\"") }
}

#[tokio::test]
async fn the_overview_counts_and_names_what_nobody_runs() {
    let world = World::new().await;
    let done = world.enqueue(note(1)).await;
    world.enqueue(Letter { page: 1 }).await;
    let (_reports, registry) = reporting();
    let server = world.server(&registry, quick());
    world.reaches(done, "Succeeded").await;
    let overview = eventually("the letter is held", async || {
        let overview = monitor::overview(&world.database).await.unwrap();
        if overview.held == 1 { Ok(overview) } else { Err(overview) }
    })
    .await;
    assert_eq!((overview.by_state["Succeeded"], overview.by_state["Enqueued"]), (1, 1));
    assert_eq!((overview.succeeded_ever, overview.servers), (1, 1));
    assert_eq!(overview.unexpected[0].handler, "Example.Jobs.Letter, Example::Run");
    let servers = monitor::servers(&world.database).await.unwrap();
    assert_eq!(
        (servers[0].worker_count, servers[0].queues.as_slice()),
        (4, ["default".to_owned()].as_slice())
    );
    assert_eq!(servers[0].handlers, ["Example.Jobs.Note, Example::Run"]);
    for (period, columns) in [(Period::Day, 24), (Period::Week, 7)] {
        let chart = monitor::history(&world.database, period).await.unwrap();
        assert_eq!(chart.len(), columns);
        assert_eq!(chart.iter().map(|column| column.succeeded).sum::<i64>(), 1, "{chart:?}");
        assert!(chart.is_sorted_by_key(|column| column.from));
    }
    server.stop().await;
}
