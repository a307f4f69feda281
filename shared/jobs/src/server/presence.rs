//! Being there: registration, heartbeat, and burying servers that are not there any more.

use std::sync::Arc;
use std::time::Duration;

use sql::RowExt;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::backoff::Backoff;
use super::exchange::{Ask, Outcome, Settlement, exchange, read_fence};
use super::observe::{Heard, Observer};
use crate::error::{Error, Result, take_set};

/// Most jobs of dead servers given back in one statement; the rest follows with the next heartbeat.
const ORPHANS_MAX: i32 = 500;

/// Registers, says so through `announce`, then beats until `stop`.
pub(super) async fn run(shared: Arc<Shared>, announce: watch::Sender<bool>, stop: CancellationToken) {
    // Never slower than the heartbeat: while we wait, others may think that we are dead.
    let mut backoff = Backoff::new(shared.options.backoff_max.min(shared.options.heartbeat));
    let mut observer = Observer::new(shared.options.dead_after);
    let mut registered = false;
    loop {
        let step = async {
            if !registered {
                register(&shared).await?;
                shared.shelf.notify_one();
            }
            beat(&shared, &mut observer).await
        };
        let done = tokio::select! {
            done = step => done,
            () = stop.cancelled() => return,
        };
        let pause = match done {
            Ok(known) => {
                registered = known;
                shared.health.set_registered(known);
                shared.health.storage_answered();
                announce.send_replace(true);
                if known {
                    backoff.reset();
                    shared.options.heartbeat
                } else {
                    // Somebody took us for dead: announce ourselves again.
                    backoff.next()
                }
            }
            Err(error) => {
                observer.interrupted();
                shared.health.storage_failed("heartbeat", &error);
                backoff.next()
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn register(shared: &Shared) -> Result<()> {
    let identity = &shared.identity;
    let interval_ms = i32::try_from(shared.options.heartbeat.as_millis()).unwrap_or(i32::MAX);
    let workers = i32::try_from(shared.options.worker_count).unwrap_or(i32::MAX);
    shared
        .database
        .execute(
            include_str!("register.sql"),
            &[&identity.server, &interval_ms, &workers, &identity.queues, &identity.handlers],
        )
        .await?;
    Ok(())
}

/// One heartbeat and one observation. Answers whether we are still registered.
async fn beat(shared: &Shared, observer: &mut Observer) -> Result<bool> {
    const STATEMENT: &str = "server/beat.sql";
    let server = &shared.identity.server;
    let mut sets = shared.database.query_sets(include_str!("beat.sql"), &[server, &ORPHANS_MAX]).await?;
    let now = Instant::now();
    let ours = take_set(&mut sets, 0, STATEMENT)?;
    let rows_found: i32 =
        ours.first().ok_or(Error::Answer { statement: STATEMENT, set: 0 })?.read("Registered")?;
    let heard = take_set(&mut sets, 1, STATEMENT)?.iter().map(read_heard).collect::<Result<Vec<_>>>()?;
    let orphans = take_set(&mut sets, 2, STATEMENT)?;

    let dead = observer.observed(now, &heard);
    // Alone: one process died and the others live. When many stop at once the cause is not a job.
    let alone = dead.len() == 1;
    for dead in dead {
        bury(shared, &dead, alone).await?;
    }
    let orphans = orphans.iter().map(|row| orphan(row, false)).collect::<Result<Vec<_>>>()?;
    give_back(shared, orphans).await?;
    Ok(rows_found == 2)
}

fn read_heard(row: &sql::Row) -> Result<Heard> {
    let interval_ms: i32 = row.read("BeatMs")?;
    Ok(Heard {
        server: row.read::<&str>("Id")?.to_owned(),
        beat: row.read("Beat")?,
        interval: Duration::from_millis(u64::try_from(interval_ms).unwrap_or(0)),
    })
}

/// Removes a dead server, unless somebody else did or it beat after all, and gives its jobs back at once.
async fn bury(shared: &Shared, dead: &Heard, alone: bool) -> Result<()> {
    let rows = shared.database.query(include_str!("bury.sql"), &[&dead.server, &Some(dead.beat)]).await?;
    let buried: i32 =
        rows.first().ok_or(Error::Answer { statement: "server/bury.sql", set: 0 })?.read("Buried")?;
    if buried == 0 {
        return Ok(());
    }
    tracing::warn!(server = dead.server, "a job server died; its jobs are given back");
    let leases = shared.database.query(include_str!("strays.sql"), &[&dead.server, &"[]"]).await?;
    give_back(shared, leases.iter().map(|row| orphan(row, alone)).collect::<Result<Vec<_>>>()?).await
}

fn orphan(row: &sql::Row, died: bool) -> Result<Settlement> {
    let reason = format!("Requeued: server {} is gone", row.read::<&str>("ServerId")?);
    Ok(Settlement { fence: read_fence(row)?, outcome: Outcome::Requeue { reason, died } })
}

async fn give_back(shared: &Shared, settlements: Vec<Settlement>) -> Result<()> {
    if settlements.is_empty() {
        return Ok(());
    }
    exchange(&shared.database, &shared.identity, &shared.options, &settlements, Ask::NOTHING).await?;
    tracing::info!(jobs = settlements.len(), "jobs of dead servers are back in their queues");
    let mut queues: Vec<&str> =
        settlements.iter().map(|settlement| settlement.fence.queue.as_str()).collect();
    queues.sort_unstable();
    queues.dedup();
    queues.into_iter().for_each(|queue| shared.wake.announce(queue));
    shared.nudge.notify_one();
    Ok(())
}

/// Removes our own rows. What we could not settle is found by the others as leases without a server.
pub(super) async fn unregister(shared: &Shared) {
    let any_beat = None::<i64>;
    let farewell =
        shared.database.query(include_str!("bury.sql"), &[&shared.identity.server, &any_beat]).await;
    if let Err(error) = farewell {
        tracing::warn!(%error, "could not remove the server's row");
    }
}
