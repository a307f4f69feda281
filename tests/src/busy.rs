//! Two of each service behind balancers, users at work, and what can be done to all that.
//!
//! Used by the fault stories, which look closely at one thing at a time, and by the soak, which does anything at any
//! time. What the users saw is judged by `observed`.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::load::{Load, Target};
use crate::observed::{Fault, Record, Who};
use crate::{ADMIN, ADMIN_PASSWORD, Balancer, Instance, Layout, Merchant, World, catalog, eventually};

/// Only ends what hangs.
pub const LIMIT: Duration = Duration::from_secs(60);
/// `Caching:MaxStaleness` of these worlds.
pub const MAX_STALENESS: Duration = Duration::from_secs(5);
/// The store that shoppers visit.
pub const STORE: &str = "outdoor";

/// A server that the services need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// redis-server.
    Redis,
    /// local-sql.
    Sql,
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// SIGKILL, and a new start.
    Killed,
    /// SIGSTOP and SIGCONT: sockets stay open and nobody answers.
    Frozen,
    /// Every connection is lost and none can be made, while the server runs on.
    Cut,
}

/// Something that is done to the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// SIGTERM and a new start of one process.
    Restart(Instance),
    /// The same with every process, one after the other.
    RollingRestart,
    /// SIGKILL and a new start.
    Crash(Instance),
    /// A server is away for this time.
    Outage(Server, Outage, Duration),
}

impl fmt::Display for Disturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restart(instance) => write!(f, "restart of {instance}"),
            Self::RollingRestart => f.write_str("restart of all, one by one"),
            Self::Crash(instance) => write!(f, "crash of {instance}"),
            Self::Outage(server, outage, _) => {
                let server = if *server == Server::Redis { "redis" } else { "sql" };
                let outage = match outage {
                    Outage::Killed => "killed",
                    Outage::Frozen => "frozen",
                    Outage::Cut => "cut off",
                };
                write!(f, "{server} {outage}")
            }
        }
    }
}

/// Two of each service, which load balancers have time to leave alone.
pub fn layout() -> Layout {
    let set = &["Http:StopDelay=00:00:02", "Caching:MaxStaleness=00:00:05"];
    Layout { frontends: 2, authorings: 2, workers: 2, set, ..Layout::default() }
}

/// Two of each service behind balancers, and users at work.
pub struct Busy {
    /// What runs.
    pub world: World,
    /// Who works.
    pub load: Load,
    client: reqwest::Client,
    target: Target,
    _balancers: [Balancer; 2],
}

impl Busy {
    /// Starts everything and waits until users were served. The layout is [`layout`] with more in it.
    ///
    /// # Errors
    /// Something did not start.
    pub async fn start(layout: Layout) -> Result<Self> {
        let world = World::start(layout).await?;
        world.merchant.put_store(STORE, "Stoa Outdoor", "EUR").await?;
        let report = world.merchant.import_catalog(STORE, catalog::DEMO.to_vec(), LIMIT).await?;
        ensure!(report.state == "Completed", "the demo catalog was not imported: {report:?}");
        let product = async |slug: &str| {
            let product = world.shoppers[0].product(STORE, slug).await?;
            product["id"].as_i64().context("a product without id")
        };
        let (frontends, authorings) = world.addresses.split_at(2);
        let balancers = [Balancer::start(frontends).await?, Balancer::start(authorings).await?];
        let target = Target {
            frontend: balancers[0].address.clone(),
            merchant: Merchant::of(&balancers[1].address, ADMIN, ADMIN_PASSWORD)?,
            store: STORE.to_owned(),
            product: product("enamel-mug").await?,
            unedited_product: product("ridgeline-rain-shell").await?,
            max_staleness: MAX_STALENESS,
            first_number: 1,
        };
        let load = Load::begin(target.clone())?;
        let busy = Self { world, load, client: reqwest::Client::new(), target, _balancers: balancers };
        busy.work_goes_on().await?;
        Ok(busy)
    }

    /// Waits until shoppers were answered, edits and an import accepted, since now.
    ///
    /// # Errors
    /// They were not.
    pub async fn work_goes_on(&self) -> Result<()> {
        let answered =
            || self.load.count(|request| request.who == Who::Shopper && request.status == Some(200));
        let (answers, (edits, imports)) = (answered(), self.load.accepted());
        eventually("users get on with their work", LIMIT, async || {
            let (more_edits, more_imports) = self.load.accepted();
            Ok((answered() > answers + 20 && more_edits > edits + 3 && more_imports > imports).then_some(()))
        })
        .await?;
        Ok(())
    }

