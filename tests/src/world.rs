//! A whole system on loopback: local-sql, redis-server and the three services, each a real process.
//!
//! Here: what runs, and what a story may do to it. `launch` starts the services, `backing` the two servers behind
//! them. A process keeps its address when it is started again, as behind a Kubernetes service.

mod backing;
mod launch;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::{Merchant, Process, Shopper};
use backing::{Redis, Sql};
use launch::{Launch, Role};

pub use backing::SA_PASSWORD;
pub use launch::{ADMIN, ADMIN_PASSWORD, COLLECTOR_TOKEN, Placement};

/// Which processes run, and which of them run jobs.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Storefront instances.
    pub frontends: usize,
    /// Authoring instances.
    pub authorings: usize,
    /// Worker processes at the start.
    pub workers: usize,
    /// `UseHangfireServer` of authoring-api: the article's two-process topology.
    pub authoring_runs_jobs: bool,
    /// Whether there is a Redis at all.
    pub redis: bool,
    /// Whether SQL keeps its data on disk, so that it can be killed and started again.
    pub durable_sql: bool,
    /// Starts the services with the article's two files (`deploy/settings`) instead of generated ones: frontends
    /// with the commerce configuration, authoring-api and job-worker with the authoring one. What the files leave to
    /// their reader comes from the environment.
    pub article_settings: bool,
    /// `KEY=VALUE` for `--set` of every service. By default no balancer has to notice a stop.
    pub set: &'static [&'static str],
    /// Where every service sends its spans: the address of a [`Collector`](crate::collector::Collector).
    pub collector: Option<SocketAddr>,
    /// How the processes are placed on the machine.
    pub placement: Placement,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            frontends: 2,
            authorings: 1,
            workers: 1,
            authoring_runs_jobs: false,
            redis: true,
            durable_sql: false,
            article_settings: false,
            set: &["Http:StopDelay=00:00:00"],
            collector: None,
            placement: Placement::default(),
        }
    }
}

/// One of our processes, by what it is and its number, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Instance {
    /// A frontend-api.
    Frontend(usize),
    /// An authoring-api.
    Authoring(usize),
    /// A job-worker.
    Worker(usize),
}

impl std::fmt::Display for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Frontend(number) => write!(f, "frontend-{}", number + 1),
            Self::Authoring(number) => write!(f, "authoring-{}", number + 1),
            Self::Worker(number) => write!(f, "worker-{}", number + 1),
        }
    }
}

/// Running processes and clients for them. Dropped, everything ends.
pub struct World {
    /// One shopper for each frontend.
    pub shoppers: Vec<Shopper>,
    /// The merchant at the first authoring-api.
    pub merchant: Merchant,
    /// Addresses of the frontends, then of the authoring instances.
    pub addresses: Vec<String>,
    // Services before the servers they talk to: fields are dropped in this order.
    services: Vec<Service>,
    redis: Option<Redis>,
    sql: Sql,
    launch: Launch,
    _temporary: Option<TempDir>,
}

