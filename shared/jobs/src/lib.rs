#![doc = include_str!("../README.md")]

mod conditions;
mod context;
mod continuations;
mod cron;
mod delayed;
mod enqueue;
mod error;
mod failure;
mod migrations;
pub mod monitor;
mod observer;
mod payload;
mod queue;
pub mod recurring;
mod registry;
mod retry;
mod server;
mod wakeup;

pub use conditions::{Enqueue, Enqueued, Unique};
pub use context::Context;
pub use continuations::After;
pub use cron::{Cron, CronError, Zone};
pub use delayed::Due;
pub use enqueue::Client;
pub use error::{Error, Result};
pub use failure::Failure;
pub use migrations::MIGRATIONS;
pub use observer::{NoObserver, Observer, RunOutcome, RunReport, SettlementReport, TraceContext};
pub use payload::{JobId, Payload};
pub use queue::{QUEUE_NAME_MAX, QueueWeights, check_queue_name};
pub use recurring::{Misfire, Recurring};
pub use registry::Registry;
pub use retry::RetryPolicy;
pub use server::{Server, ServerOptions, ServerStatus};
pub use wakeup::{LocalWakeUp, NoWakeUp, WakeUp};
