//! Keeps running jobs ours: renews their leases, and cancels the handlers of those that are not ours any more.
//!
//! A task of its own, so that neither a slow handler nor a slow claim delays a renewal.

use std::collections::HashSet;
use std::sync::Arc;

use sql::RowExt;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::exchange::Fence;
use crate::error::{Error, Result};

pub(super) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let watch_interval = shared.options.watch_interval.min(shared.options.renew_interval());
    let mut last_renewal = Instant::now();
    let mut next_look = Instant::now() + watch_interval;
    loop {
        let expiry = shared.running.next_expiry();
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep_until(next_look) => {}
            () = sleep_until(expiry.unwrap_or(next_look)), if expiry.is_some() => {
                shared.running.doubt_expired(Instant::now());
                continue;
            }
        }
        let started = Instant::now();
        // Half an interval early is better than one interval late.
        let renew = started + watch_interval / 2 >= last_renewal + shared.options.renew_interval();
        let look = look(&shared, renew, started);
        tokio::pin!(look);
        let done = loop {
            let expiry = shared.running.next_expiry();
            tokio::select! {
                done = &mut look => break done,
                () = stop.cancelled() => return,
                () = sleep_until(expiry.unwrap_or(started)), if expiry.is_some() => {
                    shared.running.doubt_expired(Instant::now());
                }
            }
        };
        match done {
            Ok(()) if renew => last_renewal = started,
            Ok(()) => {}
            Err(error) => shared.health.storage_failed("lease", &error),
        }
        next_look = Instant::now() + watch_interval;
    }
}

/// Asks the storage about every job in hand, renewing the leases or only looking.
async fn look(shared: &Shared, renew: bool, started: Instant) -> Result<()> {
    let mut fences = shared.running.fences();
    if fences.is_empty() {
        return Ok(());
    }
    // Sorted, so that two batches lock their jobs in the same order.
    fences.sort_by_key(|fence| fence.job_id);
    let asked =
        serde_json::to_string(&fences).map_err(|cause| Error::Payload { job_type: "(fences)", cause })?;
    let text = if renew { include_str!("renew.sql") } else { include_str!("watch.sql") };
    let rows = shared.database.query(text, &[&asked]).await?;
    let ours = rows.iter().map(|row| row.read("StateId")).collect::<sql::Result<HashSet<i64>>>()?;
    if renew {
        shared.running.renewed(ours.iter().copied(), started + shared.options.lease);
    }
    for Fence { state_id, .. } in fences {
        if !ours.contains(&state_id) {
            shared.running.lose(state_id);
        }
    }
    Ok(())
}
