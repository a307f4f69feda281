//! A whole system on loopback: local-sql, redis-server and the three services, each a real process.
//!
//! Here: what runs, and what a story may do to it. `launch` starts the services, `backing` the two servers behind
//! them, `deployment` prepares a database as an administrator does. A process keeps its address when it is started again, as behind a Kubernetes service.

mod backing;
mod deployment;
mod launch;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::wire::Wire;
use crate::{Merchant, Process, Shopper};
use backing::{Redis, Setting, Sql};
use launch::{Launch, Role};

pub use backing::SA_PASSWORD;
pub use deployment::OWN_PASSWORD;
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
    /// Encrypts every connection to SQL and Redis, with certificates by the authority of the tests.
    pub tls: bool,
    /// How the services come to trust it.
    pub trust: Trust,
    /// Deploys as `deploy/sql` says: each service has a login of its own with rights to rows only, and the schema is
    /// made before by the login of the migrations.
    pub own_logins: bool,
    /// Puts a cable that can be pulled out between the services and each of SQL and Redis.
    pub wires: bool,
    /// `KEY=VALUE` for `--set` of every service. By default no balancer has to notice a stop.
    pub set: &'static [&'static str],
    /// Where every service sends its spans: the address of a [`Collector`](crate::collector::Collector).
    pub collector: Option<SocketAddr>,
    /// Environment variables of every service.
    pub variables: &'static [(&'static str, &'static str)],
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
            tls: false,
            trust: Trust::Setting,
            own_logins: false,
            wires: false,
            set: &["Http:StopDelay=00:00:00"],
            collector: None,
            variables: &[],
            placement: Placement::default(),
        }
    }
}

/// How a process is told of a certificate authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// `Tls:CertificateAuthorities`.
    Setting,
    /// The variable `SSL_CERT_FILE`, which stands for the authorities of the system.
    Environment,
    /// Not at all.
    Nothing,
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
    wires: Option<Wires>,
    launch: Launch,
    _temporary: Option<TempDir>,
}

/// The cables to the two servers.
struct Wires {
    sql: Wire,
    redis: Option<Wire>,
}

impl Wires {
    async fn start(sql: &Sql, redis: Option<&Redis>) -> Result<Self> {
        let redis = match redis {
            Some(redis) => Some(Wire::start(redis.port()).await?),
            None => None,
        };
        Ok(Self { sql: Wire::start(sql.target().port).await?, redis })
    }
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
        let setting =
            Setting { directory: directory.to_owned(), placement: layout.placement, tls: layout.tls };
        let sql = Sql::start(setting.clone(), layout.durable_sql).await?;
        let redis = if layout.redis { Some(Redis::start(setting).await?) } else { None };
        let wires = if layout.wires { Some(Wires::start(&sql, redis.as_ref()).await?) } else { None };
        let mut target = sql.target();
        if let Some(wires) = &wires {
            target.port = wires.sql.port();
        }
        let launch = Launch {
            directory: directory.to_owned(),
            sql: target,
            redis: match &wires {
                Some(wires) => wires.redis.as_ref().map(Wire::port),
                None => redis.as_ref().map(Redis::port),
            },
            layout,
        };
        if launch.layout.own_logins {
            deployment::prepare(&launch).await?;
        }
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
            Self { shoppers, merchant, addresses, services, redis, sql, wires, launch, _temporary: None };
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
        self.ask_to_stop(instance)?;
        self.ended(instance).await
    }

    /// SIGTERM.
    pub fn ask_to_stop(&mut self, instance: Instance) -> Result<()> {
        let process = self.service(instance)?.process.as_ref();
        process.with_context(|| format!("{instance} does not run"))?.signal("TERM")
    }

    /// Waits until a process that was asked to stop has ended with success.
    pub async fn ended(&mut self, instance: Instance) -> Result<()> {
        let service = self.service(instance)?;
        service.process.take().with_context(|| format!("{instance} does not run"))?.ended_well().await
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
        self.redis.as_mut().context("this world has no Redis")?.start_again().await
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

    /// Pulls the cable to Redis out, or puts it in again.
    pub fn cut_redis(&self, is_cut: bool) -> Result<()> {
        let wire = self.wires.as_ref().and_then(|wires| wires.redis.as_ref());
        wire.context("this world has no cable to Redis")?.cut(is_cut);
        Ok(())
    }

    /// The same with SQL.
    pub fn cut_sql(&self, is_cut: bool) -> Result<()> {
        self.wires.as_ref().context("this world has no cable to SQL")?.sql.cut(is_cut);
        Ok(())
    }

    /// The ADO.NET connection string of the database's administrator.
    pub fn connection_string(&self) -> String {
        self.launch.sql.connection_string("sa", SA_PASSWORD)
    }

    /// The one that a process has.
    pub fn connection_string_of(&self, instance: Instance) -> String {
        self.launch.connection_string(Role::of(instance))
    }

    /// Starts a process beside the others that will not serve, and returns how it ended and what it said.
    pub async fn try_to_start(
        &self,
        instance: Instance,
        trust: Trust,
        words: &[&str],
    ) -> Result<(Option<i32>, String)> {
        let mut launch = self.launch.clone();
        launch.layout.trust = trust;
        launch.try_to_start(instance, words).await
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
