//! `make demo`: the main job end to end on real processes, narrated and asserted. Exits 0 only if every step held,
//! and leaves nothing running. Each step is a function below; `main` reads as the story.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use e2e::{ImportReport, Layout, World, catalog, eventually};
use reqwest::StatusCode;
use serde_json::json;

const STORE: &str = "outdoor";
const MUG: &str = "enamel-mug";
/// The promise with Redis: an edit is on every frontend within this time.
const VISIBLE_WITH_REDIS: Duration = Duration::from_millis(250);
/// The promise without: `Caching:MaxStaleness` and one request.
const VISIBLE_WITHOUT_REDIS: Duration = Duration::from_millis(5_500);
const IMPORT_LIMIT: Duration = Duration::from_secs(60);
/// A worker found dead, its job taken over and finished by another.
const TAKEOVER_LIMIT: Duration = Duration::from_secs(150);
/// Large enough that a worker is certainly killed in the middle of it.
const LARGE_IMPORT_PRODUCTS: usize = 6_000;
/// Rows the worker must have committed before it is killed.
const ROWS_BEFORE_KILL: u64 = 900;

#[tokio::main]
async fn main() -> Result<()> {
    let started = Instant::now();
    step("Start local-sql, redis-server, two frontends, authoring-api and a job-worker");
    let mut world = World::start(Layout::default()).await?;
    let processes = world.process_ids();
    told(&format!("{} processes, ready after {:.1} s", processes.len(), started.elapsed().as_secs_f32()));

    import_the_demo_catalog(&world).await?;
    shop_from_local_memory(&world).await?;
    refuse_bad_rows(&world).await?;
    edit_with_if_match(&world).await?;
    edit_and_see_it_everywhere(&world, VISIBLE_WITH_REDIS).await?;
    edit_without_redis(&mut world).await?;
    kill_the_worker_in_mid_import(&mut world).await?;

    step("Stop everything");
    world.stop().await?;
    for process in processes {
        ensure!(!Path::new(&format!("/proc/{process}")).exists(), "process {process} is left behind");
    }
    told("every service drained and ended by itself, no process is left behind");
    println!("\nThe demo held in {:.0} s.", started.elapsed().as_secs_f32());
    Ok(())
}

async fn import_the_demo_catalog(world: &World) -> Result<()> {
    step("A merchant creates a store and imports a catalog; a worker does the work");
    world.merchant.put_store(STORE, "Stoa Outdoor", "EUR").await?;
    let report = world.merchant.import_catalog(STORE, catalog::DEMO.to_vec(), IMPORT_LIMIT).await?;
    ensure!(report.state == "Completed", "{report:?}");
    ensure!(report.products_created == catalog::DEMO_PRODUCTS, "{report:?}");
    ensure!(report.rows_refused == 0, "{report:?}");
    told(&format!("{} rows became {} products", report.rows_read, report.products_created));

    let again = world.merchant.import_catalog(STORE, catalog::DEMO.to_vec(), IMPORT_LIMIT).await?;
    ensure!(again.products_unchanged == catalog::DEMO_PRODUCTS, "{again:?}");
    told("the same file once more changes nothing");
    Ok(())
}

async fn shop_from_local_memory(world: &World) -> Result<()> {
    step("Shoppers read it on both frontends: cached bytes, strong entity tags, 304");
    let path = format!("/v1/{STORE}/products/{MUG}");
    for (number, shopper) in world.shoppers.iter().enumerate() {
        let first = shopper.get(&path).await?;
        ensure!(first.status == StatusCode::OK, "{} {}", first.status, first.body);
        let etag = first.etag.context("no entity tag")?;
        ensure!(!etag.starts_with("W/"), "{etag} is weak");
        let second = shopper.get_if_none_match(&path, &etag).await?;
        ensure!(second.status == StatusCode::NOT_MODIFIED, "{}", second.status);
        ensure!(second.body.is_null(), "a 304 with a body");
        let all = shopper.listing(STORE, None, 10).await?;
        ensure!(all.len() as u64 == catalog::DEMO_PRODUCTS, "{} products are listed", all.len());
        let kitchen = shopper.listing(STORE, Some("home-garden/kitchen-dining"), 10).await?;
        told(&format!(
            "frontend {}: 200 then 304, {} products, {} for the kitchen",
            number + 1,
            all.len(),
            kitchen.len()
        ));
        ensure!(!kitchen.is_empty() && kitchen.len() < all.len(), "the category filter does not filter");
    }
    Ok(())
}

async fn refuse_bad_rows(world: &World) -> Result<()> {
    step("A file with mistakes: good products come in, each bad row is named");
    let csv = "Handle,Title,Variant SKU,Variant Price,Published\n\
               good-rope,Good Rope,ROPE-1,12.00,TRUE\n\
               bad-rope,Bad Rope,ROPE-2,twelve,TRUE\n\
               12345,Numbers Only,ROPE-3,1.00,TRUE\n";
    let report = world.merchant.import_catalog(STORE, csv.into(), IMPORT_LIMIT).await?;
    ensure!(report.state == "Completed" && report.products_created == 1, "{report:?}");
    ensure!(report.rows_refused == 2 && report.refusals.len() == 2, "{report:?}");
    for refusal in &report.refusals {
        told(&format!(
            "row {}, {}: {} ({})",
            refusal["row"], refusal["column"], refusal["reason"], refusal["value"]
        ));
    }
    let not_a_catalog = world.merchant.upload(STORE, "notes.csv", b"a,b\n1,2\n".to_vec()).await?;
    ensure!(not_a_catalog.status.is_client_error(), "{}", not_a_catalog.status);
    let why = &not_a_catalog.body["errors"][0]["reason"];
    told(&format!("a file without handles: {} {why}", not_a_catalog.status));
    Ok(())
}

