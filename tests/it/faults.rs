//! Processes stop, start and die while shoppers and merchants work; `observed` judges what they saw.

use anyhow::Result;
use e2e::busy::{Busy, Disturbance, LIMIT, Outage, STORE, Server, layout};
use e2e::observed::Fault;
use e2e::{Instance, Layout, eventually};

async fn busy(durable_sql: bool) -> Result<Busy> {
    Busy::start(Layout { durable_sql, ..layout() }).await
}

async fn end(busy: Busy) -> Result<()> {
    let record = busy.end().await?;
    println!("{}", record.table());
    let violations = record.violations();
    assert!(violations.is_empty(), "{} broken promises:\n{}", violations.len(), violations.join("\n"));
    assert!(!record.imports.is_empty() && !record.edits.is_empty());
    Ok(())
}

#[tokio::test]
async fn instances_that_restart_one_by_one_under_load_lose_no_request_and_no_job() -> Result<()> {
    let mut busy = busy(false).await?;
    busy.disturb(Disturbance::RollingRestart).await?;
    end(busy).await
}

#[tokio::test]
async fn a_killed_process_costs_its_own_connections_and_nothing_else() -> Result<()> {
    let mut busy = busy(false).await?;
    for instance in [Instance::Worker(0), Instance::Frontend(0), Instance::Authoring(0)] {
        busy.disturb(Disturbance::Crash(instance)).await?;
    }
    end(busy).await
}

#[tokio::test]
async fn without_redis_every_process_stays_ready_and_answers_keep_the_bound() -> Result<()> {
    let mut busy = busy(false).await?;
    for outage in [Outage::Killed, Outage::Frozen] {
        busy.load.fault(format!("redis {outage:?}"), Fault::Redis);
        busy.begin(Server::Redis, outage)?;
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
        busy.finish(Server::Redis, outage).await?;
        busy.recover().await?;
    }
    end(busy).await
}

#[tokio::test]
async fn without_sql_frontends_give_marked_answers_the_others_wait_and_nothing_is_lost() -> Result<()> {
    let mut busy = busy(true).await?;
    for outage in [Outage::Killed, Outage::Frozen] {
        busy.load.fault(format!("sql {outage:?}"), Fault::Sql);
        let marked = busy.load.count(|request| request.is_marked);
        busy.begin(Server::Sql, outage)?;
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
        busy.finish(Server::Sql, outage).await?;
        busy.recover().await?;
    }
    end(busy).await
}

/// The judge judges: a system that is set up to break its promise is found out.
#[tokio::test]
async fn frontends_that_keep_answers_longer_than_promised_are_found_out() -> Result<()> {
    let set = &["Http:StopDelay=00:00:00", "Caching:MaxStaleness=00:05:00"];
    let busy = Busy::start(Layout { redis: false, workers: 1, set, ..layout() }).await?;
    let (violations, _) = eventually("an old answer is noticed", LIMIT, async || {
        Ok(Some(busy.load.violations()).filter(|violations| !violations.is_empty()))
    })
    .await?;
    for violation in violations {
        assert!(violation.contains("Shopper") && violation.contains("unmarked and"), "{violation}");
    }
    busy.end().await.map(drop)
}
