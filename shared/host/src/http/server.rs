//! Binds, serves, drains.
//!
//! The port is bound before anything else is started, so that a taken port is the first error and not the last. The
//! framework's server is started once; its threads build their apps from one closure. It does not listen to
//! signals: the lifecycle tells it when to stop.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::KeepAlive;
use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Context as _;
use tokio::net::TcpSocket;

use super::cross_origin;
use super::edge::Edge;
use super::extractors::extractor_configs;
use super::shortcut::Shortcut;
use crate::configuration::Http;
use crate::health::{self, Health};
use crate::lifecycle::Lifecycle;
use crate::metrics::{self, Metrics};
use crate::problem::Problem;

/// Connections that wait to be accepted; more are refused by the operating system.
const BACKLOG: u32 = 2048;
/// How long a connection may take to close after its last answer.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A bound port.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    /// What it is bound to; never port 0.
    pub address: SocketAddr,
}

impl Listener {
    /// Takes the port. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// The address is taken or not of this machine.
    pub fn bind(address: SocketAddr) -> anyhow::Result<Self> {
        let socket = bind(address).with_context(|| format!("cannot listen on {address}"))?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// The same port for another server: connections in between wait, none is refused.
    pub fn share(&self) -> std::io::Result<Self> {
        Ok(Self { socket: self.socket.try_clone()?, address: self.address })
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart must not wait for the kernel to forget the last process's connections.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// What surrounds a service's routes.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Limits and log.
    pub http: Http,
    /// Says when to stop.
    pub lifecycle: Lifecycle,
    /// Answers the health routes.
    pub health: web::Data<Health>,
    /// Records requests and answers `/metrics`.
    pub metrics: web::Data<Metrics>,
    /// Asked before the routes.
    pub shortcut: Option<Shortcut>,
}

/// Starts the threads that serve; they end when the server is told to, see [`until_stopped`].
///
/// # Errors
/// The threads could not be started.
pub fn serve<F>(listener: Listener, around: Surroundings, configure: F) -> std::io::Result<Server>
where
    F: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    let http = around.http.clone();
    let keep_alive = match http.keep_alive {
        Duration::ZERO => KeepAlive::Disabled,
        idle => KeepAlive::Timeout(idle),
    };
    let mut server = HttpServer::new(move || {
        App::new()
            .wrap(Edge::new(&around))
            .configure(|config| extractor_configs(config, around.http.max_body_bytes))
            .app_data(web::Data::new(around.http.compression))
            .app_data(around.health.clone())
            .configure(health::routes)
            .app_data(around.metrics.clone())
            .configure(metrics::routes)
            .configure(|config| {
                cross_origin::shared_with_pages(config, around.http.cors.as_ref(), configure.clone())
            })
            .default_service(web::to(no_such_address))
    })
    .max_connections(http.max_connections)
    .keep_alive(keep_alive)
    .client_request_timeout(http.header_timeout)
    .client_disconnect_timeout(DISCONNECT_TIMEOUT)
    // The framework counts whole seconds.
    .shutdown_timeout(http.drain_timeout.as_millis().div_ceil(1000) as u64)
    .disable_signals();
    if let Some(workers) = http.workers {
        server = server.workers(workers);
    }
    Ok(server.listen(listener.socket)?.run())
}

/// Serves until the lifecycle stops, and ends without losing a request:
///
/// 1. For `stop_delay` everything is served as before, while readiness fails and each answer closes its connection
///    (see `edge`): load balancers learn that requests should go elsewhere, and clients leave one by one.
/// 2. Then no connection is accepted any more, idle ones are closed, and running requests get `Http:DrainTimeout`.
///
/// Closing the port at once would refuse whoever connects before the load balancer has noticed.
///
/// # Errors
/// The server ended without being asked to.
pub async fn until_stopped(
    mut server: Server,
    lifecycle: Lifecycle,
    stop_delay: Duration,
) -> anyhow::Result<()> {
    let stop = async {
        lifecycle.stopping().cancelled().await;
        lifecycle.delay(stop_delay).await;
    };
    tokio::select! {
        ended = &mut server => {
            ended?;
            anyhow::bail!("the HTTP server ended without being asked to");
        }
        () = stop => {}
    }
    let ((), ended) = tokio::join!(server.handle().stop(true), server);
    Ok(ended?)
}

async fn no_such_address() -> Result<HttpResponse, Problem> {
    Err(Problem::not_found("no such address"))
}
