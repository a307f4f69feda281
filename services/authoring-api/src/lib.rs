//! The merchant's side: data management.
