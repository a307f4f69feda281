//! What makes a process one of ours: configuration, telemetry, lifecycle, problem+json, auth, health.
//!
//! A service's `main` calls [`main`] with its migrations and a function that builds its routes and job handlers on a
//! [`Host`]; everything between the command line and the exit code is here. Knows no commerce.

#![forbid(unsafe_code)]

mod arguments;
pub mod auth;
pub mod configuration;
mod database;
pub mod health;
pub mod http;
pub mod lifecycle;
pub mod metrics;
mod observation;
pub mod openapi;
mod operation;
mod probe;
pub mod problem;
mod service;
mod start;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
mod traces;
mod upkeep;
mod wiring;

pub use configuration::{Configuration, Secret, Settings};
pub use lifecycle::Lifecycle;
pub use metrics::Metrics;
pub use operation::{Operation, Operations};
pub use problem::{FieldError, Problem};
pub use service::Service;
pub use start::{main, main_with};
pub use wiring::Host;
