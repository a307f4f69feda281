//! Processes stop, start and die while shoppers and merchants work; `observed` judges what they saw.

use std::time::Duration;

use anyhow::Result;
use e2e::load::{Load, Target};
use e2e::observed::{Fault, Who};
use e2e::{ADMIN, ADMIN_PASSWORD, Balancer, Instance, Layout, Merchant, World, eventually};

use crate::{STORE, product_id, with_demo_catalog};

/// Only ends a hung test.
const LIMIT: Duration = Duration::from_secs(60);
const MAX_STALENESS: Duration = Duration::from_secs(5);

/// Two of each service behind balancers, and users at work.
struct Busy {
    world: World,
    load: Load,
    client: reqwest::Client,
    _balancers: [Balancer; 2],
}

impl Busy {
    async fn start(durable_sql: bool) -> Result<Self> {
        let set = &["Http:StopDelay=00:00:02", "Caching:MaxStaleness=00:00:05"];
        let layout = Layout { authorings: 2, workers: 2, durable_sql, set, ..Layout::default() };
        let world = World::start(layout).await?;
        with_demo_catalog(&world).await?;
        let product = product_id(&world, "enamel-mug").await?;
        let (frontends, authorings) = world.addresses.split_at(2);
        let balancers = [Balancer::start(frontends).await?, Balancer::start(authorings).await?];
        let target = Target {
            frontend: balancers[0].address.clone(),
            merchant: Merchant::of(&balancers[1].address, ADMIN, ADMIN_PASSWORD)?,
            store: STORE.to_owned(),
            product,
            unedited_product: product_id(&world, "ridgeline-rain-shell").await?,
            max_staleness: MAX_STALENESS,
        };
        let load = Load::begin(target)?;
        let busy = Self { world, load, client: reqwest::Client::new(), _balancers: balancers };
        busy.work_goes_on().await?;
        Ok(busy)
    }

    /// Waits until shoppers were answered, edits and an import accepted, since now.
    async fn work_goes_on(&self) -> Result<()> {
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

    async fn health(&self, instance: Instance, path: &str) -> Result<Option<(u16, serde_json::Value)>> {
        let url = format!("http://{}{path}", self.world.address(instance)?);
        let Ok(answer) = self.client.get(url).send().await else { return Ok(None) };
        let status = answer.status().as_u16();
        Ok(Some((status, answer.json().await.unwrap_or_default())))
    }

    /// Waits until every process says it is ready, then ends the phase.
    async fn recover(&self) -> Result<()> {
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

    async fn end(self) -> Result<()> {
        let record = self.load.end().await?;
        println!("{}", record.table());
        let violations = record.violations();
        assert!(violations.is_empty(), "{} broken promises:\n{}", violations.len(), violations.join("\n"));
        assert!(!record.imports.is_empty() && !record.edits.is_empty());
        self.world.stop().await
    }
}

#[tokio::test]
async fn instances_that_restart_one_by_one_under_load_lose_no_request_and_no_job() -> Result<()> {
    let mut busy = Busy::start(false).await?;
    for instance in busy.world.instances().collect::<Vec<_>>() {
        busy.load.fault(format!("restart of {instance}"), Fault::Restart(instance));
        busy.world.terminate(instance).await?;
        busy.world.start_again(instance).await?;
        busy.recover().await?;
    }
    busy.end().await
}

#[tokio::test]
async fn a_killed_process_costs_its_own_connections_and_nothing_else() -> Result<()> {
    let mut busy = Busy::start(false).await?;
    for instance in [Instance::Worker(0), Instance::Frontend(0), Instance::Authoring(0)] {
        busy.load.fault(format!("crash of {instance}"), Fault::Crash(instance));
        busy.world.kill(instance)?;
        busy.world.start_again(instance).await?;
        busy.recover().await?;
    }
    busy.end().await
}

#[tokio::test]
async fn without_redis_every_process_stays_ready_and_answers_keep_the_bound() -> Result<()> {
    let mut busy = Busy::start(false).await?;
    for is_killed in [true, false] {
        busy.load.fault(if is_killed { "redis killed" } else { "redis frozen" }, Fault::Redis);
        if is_killed {
            busy.world.kill_redis()?
        } else {
            busy.world.freeze_redis(true)?
        }
        for instance in busy.world.instances() {
            eventually(&format!("{instance} is degraded"), LIMIT, async || {
                let Some((status, body)) = busy.health(instance, "/health/ready").await? else {
                    return Ok(None);
                };
                anyhow::ensure!(status == 200, "{instance} is unready without Redis: {body}");
                Ok((body["status"] == "degraded").then_some(()))
            })
            .await?;
        }
        busy.work_goes_on().await?;
        if is_killed {
            busy.world.restart_redis().await?
        } else {
            busy.world.freeze_redis(false)?
        }
        busy.recover().await?;
    }
    busy.end().await
}

#[tokio::test]
async fn without_sql_frontends_give_marked_answers_the_others_wait_and_nothing_is_lost() -> Result<()> {
    let mut busy = Busy::start(true).await?;
    for is_killed in [true, false] {
        busy.load.fault(if is_killed { "sql killed" } else { "sql frozen" }, Fault::Sql);
        let marked = busy.load.count(|request| request.is_marked);
        if is_killed {
            busy.world.kill_sql()?
        } else {
            busy.world.freeze_sql(true)?
        }
        eventually("answers are marked as old", LIMIT, async || {
            Ok((busy.load.count(|request| request.is_marked) > marked + 20).then_some(()))
        })
        .await?;
        for instance in busy.world.instances() {
            let status = if matches!(instance, Instance::Frontend(_)) { 200 } else { 503 };
            eventually(&format!("readiness of {instance} is {status}"), LIMIT, async || {
                Ok(busy.health(instance, "/health/ready").await?.filter(|ready| ready.0 == status).map(drop))
            })
            .await?;
            let live = busy.health(instance, "/health/live").await?;
            assert_eq!(live.map(|live| live.0), Some(200), "{instance} is live");
        }
        // What no frontend has in memory is shed.
        let unknown = busy.world.shoppers[0].get(&format!("/v1/{STORE}/products/never-read-before")).await?;
        assert_eq!(unknown.status.as_u16(), 503);
        assert!(unknown.headers.contains_key("retry-after"));
        if is_killed {
            busy.world.restart_sql().await?
        } else {
            busy.world.freeze_sql(false)?
        }
        busy.recover().await?;
    }
    busy.end().await
}
