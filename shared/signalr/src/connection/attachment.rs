//! The transport of the moment. A number tells transports of one connection apart: whoever holds an older number
//! neither sends nor receives any more.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::MutexGuard;

use super::{Connection, EndReason};
use crate::protocol::Protocol;

/// How a connection is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportKind {
    /// One socket, both directions.
    WebSockets,
    /// A stream to the client, POST to the server.
    ServerSentEvents,
    /// Polls to the client, POST to the server.
    LongPolling,
}

impl TransportKind {
    /// The name in negotiate.
    pub fn name(self) -> &'static str {
        match self {
            Self::WebSockets => "WebSockets",
            Self::ServerSentEvents => "ServerSentEvents",
            Self::LongPolling => "LongPolling",
        }
    }
}

#[derive(Debug)]
pub(super) struct Attachment {
    number: u32,
    transport: Option<TransportKind>,
    live: bool,
    /// When it became live, or ceased to be.
    since_ms: u64,
}

impl Attachment {
    pub(super) fn new(now_ms: u64) -> Self {
        Self { number: 0, transport: None, live: false, since_ms: now_ms }
    }

    fn start(&mut self, transport: TransportKind, now_ms: u64) -> u32 {
        *self = Self { number: self.number + 1, transport: Some(transport), live: true, since_ms: now_ms };
        self.number
    }
}

/// Why a transport is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttachError {
    /// Another transport carries the connection.
    Changed,
    /// The same one does, at this moment.
    Live,
    /// The connection has ended.
    Ended,
}

/// A transport that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attached {
    pub(crate) number: u32,
    /// The first one of this connection.
    pub(crate) first: bool,
}

impl Connection {
    fn attachment(&self) -> MutexGuard<'_, Attachment> {
        self.attachment.lock()
    }

    pub(crate) fn transport(&self) -> Option<TransportKind> {
        self.attachment().transport
    }

    pub(super) fn is_long_polling(&self) -> bool {
        self.transport() == Some(TransportKind::LongPolling)
    }

    pub(super) fn is_detached(&self) -> bool {
        !self.attachment().live
    }

    /// For how long the connection has had a live transport, or none.
    pub(super) fn attachment_times(&self, now_ms: u64) -> (Option<u64>, Option<u64>) {
        let attachment = self.attachment();
        let ms = now_ms.saturating_sub(attachment.since_ms);
        if attachment.live { (Some(ms), None) } else { (None, Some(ms)) }
    }

    /// Whether the transport may break and be replaced.
    pub(super) fn reconnects(&self) -> bool {
        self.stateful_reconnect.load(Ordering::Acquire) && self.protocol().is_some() && !self.has_ended()
    }

    /// Starts a WebSocket or an event stream. With stateful reconnect a WebSocket replaces an earlier one.
    pub(crate) fn attach(&self, transport: TransportKind) -> Result<Attached, AttachError> {
        let mut attachment = self.attachment();
        if self.has_ended() {
            return Err(AttachError::Ended);
        }
        let text_only = transport == TransportKind::ServerSentEvents;
        let first = match attachment.transport {
            None if text_only && self.protocol() == Some(Protocol::MessagePack) => {
                return Err(AttachError::Changed);
            }
            None => true,
            Some(earlier) if earlier != transport => return Err(AttachError::Changed),
            Some(TransportKind::WebSockets) if self.reconnects() => false,
            Some(_) => return Err(AttachError::Live),
        };
        let now_ms = self.hub.now_ms();
        let number = attachment.start(transport, now_ms);
        self.outbound.attach(number, now_ms);
        self.note_received();
        Ok(Attached { number, first })
    }

    /// Starts a poll; one that is pending ends. A connection that has ended still gives out what waits.
    pub(crate) fn attach_poll(&self) -> Result<Attached, AttachError> {
        let mut attachment = self.attachment();
        let first = match attachment.transport {
            None if self.has_ended() => return Err(AttachError::Ended),
            None => true,
            Some(TransportKind::LongPolling) => false,
            Some(_) => return Err(AttachError::Changed),
        };
        let now_ms = self.hub.now_ms();
        let number = attachment.start(TransportKind::LongPolling, now_ms);
        self.outbound.attach(number, now_ms);
        Ok(Attached { number, first })
    }

    /// A poll has been answered; the connection stays for a while.
    pub(crate) fn detach_poll(&self, number: u32) {
        let mut attachment = self.attachment();
        if attachment.number == number {
            attachment.live = false;
            attachment.since_ms = self.hub.now_ms();
        }
    }

    /// A WebSocket or an event stream is over. `graceful` means that the client meant it.
    pub(crate) fn detach(self: &Arc<Self>, number: u32, graceful: bool) {
        {
            let mut attachment = self.attachment();
            if attachment.number != number || !attachment.live {
                return;
            }
            attachment.live = false;
            attachment.since_ms = self.hub.now_ms();
            if !graceful && self.reconnects() {
                // Whatever is left of the old transport gets nothing more.
                attachment.number += 1;
                self.outbound.detach(attachment.number);
                return;
            }
        }
        self.cut(if graceful { EndReason::ClientClosed } else { EndReason::TransportLost });
    }
}
