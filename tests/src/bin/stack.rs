//! `make run`: keeps the whole stack up with demo data until Ctrl-C, which stops all of it.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::{ADMIN, ADMIN_PASSWORD, Layout, Placement, World, catalog};
use tokio::signal::unix::{SignalKind, signal};

const STORE: &str = "outdoor";
const IMPORT_LIMIT: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let placement = Placement { shielded: true, ..Placement::default() };
    let world = tokio::select! {
        world = World::start(Layout { placement, ..Layout::default() }) => world?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    world.merchant.put_store(STORE, "Stoa Outdoor", "EUR").await?;
    let report = world.merchant.import_catalog(STORE, catalog::DEMO.to_vec(), IMPORT_LIMIT).await?;
    ensure!(report.state == "Completed", "the demo catalog was not imported: {report:?}");
    print_addresses(&world);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    println!("\nstopping");
    world.stop().await
}

fn print_addresses(world: &World) {
    let [first, second, authoring] = world.addresses.as_slice() else { return };
    println!(
        "\nStoa is up with {} products in the store `{STORE}`.\n\n\
         frontend 1     http://{first}/v1/{STORE}/products\n\
         frontend 2     http://{second}/v1/{STORE}/products/enamel-mug\n\
         authoring      http://{authoring}/admin/products/1\n\
         sign-in        {ADMIN} / {ADMIN_PASSWORD}\n\
         SQL            {}\n\n\
         curl -d grant_type=password -d username={ADMIN} -d password={ADMIN_PASSWORD} http://{authoring}/connect/token\n\
         curl -H \"Authorization: Bearer $TOKEN\" http://{authoring}/admin/products/1\n\n\
         Ctrl-C stops everything.",
        catalog::DEMO_PRODUCTS,
        world.connection_string(),
    );
}
