//! The change feed: how this process keeps up with what others commit.
//!
//! The log is in SQL (`Platform.FeedHead`, `Platform.ChangeFeed`; written by crate `sql` with each commit),
//! Redis carries hints of it. [`Core`] has the rules; `follower` asks SQL every third of the bound and reads
//! gaps; `hints` listens and publishes. Without Redis everything works, later: within `max_staleness`.
//!
//! Not here: values (see `cache`), and who changes what. Start at [`Feed::start`].

mod core;
mod follower;
mod gate;
pub mod hint;
mod hints;
mod maintenance;
mod marks;
mod position;
mod reports;
mod status;
#[cfg(feature = "testing")]
mod weakness;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::core::Core;
#[cfg(feature = "testing")]
pub use self::core::CoreState;
pub use gate::Validity;
pub use maintenance::{KEEP_MIN, NewLog, new_log, prune};
pub use position::Position;
pub use reports::{
    Change, FeedRow, Filled, GapRequest, ProbeAnswer, ProbeTicket, Probed, Received, Seen, Source,
};
pub use status::{FeedCounts, FeedStatus, FlushCause};
#[cfg(feature = "testing")]
pub use weakness::Weakness;

use crate::clock::{Clock, Nanos};
use crate::redis::Redis;

/// What `gate` is made of; another kind in the test that runs it under every order of memory.
mod atomic {
    pub(super) use std::sync::atomic::{AtomicU64, Ordering};
}

/// Limits and names of a feed.
#[derive(Debug, Clone)]
pub struct FeedOptions {
    /// Prefix of the hint channel; processes on one Redis and one database share it. `VirtoCommerceChannel`.
    pub channel_name: String,
    /// No hit is older than this while SQL answers, whatever Redis does. 5 s, at least 100 ms.
    pub max_staleness: Duration,
    /// Floors, a power of two; fewer mean more reloads by collision. 1,048,576 (8 MiB).
    pub slots: usize,
    /// How long the predecessor of a change that came too early is waited for before SQL is asked. 10 ms.
    pub reorder_wait: Duration,
}

impl Default for FeedOptions {
    fn default() -> Self {
        Self {
            channel_name: "VirtoCommerceChannel".to_owned(),
            max_staleness: Duration::from_secs(5),
            slots: 1 << 20,
            reorder_wait: Duration::from_millis(10),
        }
    }
}

/// Follows the log of one database. Share it by `Arc`; end it with [`Feed::stop`].
pub struct Feed {
    core: Core,
    clock: Clock,
    options: FeedOptions,
    redis: Option<Redis>,
    wanted: Wanted,
    /// The log followed, for the hint receiver.
    log_id: watch::Sender<Option<i64>>,
    /// Ticks whenever the position or the lease may have moved.
    progress: watch::Sender<()>,
    subscribed: AtomicBool,
    warned_foreign: AtomicBool,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

/// What the follower is asked to do before its time. Requests coalesce.
#[derive(Default)]
struct Wanted {
    probe: AtomicBool,
    gap: AtomicBool,
    wake: Notify,
}

impl Wanted {
    fn ask(&self, what: &AtomicBool) {
        what.store(true, Ordering::Release);
        self.wake.notify_one();
    }
}

impl Feed {
    /// Begins to follow the log of `database` and hears of its commits from now on. Returns at once; hits
    /// begin after the first probe ([`Feed::wait_ready`]). Without `redis` changes of other processes arrive
    /// within `max_staleness`. Must be called in a tokio runtime.
    pub fn start(database: sql::Database, redis: Option<Redis>, options: FeedOptions) -> Arc<Self> {
        Arc::new(Self::detached(redis, options, Clock::System)).follow(database)
    }

    /// Begins to.
    fn follow(self: Arc<Self>, database: sql::Database) -> Arc<Self> {
        database.observe_commits(Arc::new(hints::Observer(self.clone())));
        self.tasks.spawn(follower::run(self.clone(), database));
        if let Some(redis) = self.redis.clone() {
            self.tasks.spawn(hints::receive(self.clone(), redis));
        }
        self.tasks.close();
        self
    }

