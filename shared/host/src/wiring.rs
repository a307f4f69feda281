//! Puts the parts of a process together in the order in which they need each other, and takes them apart again.
//!
//! Start: port, database, schema, Redis, wake-ups, feed; then the service builds its routes and job handlers on
//! the [`Host`]. Stop: see [`Host::serve`]. The only place that knows both `jobs` and `backplane`.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use backplane::{Feed, FeedOptions, Push, Redis, Wake};
use parking_lot::Mutex;
use sql::{Database, Migration};
use tokio::sync::watch;

use crate::auth::{AccessTokens, Keyring};
use crate::configuration::{Configuration, Hangfire, Scalability, Settings, milliseconds};
use crate::database;
use crate::health::{FeedPart, Health, JobServerPart, Observed, SqlState};
use crate::http::{self, Listener, Shortcut, Surroundings};
use crate::lifecycle::Lifecycle;
use crate::metrics::Metrics;
use crate::observation::{self, JobObserver};
use crate::openapi::Document;
use crate::problem::Problem;
use crate::upkeep;

/// What a client is told while the process waits for its database.
const STARTING_RETRY_AFTER_SECS: u32 = 2;

/// A process that is ready to be built upon: everything that a service needs, started.
pub struct Host {
    /// The configuration, without mistakes.
    pub settings: Settings,
    /// SQL Server, with an up-to-date schema.
    pub database: Database,
    /// Redis, connected or not; `None`: not configured.
    pub redis: Option<Redis>,
    /// The change feed; caches are made on it.
    pub feed: Arc<Feed>,
    /// Notifies users inside a transaction.
    pub push: Push,
    /// Enqueues jobs inside a transaction.
    pub jobs: jobs::Client,
    /// Issues and verifies access tokens.
    pub tokens: web::Data<AccessTokens>,
    /// Tells job servers everywhere of new jobs.
    pub wake: Arc<dyn jobs::WakeUp>,
    /// What is told to Prometheus.
    pub metrics: web::Data<Metrics>,
    /// Says when to stop; tasks spawned on it are awaited.
    pub lifecycle: Lifecycle,
    hints: Wake,
    job_server: JobServer,
    health: web::Data<Health>,
    listener: Listener,
    shortcut: Option<Shortcut>,
}

/// The job server, while there is one; shared with the health routes.
pub(crate) type JobServer = Arc<Mutex<Option<jobs::Server>>>;

/// Job wake-ups through Redis: the two crates know nothing of each other.
struct Hints(Wake);

impl jobs::WakeUp for Hints {
    fn announce(&self, queue: &str) {
        self.0.announce(queue);
    }

    fn listen(&self) -> watch::Receiver<u64> {
        self.0.listen()
    }
}

impl Host {
    /// Starts everything up to the point where a service builds itself. `None`: a stop was asked for meanwhile.
    ///
    /// # Errors
    /// The port is taken, the database is not usable or outdated.
    pub(crate) async fn start(
        configuration: Configuration,
        migrations: &[&[Migration]],
        lifecycle: Lifecycle,
    ) -> anyhow::Result<Option<Self>> {
        announce(&configuration);
        let settings = configuration.settings;
        let listener = Listener::bind(settings.http.listen)?;
        let health = Health::new(settings.service, lifecycle.clone(), settings.caching.fail_safe_max);
        let health = web::Data::new(health);
        let metrics = web::Data::new(Metrics::new(settings.service)?);
        let around = Surroundings {
            http: settings.http.clone(),
            lifecycle: lifecycle.part(),
            health: health.clone(),
            metrics: metrics.clone(),
            shortcut: None,
        };
        let Some(database) = wait_for_database(&settings, &listener, around, &lifecycle).await? else {
            return Ok(None);
        };
        database::prepare(&database, &settings.sql, migrations).await?;
        let redis = settings.redis.clone().map(Redis::start);
        let hints = Wake::start(redis.clone(), &settings.caching.channel_name);
        let feed = Feed::start(database.clone(), redis.clone(), feed_options(&settings));
        let push = start_push(&settings, &database, &redis);
        let wake: Arc<dyn jobs::WakeUp> = Arc::new(Hints(hints.clone()));
        let job_server = JobServer::default();
        health.set_look(look(&redis, &feed, &job_server));
        observation::start(&metrics, &database, &redis, &feed, &job_server);
        let jobs = jobs::Client::new(wake.clone()).observed_by(Arc::new(JobObserver::new(&metrics)));
        let keyring = Arc::new(Keyring::new(&settings.authorization, &database));
        let tokens = web::Data::new(AccessTokens::new(keyring, &settings.authorization));
        Ok(Some(Self {
            settings,
            database,
            redis,
            feed,
            push,
            jobs,
            tokens,
            wake,
            metrics,
            lifecycle,
            hints,
            job_server,
            health,
            listener,
            shortcut: None,
        }))
    }

