//! `ImportCatalog` from the upload to the finished report.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use backplane::push::Heard;
use contracts::jobs::ImportCatalog;
use handlers::import_catalog;
use jobs::{Context, JobId, Registry};
use store::imports::ImportState;

use crate::world::{UPLOADER, World};

const HEADER: &str = "Handle,Title,Variant Price,Option1 Name,Option1 Value\r\n";
/// More than two chunks of them.
const PRODUCTS: usize = 500;

/// Products with two rows each.
fn catalog(products: usize) -> String {
    let rows = (0..products).map(|n| format!("p-{n},Product {n},1.50,Size,S\r\np-{n},,2.50,,L\r\n"));
    std::iter::once(HEADER.to_owned()).chain(rows).collect()
}

#[tokio::test]
async fn a_catalog_becomes_products_and_the_report_says_so() {
    let world = World::new().await;
    let id = world.upload(catalog(PRODUCTS).as_bytes()).await;
    let worker = world.worker();

    let report = world
        .import_until(id, |import| import.state != ImportState::Queued && import.finished_at.is_some())
        .await;

    assert_eq!(report.state, ImportState::Completed);
    assert_eq!((report.rows_read, report.products_created), (2 * PRODUCTS as u64, PRODUCTS as u64));
    assert_eq!(world.count("SELECT COUNT(*) AS N FROM Commerce.Product").await, PRODUCTS as i32);
    assert_eq!(world.count("SELECT COUNT(*) AS N FROM Commerce.Variant").await, 2 * PRODUCTS as i32);
    worker.stop().await;
    world.database.close().await;
}

#[tokio::test]
async fn an_import_without_an_end_to_its_rows_or_with_other_line_ends_is_read_alike() {
    let world = World::new().await;
    let catalog = catalog(3).replace("\r\n", "\n");
    let id = world.upload(catalog.trim_end().as_bytes()).await;

    import_catalog::run(world.dependencies(), Context::detached(JobId(1)), ImportCatalog { import_id: id })
        .await
        .unwrap();

    let report = world.import(id).await;
    assert_eq!((report.state, report.rows_read, report.products_created), (ImportState::Completed, 6, 3));
    world.database.close().await;
}

#[tokio::test]
async fn a_handle_that_comes_back_later_is_refused_with_its_row() {
    let world = World::new().await;
    let file = format!("{HEADER}lamp,Lamp,1,,\nchair,Chair,2,,\nlamp,Lamp again,3,,\nbad,,cheap,,\n");
    let id = world.upload(file.as_bytes()).await;

    import_catalog::run(world.dependencies(), Context::detached(JobId(1)), ImportCatalog { import_id: id })
        .await
        .unwrap();

    let report = world.import(id).await;
    assert_eq!((report.products_created, report.products_refused, report.rows_refused), (2, 2, 2));
    let rows: Vec<_> = report.refusals.iter().map(|kept| (kept.row, kept.column.as_str())).collect();
    assert_eq!(rows, [(4, "Handle"), (5, "Variant Price"), (5, "Title")]);
    world.database.close().await;
}

#[tokio::test]
async fn a_file_that_turns_out_to_be_broken_ends_the_import_with_the_reason() {
    let world = World::new().await;
    let file = format!("{}\"{}", catalog(2), "x".repeat(handlers::catalog_file::RECORD_BYTES_MAX + 1));
    let id = world.upload(file.as_bytes()).await;
    let run = || {
        import_catalog::run(
            world.dependencies(),
            Context::detached(JobId(1)),
            ImportCatalog { import_id: id },
        )
    };

    let failure = run().await.unwrap_err();

    assert!(!failure.is_retry(), "every other try would end the same way");
    let report = world.import(id).await;
    assert_eq!(report.state, ImportState::Failed);
    assert!(report.error.unwrap().starts_with("row 6 is larger than"));
    world.database.close().await;
}

#[tokio::test]
async fn whoever_uploaded_the_file_has_one_notification_that_went_along_with_the_import() {
    let world = World::new().await;
    let id = world.upload(catalog(PRODUCTS).as_bytes()).await;
    let queued = world.push.replay(UPLOADER, 0, 10).await.unwrap();
    let mut raised = world.push.raised();

    import_catalog::run(world.dependencies(), Context::detached(JobId(1)), ImportCatalog { import_id: id })
        .await
        .unwrap();

    let told = world.push.replay(UPLOADER, queued.head, 10).await.unwrap();
    let [notification] = told.notifications.as_slice() else { panic!("one row: {told:?}") };
    assert_eq!(notification.id, queued.notifications[0].id);
    let field = |name: &str| notification.content[name].clone();
    assert_eq!((field("state"), field("processedCount")), ("Completed".into(), (2 * PRODUCTS).into()));
    assert_eq!((field("totalCount"), field("productsCreated")), ((2 * PRODUCTS).into(), PRODUCTS.into()));
    assert!(field("finished").is_string() && field("processedBytes") == field("totalBytes"));
    assert_eq!(notification.description, format!("Completed: {} rows", 2 * PRODUCTS));
    // The first chunk and the last one at least were told, each under a number of its own.
    let first = queued.head + 1;
    assert_eq!(raised.next().await, Some(Heard::User(UPLOADER.into(), first)));
    assert!(told.head > first);
    world.database.close().await;
}

