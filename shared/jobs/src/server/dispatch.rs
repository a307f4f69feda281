//! The loop that exchanges outcomes for new jobs.
//!
//! A slot is free again only when its outcome was accepted or refused by the storage, in the same batch that may fill it
//! anew. While one batch is under way the next outcomes gather. After a storage error everything is kept and tried again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Shared;
use super::backoff::Backoff;
use super::exchange::{self, Answer, Ask, Claimed, Outcome, Settlement, exchange, peek};
use super::run::{self, Completion, storage_was_away};
use crate::error::Result;
use crate::observer::SettlementReport;
use crate::payload::JobId;

/// A batch that the storage refuses for another reason than being away is split; an outcome that is refused alone this
/// often is given up, and its job runs again when the lease ends.
const REFUSALS_MAX: u32 = 3;

pub(super) struct Dispatcher {
    shared: Arc<Shared>,
    completions: mpsc::Sender<Completion>,
    completed: mpsc::Receiver<Completion>,
    handlers: TaskTracker,
    /// Outcomes to be written; at most one per worker.
    pending: Vec<Settlement>,
    pending_since: Instant,
    /// Fences in `pending` whose handlers blamed the storage.
    storage_trouble: Vec<i64>,
    backoff: Backoff,
    refusals: u32,
    /// Something waits, or may wait: claim then.
    claim_at: Option<Instant>,
    /// Expired claims were seen.
    expired: bool,
    /// The last batch failed, and it may have run all the same.
    uncertain: bool,
    poll: Duration,
    poll_at: Instant,
    not_before: Instant,
    last_exchange: Instant,
    /// `None` = look at the next occasion.
    last_strays: Option<Instant>,
}

impl Dispatcher {
    pub(super) fn new(
        shared: Arc<Shared>,
        completions: mpsc::Sender<Completion>,
        completed: mpsc::Receiver<Completion>,
    ) -> Self {
        let now = Instant::now();
        Self {
            backoff: Backoff::new(shared.options.backoff_max),
            poll: shared.options.poll_min,
            completions,
            completed,
            handlers: TaskTracker::new(),
            pending: Vec::new(),
            pending_since: now,
            storage_trouble: Vec::new(),
            refusals: 0,
            claim_at: None,
            expired: false,
            uncertain: false,
            poll_at: now,
            not_before: now,
            last_exchange: now,
            last_strays: Some(now),
            shared,
        }
    }

    /// Runs until `stop` is cancelled and everything in hand is settled, or until `hard` is cancelled.
    pub(super) async fn run(
        mut self,
        mut announced: watch::Receiver<bool>,
        hints: watch::Receiver<u64>,
        stop: CancellationToken,
        hard: CancellationToken,
    ) {
        tokio::select! {
            _ = announced.wait_for(|announced| *announced) => {}
            () = stop.cancelled() => return,
        }
        tokio::select! {
            () = self.work(hints, &stop) => {}
            () = hard.cancelled() => self.shared.running.abort_all(),
        }
        self.handlers.close();
        // Every handler has ended or is being dropped; their last completions have nowhere to go.
        self.completed.close();
        self.handlers.wait().await;
    }

    async fn work(&mut self, mut hints: watch::Receiver<u64>, stop: &CancellationToken) {
        let shared = self.shared.clone();
        let mut hints_alive = true;
        self.poll_at = Instant::now();
        loop {
            let stopping = stop.is_cancelled();
            let in_hand = shared.running.unfinished();
            if stopping && in_hand == 0 && self.pending.is_empty() && self.completed.is_empty() {
                return;
            }
            let exchange_at = self.exchange_at(in_hand, stopping);
            let poll_at = self.poll_at.max(self.not_before);
            let has_room = in_hand < shared.options.worker_count;
            tokio::select! {
                biased;
                () = stop.cancelled(), if !stopping => {}
                completion = self.completed.recv() => {
                    if let Some(completion) = completion {
                        self.gather(completion);
                    }
                }
                () = sleep_until(exchange_at.unwrap_or(poll_at)), if exchange_at.is_some() => {
                    self.exchange(stop).await;
                }
                () = sleep_until(poll_at), if !stopping => self.poll().await,
                changed = hints.changed(), if hints_alive && has_room && !stopping => {
                    hints_alive = changed.is_ok();
                    if hints_alive {
                        self.claim_soon();
                    }
                }
                () = shared.nudge.notified() => self.claim_soon(),
            }
        }
    }

