//! `deploy/haproxy.cfg` as it is, in a real HAProxy before real frontends: what shoppers see while instances come, go
//! and die. `make check-deploy` runs it, which brings HAProxy and names it in `HAPROXY`.

mod faithless;
mod names;

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::{Layout, Process, Shopper, World, binary, eventually};
use reqwest::{Client, StatusCode};

use crate::{STORE, with_demo_catalog};
use faithless::Faithless;
use names::Names;

/// Only ends a hung test.
const LIMIT: Duration = Duration::from_secs(60);
const SHOPPERS: usize = 8;

/// The address of the n-th container of the service; each has the same port.
fn container(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, number + 1)
}

/// Frontends as containers of one service, and the proxy before them.
struct Stage {
    world: World,
    names: Names,
    proxy: Process,
    /// `host:port` of the proxy's side for shoppers.
    shop: String,
    /// Of every container.
    port: u16,
}

impl Stage {
    async fn start() -> Result<Self> {
        let world = World::start(Layout { frontends: 1, ..Layout::default() }).await?;
        with_demo_catalog(&world).await?;
        let port = std::net::TcpListener::bind((container(1), 0))?.local_addr()?.port();
        let free =
            || Ok::<_, std::io::Error>(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string());
        let (shop, merchants) = (free()?, free()?);
        let names = Names::start(&[]).await?;
        let haproxy =
            std::env::var("HAPROXY").context("HAPROXY names the program; `make check-deploy` does")?;
        let mut command = Command::new(haproxy);
        command.arg("-db").arg("-f").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/haproxy.cfg"));
        command.env("PROXY_DNS", names.address.to_string()).env("PROXY_SHOP", &shop);
        command.env("PROXY_MERCHANTS", merchants).env("AUTHORING_API", "authoring-api:1");
        command.env("FRONTEND_API", format!("{}:{port}", names::NAME));
        let proxy = Process::start("haproxy", &mut command, &world.directory().join("haproxy.log"))?;
        Ok(Self { world, names, proxy, shop, port })
    }

    /// Starts a container and waits until it is ready; the proxy learns of it by its name.
    async fn frontend(&self, number: u8) -> Result<Process> {
        let address = format!("{}:{}", container(number), self.port);
        let mut command = Command::new(binary("frontend-api")?);
        command.env("ConnectionStrings__VirtoCommerce", self.world.connection_string());
        command.env("Http__Listen", &address);
        let log = self.world.directory().join(format!("container-{number}.log"));
        let process = Process::start(&format!("container {number}"), &mut command, &log)?;
        let client = Client::new();
        eventually("a container is ready", LIMIT, async || {
            let answer = client.get(format!("http://{address}/health/ready")).send().await;
            Ok(answer.ok().filter(|answer| answer.status().is_success()).map(drop))
        })
        .await?;
        Ok(process)
    }

    /// How many requests for products a container has answered.
    async fn served(&self, number: u8) -> Result<u64> {
        let url = format!("http://{}:{}/metrics", container(number), self.port);
        let text = reqwest::get(url).await?.text().await?;
        let of_products = |line: &&str| {
            line.starts_with("http_server_request_duration_seconds_count") && line.contains("/products/")
        };
        let counts =
            text.lines().filter(of_products).filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        Ok(counts.sum())
    }

    async fn is_served_by(&self, number: u8) -> Result<()> {
        let before = self.served(number).await?;
        eventually("a container gets requests", LIMIT, async || {
            Ok((self.served(number).await? > before).then_some(()))
        })
        .await?;
        Ok(())
    }

    async fn end(self) -> Result<()> {
        self.proxy.kill()?;
        self.world.stop().await
    }
}

/// Shoppers who ask for the same product all the time; any answer but 200 is an error.
struct Crowd {
    answers: Arc<AtomicU64>,
    is_closing: Arc<AtomicBool>,
    shoppers: Vec<tokio::task::JoinHandle<Result<()>>>,
}

