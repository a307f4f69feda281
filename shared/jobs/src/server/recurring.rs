//! Schedules recurring jobs. Every server would, one does: what is due is written once, guarded by what it was before.
//!
//! Between passes it sleeps until something is due, and at most [`recurring_interval`](super::ServerOptions); the
//! dispatcher, whose looks see due members as well, wakes it at once. A pass that fails is repeated: nothing is ever switched
//! off because the storage was away.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::backoff::Backoff;
use crate::recurring::run::pass;

pub(super) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let mut backoff = Backoff::new(shared.options.backoff_max);
    let mut pause = Duration::ZERO;
    loop {
        tokio::select! {
            () = sleep(pause) => {}
            () = shared.recurring_due.notified() => {}
            () = stop.cancelled() => return,
        }
        let passed = tokio::select! {
            passed = pass(&shared.database, shared.options.misfire_tolerance) => passed,
            () = stop.cancelled() => return,
        };
        pause = match passed {
            Ok(passed) => {
                backoff.reset();
                if passed.delayed {
                    shared.due.notify_one();
                }
                for queue in &passed.queues {
                    shared.wake.announce(queue);
                }
                if passed.jobs > 0 {
                    shared.nudge.notify_one();
                }
                let interval = shared.options.recurring_interval;
                // Not at once where somebody else was faster: he has the lock until he commits.
                let least = if passed.jobs > 0 { Duration::ZERO } else { shared.options.poll_min };
                passed.next_in.map_or(interval, |next| next.clamp(least, interval.max(least)))
            }
            Err(error) => {
                shared.health.storage_failed("recurring", &error);
                backoff.next()
            }
        };
    }
}
