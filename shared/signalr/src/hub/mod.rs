//! A hub: what clients may call, who is told when they come and go, and the handle through which the application calls
//! them. Start at [`HubBuilder`] and [`Hub`].

mod arguments;
mod builder;
mod caller;
mod clients;
mod error;
mod heartbeat;
pub(crate) mod invoke;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix_web::web::ServiceConfig;
use futures_util::future::BoxFuture;
use parking_lot::RwLock;
use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use arguments::{Argument, ArgumentReader, BindError, FromArguments, Upload};
pub use builder::{HubBuilder, Redirect};
pub use caller::{Caller, CallerClients};
pub use clients::{Clients, Groups, To};
pub use error::HubError;

use crate::connection::{Budget, Connection, EndReason, NewConnection};
use crate::local::LocalConnections;
use crate::options::HubOptions;
use crate::scale_out::ScaleOut;
use crate::transport;
use crate::user::{Authenticator, ConnectRequest, Rejection, User};

/// A running hub. Cloning shares it.
#[derive(Clone)]
pub struct Hub(pub(crate) Arc<HubInner>);

impl std::fmt::Debug for Hub {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Hub").field(&self.status()).finish()
    }
}

/// What a hub holds at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubStatus {
    /// Connections, those before their handshake included.
    pub connections: usize,
    /// Bytes that wait for clients.
    pub buffered_bytes: usize,
    /// Whether it accepts no more.
    pub is_closing: bool,
}

type ConnectedHook = Arc<dyn Fn(Caller) -> BoxFuture<'static, Result<(), HubError>> + Send + Sync>;
type DisconnectedHook = Arc<dyn Fn(Caller, EndReason) -> BoxFuture<'static, ()> + Send + Sync>;
type RedirectHook =
    Arc<dyn Fn(ConnectRequest, User) -> BoxFuture<'static, Result<Option<Redirect>, HubError>> + Send + Sync>;
type HubPolicy = Arc<dyn Fn(&User) -> bool + Send + Sync>;

pub(crate) struct HubInner {
    pub(crate) options: HubOptions,
    pub(crate) local: LocalConnections,
    pub(crate) scale_out: Arc<dyn ScaleOut>,
    pub(crate) budget: Arc<Budget>,
    methods: HashMap<String, invoke::Method>,
    connected: Option<ConnectedHook>,
    disconnected: Option<DisconnectedHook>,
    redirect: Option<RedirectHook>,
    authenticator: Option<Arc<dyn Authenticator>>,
    policy: Option<HubPolicy>,
    /// By connection token: every connection from negotiate on, until nothing is left of it.
    tokens: RwLock<HashMap<String, Arc<Connection>>>,
    tasks: TaskTracker,
    closing: CancellationToken,
    stopped: CancellationToken,
    started_at: Instant,
    clock_ms: AtomicU64,
    runtime: Handle,
}

impl Hub {
    /// Begins to declare a hub.
    pub fn builder() -> HubBuilder {
        HubBuilder::default()
    }

    /// Adds the hub's routes at `path` (`/chat`): negotiate and the three transports. Use it in
    /// [`App::configure`](actix_web::App::configure), in as many workers as there are.
    pub fn configure(&self, path: &str) -> impl FnOnce(&mut ServiceConfig) + Clone + use<> {
        let (hub, path) = (self.0.clone(), path.trim_end_matches('/').to_owned());
        move |config| transport::configure(config, &hub, &path)
    }