impl Crowd {
    fn enter(shop: &str) -> Result<Self> {
        let (answers, is_closing) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let shoppers = (0..SHOPPERS).map(|_| {
            let (shopper, answers, is_closing) = (Shopper::of(shop)?, answers.clone(), is_closing.clone());
            Ok(tokio::spawn(async move {
                while !is_closing.load(Ordering::Relaxed) {
                    shopper.product(STORE, "enamel-mug").await?;
                    answers.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            }))
        });
        Ok(Self { shoppers: shoppers.collect::<Result<_>>()?, answers, is_closing })
    }

    async fn are_answered(&self) -> Result<()> {
        let before = self.answers.load(Ordering::Relaxed);
        eventually("shoppers are answered", LIMIT, async || {
            let lost = self.shoppers.iter().filter(|shopper| shopper.is_finished()).count();
            ensure!(lost == 0, "{lost} shoppers were let down");
            Ok((self.answers.load(Ordering::Relaxed) > before + 200).then_some(()))
        })
        .await?;
        Ok(())
    }

    async fn leave(self) -> Result<()> {
        self.is_closing.store(true, Ordering::Relaxed);
        for shopper in self.shoppers {
            shopper.await??;
        }
        Ok(())
    }
}

#[tokio::test]
#[ignore = "needs HAProxy: make check-deploy"]
async fn shoppers_lose_nothing_while_instances_are_added_killed_and_stopped() -> Result<()> {
    let stage = Stage::start().await?;
    let shopper = Shopper::of(&stage.shop)?;
    eventually("the proxy says that nobody is ready", LIMIT, async || {
        let Ok(answer) = shopper.get("/v1/x").await else { return Ok(None) };
        Ok((answer.status == StatusCode::SERVICE_UNAVAILABLE && answer.body["code"] == "no_instance_ready")
            .then_some(()))
    })
    .await?;

    let first = stage.frontend(1).await?;
    stage.names.set(&[container(1)]);
    eventually("the proxy finds the first container", LIMIT, async || {
        Ok(shopper.product(STORE, "enamel-mug").await.ok().map(drop))
    })
    .await?;
    for hidden in ["/metrics", "/health", "/health/ready"] {
        assert_eq!(shopper.get(hidden).await?.status, StatusCode::NOT_FOUND, "{hidden}");
    }

    let crowd = Crowd::enter(&stage.shop)?;
    crowd.are_answered().await?;
    // Scaled out: the name has two more addresses.
    let (second, third) = (stage.frontend(2).await?, stage.frontend(3).await?);
    stage.names.set(&[container(1), container(2), container(3)]);
    stage.is_served_by(2).await?;
    stage.is_served_by(3).await?;

    second.kill()?;
    crowd.are_answered().await?;
    // It comes back where it was.
    let second = stage.frontend(2).await?;
    stage.is_served_by(2).await?;
    // As Docker stops one: SIGTERM; its name goes when it has ended.
    first.stop_well().await?;
    stage.names.set(&[container(2), container(3)]);
    crowd.are_answered().await?;

    crowd.leave().await?;
    second.stop_well().await?;
    third.stop_well().await?;
    stage.end().await
}

#[tokio::test]
#[ignore = "needs HAProxy: make check-deploy"]
async fn an_instance_that_hangs_up_costs_no_read_and_no_change_is_sent_twice() -> Result<()> {
    let stage = Stage::start().await?;
    let good = stage.frontend(1).await?;
    let faithless = Faithless::start((container(2), stage.port).into()).await?;
    stage.names.set(&[container(1), container(2)]);
    let shopper = Shopper::of(&stage.shop)?;
    eventually("reads meet the instance that hangs up", LIMIT, async || {
        // While nobody is known yet the proxy says so.
        if shopper.get("/v1/x").await.is_ok_and(|answer| answer.status == StatusCode::NOT_FOUND) {
            shopper.product(STORE, "enamel-mug").await?;
        }
        Ok((faithless.requests("GET ").len() > 3).then_some(()))
    })
    .await?;
    let head = faithless.requests("GET /v1").remove(0).to_lowercase();
    assert!(head.contains("x-forwarded-for: 127.0.0.1"), "{head}");

    let (client, mut told) = (Client::new(), 0);
    for number in 0..30 {
        let url = format!("http://{}/v1/{STORE}/changes/{number}", stage.shop);
        // With 502, or as HAProxy passes the end of a connection that was used before: by ending the sender's.
        match client.post(url).body("once").send().await {
            Ok(answer) => told += usize::from(answer.status() == StatusCode::BAD_GATEWAY),
            Err(_) => told += 1,
        }
    }
    let changes = faithless.requests("POST ");
    assert_eq!(changes.len(), told, "each was sent once, and its sender told: {changes:#?}");
    assert!(told > 0);
    good.stop_well().await?;
    stage.end().await
}
