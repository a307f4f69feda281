//! The protocol half of local-sql: TDS 7.3 and 7.4 as [MS-TDS] describes them, from the server's side.
//!
//! Pure encoders and decoders, except `transport` and `tls`, which own the socket. Nothing here runs a statement;
//! `connection` puts the parts in order: `prelogin` → `tls` → `login7` → `request` … `tokens`.

pub(crate) mod codepage;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod login7;
pub(crate) mod packet;
pub(crate) mod prelogin;
pub(crate) mod reader;
pub(crate) mod request;
pub(crate) mod rpc;
pub(crate) mod temporal;
pub(crate) mod tls;
pub(crate) mod tokens;
pub(crate) mod transport;
pub(crate) mod wire_type;

use std::io;

/// What ends a connection without an answer: the stream can no longer be trusted, or is gone.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProtocolError {
    /// A length points past the end of the message.
    #[error("{what} ends early")]
    Truncated {
        /// The structure being read.
        what: &'static str,
    },
    /// A value that TDS does not allow there.
    #[error("{what} has the value {value:#x}")]
    Invalid {
        /// The field being read.
        what: &'static str,
        /// What was found.
        value: u64,
    },
    /// UTF-16 that is no text: half of a surrogate pair. Inside requests it is refused by name.
    #[error("{what} has an unpaired surrogate")]
    UnpairedSurrogate {
        /// The structure being read.
        what: &'static str,
    },
    /// A message above the limit of [`crate::Limits`].
    #[error("{what} is longer than {limit} bytes")]
    TooLarge {
        /// The structure being read.
        what: &'static str,
        /// The limit that it exceeds.
        limit: usize,
    },
    /// The client closed its side.
    #[error("the client closed the connection")]
    Closed,
    /// The client started a message and did not finish it in time.
    #[error("{what} took longer than {seconds} s")]
    TooSlow {
        /// What was waited for.
        what: &'static str,
        /// The limit.
        seconds: u64,
    },
    /// The socket failed.
    #[error("socket: {0}")]
    Io(#[from] io::Error),
}

impl ProtocolError {
    pub(crate) fn invalid(what: &'static str, value: impl Into<u64>) -> Self {
        Self::Invalid { what, value: value.into() }
    }
}
