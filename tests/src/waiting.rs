//! Bounded polling of something observable. Tests wait for a condition, never for a time.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often a condition is looked at. Short enough to measure a 250 ms promise with it.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Polls `observe` until it yields a value and returns that with the time it took.
///
/// Fails with `what` once `limit` has passed; errors of `observe` end the waiting at once.
pub async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut observe: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<(T, Duration)> {
    let started = Instant::now();
    loop {
        if let Some(value) = observe().await? {
            return Ok((value, started.elapsed()));
        }
        if started.elapsed() > limit {
            bail!("not within {limit:?}: {what}");
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
