//! Push: `push_fanout_vs_bare`, a call published on one instance and received by the sockets of another, against bare
//! Redis and bare WebSockets; and `bytes_per_idle_connection`, what a socket costs that says nothing.

mod server;
mod sockets;

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::{Process, eventually};

pub(crate) use server::serve;
use sockets::Sockets;

use crate::BACK_PROCESSOR;
use crate::report::{Measurement, median};

const FANOUTS: [(&str, usize, Option<f64>); 3] = [
    ("push_fanout_vs_bare", 1_000, Some(0.7)),
    ("push_fanout_vs_bare_100", 100, None),
    ("push_fanout_vs_bare_10000", 10_000, None),
];
const IDLE: &str = "bytes_per_idle_connection";
const IDLE_CONNECTIONS: usize = 10_000;
const IDLE_TARGET_BYTES: f64 = 12_288.0;
/// Sockets that fill the server's own pools before anything is counted.
const FIRST_CONNECTIONS: usize = 200;
/// Descriptors beside the sockets.
const SPARE_DESCRIPTORS: usize = 200;

const ROUND: Duration = Duration::from_millis(1_500);
/// Rounds of each side, in turn.
const ROUNDS: usize = 5;
/// Messages published at once, well below what a connection may leave waiting.
const BATCH: usize = 50;
/// Single messages whose way to every socket is timed, in each round.
const SINGLES: usize = 20;
const START_LIMIT: Duration = Duration::from_secs(10);

pub(crate) async fn run(only: Option<&str>) -> Result<Vec<Measurement>> {
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    let mut measurements = Vec::new();
    if wanted(IDLE) {
        measurements.push(idle().await?);
    }
    if FANOUTS.iter().any(|(name, ..)| wanted(name)) {
        let stage = Stage::start().await?;
        for (name, sockets, target) in FANOUTS.into_iter().filter(|(name, ..)| wanted(name)) {
            measurements.push(stage.fan_out(name, sockets, target).await?);
        }
    }
    Ok(measurements)
}

/// How many sockets this process may open, up to `wanted`.
fn allowed_sockets(wanted: usize) -> Result<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let open_files =
        limits.lines().find(|line| line.starts_with("Max open files")).context("no such limit")?;
    let soft: usize = open_files.split_whitespace().nth(3).context("no such limit")?.parse()?;
    Ok(wanted.min(soft.saturating_sub(SPARE_DESCRIPTORS)))
}

async fn idle() -> Result<Measurement> {
    let directory = tempfile::tempdir()?;
    let (server, address) = instance(None, directory.path(), "idle", false).await?;
    let count = allowed_sockets(IDLE_CONNECTIONS)?;
    let _first = Sockets::open(&address, Side::Ours, FIRST_CONNECTIONS).await?;
    let before = resident_bytes(server.id())?;
    let started = Instant::now();
    let _sockets = Sockets::open(&address, Side::Ours, count - FIRST_CONNECTIONS).await?;
    let seconds = started.elapsed().as_secs_f64();
    let added = (count - FIRST_CONNECTIONS) as f64;
    let bytes = resident_bytes(server.id())?.saturating_sub(before) as f64 / added;
    Ok(Measurement {
        name: IDLE,
        ours: bytes,
        reference: IDLE_TARGET_BYTES,
        ratio: bytes / IDLE_TARGET_BYTES,
        target: format!("<= {IDLE_TARGET_BYTES}"),
        ok: bytes <= IDLE_TARGET_BYTES && count == IDLE_CONNECTIONS,
        unit: "bytes of resident memory",
        note: format!(
            "{count} WebSockets in JSON after their handshake, at {:.0} connections/s",
            added / seconds
        ),
    })
}

fn resident_bytes(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no resident size")?;
    let kilobytes: u64 = line.split_whitespace().next().context("no number")?.parse()?;
    Ok(kilobytes * 1024)
}

