//! From start to exit code: soft stop, hard stop, and the tasks that must end in between.
//!
//! The first SIGTERM or SIGINT asks for a soft stop: readiness fails, then nothing new is accepted, what runs is
//! drained. SIGTERM comes from an orchestrator and leaves its load balancers time to notice (`Http:StopDelay`);
//! SIGINT comes from a keyboard and does not. A second signal, or [`HARD_STOP_AFTER`], ends the process without
//! waiting any longer. What is stopped in which order is written in `wiring`; this module only says *when*.

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::configuration::milliseconds;

/// A soft stop that takes longer than this becomes a hard stop; orchestrators kill after 30 s or more.
pub const HARD_STOP_AFTER: Duration = Duration::from_secs(28);

/// Says when to stop, and waits for the tasks that were spawned through it. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    soft: CancellationToken,
    no_delay: CancellationToken,
    tasks: TaskTracker,
}

impl Lifecycle {
    /// A process that runs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends when a soft stop was asked for. Never cancel it directly: call [`request_stop`](Self::request_stop).
    pub fn stopping(&self) -> &CancellationToken {
        &self.soft
    }

    /// Whether a soft stop was asked for.
    pub fn is_stopping(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Asks for a soft stop, as a signal does. Asking again changes nothing.
    pub fn request_stop(&self) {
        self.soft.cancel();
    }

    /// A part that stops with the whole, or alone.
    pub(crate) fn part(&self) -> Self {
        Self { soft: self.soft.child_token(), no_delay: self.no_delay.clone(), tasks: TaskTracker::new() }
    }

    /// Asks for a soft stop that does not wait for load balancers.
    pub fn request_stop_without_delay(&self) {
        self.no_delay.cancel();
        self.soft.cancel();
    }

    /// Waits for `delay`, or not at all if nobody needs it.
    pub(crate) async fn delay(&self, delay: Duration) {
        if delay.is_zero() || self.no_delay.is_cancelled() {
            return;
        }
        tracing::info!(delay_ms = milliseconds(delay), "unready, and accepting until load balancers notice");
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = self.no_delay.cancelled() => {}
        }
    }

    /// Spawns a task that is awaited before the process ends. It must watch [`stopping`](Self::stopping).
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(task);
    }

    /// Waits for every task that was spawned here. New tasks are still accepted and waited for.
    pub async fn join(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// How a process ended; the exit code tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was asked to stop, and everything was drained; or it has done what it was started for.
    Stopped,
    /// It could not start or could not go on.
    Failed,
    /// The configuration was refused; nothing was started.
    Refused,
    /// It was asked to stop and did not finish in time; something was cut off.
    HardStopped,
    /// It was asked to list the missing migrations, and there are some.
    MigrationsMissing,
}

impl End {
    /// 0 stopped, 1 failed, 2 configuration refused, 3 hard stop, 4 migrations are missing. (A panic of the main thread is 101.)
    pub fn code(self) -> u8 {
        match self {
            Self::Stopped => 0,
            Self::Failed => 1,
            Self::Refused => 2,
            Self::HardStopped => 3,
            Self::MigrationsMissing => 4,
        }
    }
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        Self::from(end.code())
    }
}

/// A signal that asks a process to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGTERM, from an orchestrator.
    Terminate,
    /// SIGINT, from a keyboard.
    Interrupt,
}

impl StopSignal {
    fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        }
    }
}

/// The two signals that ask a process to stop.
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Starts to listen; from here on the signals no longer kill the process.
    ///
    /// # Errors
    /// The operating system refuses a handler.
    pub fn install() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next signal.
    pub async fn next(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.terminate.recv() => StopSignal::Terminate,
            _ = self.interrupt.recv() => StopSignal::Interrupt,
        }
    }
}

/// Runs `work` until it ends, turning signals into a soft stop and impatience into a hard one. `work` must end
/// soon after `lifecycle.stopping()` and says how; its error is logged here.
pub async fn run_until_stopped<F>(lifecycle: &Lifecycle, mut signals: StopSignals, work: F) -> End
where
    F: Future<Output = anyhow::Result<End>>,
{
    tokio::pin!(work);
    let hard_stop = async {
        tokio::select! {
            signal = signals.next() => {
                tracing::info!(signal = signal.name(), "stopping");
                match signal {
                    StopSignal::Terminate => lifecycle.request_stop(),
                    StopSignal::Interrupt => lifecycle.request_stop_without_delay(),
                }
            }
            () = lifecycle.stopping().cancelled() => tracing::info!("stopping"),
        }
        tokio::select! {
            signal = signals.next() => {
                tracing::warn!(signal = signal.name(), "second signal: not waiting any longer");
            }
            () = tokio::time::sleep(HARD_STOP_AFTER) => {
                tracing::error!(limit_ms = milliseconds(HARD_STOP_AFTER), "did not stop in time");
            }
        }
    };
    tokio::select! {
        biased;
        ended = &mut work => match ended {
            Ok(end) => {
                tracing::info!("stopped");
                end
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "failed");
                End::Failed
            }
        },
        () = hard_stop => End::HardStopped,
    }
}
