//! Looks now and then for jobs that wait for one that has ended: what others left behind. Our own servers start such jobs
//! with the end of their parents.

use std::sync::Arc;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::continuations::sweep;

/// Waiting jobs looked at in one statement; the next look goes on behind them.
const WINDOW: i32 = 500;

pub(super) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let mut cursor = 0;
    loop {
        let pause = shared.options.sweep_interval.mul_f64(rand::random_range(0.8..=1.2));
        tokio::select! {
            () = sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        let swept = tokio::select! {
            swept = sweep(&shared.database, cursor, WINDOW, shared.options.keep_succeeded) => swept,
            () = stop.cancelled() => return,
        };
        match swept {
            Ok(swept) => {
                cursor = swept.cursor;
                swept.queues.iter().for_each(|queue| shared.wake.announce(queue));
            }
            Err(error) => shared.health.storage_failed("continuations", &error),
        }
    }
}
