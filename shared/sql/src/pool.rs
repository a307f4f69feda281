//! The bb8 pool of connections, and the wait for one.
//!
//! bb8 decides who gets a connection and when a new one is made. Added here: a wait that fails at once with
//! the login's own error when there is no connection to wait for, a pool that can be emptied (a generation
//! number: older connections are closed instead of handed out), and an end.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bb8::{ErrorSink, ManageConnection, PooledConnection, RunError};
use tokio::sync::watch;

use crate::connection::Connection;
use crate::connection_string::ConnectionString;
use crate::error::{Error, Result};
use crate::login::{self, Engine};
use crate::metrics::{self, Counters, Metrics};
use crate::options::Options;
use crate::statement::{StatementObserver, StatementReport, Target};

/// A connection on loan; dropping it gives it back, or closes it if something on it is unfinished.
pub(crate) type Lease = PooledConnection<'static, Manager>;

pub(crate) struct Pool {
    bb8: bb8::Pool<Manager>,
    shared: Arc<Shared>,
    limits: Options,
    failures: watch::Receiver<Option<Error>>,
}

/// What the pool, its manager and its connections share.
pub(crate) struct Shared {
    generation: AtomicU64,
    closed: AtomicBool,
    live: Arc<watch::Sender<u64>>,
    pub(crate) counters: Counters,
    pub(crate) target: Target,
    observer: OnceLock<Arc<dyn StatementObserver>>,
}

impl Shared {
    pub(crate) fn live(&self) -> &Arc<watch::Sender<u64>> {
        &self.live
    }

    pub(crate) fn set_observer(&self, observer: Arc<dyn StatementObserver>) -> bool {
        self.observer.set(observer).is_ok()
    }

    pub(crate) fn observe(&self, report: impl FnOnce() -> StatementReport) {
        if let Some(observer) = self.observer.get() {
            observer.statement(&report());
        }
    }
}

impl Pool {
    /// Makes a pool with one connection in it, so that a wrong string or database is found here.
    pub(crate) async fn open(target: &ConnectionString, limits: Options) -> Result<(Self, Engine)> {
        let shared = Arc::new(Shared {
            generation: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            live: Arc::new(watch::Sender::new(0)),
            counters: Counters::default(),
            target: Target {
                server: target.server().to_owned(),
                port: target.port(),
                database: target.database().to_owned(),
            },
            observer: OnceLock::new(),
        });
        let idle_check = Duration::from_millis(limits.idle_check_ms);
        let manager = Manager { target: target.clone(), shared: Arc::clone(&shared), idle_check };
        let (first, engine) = manager.log_in().await?;
        let (failure, failures) = watch::channel(None);
        let bb8 = bb8::Pool::builder()
            .max_size(limits.pool_max)
            .min_idle(limits.pool_min)
            .connection_timeout(Duration::from_millis(limits.acquire_timeout_ms))
            .idle_timeout(Duration::from_millis(limits.idle_timeout_ms))
            .max_lifetime(Duration::from_millis(limits.connection_lifetime_ms))
            // bb8 would go on in the background without telling the waiting callers; `acquire` tells them.
            .retry_connection(false)
            .error_sink(Box::new(Failures(Arc::new(failure))))
            .build_unchecked(manager);
        // A pool that already made its own first connection refuses this one; it is closed then.
        drop(bb8.add(first));
        Ok((Self { bb8, shared, limits, failures }, engine))
    }

    /// A connection, as soon as one is free.
    ///
    /// # Errors
    /// The login's error if there is no connection and none can be made; [`Error::PoolTimeout`] if all stay
    /// busy; [`Error::Closed`].
    pub(crate) async fn acquire(&self) -> Result<Lease> {
        if self.is_closed() {
            return Err(Error::Closed);
        }
        self.lease_or_failure().await
    }

    async fn lease_or_failure(&self) -> Result<Lease> {
        let mut failures = self.failures.clone();
        failures.mark_unchanged();
        tokio::select! {
            biased;
            lease = self.bb8.get_owned() => lease.map_err(|error| match error {
                RunError::User(PoolError::Login(error)) => error,
                RunError::User(PoolError::Stale) | RunError::TimedOut => self.timed_out(),
            }),
            error = self.hopeless(&mut failures) => Err(error),
        }
    }

    fn timed_out(&self) -> Error {
        Error::PoolTimeout { limit_ms: self.limits.acquire_timeout_ms, pool_max: self.limits.pool_max }
    }

