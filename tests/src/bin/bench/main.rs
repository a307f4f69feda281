//! `make bench`: measures ours beside a reference in one run and prints the ratio, because a machine's speed drifts
//! from minute to minute and absolute figures of different runs do not compare. Writes `target/bench.json`.
//! One module per benchmark; `load` is the shared load generator, `report` the table.

mod bare;
mod load;
mod product;
mod report;

use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Parser;

/// Processor of the frontend, the bare reference and the load generator.
pub(crate) const FRONT_PROCESSOR: &str = "0";
/// Processor of everything else: worker, SQL, Redis, authoring.
pub(crate) const BACK_PROCESSOR: &str = "1";

#[derive(Parser)]
struct Arguments {
    /// Runs one benchmark only.
    #[arg(long)]
    only: Option<String>,
    /// Serves the bare reference route with the body in this file (used by the benchmark itself).
    #[arg(long, hide = true)]
    serve_bare: Option<std::path::PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(body) = arguments.serve_bare {
        return bare::serve(&body);
    }
    pin_to(FRONT_PROCESSOR)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measurements = runtime.block_on(product::run(arguments.only.as_deref()))?;
    ensure!(!measurements.is_empty(), "there is no benchmark of that name");
    report::print(&measurements);
    report::write(&measurements)
}

/// Pins this process, and with it every thread and child that it starts later.
fn pin_to(processor: &str) -> Result<()> {
    let id = std::process::id().to_string();
    let status = Command::new("taskset")
        .args(["--cpu-list", "--pid", processor, &id])
        .stdout(std::process::Stdio::null())
        .status()
        .context("taskset (util-linux) is needed to pin processes")?;
    ensure!(status.success(), "could not pin to processor {processor}");
    Ok(())
}
