//! What an import promises: nothing lost, nothing doubled, every refused row named.

use anyhow::Result;
use e2e::{Layout, World, catalog, eventually};
use reqwest::StatusCode;

use crate::{JOB_LIMIT, STORE};

#[tokio::test]
async fn a_worker_killed_in_mid_import_loses_and_doubles_nothing() -> Result<()> {
    const PRODUCTS: usize = 4_000;
    let mut world = World::start(Layout { frontends: 1, ..Layout::default() }).await?;
    world.merchant.put_store(STORE, "Stoa Outdoor", "EUR").await?;
    let import =
        world.merchant.start_import(STORE, "large.csv", catalog::generated("large", PRODUCTS)).await?;
    eventually("the import has begun", JOB_LIMIT, async || {
        Ok((world.merchant.import(import).await?.rows_read >= 600).then_some(()))
    })
    .await?;

    world.kill_worker()?;
    assert_eq!(
        world.merchant.import(import).await?.state,
        "Running",
        "the kill came too late to show anything"
    );
    world.start_worker().await?;

    let report = world.merchant.import_ended(import, JOB_LIMIT * 2).await?;
    assert_eq!(report.state, "Completed");
    assert_eq!(report.rows_read, (PRODUCTS * catalog::GENERATED_VARIANTS) as u64);
    assert_eq!(report.products_created, PRODUCTS as u64);
    assert_eq!(report.products_updated + report.products_unchanged + report.rows_refused, 0);
    world.stop().await
}

#[tokio::test]
async fn refused_rows_are_named_with_row_column_value_and_reason() -> Result<()> {
    let world = World::start(Layout { frontends: 1, ..Layout::default() }).await?;
    world.merchant.put_store(STORE, "Stoa Outdoor", "EUR").await?;
    // A byte order mark, columns in another order, a quoted line break, and one bad price.
    let csv = "\u{feff}Title,Variant Price,Handle,Body (HTML),Variant SKU\n\
               Lamp,12.50,lamp,\"two\nlines\",LAMP-1\n\
               Chair,cheap,chair,,CHAIR-1\n";

    let report = world.merchant.import_catalog(STORE, csv.into(), JOB_LIMIT).await?;

    assert_eq!((report.state.as_str(), report.products_created, report.rows_refused), ("Completed", 1, 1));
    let refusal = &report.refusals[0];
    assert_eq!(refusal["row"], 3, "rows count as a spreadsheet shows them: the header is row 1");
    assert_eq!(refusal["column"], "Variant Price");
    assert_eq!(refusal["value"], "cheap");
    assert!(refusal["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    let lamp = world.shoppers[0].product(STORE, "lamp").await?;
    assert_eq!(lamp["title"], "Lamp");
    world.stop().await
}

#[tokio::test]
async fn a_file_that_is_no_catalog_or_names_no_store_is_refused_at_the_door() -> Result<()> {
    let world = World::start(Layout { frontends: 1, workers: 0, ..Layout::default() }).await?;
    world.merchant.put_store(STORE, "Stoa Outdoor", "EUR").await?;

    let no_handle = world.merchant.upload(STORE, "notes.csv", b"Title\nLamp\n".to_vec()).await?;
    let no_store = world.merchant.upload("nowhere", "catalog.csv", catalog::DEMO.to_vec()).await?;

    assert_eq!(no_handle.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", no_handle.body);
    assert_eq!(no_store.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", no_store.body);
    world.stop().await
}
