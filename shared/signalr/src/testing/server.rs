//! A hub behind a real HTTP server on a free port.

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer};

use crate::Hub;

/// A server that serves a hub at `/hub`. Stopped by [`TestServer::stop`], or when it is dropped.
#[derive(Debug)]
pub struct TestServer {
    address: std::net::SocketAddr,
    handle: ServerHandle,
}

impl TestServer {
    /// Starts it with one worker.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn start(hub: &Hub) -> std::io::Result<Self> {
        let routes = hub.configure("/hub");
        let server = HttpServer::new(move || App::new().configure(routes.clone()))
            .workers(1)
            .disable_signals()
            .shutdown_timeout(1)
            .bind(("127.0.0.1", 0))?;
        let address = server.addrs()[0];
        let running = server.run();
        let handle = running.handle();
        tokio::spawn(running);
        Ok(Self { address, handle })
    }

    /// Where it listens.
    pub fn address(&self) -> std::net::SocketAddr {
        self.address
    }

    /// The hub's URL.
    pub fn url(&self) -> String {
        format!("http://{}/hub", self.address)
    }

    /// Cuts every connection and stops.
    pub async fn stop(self) {
        self.handle.stop(false).await;
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // Only asks: the server's own threads do the rest.
        drop(self.handle.stop(false));
    }
}