    /// Answers by this before any route.
    #[must_use]
    pub fn with_shortcut(self, shortcut: Shortcut) -> Self {
        Self { shortcut: Some(shortcut), ..self }
    }

    /// Starts a job server with these handlers if this process is to run jobs; `false`: it only enqueues.
    ///
    /// # Errors
    /// It is to run jobs and there is no handler, or a second server was asked for.
    pub fn start_job_server(&self, registry: jobs::Registry) -> anyhow::Result<bool> {
        if !self.settings.hangfire.use_server {
            return Ok(false);
        }
        if registry.is_empty() {
            anyhow::bail!("UseHangfireServer is true and this service has no job handlers: set it to false");
        }
        let mut slot = self.job_server.lock();
        anyhow::ensure!(slot.is_none(), "a job server runs already");
        let options = job_server_options(&self.settings.hangfire);
        let observer = Arc::new(JobObserver::new(&self.metrics));
        let (database, wake) = (self.database.clone(), self.wake.clone());
        *slot = Some(jobs::Server::start_observed(database, registry, options, wake, observer)?);
        observation::watch_backlog(&self.metrics, &self.database, &self.lifecycle);
        upkeep::start(&self.database, &self.settings.push, &self.lifecycle);
        Ok(true)
    }

    /// Runs `work` during a stop, once load balancers have noticed it: while running requests end, which may last as long
    /// as what `work` closes stays open.
    pub fn while_draining(&self, work: impl Future<Output = ()> + Send + 'static) {
        let (lifecycle, stop_delay) = (self.lifecycle.clone(), self.settings.http.stop_delay);
        self.lifecycle.spawn(async move {
            lifecycle.stopping().cancelled().await;
            lifecycle.delay(stop_delay).await;
            work.await;
        });
    }

    /// Serves the routes that `configure` adds, and their `document` where the settings want it, until a stop is asked
    /// for; then ends everything in order: readiness fails; after `Http:StopDelay` no new connection is accepted;
    /// running requests and running jobs end, side by side; tasks of the lifecycle; feed, wake-ups and push; Redis; the
    /// connection pool.
    ///
    /// # Errors
    /// The server could not start or ended without being asked to; everything is stopped nevertheless.
    pub async fn serve<F>(self, document: Option<Document>, configure: F) -> anyhow::Result<()>
    where
        F: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
    {
        let around = Surroundings {
            http: self.settings.http.clone(),
            lifecycle: self.lifecycle.clone(),
            health: self.health.clone(),
            metrics: self.metrics.clone(),
            shortcut: self.shortcut.clone(),
        };
        let (service, address) = (self.settings.service.name(), self.listener.address);
        let document = document.filter(|_| self.settings.openapi_enabled);
        let configure = move |config: &mut web::ServiceConfig| {
            configure(config);
            if let Some(document) = &document {
                document.routes(config);
            }
        };
        let job_server = self.job_server.clone();
        let stopping = self.lifecycle.stopping().clone();
        let stop_delay = self.settings.http.stop_delay;
        let serve = async {
            tracing::info!(service, address = %address, "listening");
            let served = match http::serve(self.listener, around, configure) {
                Ok(server) => http::until_stopped(server, self.lifecycle.clone(), stop_delay).await,
                Err(error) => Err(error.into()),
            };
            // A server that fell over takes the process with it.
            self.lifecycle.request_stop();
            served
        };
        let drain_jobs = async {
            stopping.cancelled().await;
            let server = job_server.lock().take();
            if let Some(server) = server {
                server.stop().await;
            }
        };
        let (served, ()) = tokio::join!(serve, drain_jobs);
        self.lifecycle.join().await;
        self.feed.stop().await;
        self.hints.stop().await;
        self.push.stop().await;
        if let Some(redis) = &self.redis {
            redis.stop().await;
        }
        self.database.close().await;
        served
    }
}

