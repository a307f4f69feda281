//! Products as the shop shows them: one file per operation.

mod get;
mod list;

pub(crate) use get::get;
pub(crate) use list::list;
