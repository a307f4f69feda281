//! A job server: claims jobs, runs their handlers, writes what came of it.
//!
//! Eight tasks, none of which waits for another's statements: `dispatch` (one batch claims jobs and acknowledges the last
//! ones), `lease` (keeps running jobs ours, notices when they are not), `presence` (heartbeat; finds dead servers and
//! gives their jobs back), `schedule` (moves due retries and delayed jobs into their queues), `recurring` (makes the jobs of
//! recurring ones), `continuations` (finds jobs whose parent ended without starting them), `clean` (deletes what has
//! expired), `shelf` (keeps what cannot run out of the queues). Handlers are tasks of their own.
//!
//! Start at [`Server::start`], then `dispatch`; the statements are in `complete.sql` and `claim.sql`.

mod backoff;
mod clean;
mod continuations;
mod dispatch;
mod exchange;
mod health;
mod lease;
mod observe;
mod options;
mod presence;
mod recurring;
mod run;
mod running;
mod schedule;
mod shelf;

use std::sync::Arc;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use options::ServerOptions;

use crate::error::Result;
use crate::observer::{Observer, nobody};
use crate::registry::Registry;
use crate::wakeup::WakeUp;
use exchange::Identity;
use health::Health;
use running::Running;

/// A running job server. Dropping it without [`stop`](Self::stop) ends it as if the process had died: its jobs are taken
/// over by others once its heartbeat is missed.
pub struct Server {
    shared: Arc<Shared>,
    dispatch: JoinHandle<()>,
    helpers: TaskTracker,
    stop: Stop,
}

/// What the tasks share.
struct Shared {
    database: sql::Database,
    registry: Registry,
    options: ServerOptions,
    identity: Identity,
    wake: Arc<dyn WakeUp>,
    observer: Arc<dyn Observer>,
    running: Running,
    health: Health,
    /// Due members of `schedule` were seen.
    due: Notify,
    /// Due members of `recurring-jobs` were seen.
    recurring_due: Notify,
    /// Jobs that cannot run were met, or handlers were announced.
    shelf: Notify,
    /// Claim now: somebody in this process knows of work.
    nudge: Notify,
}

/// The stages of stopping.
struct Stop {
    /// No more claims.
    claims: CancellationToken,
    /// The handlers are done, or out of time: the helpers end.
    helpers: CancellationToken,
    /// No more waiting for anything. Also cancelled when the server is dropped.
    hard: CancellationToken,
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.claims.cancel();
        self.helpers.cancel();
        self.hard.cancel();
    }
}

/// What a server is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStatus {
    /// Its id in `HangFire.Server`.
    pub id: String,
    /// Whether it is announced there; until then it claims nothing.
    pub registered: bool,
    /// Handlers under way.
    pub running: usize,
    /// Most handlers at a time.
    pub worker_count: usize,
    /// Jobs claimed since the start.
    pub claimed: u64,
    /// Outcomes written since the start.
    pub settled: u64,
    /// Outcomes refused because the job was not ours any more.
    pub lost: u64,
    /// Statements that ran against the queue since the start (claims and acknowledgements together).
    pub exchanges: u64,
    /// Looks for work that touched nothing.
    pub polls: u64,
    /// The storage did not answer the last time.
    pub storage_away: bool,
}

impl Server {
    /// Checks the options, then starts the tasks and returns: a storage that is away is waited for in the background.
    pub fn start(
        database: sql::Database,
        registry: Registry,
        options: ServerOptions,
        wake: Arc<dyn WakeUp>,
    ) -> Result<Self> {
        Self::start_observed(database, registry, options, wake, nobody())
    }

