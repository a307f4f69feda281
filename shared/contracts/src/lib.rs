//! Everything that crosses a process boundary, declared once.
//!
//! - [`jobs`]: what one process asks another to do.
//! - [`cache`]: how a cached answer is addressed, and what makes it invalid, on every instance alike.
//! - [`push`]: what notifications carry to browsers.
//! - [`storefront`]: the finished documents that publishing writes and every frontend serves.
//!
//! Two versions of Stoa run side by side during an update, so nothing here changes by accident: all of it has
//! a snapshot test, and a difference in a snapshot is a decision about compatibility.

pub mod cache;
pub mod jobs;
pub mod permissions;
pub mod push;
pub mod storefront;
