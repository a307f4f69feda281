//! A whole system on loopback: local-sql, redis-server and the three services, each a real process.

use std::{
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use tempfile::TempDir;

use crate::{Merchant, Process, Shopper, eventually};

/// The bearer token of every world's authoring-api.
pub const BEARER_TOKEN: &str = "a-token-for-desks-and-tests-only";
const SA_PASSWORD: &str = "Desk-only-1!";
const REDIS_START_LIMIT: Duration = Duration::from_secs(20);

/// Which processes run, and which of them run jobs.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Storefront instances.
    pub frontends: usize,
    /// Worker processes at the start.
    pub workers: usize,
    /// `UseHangfireServer` of authoring-api: the article's two-process topology.
    pub authoring_runs_jobs: bool,
    /// Whether there is a Redis at all.
    pub redis: bool,
    /// Starts the services with the article's two files (`deploy/settings`) instead of generated ones: frontends
    /// with the commerce configuration, authoring-api and job-worker with the authoring one. What the files leave to
    /// their reader comes from the environment.
    pub article_settings: bool,
    /// How the processes are placed on the machine.
    pub placement: Placement,
}

/// Where processes run, and who may interrupt them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Placement {
    /// Pins frontends to the first processor and everything else to the second (benchmarks).
    pub processors: Option<(&'static str, &'static str)>,
    /// Keeps a terminal's Ctrl-C from the processes: whoever started the world stops them, in order.
    pub shielded: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            frontends: 2,
            workers: 1,
            authoring_runs_jobs: false,
            redis: true,
            article_settings: false,
            placement: Placement::default(),
        }
    }
}

/// Running processes and clients for them. Dropped, everything ends.
pub struct World {
    /// One shopper for each frontend.
    pub shoppers: Vec<Shopper>,
    /// The merchant at authoring-api.
    pub merchant: Merchant,
    /// Addresses of the frontends, then of authoring-api, for people.
    pub addresses: Vec<String>,
    directory: PathBuf,
    // Services before the servers they talk to: fields are dropped in this order.
    workers: Vec<Process>,
    services: Vec<Process>,
    redis: Option<Redis>,
    sql: Process,
    connection: String,
    placement: Placement,
    article_settings: bool,
    _temporary: Option<TempDir>,
}

struct Redis {
    process: Option<Process>,
    port: u16,
}

impl World {
    /// Starts everything that `layout` names, in a temporary directory. With `STOA_KEEP_LOGS` set the directory, with
    /// one log a process, stays and is named.
    pub async fn start(layout: Layout) -> Result<Self> {
        let mut temporary = tempfile::Builder::new().prefix("stoa-world-").tempdir()?;
        if std::env::var_os("STOA_KEEP_LOGS").is_some() {
            temporary.disable_cleanup(true);
            println!("logs in {}", temporary.path().display());
        }
        let mut world = Self::start_in(layout, temporary.path(), "127.0.0.1:0").await?;
        world._temporary = Some(temporary);
        Ok(world)
    }

    async fn start_in(layout: Layout, directory: &Path, sql_listen: &str) -> Result<Self> {
        let placement = layout.placement;
        let (sql, sql_address) = start_local_sql(directory, sql_listen, placement).await?;
        let redis = if layout.redis { Some(Redis::start(directory, None, placement).await?) } else { None };
        let connection = format!(
            "Data Source=tcp:{};Initial Catalog=stoa;User ID=sa;Password={SA_PASSWORD};\
             MultipleActiveResultSets=True;Connection Timeout=30;Trusted_Connection=False;Encrypt=False;",
            sql_address.replace(':', ",")
        );
        let mut services = Vec::new();
        let port = redis.as_ref().map(|redis| redis.port);
        let article_settings = layout.article_settings;
        let start = Starter { directory, connection: &connection, redis: port, article_settings, placement };
        let (authoring, authoring_address) =
            start.service("authoring-api", "authoring-api", layout.authoring_runs_jobs).await?;
        let mut shoppers = Vec::new();
        let mut addresses = Vec::new();
        for number in 1..=layout.frontends {
            let (process, address) =
                start.service("frontend-api", &format!("frontend-{number}"), false).await?;
            services.push(process);
            shoppers.push(Shopper::of(&address)?);
            addresses.push(address);
        }
        services.push(authoring);
        let merchant = Merchant::of(&authoring_address, BEARER_TOKEN)?;
        addresses.push(authoring_address);
        let mut world = Self {
            shoppers,
            merchant,
            addresses,
            directory: directory.to_owned(),
            workers: Vec::new(),
            services,
            redis,
            sql,
            connection,
            placement,
            article_settings,
            _temporary: None,
        };
        for _ in 0..layout.workers {
            world.start_worker().await?;
        }
        Ok(world)
    }

    /// Starts one more job-worker.
    pub async fn start_worker(&mut self) -> Result<()> {
        let start = Starter {
            directory: &self.directory,
            connection: &self.connection,
            redis: self.redis.as_ref().map(|redis| redis.port),
            placement: self.placement,
            article_settings: self.article_settings,
        };
        let name = format!("worker-{}", self.workers.len() + 1);
        let (process, _) = start.service("job-worker", &name, true).await?;
        self.workers.push(process);
        Ok(())
    }

    /// SIGKILL to the worker started first.
    pub fn kill_worker(&mut self) -> Result<()> {
        ensure!(!self.workers.is_empty(), "no worker runs");
        self.workers.remove(0).kill()
    }

    /// SIGKILL to redis-server; its port stays ours for [`World::restart_redis`].
    pub fn kill_redis(&mut self) -> Result<()> {
        let redis = self.redis.as_mut().context("this world has no Redis")?;
        redis.process.take().context("Redis is stopped already")?.kill()
    }