    /// [`start`](Self::start) with somebody who hears of the runs and joins them to their traces.
    pub fn start_observed(
        database: sql::Database,
        registry: Registry,
        options: ServerOptions,
        wake: Arc<dyn WakeUp>,
        observer: Arc<dyn Observer>,
    ) -> Result<Self> {
        registry.check()?;
        options.check()?;
        let identity = Identity::new(&registry, &options);
        tracing::info!(server = identity.server, queues = ?options.queues, workers = options.worker_count, handlers = ?registry.names(), "job server starts");
        let hints = wake.listen();
        let shared = Arc::new(Shared {
            database,
            registry,
            identity,
            wake,
            observer,
            running: Running::default(),
            health: Health::default(),
            due: Notify::new(),
            recurring_due: Notify::new(),
            shelf: Notify::new(),
            nudge: Notify::new(),
            options,
        });
        let stop = Stop {
            claims: CancellationToken::new(),
            helpers: CancellationToken::new(),
            hard: CancellationToken::new(),
        };
        let helpers = TaskTracker::new();
        let (announce, announced) = watch::channel(false);
        helpers.spawn(presence::run(shared.clone(), announce, stop.helpers.clone()));
        helpers.spawn(lease::run(shared.clone(), stop.helpers.clone()));
        helpers.spawn(schedule::run(shared.clone(), stop.claims.clone()));
        helpers.spawn(recurring::run(shared.clone(), stop.claims.clone()));
        helpers.spawn(continuations::run(shared.clone(), stop.claims.clone()));
        helpers.spawn(shelf::run(shared.clone(), stop.claims.clone()));
        helpers.spawn(clean::run(shared.clone(), stop.claims.clone()));
        helpers.close();
        let (completions, completed) = mpsc::channel(shared.options.worker_count);
        let dispatcher = dispatch::Dispatcher::new(shared.clone(), completions, completed);
        let dispatch = tokio::spawn(dispatcher.run(announced, hints, stop.claims.clone(), stop.hard.clone()));
        Ok(Self { shared, dispatch, helpers, stop })
    }

    /// Stops in order: no more claims; handlers may finish for [`cancel_grace`](ServerOptions::cancel_grace), then
    /// their tokens are cancelled; at [`shutdown_timeout`](ServerOptions::shutdown_timeout) they are dropped and their
    /// jobs given back to the queue; the server's rows are removed. If the storage is away, its jobs are taken over by
    /// others later. Takes at most `shutdown_timeout` and twice [`storage_grace`](ServerOptions::storage_grace).
    pub async fn stop(mut self) {
        let options = self.shared.options.clone();
        let started = Instant::now();
        self.stop.claims.cancel();
        let mut finished = self.finished_by(started + options.cancel_grace).await;
        if !finished {
            self.shared.running.cancel_all();
            finished = self.finished_by(started + options.shutdown_timeout).await;
        }
        if !finished {
            self.shared.running.abort_all();
            finished = self.finished_by(started + options.shutdown_timeout + options.storage_grace).await;
        }
        if !finished {
            tracing::warn!(
                server = self.shared.identity.server,
                "the storage did not take the last outcomes in time"
            );
            self.stop.hard.cancel();
        }
        let rest = async {
            if !finished {
                let _ = (&mut self.dispatch).await;
            }
            self.stop.helpers.cancel();
            self.helpers.wait().await;
            presence::unregister(&self.shared).await;
        };
        if timeout(options.storage_grace, rest).await.is_err() {
            tracing::warn!(server = self.shared.identity.server, "could not remove the server's row in time");
        }
        tracing::info!(server = self.shared.identity.server, "job server stopped");
    }

    /// A snapshot for health pages.
    pub fn status(&self) -> ServerStatus {
        self.shared.status()
    }

    async fn finished_by(&mut self, deadline: Instant) -> bool {
        tokio::select! {
            joined = &mut self.dispatch => {
                if let Err(error) = joined {
                    tracing::error!(%error, "the job dispatcher ended abnormally");
                }
                true
            }
            () = sleep_until(deadline) => false,
        }
    }
}

impl Shared {
    fn status(&self) -> ServerStatus {
        ServerStatus {
            id: self.identity.server.clone(),
            registered: self.health.is_registered(),
            running: self.running.unfinished(),
            worker_count: self.options.worker_count,
            claimed: self.health.claimed(),
            settled: self.health.settled(),
            lost: self.health.lost(),
            exchanges: self.health.exchanges(),
            polls: self.health.polls(),
            storage_away: self.health.is_away(),
        }
    }
}
