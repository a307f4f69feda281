//! The life of an import row.

use crate::world::{World, main_store};
use domain::import::Refusal;
use store::blobs::Writer;
use store::imports::{
    self, Begun, Checkpoint, ImportState, ImportView, NewImport, Progress, REFUSALS_KEPT_MAX, Work,
};
use store::{Error, Result};

async fn create(world: &World) -> i64 {
    let store = &world.store;
    world
        .db()
        .transaction("test.create", |tx| {
            Box::pin(async move {
                let blob_id = Writer::create(tx, "catalog.csv", "text/csv").await?.finish(tx).await?.id;
                let import = NewImport { store, blob_id, file_name: "catalog \"1\".csv" };
                let id = imports::create(tx, &import).await?;
                imports::set_job(tx, id, 77).await?;
                Ok::<_, Error>(id)
            })
        })
        .await
        .unwrap()
}

async fn begin(world: &World, id: i64) -> Option<Begun> {
    world.db().transaction("test.begin", |tx| Box::pin(imports::begin(tx, id))).await.unwrap()
}

async fn begin_work(world: &World, id: i64) -> Work {
    match begin(world, id).await {
        Some(Begun::Work(work)) => *work,
        other => panic!("{other:?}"),
    }
}

async fn checkpoint(
    world: &World,
    id: i64,
    from: Checkpoint,
    progress: Progress,
    refusals: &[Refusal],
) -> Result<()> {
    let progress = &progress;
    world
        .db()
        .transaction("test.checkpoint", |tx| Box::pin(imports::checkpoint(tx, id, from, progress, refusals)))
        .await
}

async fn finish(world: &World, id: i64, from: Checkpoint) -> Result<()> {
    world.db().transaction("test.finish", |tx| Box::pin(imports::finish(tx, id, from))).await
}

async fn view(world: &World, id: i64) -> ImportView {
    imports::view(world.db(), id, 0, 10).await.unwrap().unwrap()
}

fn refusal(row: u64) -> Refusal {
    Refusal::new(row, "Variant Price", "12\" \\", "contains '\"'; write the number alone")
}

fn at(row: u64) -> Checkpoint {
    Checkpoint { row, byte: row * 100 }
}

#[tokio::test]
async fn an_import_goes_from_queued_to_completed_and_counts() {
    let world = World::new().await;
    let id = create(&world).await;
    let queued = view(&world, id).await;
    assert_eq!((queued.state, queued.job_id, queued.started_at), (ImportState::Queued, Some(77), None));
    assert_eq!(queued.file_name, "catalog \"1\".csv");

    let work = begin_work(&world, id).await;
    assert_eq!(work.checkpoint, Checkpoint::default());
    assert_eq!((work.store.id, work.store.name), (world.store.clone(), main_store().name));

    let progress = Progress {
        to: at(11),
        created: 3,
        updated: 2,
        unchanged: 1,
        products_refused: 1,
        rows_refused: 2,
        listing_pending: true,
    };
    checkpoint(&world, id, Checkpoint::default(), progress, &[refusal(4), refusal(5)]).await.unwrap();
    let next = Progress { to: at(21), created: 1, ..Progress::default() };
    checkpoint(&world, id, at(11), next, &[refusal(15)]).await.unwrap();
    finish(&world, id, at(21)).await.unwrap();

    let done = view(&world, id).await;
    assert_eq!(done.state, ImportState::Completed);
    assert_eq!((done.rows_read, done.rows_refused, done.products_refused), (20, 2, 1));
    assert_eq!((done.products_created, done.products_updated, done.products_unchanged), (4, 2, 1));
    assert_eq!(done.refusals_total, 3);
    let rows: Vec<(i64, u64)> = done.refusals.iter().map(|refusal| (refusal.number, refusal.row)).collect();
    assert_eq!(rows, [(1, 4), (2, 5), (3, 15)]);
    assert_eq!(done.refusals[0].value, "12\" \\");
    assert_eq!(done.refusals[0].reason, "contains '\"'; write the number alone");
    assert!(done.finished_at >= done.started_at && done.started_at.is_some());
    assert!(done.version > queued.version);

    assert_eq!(begin(&world, id).await, Some(Begun::AlreadyCompleted));
    assert_eq!(begin(&world, id + 1).await, None);
    assert_eq!(imports::view(world.db(), id + 1, 0, 10).await.unwrap(), None);
    world.close().await;
}

