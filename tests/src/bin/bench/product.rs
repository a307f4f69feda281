//! A warm product by id against a bare route with the same bytes: `product_get_vs_bare`, and `product_304_vs_bare` for a
//! client that has it already.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use e2e::{Layout, Placement, Process, World, catalog};

use crate::{
    BACK_PROCESSOR, FRONT_PROCESSOR,
    load::{CONNECTIONS, Target},
    report::{Measurement, median},
};

/// A conditional request is compared with what it saves, the whole answer; and, without a target, with a route that
/// knows without looking that nothing has changed.
const NAMES: [&str; 3] = ["product_get_vs_bare", "product_304_vs_bare", "product_304_vs_bare_304"];
const STORE: &str = "outdoor";
/// A product with several variants: its document is of a typical size.
const PRODUCT: &str = "ridgeline-rain-shell";
const WARM_UP: Duration = Duration::from_secs(2);
const ROUND: Duration = Duration::from_millis(1_500);
/// Rounds of each side, in turn.
const ROUNDS: usize = 9;
const IMPORT_LIMIT: Duration = Duration::from_secs(60);

pub(crate) async fn run(only: Option<&str>) -> Result<Vec<Measurement>> {
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    let mut measurements = Vec::new();
    if !NAMES.into_iter().any(wanted) {
        return Ok(measurements);
    }
    let placement = Placement { processors: Some((FRONT_PROCESSOR, BACK_PROCESSOR)), shielded: false };
    let layout = Layout { frontends: 1, placement, ..Layout::default() };
    let world = World::start(layout).await?;
    world.merchant.put_store(STORE, "Stoa Outdoor", "EUR").await?;
    let report = world.merchant.import_catalog(STORE, catalog::DEMO.to_vec(), IMPORT_LIMIT).await?;
    ensure!(report.products_created == catalog::DEMO_PRODUCTS, "{report:?}");

    let id = world.shoppers[0].product(STORE, PRODUCT).await?["id"].as_i64().context("no id")?;
    let path = format!("/v1/{STORE}/products/{id}");
    let etag = world.shoppers[0].get(&path).await?.etag.context("no entity tag")?;
    let bytes = raw_body(&world.addresses[0], &path).await?;
    let directory = tempfile::tempdir()?;
    let (_bare, bare_address) = start_bare(&bytes, directory.path()).await?;

    let note = format!("{} bytes, {CONNECTIONS} connections, {ROUNDS} rounds in turn", bytes.len());
    if wanted("product_get_vs_bare") {
        let ours = target(&world.addresses[0], &path, None, 200);
        let reference = target(&bare_address, "/product", None, 200);
        measurements.push(compare("product_get_vs_bare", &ours, &reference, Some(0.8), &note).await?);
    }
    let not_modified = target(&world.addresses[0], &path, Some(&etag), 304);
    if wanted("product_304_vs_bare") {
        let reference = target(&bare_address, "/product", Some(&etag), 200);
        measurements
            .push(compare("product_304_vs_bare", &not_modified, &reference, Some(0.95), &note).await?);
    }
    if wanted("product_304_vs_bare_304") {
        let reference = target(&bare_address, "/not-modified", Some(&etag), 304);
        measurements.push(compare("product_304_vs_bare_304", &not_modified, &reference, None, &note).await?);
    }
    world.stop().await?;
    Ok(measurements)
}

fn target(address: &str, path: &str, if_none_match: Option<&str>, status: u16) -> Target {
    Target {
        address: address.to_owned(),
        path: path.to_owned(),
        if_none_match: if_none_match.map(str::to_owned),
        status,
    }
}

async fn compare(
    name: &'static str,
    ours: &Target,
    reference: &Target,
    target: Option<f64>,
    note: &str,
) -> Result<Measurement> {
    ours.requests_per_second(WARM_UP).await?;
    reference.requests_per_second(WARM_UP).await?;
    let started = Instant::now();
    let (mut our_rates, mut reference_rates, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let ours = ours.requests_per_second(ROUND).await?;
        let reference = reference.requests_per_second(ROUND).await?;
        our_rates.push(ours);
        reference_rates.push(reference);
        ratios.push(ours / reference);
    }
    println!("{name}: {:.0} s of measurement", started.elapsed().as_secs_f32());
    let ratio = median(ratios);
    Ok(Measurement {
        name,
        ours: median(our_rates),
        reference: median(reference_rates),
        ratio,
        target: target.map_or_else(String::new, |target| format!(">= {target}")),
        ok: target.is_none_or(|target| ratio >= target),
        unit: "requests/s",
        note: note.to_owned(),
    })
}

async fn raw_body(address: &str, path: &str) -> Result<Vec<u8>> {
    Ok(reqwest::get(format!("http://{address}{path}")).await?.error_for_status()?.bytes().await?.to_vec())
}

async fn start_bare(body: &[u8], directory: &std::path::Path) -> Result<(Process, String)> {
    let file = directory.join("body.json");
    std::fs::write(&file, body)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--serve-bare").arg(&file);
    // Inherits this process's processor, which is the frontend's.
    let mut process = Process::start("bare", &mut command, &directory.join("bare.log"))?;
    let address = process.listening().await?;
    Ok((process, address))
}