    /// Status and body of a health route; `None`: no answer.
    ///
    /// # Errors
    /// There is no such process.
    pub async fn health(&self, instance: Instance, path: &str) -> Result<Option<(u16, serde_json::Value)>> {
        let url = format!("http://{}{path}", self.world.address(instance)?);
        let Ok(answer) = self.client.get(url).timeout(LIMIT).send().await else { return Ok(None) };
        let status = answer.status().as_u16();
        Ok(Some((status, answer.json().await.unwrap_or_default())))
    }

    /// Waits until every process says it is ready, then ends the phase.
    ///
    /// # Errors
    /// One never was.
    pub async fn recover(&self) -> Result<()> {
        for instance in self.world.instances() {
            eventually(&format!("{instance} is ready"), LIMIT, async || {
                let answer = self.health(instance, "/health/ready").await?;
                Ok(answer.filter(|(_, body)| body["status"] == "ready").map(drop))
            })
            .await?;
        }
        self.load.recovered();
        self.work_goes_on().await
    }

    /// Does it, undoes it, and waits until all is well again.
    ///
    /// # Errors
    /// Something did not start or stop as it should, or all never was well again.
    pub async fn disturb(&mut self, disturbance: Disturbance) -> Result<()> {
        match disturbance {
            Disturbance::Restart(instance) => self.restart(instance).await,
            Disturbance::RollingRestart => {
                for instance in self.world.instances().collect::<Vec<_>>() {
                    self.restart(instance).await?;
                }
                Ok(())
            }
            Disturbance::Crash(instance) => {
                self.load.fault(disturbance.to_string(), Fault::Crash(instance));
                self.world.kill(instance)?;
                self.world.start_again(instance).await?;
                self.recover().await
            }
            Disturbance::Outage(server, outage, time) => {
                let fault = if server == Server::Redis { Fault::Redis } else { Fault::Sql };
                self.load.fault(disturbance.to_string(), fault);
                self.begin(server, outage)?;
                tokio::time::sleep(time).await;
                self.finish(server, outage).await?;
                self.recover().await
            }
        }
    }

    async fn restart(&mut self, instance: Instance) -> Result<()> {
        self.load.fault(format!("restart of {instance}"), Fault::Restart(instance));
        self.world.terminate(instance).await?;
        self.world.start_again(instance).await?;
        self.recover().await
    }

    /// A server goes away.
    ///
    /// # Errors
    /// It does not run.
    pub fn begin(&mut self, server: Server, outage: Outage) -> Result<()> {
        match (server, outage) {
            (Server::Redis, Outage::Killed) => self.world.kill_redis(),
            (Server::Redis, Outage::Frozen) => self.world.freeze_redis(true),
            (Server::Redis, Outage::Cut) => self.world.cut_redis(true),
            (Server::Sql, Outage::Killed) => self.world.kill_sql(),
            (Server::Sql, Outage::Frozen) => self.world.freeze_sql(true),
            (Server::Sql, Outage::Cut) => self.world.cut_sql(true),
        }
    }

    /// And comes back.
    ///
    /// # Errors
    /// It does not start.
    pub async fn finish(&mut self, server: Server, outage: Outage) -> Result<()> {
        match (server, outage) {
            (Server::Redis, Outage::Killed) => self.world.restart_redis().await,
            (Server::Redis, Outage::Frozen) => self.world.freeze_redis(false),
            (Server::Redis, Outage::Cut) => self.world.cut_redis(false),
            (Server::Sql, Outage::Killed) => self.world.restart_sql().await,
            (Server::Sql, Outage::Frozen) => self.world.freeze_sql(false),
            (Server::Sql, Outage::Cut) => self.world.cut_sql(false),
        }
    }

    /// Sends the users home, gives what they saw, and sets new ones to work.
    ///
    /// # Errors
    /// A user panicked, or a client could not be made.
    pub async fn next_shift(&mut self) -> Result<Record> {
        let record = self.load.end().await?;
        self.target.first_number = self.load.next_number();
        self.load = Load::begin(self.target.clone())?;
        Ok(record)
    }

    /// Ends everything in order and gives what was seen.
    ///
    /// # Errors
    /// A process did not stop as it should.
    pub async fn end(mut self) -> Result<Record> {
        let record = self.load.end().await?;
        self.world.stop().await?;
        Ok(record)
    }
}