#[tokio::test]
async fn a_run_that_fell_behind_can_write_nothing() {
    let world = World::new().await;
    let id = create(&world).await;
    begin_work(&world, id).await;
    let progress = Progress { to: at(11), created: 1, ..Progress::default() };
    checkpoint(&world, id, Checkpoint::default(), progress, &[]).await.unwrap();

    // A worker that was thought dead comes back and writes the chunk again.
    let error = checkpoint(&world, id, Checkpoint::default(), progress, &[refusal(2)]).await.unwrap_err();
    assert!(matches!(error, Error::ImportMovedOn { row: 0, .. }), "{error}");
    let error = finish(&world, id, Checkpoint::default()).await.unwrap_err();
    assert!(matches!(error, Error::ImportMovedOn { .. }), "{error}");
    let now = view(&world, id).await;
    assert_eq!((now.products_created, now.refusals_total, now.rows_read), (1, 0, 10));
    world.close().await;
}

#[tokio::test]
async fn a_killed_run_is_taken_up_at_the_checkpoint_with_what_it_owes() {
    let world = World::new().await;
    let id = create(&world).await;
    begin_work(&world, id).await;
    let progress = Progress { to: at(11), listing_pending: true, ..Progress::default() };
    checkpoint(&world, id, Checkpoint::default(), progress, &[]).await.unwrap();

    let work = begin_work(&world, id).await;
    assert_eq!((work.checkpoint, work.listing_pending), (at(11), true));
    world.close().await;
}

#[tokio::test]
async fn a_failed_import_says_why_and_may_begin_again() {
    let world = World::new().await;
    let id = create(&world).await;
    begin_work(&world, id).await;
    let long = format!("row 7: {}", "\u{1F9F6}".repeat(3_000));
    let error = long.as_str();
    world
        .db()
        .transaction("test.fail", |tx| Box::pin(imports::fail(tx, id, error)))
        .await
        .unwrap_or_else(|error: Error| panic!("{error}"));
    let failed = view(&world, id).await;
    assert_eq!(failed.state, ImportState::Failed);
    assert!(failed.error.unwrap().starts_with("row 7: \u{1F9F6}"));

    begin_work(&world, id).await;
    let running = view(&world, id).await;
    assert_eq!((running.state, running.error, running.finished_at), (ImportState::Running, None, None));
    world.close().await;
}

#[tokio::test]
async fn refusals_are_kept_up_to_a_limit_and_counted_beyond_it() {
    let world = World::new().await;
    let id = create(&world).await;
    begin_work(&world, id).await;
    let many: Vec<Refusal> = (0..REFUSALS_KEPT_MAX as u64 - 1).map(|row| refusal(row + 2)).collect();
    let progress = Progress { to: at(11), ..Progress::default() };
    checkpoint(&world, id, Checkpoint::default(), progress, &many).await.unwrap();
    let progress = Progress { to: at(21), ..Progress::default() };
    checkpoint(&world, id, at(11), progress, &[refusal(12), refusal(13), refusal(14)]).await.unwrap();

    let kept = REFUSALS_KEPT_MAX as i64;
    let last = imports::view(world.db(), id, kept - 2, 10).await.unwrap().unwrap();
    assert_eq!(last.refusals_total, REFUSALS_KEPT_MAX as u64 + 2);
    let rows: Vec<(i64, u64)> = last.refusals.iter().map(|refusal| (refusal.number, refusal.row)).collect();
    assert_eq!(rows, [(kept - 1, REFUSALS_KEPT_MAX as u64), (kept, 12)]);
    assert_eq!(view(&world, id).await.refusals.len(), 10);
    world.close().await;
}
