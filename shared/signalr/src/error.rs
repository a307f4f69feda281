//! What can go wrong when the server side calls clients.

use crate::protocol::ProtocolError;

/// Why a message was not sent, or a client's answer not had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value cannot be expressed in a protocol.
    #[error("the value cannot be encoded: {0}")]
    Encode(String),
    /// A value is not of the expected type.
    #[error("the value is not of the expected type: {0}")]
    Decode(String),
    /// Bytes that are no message.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// Nobody owns that connection.
    #[error("Connection '{0}' does not exist.")]
    NoConnection(String),
    /// A client answered a call with an error; its text is what the client sent.
    #[error("{0}")]
    Client(String),
    /// A client did not answer in time ([`client_result_timeout`](crate::HubOptions::client_result_timeout)).
    #[error("the client did not answer in time")]
    ClientTimeout,
    /// The connection is in too many groups ([`max_groups_per_connection`](crate::HubOptions::max_groups_per_connection)).
    #[error("a connection may be in {0} groups at most")]
    TooManyGroups(usize),
    /// The scale-out could not carry the message to the other processes.
    #[error("the message did not reach the other servers: {0}")]
    ScaleOut(#[source] Box<dyn std::error::Error + Send + Sync>),
}
