//! Hints that a queue has work: they shorten the wait, nothing depends on them.

use tokio::sync::watch;

/// Carries hints between processes. A lost hint costs at most one poll interval; a false one costs one empty claim.
pub trait WakeUp: Send + Sync {
    /// Jobs were committed to `queue`. Called on the committing task: must not block.
    fn announce(&self, queue: &str);
    /// A number that changes with every hint from anywhere. If the sender is gone the engine polls only.
    fn listen(&self) -> watch::Receiver<u64>;
}

/// No hints: servers find jobs by polling, within
/// [`ServerOptions::poll_max`](crate::ServerOptions::poll_max).
#[derive(Debug, Clone, Copy, Default)]
pub struct NoWakeUp;

impl WakeUp for NoWakeUp {
    fn announce(&self, _queue: &str) {}

    fn listen(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }
}

/// Hints within this process.
#[derive(Debug, Default)]
pub struct LocalWakeUp(watch::Sender<u64>);

impl WakeUp for LocalWakeUp {
    fn announce(&self, _queue: &str) {
        self.0.send_modify(|hints| *hints = hints.wrapping_add(1));
    }

    fn listen(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}