async fn edit_with_if_match(world: &World) -> Result<()> {
    step("Two editors of one product: no edit without If-Match, and the slower one is told");
    let id = product_id(world, MUG).await?;
    let (mut product, etag) = world.merchant.product(id).await?;
    product["title"] = json!("Enamel Mug, first editor");
    let missing = world.merchant.put_product(id, &product, None).await?;
    ensure!(missing.status == StatusCode::PRECONDITION_REQUIRED, "{}", missing.status);
    let first = world.merchant.put_product(id, &product, Some(&etag)).await?;
    ensure!(first.status == StatusCode::OK, "{} {}", first.status, first.body);
    product["title"] = json!("Enamel Mug, second editor");
    let second = world.merchant.put_product(id, &product, Some(&etag)).await?;
    ensure!(second.status == StatusCode::PRECONDITION_FAILED, "{}", second.status);
    told(&format!("428 without, 200 for the first, 412 for the second: {}", second.body["detail"]));
    Ok(())
}

/// Warms both frontends, edits, and measures from the answer of the edit until both show it.
async fn edit_and_see_it_everywhere(world: &World, limit: Duration) -> Result<()> {
    step(&format!("An edit is on every frontend within {limit:?}"));
    for round in 1..=5 {
        let title = format!("Enamel Mug, edit {round}");
        let taken = visible_after_edit(world, &title, limit).await?;
        told(&format!("edit {round}: on both after {:.0} ms", taken.as_secs_f32() * 1000.0));
    }
    Ok(())
}

async fn edit_without_redis(world: &mut World) -> Result<()> {
    step("Redis is killed: edits still arrive, later, within MaxStaleness");
    world.kill_redis()?;
    let taken = visible_after_edit(world, "Enamel Mug, without Redis", VISIBLE_WITHOUT_REDIS).await?;
    told(&format!("on both after {:.1} s", taken.as_secs_f32()));
    let report =
        world.merchant.import_catalog(STORE, catalog::generated("without-redis", 10), IMPORT_LIMIT).await?;
    ensure!(report.products_created == 10, "{report:?}");
    told("a job enqueued without Redis is done too");
    world.restart_redis().await?;
    eventually("edits are fast again after Redis is back", Duration::from_secs(30), async || {
        let taken = visible_after_edit(world, "Enamel Mug, Redis is back", VISIBLE_WITHOUT_REDIS).await?;
        Ok((taken <= VISIBLE_WITH_REDIS).then_some(()))
    })
    .await?;
    told("Redis is back: edits are fast again, nobody flushed anything");
    Ok(())
}

async fn kill_the_worker_in_mid_import(world: &mut World) -> Result<()> {
    step("A worker is killed with SIGKILL in the middle of a large import; another finishes it");
    let before = world.shoppers[0].listing(STORE, None, 100).await?.len();
    let csv = catalog::generated("large", LARGE_IMPORT_PRODUCTS);
    let rows = (LARGE_IMPORT_PRODUCTS * catalog::GENERATED_VARIANTS) as u64;
    let id = world.merchant.start_import(STORE, "large.csv", csv).await?;
    let (at_kill, _) = eventually("the import has begun", IMPORT_LIMIT, async || {
        let report = world.merchant.import(id).await?;
        Ok((report.rows_read >= ROWS_BEFORE_KILL).then_some(report))
    })
    .await?;
    world.kill_worker()?;
    ensure!(at_kill.state == "Running" && at_kill.rows_read < rows, "too late to kill: {at_kill:?}");
    told(&format!("killed after {} of {rows} rows; starting another worker", at_kill.rows_read));
    world.start_worker().await?;
    let report = world.merchant.import_ended(id, TAKEOVER_LIMIT).await?;
    nothing_lost_or_doubled(&report, rows)?;
    let (after, _) = eventually("the listing is complete", VISIBLE_WITHOUT_REDIS, async || {
        let after = world.shoppers[1].listing(STORE, None, 100).await?;
        Ok((after.len() == before + LARGE_IMPORT_PRODUCTS).then_some(after))
    })
    .await?;
    let mut slugs: Vec<&str> = after.iter().filter_map(|item| item["slug"].as_str()).collect();
    slugs.sort_unstable();
    slugs.dedup();
    ensure!(slugs.len() == after.len(), "a product is listed twice");
    told(&format!(
        "{} products created once each, {} rows read, {} products in the shop",
        report.products_created,
        report.rows_read,
        after.len()
    ));
    Ok(())
}

fn nothing_lost_or_doubled(report: &ImportReport, rows: u64) -> Result<()> {
    ensure!(report.state == "Completed", "{report:?}");
    ensure!(report.rows_read == rows, "rows were skipped or read twice: {report:?}");
    ensure!(report.products_created == LARGE_IMPORT_PRODUCTS as u64, "{report:?}");
    ensure!(report.products_updated + report.products_unchanged + report.rows_refused == 0, "{report:?}");
    Ok(())
}

async fn visible_after_edit(world: &World, title: &str, limit: Duration) -> Result<Duration> {
    for shopper in &world.shoppers {
        shopper.product(STORE, MUG).await?;
    }
    let id = product_id(world, MUG).await?;
    world.merchant.retitle(id, title).await?;
    let (_, taken) = eventually(&format!("both frontends show {title:?}"), limit, async || {
        for shopper in &world.shoppers {
            if shopper.product(STORE, MUG).await?["title"] != title {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
    .await?;
    Ok(taken)
}

async fn product_id(world: &World, slug: &str) -> Result<i64> {
    world.shoppers[0].product(STORE, slug).await?["id"].as_i64().context("a product without id")
}

fn step(text: &str) {
    println!("\n== {text}");
}

fn told(text: &str) {
    println!("   {text}");
}
