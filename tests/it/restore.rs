//! What an operator does after a disaster: put a backup back and give the feed another identity.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::{Instance, Layout, World, binary, eventually};

use crate::{STORE, product_id, with_demo_catalog};

const MUG: &str = "enamel-mug";
const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn after_a_restore_and_new_log_every_warm_frontend_serves_what_was_restored() -> Result<()> {
    let mut world = World::start(Layout { durable_sql: true, ..Layout::default() }).await?;
    with_demo_catalog(&world).await?;
    let id = product_id(&world, MUG).await?;
    let original = world.shoppers[0].product(STORE, MUG).await?["title"].clone();
    let (data, backup) = (world.directory().join("sql"), world.directory().join("backup"));
    world.kill_sql()?;
    copy(&data, &backup)?;
    world.restart_sql().await?;
    eventually("a change after the backup is taken", LIMIT, async || {
        Ok(world.merchant.retitle(id, "Enamel Mug, lost").await.ok())
    })
    .await?;
    every_frontend_serves(&world, &"Enamel Mug, lost".into()).await?;

    world.kill_sql()?;
    std::fs::remove_dir_all(&data)?;
    copy(&backup, &data)?;
    world.restart_sql().await?;
    let lines = new_log(&world)?;

    let said = lines.lines().find(|line| line.contains("the change feed has a new identity"));
    let said: serde_json::Value = serde_json::from_str(said.context(lines.clone())?)?;
    assert_ne!(said["old_log_id"], said["new_log_id"]);
    every_frontend_serves(&world, &original).await?;
    for instance in [Instance::Frontend(0), Instance::Frontend(1)] {
        eventually("the cache has begun anew because of the new log", LIMIT, async || {
            let metrics =
                reqwest::get(format!("http://{}/metrics", world.address(instance)?)).await?.text().await?;
            Ok(metrics
                .lines()
                .any(|line| line == r#"stoa_feed_flushes_total{cause="new_log"} 1"#)
                .then_some(()))
        })
        .await?;
    }
    // The feed goes on under its new identity.
    eventually("a change is taken", LIMIT, async || {
        Ok(world.merchant.retitle(id, "Enamel Mug, again").await.ok())
    })
    .await?;
    every_frontend_serves(&world, &"Enamel Mug, again".into()).await?;
    world.stop().await
}

async fn every_frontend_serves(world: &World, title: &serde_json::Value) -> Result<()> {
    for shopper in &world.shoppers {
        eventually(&format!("{title} is served"), LIMIT, async || {
            let answer = shopper.product(STORE, MUG).await.ok();
            Ok(answer.filter(|product| product["title"] == *title).map(drop))
        })
        .await?;
    }
    Ok(())
}

/// Runs `job-worker new-log` and returns what it logged.
fn new_log(world: &World) -> Result<String> {
    let mut command = Command::new(binary("job-worker")?);
    command.arg("new-log").env("ConnectionStrings__VirtoCommerce", world.connection_string());
    let output = command.output()?;
    let lines = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "{lines}");
    Ok(lines)
}

/// The files of a folder; a database of local-sql that does not run is such files.
fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
