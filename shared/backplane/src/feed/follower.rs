//! The task that asks SQL: a probe every third of the bound, earlier when something does not fit, and the
//! rows of gaps. All questions come from this one task, one after the other, so that no answer can be
//! overtaken by a later one.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::RngExt;
use sql::{Database, RowExt};
use tokio::time::Instant;

use super::{Feed, FeedRow, Filled, ProbeAnswer, Probed};

/// Probes asked for before their time are at least this far apart, so that nonsense on the channel cannot
/// turn into load on SQL.
const PROBE_SPACING: Duration = Duration::from_millis(20);
/// While SQL does not answer it is asked this often, or more often where the bound is short.
const RETRY_MAX: Duration = Duration::from_millis(500);

/// Runs until the feed is stopped.
pub(super) async fn run(feed: Arc<Feed>, database: Database) {
    let follower = Follower { feed: &feed, database, interval: feed.options.max_staleness / 3 };
    tokio::select! {
        () = feed.stopping.cancelled() => {}
        () = follower.follow() => {}
    }
}

struct Follower<'a> {
    feed: &'a Feed,
    database: Database,
    interval: Duration,
}

impl Follower<'_> {
    async fn follow(&self) {
        let wanted = &self.feed.wanted;
        let mut next_probe = Instant::now();
        let mut last_probe: Option<Instant> = None;
        loop {
            tokio::select! {
                () = wanted.wake.notified() => {}
                () = tokio::time::sleep_until(next_probe) => {}
            }
            let asked = wanted.probe.swap(false, Ordering::AcqRel);
            if asked || Instant::now() >= next_probe {
                if let Some(last) = last_probe {
                    tokio::time::sleep_until(last + PROBE_SPACING).await;
                }
                last_probe = Some(Instant::now());
                let answered = self.probe().await;
                next_probe = Instant::now() + self.pause(answered);
            }
            if wanted.gap.swap(false, Ordering::AcqRel) {
                // Hints of different writers overtake each other; the missing one is usually about to come.
                tokio::time::sleep(self.feed.options.reorder_wait).await;
                self.read_gap().await;
            }
        }
    }

    fn pause(&self, answered: bool) -> Duration {
        let full = if answered { self.interval } else { self.interval.min(RETRY_MAX) };
        full.mul_f64(rand::rng().random_range(0.9..=1.0))
    }

    /// Asks SQL where the log stands, and reads what is missing. False if SQL did not answer.
    async fn probe(&self) -> bool {
        let core = &self.feed.core;
        // The lease runs from before the question.
        let ticket = core.probe_begin(self.feed.now());
        let asked = ticket.asked();
        // An answer after half the bound came too late to be worth waiting for.
        let limit = self.feed.options.max_staleness / 2;
        let answer = match tokio::time::timeout(limit, self.ask(asked)).await {
            Ok(Ok(Some(answer))) => answer,
            Ok(Ok(None)) => return self.failed("Platform.FeedHead has no row"),
            Ok(Err(error)) => return self.failed(&error.to_string()),
            Err(_) => return self.failed("no answer in time"),
        };
        if let Some(since) = core.failing_since() {
            let away_ms = self.feed.now().saturating_sub(since) / 1_000_000;
            tracing::info!(away_ms, "the change feed answers again");
        }
        let probed = core.probe_end(ticket, &answer, self.feed.now());
        match probed {
            Probed::Leased => {}
            Probed::Behind => self.read_gap().await,
            Probed::Adopted => {
                let counts = core.counters.snapshot();
                tracing::info!(
                    log_id = answer.log_id,
                    head = answer.head,
                    generation = counts.generation,
                    flushes = counts.flushes(),
                    "following the change feed"
                );
            }
            Probed::Superseded => self.feed.wanted.ask(&self.feed.wanted.probe),
        }
        let followed = core.log().map(|(log_id, _)| log_id);
        self.feed.log_id.send_if_modified(|present| {
            let modified = *present != followed;
            *present = followed;
            modified
        });
        self.feed.progress.send_replace(());
        true
    }

    fn failed(&self, reason: &str) -> bool {
        if self.feed.core.failing_since().is_none() {
            tracing::warn!(reason, "the change feed does not answer; hits end with the lease");
        }
        self.feed.core.probe_failed(self.feed.now());
        self.feed.progress.send_replace(());
        false
    }

    async fn ask(&self, asked: i64) -> sql::Result<Option<ProbeAnswer>> {
        let rows = self.database.query(include_str!("probe.sql"), &[&asked]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(ProbeAnswer {
            log_id: row.read("LogId")?,
            head: row.read("Head")?,
            mark: row.read("Mark")?,
            pruned_to: row.read("PrunedTo")?,
            mark_at_asked: row.read_opt("MarkAtAsked")?,
        }))
    }

    /// Reads pages until nothing is missing or nothing more is there.
    async fn read_gap(&self) {
        while let Some(request) = self.feed.core.gap() {
            let before = self.feed.core.position();
            let limit = self.feed.options.max_staleness / 2;
            let rows = match tokio::time::timeout(limit, self.page(request.from)).await {
                Ok(Ok(rows)) => rows,
                // The next probe finds out whether SQL is away.
                Ok(Err(error)) => return self.gap_failed(&error.to_string()),
                Err(_) => return self.gap_failed("no answer in time"),
            };
            let filled = self.feed.core.fill(request, &rows);
            self.feed.progress.send_replace(());
            match filled {
                Filled::Applied if self.feed.core.position() != before => {}
                Filled::Superseded => {}
                // No progress: what was announced is not there (yet). The next probe asks again.
                Filled::Applied => return,
                Filled::Broken => return self.feed.wanted.ask(&self.feed.wanted.probe),
            }
        }
    }

    fn gap_failed(&self, reason: &str) {
        tracing::debug!(reason, "rows of the change feed were not read");
        self.feed.wanted.ask(&self.feed.wanted.probe);
    }

    async fn page(&self, from: i64) -> sql::Result<Vec<FeedRow>> {
        let rows = self.database.query(include_str!("gap.sql"), &[&from]).await?;
        rows.iter()
            .map(|row| {
                Ok(FeedRow { sequence: row.read("Seq")?, tag: row.read("Tag")?, mark: row.read("Mark")? })
            })
            .collect()
    }
}