#[tokio::test]
async fn an_import_that_fails_says_why_in_its_notification() {
    let world = World::new().await;
    let file = format!("{}\"{}", catalog(2), "x".repeat(handlers::catalog_file::RECORD_BYTES_MAX + 1));
    let id = world.upload(file.as_bytes()).await;

    let run = import_catalog::run(
        world.dependencies(),
        Context::detached(JobId(1)),
        ImportCatalog { import_id: id },
    );
    assert!(run.await.is_err());

    let told = world.push.replay(UPLOADER, 0, 10).await.unwrap();
    let notification = &told.notifications[0];
    assert_eq!(notification.content["state"], "Failed");
    assert!(notification.description.starts_with("row 6 is larger than"), "{}", notification.description);
    world.database.close().await;
}

#[tokio::test]
async fn an_import_that_does_not_exist_is_not_tried_again() {
    let world = World::new().await;
    let failure = import_catalog::run(
        world.dependencies(),
        Context::detached(JobId(1)),
        ImportCatalog { import_id: 7 },
    )
    .await;

    let failure = failure.unwrap_err();
    assert!(!failure.is_retry());
    assert_eq!(failure.to_string(), "import 7 does not exist");
    world.database.close().await;
}

/// Takes the job away while its handler runs, as a server does that found this one dead.
const STEAL: &str = "UPDATE j SET j.StateId = j.StateId + 1000000 FROM HangFire.Job AS j";

#[tokio::test]
async fn a_run_that_lost_its_job_writes_nothing() {
    let world = World::new().await;
    let id = world.upload(catalog(3).as_bytes()).await;
    let (dependencies, runs) = (world.dependencies(), Arc::new(AtomicU32::new(0)));
    let ended = Arc::new(tokio::sync::Notify::new());
    let mut registry = Registry::new();
    let (counted, notify) = (Arc::clone(&runs), Arc::clone(&ended));
    registry.register(move |context, payload: ImportCatalog| {
        let (dependencies, runs, ended) = (dependencies.clone(), Arc::clone(&counted), Arc::clone(&notify));
        async move {
            dependencies.database.execute(STEAL, &[]).await?;
            let result = import_catalog::run(dependencies, context, payload).await;
            assert!(result.as_ref().is_err_and(jobs::Failure::is_lost), "{result:?}");
            runs.fetch_add(1, Ordering::Relaxed);
            ended.notify_one();
            result
        }
    });

    let worker = world.worker_with(registry);
    tokio::time::timeout(std::time::Duration::from_secs(60), ended.notified())
        .await
        .expect("the handler ran");
    worker.stop().await;

    assert_eq!(runs.load(Ordering::Relaxed), 1);
    assert_eq!(world.import(id).await.state, ImportState::Queued);
    assert_eq!(world.count("SELECT COUNT(*) AS N FROM Commerce.Product").await, 0);
    world.database.close().await;
}

#[tokio::test]
async fn a_run_that_is_stopped_between_two_chunks_is_finished_by_the_next_one() {
    let world = World::new().await;
    let id = world.upload(catalog(PRODUCTS).as_bytes()).await;

    let first = world.worker();
    world.import_until(id, |import| import.rows_read > 0).await;
    first.stop().await;
    let between = world.import(id).await;
    let second = world.worker();
    let report = world.import_until(id, |import| import.finished_at.is_some()).await;

    assert!(between.products_created <= report.products_created);
    assert_eq!((report.state, report.rows_read), (ImportState::Completed, 2 * PRODUCTS as u64));
    assert_eq!(
        (report.products_created, report.products_updated, report.products_unchanged),
        (PRODUCTS as u64, 0, 0)
    );
    assert_eq!(world.count("SELECT COUNT(*) AS N FROM Commerce.Product").await, PRODUCTS as i32);
    second.stop().await;
    world.database.close().await;
}

#[tokio::test]
async fn two_runs_of_one_import_at_once_write_everything_once() {
    let world = World::new().await;
    let id = world.upload(catalog(PRODUCTS).as_bytes()).await;
    let run = || {
        import_catalog::run(
            world.dependencies(),
            Context::detached(JobId(1)),
            ImportCatalog { import_id: id },
        )
    };

    let (one, other) = tokio::join!(run(), run());

    assert!(one.is_ok() || other.is_ok(), "{one:?} {other:?}");
    let report = world.import_until(id, |import| import.finished_at.is_some()).await;
    assert_eq!(
        (report.products_created, report.products_updated, report.products_unchanged),
        (PRODUCTS as u64, 0, 0)
    );
    assert_eq!(report.rows_read, 2 * PRODUCTS as u64);
    world.database.close().await;
}