    /// A feed that lacks one rule, to prove that whoever judges it notices.
    #[cfg(feature = "testing")]
    pub fn start_weakened(
        database: sql::Database,
        redis: Option<Redis>,
        options: FeedOptions,
        weakness: Weakness,
    ) -> Arc<Self> {
        let mut feed = Self::detached(redis, options, Clock::System);
        feed.core = Core::weakened(feed.options.slots, feed.options.max_staleness, weakness);
        Arc::new(feed).follow(database)
    }

    /// A feed without tasks.
    pub(crate) fn detached(redis: Option<Redis>, mut options: FeedOptions, clock: Clock) -> Self {
        const MAX_STALENESS_MIN: Duration = Duration::from_millis(100);
        options.max_staleness = options.max_staleness.max(MAX_STALENESS_MIN);
        Self {
            core: Core::new(options.slots, options.max_staleness),
            clock,
            options,
            redis,
            wanted: Wanted::default(),
            log_id: watch::Sender::new(None),
            progress: watch::Sender::new(()),
            subscribed: AtomicBool::new(false),
            warned_foreign: AtomicBool::new(false),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Waits until hits are allowed; false if that takes longer than `timeout`.
    pub async fn wait_ready(&self, timeout: Duration) -> bool {
        self.wait_for(timeout, || self.core.lease_remaining(self.now()) > Duration::ZERO).await
    }

    /// Waits until everything up to `sequence` (the last number of a commit, wherever it was made) is
    /// applied here: reads that begin afterwards see it. False if that takes longer than `timeout`.
    pub async fn wait_applied(&self, sequence: i64, timeout: Duration) -> bool {
        self.wait_for(timeout, || self.core.log().is_some_and(|(_, applied)| applied >= sequence)).await
    }

    /// Ticks whenever the position or the lease may have moved.
    pub(crate) fn progress(&self) -> watch::Receiver<()> {
        self.progress.subscribe()
    }

    /// Lets it tick, where a test does what the follower does.
    #[cfg(feature = "testing")]
    pub(crate) fn moved(&self) {
        self.progress.send_replace(());
    }

    async fn wait_for(&self, timeout: Duration, reached: impl Fn() -> bool) -> bool {
        let mut progress = self.progress.subscribe();
        let wait = async {
            while !reached() {
                if progress.changed().await.is_err() {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(timeout, wait).await.unwrap_or(false)
    }

    /// The state now.
    pub fn status(&self) -> FeedStatus {
        let now = self.now();
        let log = self.core.log();
        FeedStatus {
            log_id: log.map(|(log_id, _)| log_id),
            applied: log.map_or(0, |(_, applied)| applied),
            lease_remaining: self.core.lease_remaining(now),
            connected: self.subscribed.load(Ordering::Acquire),
            failing_for: self
                .core
                .failing_since()
                .map(|since| Duration::from_nanos(now.saturating_sub(since))),
            floor_bytes: self.core.floor_bytes(),
            counts: self.core.counters.snapshot(),
        }
    }

    /// The rules, for caches.
    #[inline]
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// The time that leases are measured in.
    #[inline]
    pub fn now(&self) -> Nanos {
        self.clock.now()
    }

    /// The bound of hits.
    pub fn max_staleness(&self) -> Duration {
        self.options.max_staleness
    }

    /// Ends the tasks and waits for them. No hits afterwards; reads load.
    pub async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.core.end();
    }

    /// Passes on what a load saw, and asks the follower for what is missing up to there.
    pub(crate) fn saw(&self, stamp: Position, seen: &Seen) -> Option<Position> {
        let position = self.core.saw(stamp, seen);
        if position.is_none_or(|position| position > self.core.position()) {
            self.wanted.ask(&self.wanted.gap);
        }
        position
    }

    /// Passes a reported change to the core and asks the follower for what is missing.
    fn take(&self, change: &Change, source: Source) -> Received {
        let received = self.core.receive(change, source);
        match received {
            Received::Gap => self.wanted.ask(&self.wanted.gap),
            Received::Contradiction | Received::FarAhead => self.wanted.ask(&self.wanted.probe),
            Received::Foreign if source == Source::Own => self.wanted.ask(&self.wanted.probe),
            _ => {}
        }
        self.progress.send_replace(());
        received
    }
}
