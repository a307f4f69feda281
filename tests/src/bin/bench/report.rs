//! The table on the screen and the list in `target/bench.json`.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

/// One line of the table. `ratio` is the median of the ratios of the rounds, not the ratio of the medians.
#[derive(Serialize)]
pub(crate) struct Measurement {
    pub(crate) name: &'static str,
    pub(crate) ours: f64,
    pub(crate) reference: f64,
    pub(crate) ratio: f64,
    pub(crate) target: String,
    pub(crate) ok: bool,
    pub(crate) unit: &'static str,
    pub(crate) note: String,
}

pub(crate) fn print(measurements: &[Measurement]) {
    println!(
        "\n{:<24} {:>12} {:>12} {:>7}  {:<8} {:<4} note",
        "name", "ours", "reference", "ratio", "target", "ok"
    );
    for measurement in measurements {
        println!(
            "{:<24} {:>12.0} {:>12.0} {:>7.3}  {:<8} {:<4} {}, {}",
            measurement.name,
            measurement.ours,
            measurement.reference,
            measurement.ratio,
            measurement.target,
            if measurement.ok { "yes" } else { "NO" },
            measurement.unit,
            measurement.note,
        );
    }
}

pub(crate) fn write(measurements: &[Measurement]) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench.json");
    std::fs::write(path, serde_json::to_vec_pretty(measurements)?)?;
    Ok(())
}

/// The middle value; of an even number the lower of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}
