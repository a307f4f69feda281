//! A load balancer as a Kubernetes service is one: it spreads *connections* over the instances that say they are ready.
//!
//! It looks at `/health/ready` of each instance every [`LOOK_INTERVAL`]. A connection that was opened stays with its
//! instance; nothing is retried and nothing inside is read, so whatever an instance does wrong reaches the client.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Pause between looks at an instance; orchestrators are slower and allow for more with `Http:StopDelay`.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// An instance that does not answer a look in this time is not ready.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

/// A running balancer; ends when dropped.
pub struct Balancer {
    /// Where clients connect (`host:port`).
    pub address: String,
    _tasks: JoinSet<()>,
}

struct Backend {
    address: String,
    is_ready: AtomicBool,
}

impl Balancer {
    /// In front of these addresses (`host:port`), all of them ready at first.
    pub async fn start(addresses: &[String]) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let backend = |address: &String| {
            Arc::new(Backend { address: address.clone(), is_ready: AtomicBool::new(true) })
        };
        let backends: Vec<_> = addresses.iter().map(backend).collect();
        let looks = reqwest::Client::builder().timeout(LOOK_TIMEOUT).pool_max_idle_per_host(0).build()?;
        let mut tasks = JoinSet::new();
        for backend in &backends {
            tasks.spawn(look(looks.clone(), backend.clone()));
        }
        tasks.spawn(accept(listener, backends));
        Ok(Self { address, _tasks: tasks })
    }
}

async fn look(client: reqwest::Client, backend: Arc<Backend>) {
    let url = format!("http://{}/health/ready", backend.address);
    loop {
        let is_ready = client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success());
        backend.is_ready.store(is_ready, Ordering::Release);
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

async fn accept(listener: TcpListener, backends: Vec<Arc<Backend>>) {
    let next = AtomicUsize::new(0);
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let turn = next.fetch_add(1, Ordering::Relaxed);
        let in_turn = (0..backends.len()).map(|step| &backends[(turn + step) % backends.len()]);
        let Some(chosen) = in_turn.into_iter().find(|backend| backend.is_ready.load(Ordering::Acquire))
        else {
            // Nobody is ready: the client sees its connection closed, as behind a service without endpoints.
            continue;
        };
        connections.spawn(pass_on(client, chosen.address.clone()));
    }
}

async fn pass_on(mut client: TcpStream, address: String) {
    if let Ok(mut server) = TcpStream::connect(address).await {
        // Either side may end it; both are told by the sockets closing.
        tokio::io::copy_bidirectional(&mut client, &mut server).await.ok();
    }
}
