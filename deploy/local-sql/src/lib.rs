//! An embedded SQL Server stand-in for desks and CI: TDS 7.4 and plain T-SQL over SQLite.
//!
//! [`Server::start`] serves in this process; the binary `local-sql` is a thin shell around it. The protocol half
//! (`tds`, `connection`, `session`) knows no T-SQL; the language half ([`engine`]) knows no sockets. They meet in
//! [`engine::Session`] and [`engine::ResultSink`]. See the README for what works and what is refused.

mod connection;
pub mod engine;
mod faults;
mod server;
mod session;
mod sink;
mod statements;
mod tds;

pub use engine::Storage;
pub use faults::{Action, Fault, FaultsFileError};
pub use server::{Error, Limits, Options, Server};
pub use tds::tls::{Certificate, CertificateError};