/// Starts this program again as a server.
async fn instance(
    redis: Option<&str>,
    directory: &std::path::Path,
    name: &str,
    behind: bool,
) -> Result<(Process, String)> {
    let program = std::env::current_exe()?;
    let mut command = if behind {
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", BACK_PROCESSOR]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.args(["--serve-push", redis.unwrap_or("")]);
    let mut process = Process::start(name, &mut command, &directory.join(format!("{name}.log")))?;
    let address = process.listening().await?;
    Ok((process, address))
}

/// Whose sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    Bare,
}

/// Redis, an instance that publishes and one that has the sockets. Each serves both sides.
struct Stage {
    _processes: Vec<Process>,
    publishing: String,
    receiving: String,
    _directory: tempfile::TempDir,
}

/// What one round of one side showed.
struct Round {
    messages_per_second: f64,
    latencies_ms: Vec<f64>,
}

impl Stage {
    async fn start() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", BACK_PROCESSOR, "redis-server", "--bind", "127.0.0.1", "--save", ""]);
        command.args(["--port", &port.to_string(), "--dir"]).arg(directory.path());
        let redis = Process::start("redis-server", &mut command, &directory.path().join("redis.log"))?;
        eventually("redis-server accepts connections", START_LIMIT, async || {
            Ok(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok())
        })
        .await?;
        let redis_address = format!("127.0.0.1:{port}");
        let (publisher, publishing) =
            instance(Some(&redis_address), directory.path(), "publishing", true).await?;
        let (receiver, receiving) =
            instance(Some(&redis_address), directory.path(), "receiving", false).await?;
        Ok(Self {
            _processes: vec![receiver, publisher, redis],
            publishing,
            receiving,
            _directory: directory,
        })
    }

    async fn fan_out(&self, name: &'static str, wanted: usize, target: Option<f64>) -> Result<Measurement> {
        let count = allowed_sockets(wanted)?;
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(self.round(Side::Ours, count).await?);
            bare.push(self.round(Side::Bare, count).await?);
        }
        let rates =
            |rounds: &[Round]| rounds.iter().map(|round| round.messages_per_second).collect::<Vec<_>>();
        let ratios = rates(&ours).iter().zip(rates(&bare)).map(|(ours, bare)| ours / bare).collect();
        let ratio = median(ratios);
        let latencies = |rounds: &[Round]| {
            let mut all: Vec<f64> = rounds.iter().flat_map(|round| round.latencies_ms.clone()).collect();
            all.sort_by(f64::total_cmp);
            let at = |share: f64| all.get((all.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
            format!("{:.1}/{:.1} ms", at(0.5), at(0.99))
        };
        Ok(Measurement {
            name,
            ours: median(rates(&ours)),
            reference: median(rates(&bare)),
            ratio,
            target: target.map_or_else(String::new, |target| format!(">= {target}")),
            ok: target.is_none_or(|target| ratio >= target && count == wanted),
            unit: "messages/s",
            note: format!(
                "{count} sockets; published to received p50/p99 {}, bare {}",
                latencies(&ours),
                latencies(&bare)
            ),
        })
    }

    async fn round(&self, side: Side, count: usize) -> Result<Round> {
        let sockets = Sockets::open(&self.receiving, side, count).await?;
        let http = reqwest::Client::new();
        let publish = async |messages: usize| {
            let url =
                format!("http://{}/publish?ours={}&count={messages}", self.publishing, side == Side::Ours);
            http.post(url).send().await?.error_for_status()?;
            anyhow::Ok(())
        };
        // Subscriptions are in place once the first one has come through.
        sockets.receive(1, publish(1)).await?;
        let mut latencies_ms = Vec::new();
        for _ in 0..SINGLES {
            latencies_ms.extend(sockets.receive(1, publish(1)).await?);
        }
        let started = Instant::now();
        let mut received = 0;
        while started.elapsed() < ROUND {
            sockets.receive(BATCH, publish(BATCH)).await?;
            received += BATCH * count;
        }
        let messages_per_second = received as f64 / started.elapsed().as_secs_f64();
        ensure!(!latencies_ms.is_empty(), "nothing was timed");
        Ok(Round { messages_per_second, latencies_ms })
    }
}