    /// Returns when a login failed and there is no other connection that could come back.
    async fn hopeless(&self, failures: &mut watch::Receiver<Option<Error>>) -> Error {
        loop {
            if failures.changed().await.is_err() {
                return Error::Closed;
            }
            let failure = failures.borrow_and_update().clone();
            if let (Some(error), 0) = (failure, self.bb8.state().connections) {
                return error;
            }
        }
    }

    /// Closes every connection made so far: idle ones when they are next looked at, busy ones on return.
    pub(crate) fn drop_connections(&self) {
        self.shared.generation.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Relaxed)
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Refuses new work, closes the idle connections and waits for the busy ones.
    pub(crate) async fn close(&self, limit: Duration) {
        self.shared.closed.store(true, Ordering::Relaxed);
        self.drop_connections();
        let mut live = self.shared.live.subscribe();
        let drained = async {
            // Asking makes bb8 look at the idle ones; the manager refuses to make new ones.
            drop(self.lease_or_failure().await);
            live.wait_for(|n| *n == 0).await.map(drop)
        };
        if tokio::time::timeout(limit, drained).await.is_err() {
            tracing::warn!("connections still busy after the pool was closed");
        }
    }

    pub(crate) fn metrics(&self) -> Metrics {
        let state = self.bb8.state();
        let counters = &self.shared.counters;
        Metrics {
            connections: u64::from(state.connections),
            connections_idle: u64::from(state.idle_connections),
            logins: metrics::read(&counters.logins),
            login_failures: metrics::read(&counters.login_failures),
            discarded: metrics::read(&counters.discarded),
            pool_waits: state.statistics.get_waited,
            pool_timeouts: state.statistics.get_timed_out,
            pool_wait: state.statistics.get_wait_time,
            pool_max: u64::from(self.limits.pool_max),
            commits: metrics::read(&counters.commits),
            retries: metrics::read(&counters.retries),
            unknown_commits: metrics::read(&counters.unknown_commits),
            unresolved_commits: metrics::read(&counters.unresolved_commits),
        }
    }
}

/// Makes and judges connections for bb8.
pub(crate) struct Manager {
    target: ConnectionString,
    shared: Arc<Shared>,
    idle_check: Duration,
}

/// Why bb8 got no connection from us.
#[derive(Debug)]
pub(crate) enum PoolError {
    Login(Error),
    /// An idle connection that is not handed out any more; bb8 takes the next.
    Stale,
}

impl Manager {
    async fn log_in(&self) -> Result<(Connection, Engine)> {
        let generation = self.shared.generation.load(Ordering::Relaxed);
        match login::open(&self.target).await {
            Ok((client, engine)) => {
                metrics::increment(&self.shared.counters.logins);
                Ok((Connection::new(client, generation, Arc::clone(&self.shared)), engine))
            }
            Err(error) => {
                metrics::increment(&self.shared.counters.login_failures);
                tracing::warn!(%error, "no connection to SQL Server");
                Err(error)
            }
        }
    }

    fn is_current(&self, connection: &Connection) -> bool {
        connection.generation == self.shared.generation.load(Ordering::Relaxed)
    }
}

impl ManageConnection for Manager {
    type Connection = Connection;
    type Error = PoolError;

    async fn connect(&self) -> Result<Connection, PoolError> {
        if self.shared.closed.load(Ordering::Relaxed) {
            return Err(PoolError::Login(Error::Closed));
        }
        self.log_in().await.map(|(connection, _)| connection).map_err(PoolError::Login)
    }

    async fn is_valid(&self, connection: &mut Connection) -> Result<(), PoolError> {
        if !self.is_current(connection) {
            return Err(PoolError::Stale);
        }
        if connection.needs_check(self.idle_check) {
            return connection.roll_back().await.map_err(|_| PoolError::Stale);
        }
        Ok(())
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        if connection.is_unfinished() {
            metrics::increment(&self.shared.counters.discarded);
        }
        connection.is_spent() || !self.is_current(connection)
    }
}

/// Tells the waiting callers of a failed login. bb8 calls it after it has counted the attempt as over, so a
/// caller that asks again gets a new attempt.
#[derive(Clone)]
struct Failures(Arc<watch::Sender<Option<Error>>>);

impl ErrorSink<PoolError> for Failures {
    fn sink(&self, error: PoolError) {
        if let PoolError::Login(error) = error {
            self.0.send_replace(Some(error));
        }
    }

    fn boxed_clone(&self) -> Box<dyn ErrorSink<PoolError>> {
        Box::new(self.clone())
    }
}

impl fmt::Debug for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Failures")
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}