    /// Calls clients, from anywhere.
    pub fn clients(&self) -> Clients<'_> {
        Clients::new(&self.0)
    }

    /// Adds connections to groups, and takes them out.
    pub fn groups(&self) -> Groups<'_> {
        Groups::new(&self.0)
    }

    /// The connections of this process.
    pub fn local(&self) -> &LocalConnections {
        &self.0.local
    }

    /// What it holds at the moment.
    pub fn status(&self) -> HubStatus {
        HubStatus {
            connections: self.0.tokens.read().values().filter(|connection| !connection.has_ended()).count(),
            buffered_bytes: self.0.budget.held_bytes(),
            is_closing: self.0.closing.is_cancelled(),
        }
    }

    /// Accepts no more connections and closes all with a Close message. `allow_reconnect` lets clients with automatic
    /// reconnect come back, to another instance or after the restart. Returns when all have gone and their hooks have
    /// run, or after [`close_timeout`](HubOptions::close_timeout).
    pub async fn close(&self, allow_reconnect: bool) {
        self.0.closing.cancel();
        for connection in self.0.connections() {
            connection.close(EndReason::HubClosing, None, allow_reconnect);
        }
        let gone = async {
            while self.0.connections().iter().any(|connection| !connection.is_gone()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let timeout = self.0.options.close_timeout;
        let all_gone = tokio::time::timeout(timeout, gone).await.is_ok();
        for connection in self.0.connections() {
            connection.cut(EndReason::HubClosing);
        }
        self.0.stopped.cancel();
        self.0.tasks.close();
        let hooks_done = tokio::time::timeout(timeout, self.0.tasks.wait()).await.is_ok();
        self.0.tokens.write().clear();
        self.0.scale_out.stop().await;
        tracing::info!(all_gone, hooks_done, "hub closed");
    }
}

impl HubInner {
    /// Milliseconds from the start of the hub to its last heartbeat: as exact as what looks at it, and every message to
    /// every client asks.
    pub(crate) fn now_ms(&self) -> u64 {
        self.clock_ms.load(Ordering::Relaxed)
    }

    /// Sets the clock; the heartbeat does.
    fn set_clock(&self) -> u64 {
        let now_ms = self.started_at.elapsed().as_millis() as u64;
        self.clock_ms.store(now_ms, Ordering::Relaxed);
        now_ms
    }

    /// Runs a task of the hub where the caller runs, or where the hub was started; [`Hub::close`] waits for it.
    pub(crate) fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = Handle::try_current().unwrap_or_else(|_| self.runtime.clone());
        self.tasks.spawn_on(task, &runtime);
    }

    fn connections(&self) -> Vec<Arc<Connection>> {
        self.tokens.read().values().cloned().collect()
    }

    /// Makes a connection; `None` if there are too many, or the hub closes.
    pub(crate) fn add(self: &Arc<Self>, new: NewConnection) -> Option<Arc<Connection>> {
        let mut tokens = self.tokens.write();
        if self.closing.is_cancelled() || tokens.len() >= self.options.max_connections {
            return None;
        }
        let connection = Connection::new(self.clone(), new);
        tokens.insert(connection.token().to_owned(), connection.clone());
        Some(connection)
    }

    /// The connection of a token. Tokens are compared as hash keys: 128 random bits cannot be approached by timing.
    pub(crate) fn find(&self, token: &str) -> Option<Arc<Connection>> {
        self.tokens.read().get(token).cloned()
    }

    pub(crate) fn forget(&self, token: &str) {
        self.tokens.write().remove(token);
    }

    /// Who sends the request. Without an authenticator everybody is anonymous.
    pub(crate) async fn authenticate(&self, request: ConnectRequest) -> Result<User, Rejection> {
        let user = match &self.authenticator {
            Some(authenticator) => authenticator.authenticate(request).await?,
            None => User::default(),
        };
        match &self.policy {
            Some(policy) if !policy(&user) => {
                Err(if user.id.is_none() { Rejection::Unauthorized } else { Rejection::Forbidden })
            }
            _ => Ok(user),
        }
    }

    pub(crate) async fn redirect(
        &self,
        request: ConnectRequest,
        user: User,
    ) -> Result<Option<Redirect>, HubError> {
        match &self.redirect {
            Some(redirect) => redirect(request, user).await,
            None => Ok(None),
        }
    }

    pub(crate) fn may_redirect(&self) -> bool {
        self.redirect.is_some()
    }

    pub(crate) async fn connected(&self, connection: &Arc<Connection>) -> Result<(), HubError> {
        match &self.connected {
            Some(hook) => invoke::guarded(async { hook(Caller::new(connection.clone())).await }).await,
            None => Ok(()),
        }
    }

    pub(crate) async fn disconnected(&self, connection: &Arc<Connection>, reason: EndReason) {
        let Some(hook) = &self.disconnected else { return };
        let done = invoke::guarded(async {
            hook(Caller::new(connection.clone()), reason).await;
            Ok(())
        });
        if done.await.is_err() {
            tracing::error!(connection = %connection.id(), "the disconnected hook panicked");
        }
    }
}
