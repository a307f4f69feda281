//! cache
pub mod key;
