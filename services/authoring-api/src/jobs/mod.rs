//! Background jobs for operators: what there is, what became of it, and what to do about it. One file per group of
//! addresses; what the pages (`pages`) do besides goes through the same functions here.

pub(crate) mod actions;
pub(crate) mod filter;
mod job;
mod list;
mod overview;
pub(crate) mod queues;
pub(crate) mod recurring;

pub(crate) use actions::{act, delete, requeue, run_now};
pub(crate) use job::{get, retry_count};
pub(crate) use list::list;
pub(crate) use overview::{history, overview, servers};

use utoipa::OpenApi;

use crate::error::Error;

/// These operations in the API document.
#[derive(OpenApi)]
#[openapi(paths(
    list::list,
    overview::overview,
    overview::history,
    overview::servers,
    queues::list,
    queues::pause,
    queues::resume,
    recurring::list,
    recurring::get,
    recurring::change,
    recurring::remove,
    recurring::pause,
    recurring::resume,
    recurring::trigger,
    actions::act,
    actions::delete,
    actions::requeue,
    actions::run_now,
    job::get
))]
pub(crate) struct Api;

pub(crate) const NO_JOB: Error = Error::NotFound("such job");
