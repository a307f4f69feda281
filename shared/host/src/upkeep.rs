//! Keeps the tables short that every commit adds to: rows of the change feed that all processes have read, and records of
//! commits that nobody looks up any more; and notifications that are old or too many. Each process that runs jobs does it, once at its start and then now and again.

use std::time::Duration;

use sql::Database;

use crate::configuration::Push;
use crate::lifecycle::Lifecycle;

/// An instance that was away for less reads the feed on where it stopped; after more its cache begins anew. The same
/// for records of commits, which are looked up within seconds.
const KEEP: Duration = Duration::from_secs(3600);
/// Between two rounds, spread so that instances started together do not meet.
const PAUSE: Duration = Duration::from_secs(600);
/// Rows of one statement, so that writers wait for it shortly if at all.
const BATCH_ROWS: u32 = 1000;
/// Of one round and table: what is left waits for the next.
const BATCHES_MAX: usize = 200;
/// Between two statements: the tables belong to those who write.
const BATCH_PAUSE: Duration = Duration::from_millis(100);

/// Begins; ends with the lifecycle.
pub(crate) fn start(database: &Database, push: &Push, lifecycle: &Lifecycle) {
    let (database, push) = (database.clone(), push.clone());
    let stopping = lifecycle.stopping().clone();
    lifecycle.spawn(async move {
        let rounds = async {
            loop {
                if let Err(error) = round(&database).await {
                    tracing::warn!(%error, "old rows of the change feed stay for now");
                }
                if let Err(error) = prune_notifications(&database, &push).await {
                    tracing::warn!(%error, "old notifications stay for now");
                }
                tokio::time::sleep(PAUSE.mul_f64(rand::random_range(0.8..1.2))).await;
            }
        };
        tokio::select! {
            () = rounds => {}
            () = stopping.cancelled() => {}
        }
    });
}

async fn round(database: &Database) -> sql::Result<()> {
    let changes = repeat(|| backplane::feed::prune(database, KEEP)).await?;
    let commits = repeat(|| sql::prune_commits(database, KEEP, BATCH_ROWS)).await?;
    if changes + commits > 0 {
        tracing::info!(changes, commits, "deleted old rows of the change feed");
    }
    Ok(())
}

async fn prune_notifications(database: &Database, push: &Push) -> sql::Result<()> {
    let old = repeat(|| backplane::push::prune(database, push.retention)).await?;
    let surplus = repeat(|| backplane::push::prune_surplus(database, push.max_per_user)).await?;
    if old + surplus > 0 {
        tracing::info!(old, surplus, "deleted notifications");
    }
    Ok(())
}

/// While full batches come back, as often as a round may.
async fn repeat<F>(batch: impl Fn() -> F) -> sql::Result<u64>
where
    F: Future<Output = sql::Result<u64>>,
{
    let mut rows = 0;
    for _ in 0..BATCHES_MAX {
        let deleted = batch().await?;
        rows += deleted;
        if deleted < u64::from(BATCH_ROWS) {
            break;
        }
        tokio::time::sleep(BATCH_PAUSE).await;
    }
    Ok(rows)
}
