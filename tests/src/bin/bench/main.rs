//! `make bench`: measures ours beside a reference in one run and prints the ratio, because a machine's speed drifts
//! from minute to minute and absolute figures of different runs do not compare. Writes `target/bench.json`.
//! One module per benchmark; `load` is the shared load generator, `report` the table.

mod bare;
mod job_engine;
mod load;
mod local_sql;
mod product;
mod push;
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
    /// Serves a hub and bare WebSockets, with the Redis of this address or alone (used by the benchmark itself).
    #[arg(long, hide = true)]
    serve_push: Option<String>,
    /// Runs `jobs` or `baseline` with so many slots: `jobs,8` (used by the benchmark itself).
    #[arg(long, hide = true)]
    serve_jobs: Option<String>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(body) = arguments.serve_bare {
        return bare::serve(&body);
    }
    if let Some(redis) = arguments.serve_push {
        return push::serve(&redis);
    }
    if let Some(what) = arguments.serve_jobs {
        let (what, slots) = what.split_once(',').context("`jobs,8` or `baseline,8`")?;
        return job_engine::serve(what, slots.parse()?);
    }
    pin_to(FRONT_PROCESSOR)?;
    take_turns()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let only = arguments.only.as_deref();
    let measurements = runtime.block_on(async {
        let mut measurements = product::run(only).await?;
        measurements.extend(push::run(only).await?);
        measurements.extend(job_engine::run(only).await?);
        measurements.extend(local_sql::run(only).await?);
        anyhow::Ok(measurements)
    })?;
    ensure!(!measurements.is_empty(), "there is no benchmark of that name");
    report::print(&measurements);
    report::write(&measurements)
}

/// Pins this process, and with it every thread and child that it starts later.
fn pin_to(processor: &str) -> Result<()> {
    set("taskset", &["--cpu-list", "--pid", processor])
}

/// Lets nobody interrupt whoever runs: server and load generator share a processor, and whether each message wakes
/// its reader at once (and costs two switches) depends on who used a little more time lately. That would measure the
/// scheduler's mood: it was seen to take a tenth from one side only. Children inherit it.
fn take_turns() -> Result<()> {
    set("chrt", &["--batch", "--pid", "0"])
}

/// Sets something for this process with a tool of util-linux.
fn set(tool: &str, arguments: &[&str]) -> Result<()> {
    let id = std::process::id().to_string();
    let status = Command::new(tool)
        .args(arguments)
        .arg(&id)
        .stdout(std::process::Stdio::null())
        .status()
        .with_context(|| format!("{tool} (util-linux) is needed to place processes"))?;
    ensure!(status.success(), "{tool} failed");
    Ok(())
}
