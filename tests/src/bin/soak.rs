//! `make soak`: a busy system and one disturbance after the other, at random, for as long as it is told to.
//!
//! Restarts under load, SIGKILL of each kind of process, Redis and SQL killed, frozen and cut off. What the users saw is
//! judged and printed after each shift; a broken promise ends the soak with code 1. The seed that is printed first makes
//! the same disturbances again, in the same order and for the same times.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;
use e2e::busy::{Busy, Disturbance, Outage, Server, layout};
use e2e::observed::Record;
use e2e::{Instance, Layout};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

/// What one shift saw is kept until its end: it must not grow with the length of the soak.
const SHIFT: Duration = Duration::from_secs(180);
/// Between two disturbances.
const CALM_MS: std::ops::RangeInclusive<u64> = 0..=3_000;
/// How long a server is away.
const OUTAGE_MS: std::ops::RangeInclusive<u64> = 200..=12_000;

/// Breaks a busy system at random and judges what its users saw.
#[derive(Debug, Parser)]
struct Flags {
    /// How long, in minutes; what has begun then is finished.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Makes the disturbances of an earlier soak again.
    #[arg(long)]
    seed: Option<u64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    let seed = flags.seed.unwrap_or_else(rand::random);
    println!("seed {seed}: the same again with make soak SOAK_SEED={seed}");
    let outcome = soak(Duration::from_secs(flags.minutes * 60), StdRng::seed_from_u64(seed)).await;
    match outcome {
        Ok(0) => {
            println!("every promise was kept");
            ExitCode::SUCCESS
        }
        Ok(broken) => {
            println!("{broken} broken promises; seed {seed}");
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("{error:#}; seed {seed}");
            ExitCode::FAILURE
        }
    }
}

/// The number of broken promises.
async fn soak(time: Duration, mut random: StdRng) -> Result<usize> {
    let mut busy = Busy::start(Layout { durable_sql: true, wires: true, ..layout() }).await?;
    let (began, mut broken) = (Instant::now(), 0);
    let mut shift_began = began;
    while began.elapsed() < time {
        tokio::time::sleep(Duration::from_millis(random.random_range(CALM_MS))).await;
        let disturbance = any(&busy, &mut random);
        let at = Instant::now();
        println!("{:>6} s  {disturbance}", began.elapsed().as_secs());
        if let Err(error) = busy.disturb(disturbance).await {
            // What the users saw until then says why.
            show(&busy.load.end().await?);
            return Err(error.context(disturbance.to_string()));
        }
        println!("{:>6} s  all is well after {:.1} s", began.elapsed().as_secs(), at.elapsed().as_secs_f64());
        if shift_began.elapsed() > SHIFT {
            broken += show(&busy.next_shift().await?);
            shift_began = Instant::now();
        }
    }
    Ok(broken + show(&busy.end().await?))
}

fn show(record: &Record) -> usize {
    println!("\n{}", record.table());
    let violations = record.violations();
    violations.iter().for_each(|violation| println!("BROKEN: {violation}"));
    violations.len()
}

fn any(busy: &Busy, random: &mut StdRng) -> Disturbance {
    let instances: Vec<Instance> = busy.world.instances().collect();
    let instance = *instances.choose(random).unwrap_or(&Instance::Frontend(0));
    let server = if random.random() { Server::Redis } else { Server::Sql };
    let outage = *[Outage::Killed, Outage::Frozen, Outage::Cut].choose(random).unwrap_or(&Outage::Cut);
    let time = Duration::from_millis(random.random_range(OUTAGE_MS));
    // Every number is drawn each time, so that a seed means the same whichever of them are used.
    match random.random_range(0..8) {
        0 => Disturbance::RollingRestart,
        1 => Disturbance::Restart(instance),
        2 | 3 => Disturbance::Crash(instance),
        _ => Disturbance::Outage(server, outage, time),
    }
}
