//! Stories across real processes, one file per promise. Each world has its own SQL, Redis and ports.

mod article;
mod deployment;
mod edits;
mod faults;
mod guide;
mod http;
mod imports;
mod logins;
mod observability;
mod proxy;
mod push;
mod restore;
mod tidy;
mod tls;
mod topologies;
mod uploads;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use e2e::{World, catalog, eventually};
use serde_json::Value;

pub(crate) const STORE: &str = "outdoor";
/// For anything a worker does in these stories; generous, because a limit here only ends a hung test.
pub(crate) const JOB_LIMIT: Duration = Duration::from_secs(60);

/// A store with the demo catalog in it.
pub(crate) async fn with_demo_catalog(world: &World) -> Result<()> {
    world.merchant.put_store(STORE, "Stoa Outdoor", "EUR").await?;
    let report = world.merchant.import_catalog(STORE, catalog::DEMO.to_vec(), JOB_LIMIT).await?;
    assert_eq!((report.state.as_str(), report.products_created), ("Completed", catalog::DEMO_PRODUCTS));
    Ok(())
}

/// Waits until every process has applied all changes: whoever made one is never behind it.
pub(crate) async fn with_one_position(world: &World) -> Result<()> {
    eventually("all processes are at the same change", JOB_LIMIT, async || {
        let mut positions = BTreeSet::new();
        for instance in world.instances() {
            let health: Value =
                reqwest::get(format!("http://{}/health", world.address(instance)?)).await?.json().await?;
            positions.insert(health["feed"]["applied"].as_i64());
        }
        Ok((positions.len() == 1 && !positions.contains(&None)).then_some(()))
    })
    .await?;
    Ok(())
}

/// The id of a published product.
pub(crate) async fn product_id(world: &World, slug: &str) -> Result<i64> {
    world.shoppers[0].product(STORE, slug).await?["id"].as_i64().context("a product without id")
}

/// Imports, publishes, serves and edits: what the whole is for.
pub(crate) async fn main_flow(world: &World) -> Result<()> {
    with_demo_catalog(world).await?;
    let listed = world.shoppers[0].listing(STORE, None, 20).await?;
    assert_eq!(listed.len() as u64, catalog::DEMO_PRODUCTS);
    world.merchant.retitle(product_id(world, "enamel-mug").await?, "Renamed").await?;
    for shopper in &world.shoppers {
        eventually("the shoppers see the edit", JOB_LIMIT, async || {
            let product = shopper.product(STORE, "enamel-mug").await?;
            Ok((product["title"] == "Renamed").then_some(()))
        })
        .await?;
    }
    Ok(())
}