    /// When the next batch goes out; `None` = not before something happens.
    fn exchange_at(&self, in_hand: usize, stopping: bool) -> Option<Instant> {
        let options = &self.shared.options;
        let settle_at = match self.pending.len() {
            0 => None,
            // Nobody else is about to finish, or enough have: no point in waiting.
            _ if in_hand == 0 || self.pending.len() * 2 >= options.worker_count => Some(self.pending_since),
            _ => Some(self.pending_since + options.coalesce),
        };
        let claim_at = self.claim_at.filter(|_| !stopping && in_hand < options.worker_count);
        [settle_at, claim_at].into_iter().flatten().min().map(|at| at.max(self.not_before))
    }

    /// A hint: the first claims at once, those right behind it share one claim.
    fn claim_soon(&mut self) {
        let earliest = self.last_exchange + self.shared.options.hint_cooldown;
        self.claim_at = Some(self.claim_at.map_or(earliest, |at| at.min(earliest)));
    }

    /// Looks whether anything waits, ever more slowly while nothing does.
    async fn poll(&mut self) {
        let shared = self.shared.clone();
        self.poll = (self.poll * 2).clamp(shared.options.poll_min, shared.options.poll_max);
        match peek(&shared.database, &shared.identity, &shared.options).await {
            Ok(glimpse) => {
                shared.health.storage_answered();
                shared.health.count_poll();
                self.backoff.reset();
                if glimpse.waiting || glimpse.expired {
                    self.claim_at = Some(Instant::now());
                    self.expired |= glimpse.expired;
                }
                if glimpse.due {
                    shared.due.notify_one();
                }
                if glimpse.recurring {
                    shared.recurring_due.notify_one();
                }
                self.find_strays().await;
            }
            Err(error) => {
                shared.health.storage_failed("poll", &error);
                self.not_before = Instant::now() + self.backoff.next();
            }
        }
        self.poll_at = Instant::now() + self.poll.mul_f64(rand::random_range(0.9..=1.0));
    }

    fn gather(&mut self, completion: Completion) {
        if self.pending.is_empty() {
            self.pending_since = Instant::now();
        }
        let state_id = completion.fence.state_id;
        self.shared.running.finish(state_id);
        let storage_trouble = completion.storage_trouble;
        match completion.settlement() {
            Some(settlement) => {
                self.pending.push(settlement);
                if storage_trouble {
                    self.storage_trouble.push(state_id);
                }
            }
            // Not ours any more; the slot is free. What the lease left behind is swept up as a stray.
            None => {
                self.shared.running.remove(state_id);
                self.shared.health.count_exchange(0, 0, 1);
                self.claim_soon();
            }
        }
    }

    async fn exchange(&mut self, stop: &CancellationToken) {
        while let Ok(completion) = self.completed.try_recv() {
            self.gather(completion);
        }
        let shared = self.shared.clone();
        self.find_strays().await;
        let free = match stop.is_cancelled() {
            true => 0,
            false => shared.options.worker_count.saturating_sub(shared.running.unfinished()),
        };
        let ask = Ask { free, expired: self.expired };
        let batch = &self.pending[..];
        let sent = Instant::now();
        let answer = exchange(&shared.database, &shared.identity, &shared.options, batch, ask).await;
        self.last_exchange = Instant::now();
        match answer {
            Ok(answer) => self.accept(answer, sent, stop),
            Err(error) => self.endure(&error).await,
        }
    }

    /// The batch ran.
    fn accept(&mut self, answer: Answer, sent: Instant, stop: &CancellationToken) {
        self.backoff.reset();
        self.refusals = 0;
        self.not_before = sent;
        self.shared.health.storage_answered();
        self.forget_pending(&answer);
        self.uncertain = false;
        if answer.held > 0 {
            tracing::debug!(jobs = answer.held, "jobs wait outside of their queue");
            self.shared.shelf.notify_one();
        }
        answer.continued.iter().for_each(|queue| self.shared.wake.announce(queue));
        let taken = answer.taken;
        let valid_until = sent + self.shared.options.lease;
        for job in answer.claimed {
            self.start(job, valid_until, stop);
        }
        // Whoever found something looks again at once: there may be more, and a claim may take less than it could.
        self.claim_at = (taken > 0).then(Instant::now);
        if taken > 0 {
            self.poll = self.shared.options.poll_min;
            self.poll_at = self.poll_at.min(Instant::now() + self.poll);
        } else {
            self.expired = false;
        }
    }

