//! The HTTP server that each of our processes runs: limits, request ids, error answers, access log, draining.
//!
//! Services hand their routes to [`Host::serve`](crate::Host::serve) and get all of this around them. Start at
//! `server`; `edge` is what every request passes through, `access_log` the line it leaves, `route_pattern` the name of its
//! route, `shortcut` a way past the router; `extractors` makes framework refusals into problems; `cross_origin` says what pages of
//! other origins may do, `compression` codes answers.

pub(crate) mod access_log;
mod client_address;
pub(crate) mod compression;
mod cross_origin;
mod edge;
mod extractors;
mod request_id;
mod route_pattern;
mod server;
mod shortcut;

pub use client_address::client_address;
pub use compression::{Accepted, Coding};
pub use edge::{Edge, OwnForm};
pub use extractors::extractor_configs;
pub use request_id::RequestId;
pub use route_pattern::resource;
pub(crate) use route_pattern::{resource_in, with_pattern};
pub use server::{Listener, Surroundings, serve, until_stopped};
pub use shortcut::Shortcut;
