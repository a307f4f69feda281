//! For tests: a client over every transport and in both protocols, and a server on a free port.
//!
//! The client does what a test tells it and no more: it answers no pings, acknowledges nothing and reconnects never. What
//! it receives waits in order; [`Client::next`] gives one message, pings left out.

mod client;
mod http;
mod server;
mod socket;

pub use client::{Client, ClientOptions};
pub use http::Negotiated;
pub use server::TestServer;
pub use socket::Socket;