    fn forget_pending(&mut self, answer: &Answer) {
        let mut lost = 0;
        for settlement in self.pending.drain(..) {
            let state_id = settlement.fence.state_id;
            let accepted = answer.settled.contains(&state_id);
            report(&self.shared, &settlement, accepted);
            if !accepted {
                lost += 1;
                let job = settlement.fence.job_id;
                match self.uncertain {
                    true => {
                        tracing::info!(job, "the outcome was refused: already written, or not ours any more")
                    }
                    false => tracing::warn!(job, "the outcome is dropped: the job was not ours any more"),
                }
            }
            self.shared.running.remove(state_id);
        }
        self.storage_trouble.clear();
        self.shared.health.count_exchange(answer.claimed.len(), answer.settled.len(), lost);
    }

    fn start(&mut self, job: Claimed, valid_until: Instant, stop: &CancellationToken) {
        if stop.is_cancelled() {
            let reason = format!("Requeued: shutdown of server {}", self.shared.identity.server);
            self.pending_since = Instant::now();
            self.pending
                .push(Settlement { fence: job.fence, outcome: Outcome::Requeue { reason, died: false } });
            return;
        }
        let handles = self.shared.running.insert(job.fence.clone(), valid_until);
        self.handlers.spawn(run::run(self.shared.clone(), job, handles, self.completions.clone()));
    }

    /// The batch did not run, or nobody knows whether it did: both are safe to repeat. An acknowledgement that did run
    /// is refused by its own fence, a claim that did run shows up as a stray.
    async fn endure(&mut self, error: &crate::Error) {
        self.shared.health.storage_failed("dispatch", error);
        self.last_strays = None;
        self.uncertain = true;
        for settlement in &mut self.pending {
            if self.storage_trouble.contains(&settlement.fence.state_id) {
                settlement.outcome = storage_was_away(error);
            }
        }
        let is_away = matches!(error, crate::Error::Sql(error) if error.is_transient());
        if !is_away && !self.pending.is_empty() {
            self.refusals += 1;
            if self.refusals >= REFUSALS_MAX {
                self.settle_one_by_one().await;
            }
        }
        self.not_before = Instant::now() + self.backoff.next();
    }

    /// One outcome spoils the batch: find it, give it up, keep the others.
    async fn settle_one_by_one(&mut self) {
        self.refusals = 0;
        let shared = self.shared.clone();
        let mut kept = Vec::new();
        for settlement in std::mem::take(&mut self.pending) {
            let alone = std::slice::from_ref(&settlement);
            let result =
                exchange(&shared.database, &shared.identity, &shared.options, alone, Ask::NOTHING).await;
            match result {
                Ok(answer) => {
                    report(&shared, &settlement, !answer.settled.is_empty());
                    shared.running.remove(settlement.fence.state_id);
                    shared.health.count_exchange(0, answer.settled.len(), 1 - answer.settled.len().min(1));
                }
                Err(crate::Error::Sql(error)) if error.is_transient() => kept.push(settlement),
                Err(error) => {
                    tracing::error!(job = settlement.fence.job_id, %error, "the outcome cannot be written; the job will run again");
                    shared.running.remove(settlement.fence.state_id);
                }
            }
        }
        self.pending = kept;
    }

    /// Gives back the jobs that were claimed in our name while the answer was lost.
    async fn find_strays(&mut self) {
        let now = Instant::now();
        let pause = self.shared.options.stray_interval;
        if self.last_strays.is_some_and(|at| now.duration_since(at) < pause) {
            return;
        }
        match self.read_strays().await {
            Ok(strays) => {
                self.last_strays = Some(now);
                if !strays.is_empty() {
                    tracing::warn!(jobs = strays.len(), "giving back jobs whose claim was never answered");
                    self.pending.extend(strays);
                }
            }
            Err(error) => self.shared.health.storage_failed("strays", &error),
        }
    }

    async fn read_strays(&self) -> Result<Vec<Settlement>> {
        let mut known = self.shared.running.fences();
        known.extend(self.pending.iter().map(|settlement| settlement.fence.clone()));
        let known = serde_json::to_string(&known)
            .map_err(|cause| crate::Error::Payload { job_type: "(fences)", cause })?;
        let rows = self
            .shared
            .database
            .query(include_str!("strays.sql"), &[&self.shared.identity.server, &known])
            .await?;
        let reason = "Requeued: the answer to its claim was lost".to_owned();
        rows.iter()
            .map(|row| {
                let outcome = Outcome::Requeue { reason: reason.clone(), died: false };
                Ok(Settlement { fence: exchange::read_fence(row)?, outcome })
            })
            .collect()
    }
}

fn report(shared: &Shared, settlement: &Settlement, accepted: bool) {
    let Settlement { fence, outcome } = settlement;
    let job = JobId(fence.job_id);
    shared.observer.settled(&SettlementReport {
        job,
        fence: fence.state_id,
        outcome: outcome.report(),
        accepted,
    });
}