/// Says what this process will do, and what in its configuration has no effect.
fn announce(configuration: &Configuration) {
    let settings = &configuration.settings;
    let files: Vec<String> = configuration.files().iter().map(|file| file.display().to_string()).collect();
    tracing::info!(
        service = settings.service.name(),
        version = env!("CARGO_PKG_VERSION"),
        environment = settings.environment,
        files = files.join(", "),
        "starting"
    );
    let max_staleness_ms = milliseconds(settings.caching.max_staleness);
    if settings.redis.is_some() {
        tracing::info!(channel = settings.caching.channel_name, max_staleness_ms, "hints through redis: on");
    } else {
        let why =
            "ConnectionStrings:RedisConnectionString is not set; changes of other processes arrive later";
        tracing::info!(why, max_staleness_ms, "hints through redis: off");
    }
    match (settings.push.scalability, &settings.redis) {
        (Scalability::RedisBackplane, Some(_)) => {
            tracing::info!(channel = settings.push.channel_name, "push scale-out: redis");
        }
        (Scalability::RedisBackplane, None) => {
            let why = "ConnectionStrings:RedisConnectionString is not set; notifications of other processes arrive later";
            tracing::info!(why, "push scale-out: off");
        }
        (Scalability::AzureSignalRService, _) => {
            let why = "AzureSignalRService is not built; notifications of other processes arrive later";
            tracing::warn!(why, "push scale-out: off");
        }
        (Scalability::None, _) => {
            tracing::info!(why = "PushNotifications:ScalabilityMode", "push scale-out: off")
        }
    }
    let why = configuration.why_job_server();
    if settings.hangfire.use_server {
        tracing::info!(why, queues = settings.hangfire.queues.join(", "), "job server: on");
    } else {
        tracing::info!(why, "job server: off, jobs are only enqueued");
    }
    let (on, max_bytes) = (settings.caching.enabled, settings.caching.max_bytes);
    tracing::info!(
        on,
        max_bytes,
        time_to_live_ms = milliseconds(settings.caching.time_to_live),
        "local cache"
    );
    for warning in &configuration.warnings {
        tracing::warn!("{warning}");
    }
}

/// Connects to the database. While it is not there, the port answers health questions, and 503 to all else: an
/// orchestrator must see a live process, not a hanging one.
async fn wait_for_database(
    settings: &Settings,
    listener: &Listener,
    around: Surroundings,
    lifecycle: &Lifecycle,
) -> anyhow::Result<Option<Database>> {
    let room = around.lifecycle.clone();
    let waiting_room = Mutex::new(None);
    let open = || {
        let served = listener.share().and_then(|port| http::serve(port, around, starting_routes));
        match served {
            Ok(server) => {
                // Whoever is here was told 503 anyway: nobody has to be given time to leave.
                let served = http::until_stopped(server, room.clone(), Duration::ZERO);
                *waiting_room.lock() = Some(tokio::spawn(served));
            }
            Err(error) => tracing::warn!(%error, "cannot answer health questions while waiting"),
        }
    };
    let connected = database::connect(&settings.sql, lifecycle, open).await;
    room.request_stop();
    let waiting_room = waiting_room.into_inner();
    if let Some(task) = waiting_room {
        task.await??;
    }
    connected
}

fn starting_routes(config: &mut web::ServiceConfig) {
    async fn starting() -> Result<String, Problem> {
        let reason = "the process is starting and waits for its database";
        Err(Problem::unavailable(STARTING_RETRY_AFTER_SECS, reason).detail(reason))
    }
    config.service(web::resource("/{any:.*}").to(starting));
}

fn feed_options(settings: &Settings) -> FeedOptions {
    FeedOptions {
        channel_name: settings.caching.channel_name.clone(),
        max_staleness: settings.caching.max_staleness,
        slots: settings.caching.slots,
        ..FeedOptions::default()
    }
}

/// Hints of notifications go through Redis where there is one and the setting does not say otherwise.
fn start_push(settings: &Settings, database: &Database, redis: &Option<Redis>) -> Push {
    let redis = redis.clone().filter(|_| settings.push.scalability == Scalability::RedisBackplane);
    let server_id = format!("{}_{}", settings.service.name(), uuid::Uuid::new_v4().simple());
    Push::start(database.clone(), redis, &settings.push.channel_name, &server_id)
}

fn job_server_options(hangfire: &Hangfire) -> jobs::ServerOptions {
    let mut options =
        jobs::ServerOptions { queues: hangfire.queues.clone(), ..jobs::ServerOptions::default() };
    options.lease = hangfire.lease;
    options.retry.attempts = hangfire.automatic_retry_count;
    if let Some(worker_count) = hangfire.worker_count {
        options.worker_count = worker_count;
    }
    if let Some(poll_max) = hangfire.poll_max {
        options.poll_max = poll_max.max(options.poll_min);
    }
    options
}

/// How the health routes see the parts.
fn look(redis: &Option<Redis>, feed: &Arc<Feed>, job_server: &JobServer) -> crate::health::Look {
    let (redis, feed, job_server) = (redis.clone(), feed.clone(), job_server.clone());
    Box::new(move || {
        let status = feed.status();
        let running = job_server.lock().as_ref().map(jobs::Server::status);
        Observed {
            stopping: false,
            sql: status.failing_for.map_or(SqlState::Answering, |since| SqlState::Away { since }),
            redis: redis.as_ref().map(Redis::is_connected),
            feed: Some(FeedPart {
                applied: status.applied,
                lease_remaining_ms: milliseconds(status.lease_remaining),
                hints: status.connected,
            }),
            job_server: running.map(|status| JobServerPart {
                running: status.running,
                worker_count: status.worker_count,
                registered: status.registered,
            }),
        }
    })
}