    /// Starts redis-server again on the same port, empty.
    pub async fn restart_redis(&mut self) -> Result<()> {
        let port = self.redis.as_ref().context("this world has no Redis")?.port;
        self.redis = Some(Redis::start(&self.directory, Some(port), self.placement).await?);
        Ok(())
    }

    /// The ADO.NET connection string of the database.
    pub fn connection_string(&self) -> &str {
        &self.connection
    }

    /// Process ids of everything that runs.
    pub fn process_ids(&self) -> Vec<u32> {
        let redis = self.redis.iter().filter_map(|redis| redis.process.as_ref());
        self.workers.iter().chain(&self.services).chain(redis).chain([&self.sql]).map(Process::id).collect()
    }

    /// SIGTERM to every service, workers first; each must end by itself with success.
    pub async fn stop(mut self) -> Result<()> {
        for process in self.workers.drain(..).chain(self.services.drain(..)) {
            let id = process.id();
            let log = process.log()?;
            let status = process.stop().await?;
            if !status.success() {
                bail!("process {id} ended with {status} after SIGTERM:\n{log}");
            }
        }
        Ok(())
    }
}

/// What every service's command line and settings are made of.
struct Starter<'a> {
    directory: &'a Path,
    connection: &'a str,
    redis: Option<u16>,
    placement: Placement,
    article_settings: bool,
}

impl Starter<'_> {
    async fn service(&self, program: &str, name: &str, runs_jobs: bool) -> Result<(Process, String)> {
        let mut command = self.placement.command(&binary(program)?, program == "frontend-api");
        if self.article_settings {
            self.use_article_settings(program, &mut command);
        } else {
            let settings = self.directory.join(format!("{name}.appsettings.json"));
            std::fs::write(&settings, serde_json::to_vec_pretty(&self.settings(program, runs_jobs))?)?;
            command.arg("--config").arg(&settings);
        }
        command.args(["--listen", "127.0.0.1:0"]);
        let mut process = Process::start(name, &mut command, &self.directory.join(format!("{name}.log")))?;
        let address = process.listening().await?;
        Ok((process, address))
    }

    fn use_article_settings(&self, program: &str, command: &mut Command) {
        let topology = if program == "frontend-api" { "commerce" } else { "authoring" };
        let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/settings");
        command.arg("--config").arg(files.join(format!("{topology}.appsettings.json")));
        command.env("ConnectionStrings__VirtoCommerce", self.connection);
        if let Some(redis) = self.redis_string() {
            command.env("ConnectionStrings__RedisConnectionString", redis);
        }
        if program == "authoring-api" {
            command.env("Authoring__BearerToken", BEARER_TOKEN);
        }
    }

    fn redis_string(&self) -> Option<String> {
        self.redis.map(|port| format!("127.0.0.1:{port},ssl=False,abortConnect=False"))
    }

    fn settings(&self, program: &str, runs_jobs: bool) -> serde_json::Value {
        let mut strings = json!({ "VirtoCommerce": self.connection });
        if let Some(redis) = self.redis_string() {
            strings["RedisConnectionString"] = json!(redis);
        }
        let mut settings = json!({
            "ConnectionStrings": strings,
            "VirtoCommerce": { "Hangfire": { "JobStorageType": "SqlServer", "UseHangfireServer": runs_jobs } },
        });
        if program == "authoring-api" {
            settings["Authoring"] = json!({ "BearerToken": BEARER_TOKEN });
        }
        settings
    }
}

impl Placement {
    fn command(self, program: &Path, is_front: bool) -> Command {
        let processor = self.processors.map(|(front, back)| if is_front { front } else { back });
        let mut command = match processor {
            Some(processor) => {
                let mut command = Command::new("taskset");
                command.args(["--cpu-list", processor]).arg(program);
                command
            }
            None => Command::new(program),
        };
        if self.shielded {
            command.process_group(0);
        }
        command
    }
}

async fn start_local_sql(directory: &Path, listen: &str, placement: Placement) -> Result<(Process, String)> {
    let mut command = placement.command(&binary("local-sql")?, false);
    command.args(["--listen", listen, "--memory"]).env("LOCAL_SQL_SA_PASSWORD", SA_PASSWORD);
    let mut process = Process::start("local-sql", &mut command, &directory.join("local-sql.log"))?;
    let address = process.listening().await?;
    Ok((process, address))
}

impl Redis {
    async fn start(directory: &Path, port: Option<u16>, placement: Placement) -> Result<Self> {
        let port = match port {
            Some(port) => port,
            None => std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port(),
        };
        let mut command = placement.command(&redis_server(), false);
        command
            .args([
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--port",
                &port.to_string(),
                "--dir",
            ])
            .arg(directory);
        let process = Process::start("redis-server", &mut command, &directory.join("redis-server.log"))?;
        eventually("redis-server accepts connections", REDIS_START_LIMIT, async || {
            Ok(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok())
        })
        .await?;
        Ok(Self { process: Some(process), port })
    }
}

/// A binary of this workspace: it lies beside the running one, whichever profile that was built in.
fn binary(name: &str) -> Result<PathBuf> {
    let current = std::env::current_exe()?;
    for directory in current.ancestors().skip(1) {
        let candidate = directory.join(name);
        if candidate.is_file() {
            return Ok(candidate);
        }
        if directory.file_name().is_some_and(|name| name == "target") {
            break;
        }
    }
    bail!("{name} is not built: run `make build`")
}

/// The redis-server that `make tools` provides, else the one on the PATH.
fn redis_server() -> PathBuf {
    let provided = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/bin/redis-server");
    if provided.exists() { provided } else { PathBuf::from("redis-server") }
}
