//! The article's ways to place the job server: on authoring, or on workers of their own.

use anyhow::Result;
use e2e::{Layout, World, catalog};

use crate::with_demo_catalog;

#[tokio::test]
async fn two_processes_suffice_when_authoring_runs_the_jobs() -> Result<()> {
    let layout = Layout { frontends: 1, workers: 0, authoring_runs_jobs: true, ..Layout::default() };
    let world = World::start(layout).await?;

    with_demo_catalog(&world).await?;

    let listed = world.shoppers[0].listing(crate::STORE, None, 20).await?;
    assert_eq!(listed.len() as u64, catalog::DEMO_PRODUCTS);
    world.stop().await
}

#[tokio::test]
async fn two_workers_share_the_jobs_of_an_authoring_that_only_enqueues() -> Result<()> {
    let world = World::start(Layout { frontends: 1, workers: 2, ..Layout::default() }).await?;
    with_demo_catalog(&world).await?;

    // Several imports at once: whichever worker takes which, each product exists once.
    let mut imports = Vec::new();
    for batch in 0..6 {
        let csv = catalog::generated(&format!("batch-{batch}"), 40);
        imports.push(world.merchant.start_import(crate::STORE, "batch.csv", csv).await?);
    }
    for import in imports {
        let report = world.merchant.import_ended(import, crate::JOB_LIMIT).await?;
        assert_eq!((report.state.as_str(), report.products_created), ("Completed", 40));
    }
    world.stop().await
}

#[tokio::test]
async fn the_articles_two_files_start_the_services_with_connection_strings_from_the_environment() -> Result<()>
{
    let world = World::start(Layout { article_settings: true, ..Layout::default() }).await?;

    with_demo_catalog(&world).await?;

    let listed = world.shoppers[1].listing(crate::STORE, None, 20).await?;
    assert_eq!(listed.len() as u64, catalog::DEMO_PRODUCTS);
    world.stop().await
}

#[tokio::test]
async fn without_redis_everything_still_works() -> Result<()> {
    let world = World::start(Layout { frontends: 1, redis: false, ..Layout::default() }).await?;
    with_demo_catalog(&world).await?;

    let listed = world.shoppers[0].listing(crate::STORE, None, 20).await?;
    assert_eq!(listed.len() as u64, catalog::DEMO_PRODUCTS);
    world.stop().await
}
