//! How a hub is declared: plain functions by name, hooks, who may do what.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use futures_util::{FutureExt, Stream};
use parking_lot::RwLock;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::arguments::FromArguments;
use super::{Caller, ConnectedHook, DisconnectedHook, Hub, HubError, HubInner, HubPolicy, RedirectHook};
use super::{heartbeat, invoke};
use crate::connection::{Budget, EndReason};
use crate::local::LocalConnections;
use crate::options::HubOptions;
use crate::scale_out::{Local, ScaleOut};
use crate::user::{Authenticator, ConnectRequest, User};

/// Where negotiate sends a client instead: another server that speaks SignalR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The other hub's URL; the client negotiates there.
    pub url: String,
    /// The token that the client presents there.
    pub access_token: Option<String>,
}

/// Declares a hub. Method names are compared without regard to case, as in .NET.
#[derive(Default)]
pub struct HubBuilder {
    options: HubOptions,
    scale_out: Option<Arc<dyn ScaleOut>>,
    methods: HashMap<String, invoke::Method>,
    connected: Option<ConnectedHook>,
    disconnected: Option<DisconnectedHook>,
    redirect: Option<RedirectHook>,
    authenticator: Option<Arc<dyn Authenticator>>,
    policy: Option<HubPolicy>,
}

impl std::fmt::Debug for HubBuilder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("HubBuilder").field("options", &self.options).finish_non_exhaustive()
    }
}

impl HubBuilder {
    /// Limits and intervals.
    pub fn options(mut self, options: HubOptions) -> Self {
        self.options = options;
        self
    }

    /// What carries calls to other processes; [`Local`] without.
    pub fn scale_out(mut self, scale_out: Arc<dyn ScaleOut>) -> Self {
        self.scale_out = Some(scale_out);
        self
    }

    /// Finds out who connects; without, everybody is anonymous.
    pub fn authenticator(mut self, authenticator: impl Authenticator) -> Self {
        self.authenticator = Some(Arc::new(authenticator));
        self
    }

    /// Who may use the hub at all. Others get 401 (anonymous) or 403.
    pub fn authorize(mut self, policy: impl Fn(&User) -> bool + Send + Sync + 'static) -> Self {
        self.policy = Some(Arc::new(policy));
        self
    }

    /// Who may call the method of that name, in addition. Declare the method first.
    ///
    /// # Panics
    /// There is no such method: a mistake in the program.
    pub fn authorize_method(
        mut self,
        name: &str,
        policy: impl Fn(&Caller) -> bool + Send + Sync + 'static,
    ) -> Self {
        let method = self.methods.get_mut(&name.to_lowercase());
        assert!(method.is_some(), "the hub has no method {name}");
        if let Some(method) = method {
            method.policy = Some(Arc::new(policy));
        }
        self
    }

    /// A method that returns once. Parameters are a tuple, some of which may be [`Upload`](super::Upload)s; a method
    /// that returns `()` completes without a result.
    ///
    /// # Panics
    /// The name is taken.
    pub fn method<A, F, Fut, R>(self, name: &str, method: F) -> Self
    where
        A: FromArguments,
        F: Fn(Caller, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, HubError>> + Send + 'static,
        R: Serialize + Send + 'static,
    {
        self.declare(name, invoke::Method::call(method))
    }

    /// A method that returns a stream; the client cancels it when it wants no more.
    ///
    /// # Panics
    /// The name is taken.
    pub fn stream<A, F, Fut, S, T>(self, name: &str, method: F) -> Self
    where
        A: FromArguments,
        F: Fn(Caller, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<S, HubError>> + Send + 'static,
        S: Stream<Item = Result<T, HubError>> + Send + 'static,
        T: Serialize + Send + 'static,
    {
        self.declare(name, invoke::Method::stream(method))
    }

    fn declare(mut self, name: &str, method: invoke::Method) -> Self {
        let taken = self.methods.insert(name.to_lowercase(), method).is_some();
        assert!(!taken, "the hub has a method {name} already");
        self
    }

    /// Called after the handshake, before the first call; an error refuses the connection.
    pub fn on_connected<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Caller) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HubError>> + Send + 'static,
    {
        self.connected = Some(Arc::new(move |caller| hook(caller).boxed()));
        self
    }

    /// Called once for each connection that `on_connected` was called for, when it has ended.
    pub fn on_disconnected<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Caller, EndReason) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.disconnected = Some(Arc::new(move |caller, reason| hook(caller, reason).boxed()));
        self
    }

    /// Where negotiate sends a client instead of answering itself; `None` keeps it here.
    pub fn redirect<F, Fut>(mut self, redirect: F) -> Self
    where
        F: Fn(ConnectRequest, User) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<Redirect>, HubError>> + Send + 'static,
    {
        self.redirect = Some(Arc::new(move |request, user| redirect(request, user).boxed()));
        self
    }

    /// Starts the hub; call it inside a Tokio runtime that outlives the server.
    pub fn start(self) -> Hub {
        let options = self.options;
        let local = LocalConnections::new(options.max_groups_per_connection);
        let scale_out = self.scale_out.unwrap_or_else(|| Arc::new(Local::new()));
        scale_out.start(local.clone());
        let inner = Arc::new(HubInner {
            local,
            scale_out,
            budget: Arc::new(Budget::new(options.total_buffer_bytes)),
            methods: self.methods,
            connected: self.connected,
            disconnected: self.disconnected,
            redirect: self.redirect,
            authenticator: self.authenticator,
            policy: self.policy,
            tokens: RwLock::default(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            stopped: CancellationToken::new(),
            started_at: Instant::now(),
            clock_ms: AtomicU64::new(0),
            runtime: Handle::current(),
            options,
        });
        inner.spawn(heartbeat::run(inner.clone()));
        Hub(inner)
    }
}