/// A process of ours, running or between two runs.
struct Service {
    instance: Instance,
    address: String,
    process: Option<Process>,
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
        let mut world = Self::start_in(layout, temporary.path()).await?;
        world._temporary = Some(temporary);
        Ok(world)
    }

    async fn start_in(layout: Layout, directory: &Path) -> Result<Self> {
        let placement = layout.placement;
        let sql = Sql::start(directory, layout.durable_sql, placement).await?;
        let redis = if layout.redis { Some(Redis::start(directory, None, placement).await?) } else { None };
        let launch = Launch {
            directory: directory.to_owned(),
            connection: sql.connection_string(),
            redis: redis.as_ref().map(Redis::port),
            layout,
        };
        let mut services = Vec::new();
        for number in 0..layout.authorings {
            services.push(launch.start(Instance::Authoring(number)).await?);
        }
        for number in 0..layout.frontends {
            services.push(launch.start(Instance::Frontend(number)).await?);
        }
        let of = |role: Role| services.iter().filter(move |service| Role::of(service.instance) == role);
        let addresses = of(Role::Frontend).chain(of(Role::Authoring)).map(|service| service.address.clone());
        let addresses: Vec<String> = addresses.collect();
        let (frontends, authorings) = addresses.split_at(layout.frontends);
        let shoppers = frontends.iter().map(|address| Shopper::of(address)).collect::<Result<_>>()?;
        let authoring = authorings.first().context("a world needs an authoring-api")?;
        let merchant = Merchant::of(authoring, ADMIN, ADMIN_PASSWORD)?;
        let mut world =
            Self { shoppers, merchant, addresses, services, redis, sql, launch, _temporary: None };
        for _ in 0..layout.workers {
            world.start_worker().await?;
        }
        Ok(world)
    }

    /// Starts one more job-worker.
    pub async fn start_worker(&mut self) -> Result<()> {
        let number =
            self.services.iter().filter(|service| matches!(service.instance, Instance::Worker(_))).count();
        self.services.push(self.launch.start(Instance::Worker(number)).await?);
        Ok(())
    }

    /// SIGKILL to the first worker that runs.
    pub fn kill_worker(&mut self) -> Result<()> {
        let is_worker = |service: &&Service| matches!(service.instance, Instance::Worker(_));
        let running = self.services.iter().filter(is_worker).find(|service| service.process.is_some());
        let instance = running.context("no worker runs")?.instance;
        self.kill(instance)
    }

    /// SIGKILL.
    pub fn kill(&mut self, instance: Instance) -> Result<()> {
        let service = self.service(instance)?;
        service.process.take().with_context(|| format!("{instance} does not run"))?.kill()
    }

    /// SIGTERM; it must end by itself with success.
    pub async fn terminate(&mut self, instance: Instance) -> Result<()> {
        let service = self.service(instance)?;
        service.process.take().with_context(|| format!("{instance} does not run"))?.stop_well().await
    }

    /// Starts a process again where it was.
    pub async fn start_again(&mut self, instance: Instance) -> Result<()> {
        let launch = self.launch.clone();
        let service = self.service(instance)?;
        ensure!(service.process.is_none(), "{instance} runs");
        service.process = Some(launch.start_at(instance, &service.address).await?.0);
        Ok(())
    }

    /// Where a process listens.
    pub fn address(&self, instance: Instance) -> Result<&str> {
        let service = self.services.iter().find(|service| service.instance == instance);
        Ok(&service.with_context(|| format!("there is no {instance}"))?.address)
    }

    /// Every process of ours, running or not.
    pub fn instances(&self) -> impl Iterator<Item = Instance> {
        self.services.iter().map(|service| service.instance)
    }

    fn service(&mut self, instance: Instance) -> Result<&mut Service> {
        let service = self.services.iter_mut().find(|service| service.instance == instance);
        service.with_context(|| format!("there is no {instance}"))
    }

    /// SIGKILL to redis-server; its port stays ours for [`World::restart_redis`].
    pub fn kill_redis(&mut self) -> Result<()> {
        self.redis.as_mut().context("this world has no Redis")?.kill()
    }

    /// Starts redis-server again on the same port, empty.
    pub async fn restart_redis(&mut self) -> Result<()> {
        let port = self.redis.as_ref().context("this world has no Redis")?.port();
        self.redis =
            Some(Redis::start(&self.launch.directory, Some(port), self.launch.layout.placement).await?);
        Ok(())
    }

    /// SIGSTOP to redis-server: its sockets stay open and nobody answers. SIGCONT: it goes on.
    pub fn freeze_redis(&mut self, frozen: bool) -> Result<()> {
        self.redis.as_ref().context("this world has no Redis")?.freeze(frozen)
    }

    /// SIGKILL to local-sql.
    pub fn kill_sql(&mut self) -> Result<()> {
        self.sql.kill()
    }

    /// Starts local-sql again on the same port, with what was committed.
    pub async fn restart_sql(&mut self) -> Result<()> {
        self.sql.start_again().await
    }

    /// SIGSTOP to local-sql: its sockets stay open and nobody answers. SIGCONT: it goes on.
    pub fn freeze_sql(&self, frozen: bool) -> Result<()> {
        self.sql.freeze(frozen)
    }

    /// The ADO.NET connection string of the database.
    pub fn connection_string(&self) -> &str {
        &self.launch.connection
    }

    /// The folder with a log of each process.
    pub fn directory(&self) -> &Path {
        &self.launch.directory
    }

    /// Process ids of everything that runs.
    pub fn process_ids(&self) -> Vec<u32> {
        let services = self.services.iter().filter_map(|service| service.process.as_ref());
        let redis = self.redis.iter().filter_map(Redis::process);
        services.chain(redis).chain(self.sql.process()).map(Process::id).collect()
    }

    /// SIGTERM to every service, workers first; each must end by itself with success.
    pub async fn stop(mut self) -> Result<()> {
        self.services.sort_by_key(|service| std::cmp::Reverse(Role::of(service.instance)));
        for process in self.services.drain(..).filter_map(|service| service.process) {
            process.stop_well().await?;
        }
        Ok(())
    }
}

/// A binary of this workspace: it lies beside the running one, whichever profile that was built in.
pub fn binary(name: &str) -> Result<PathBuf> {
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
