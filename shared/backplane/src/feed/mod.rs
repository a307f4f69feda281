//! feed
pub mod core;
pub mod hint;
pub(crate) mod marks;
pub mod position;
pub mod status;
