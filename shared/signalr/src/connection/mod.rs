//! One connection: from negotiate to its end, whichever transport carries it and however often that is replaced.
//!
//! [`inbound`] turns bytes into calls, [`outbound`] holds what waits for the client, [`calls`] what is under way,
//! [`attachment`] the transport of the moment. What ends a connection is in this file.

mod attachment;
mod calls;
mod inbound;
mod outbound;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

pub(crate) use attachment::AttachError;
pub use attachment::TransportKind;
pub(crate) use calls::{Call, Calls, UploadItem};
pub(crate) use inbound::Stopped;
pub(crate) use outbound::Budget;

use crate::SerializedInvocation;
use crate::hub::HubInner;
use crate::protocol::{Frame, Message, Protocol};
use crate::scale_out::{ClientAnswer, ConnectionInfo};
use crate::user::User;

/// Why a connection ended, as its lifetime hook is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The client said so.
    ClientClosed,
    /// Its transport broke, and it was not back in time where it could come back.
    TransportLost,
    /// The application ended it.
    Aborted,
    /// The hub closes.
    HubClosing,
    /// It took too little of what was sent to it.
    SlowClient,
    /// It was silent for too long.
    ClientTimeout,
    /// No handshake in time, or one that was refused.
    HandshakeFailed,
    /// It sent what is no message, or too long a one.
    ProtocolViolation,
    /// Its token expired.
    Expired,
    /// A lifetime hook or the scale-out refused it.
    Refused,
}

/// What negotiate (or a WebSocket without it) made.
#[derive(Debug)]
pub(crate) struct NewConnection {
    pub(crate) user: User,
    pub(crate) stateful_reconnect: bool,
    /// Protocol version 0 of negotiate: the connection id serves as token too.
    pub(crate) token_is_id: bool,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) query: Vec<(String, String)>,
}

pub(crate) struct Connection {
    hub: Arc<HubInner>,
    id: Arc<str>,
    /// Proves to later requests that they belong to the connection. Never logged.
    token: Box<str>,
    user: User,
    /// When the credential expires, in seconds of Unix time; `u64::MAX` is never. A later request may extend it.
    expires_at: AtomicU64,
    headers: Box<[(String, String)]>,
    query: Box<[(String, String)]>,
    attachment: Mutex<attachment::Attachment>,
    outbound: outbound::Outbound,
    inbound: tokio::sync::Mutex<inbound::Inbound>,
    calls: Mutex<Calls>,
    /// Told when a waiting call has got its turn.
    turn: Notify,
    groups: Mutex<HashSet<String>>,
    /// 0 before the handshake, else 1 + the protocol's place in [`Protocol::ALL`].
    protocol: AtomicU8,
    /// Asked for at negotiate; confirmed by the handshake.
    stateful_reconnect: AtomicBool,
    /// Cancelled when the connection has ended: hub methods see it.
    ended: CancellationToken,
    /// Whether the connected hook was called, so that the disconnected hook will be.
    announced: AtomicBool,
    created_at_ms: u64,
    received_at_ms: AtomicU64,
    ended_at_ms: AtomicU64,
    has_pinged: AtomicBool,
    is_processing: AtomicBool,
    /// Stateful reconnect: the number of the last message received, and the last one acknowledged.
    received: AtomicU64,
    acknowledged: AtomicU64,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connection").field("id", &self.id).finish_non_exhaustive()
    }
}

/// 128 bits from the operating system's generator, as text that needs no escaping.
fn random_id() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>())
}

impl Connection {
    pub(crate) fn new(hub: Arc<HubInner>, new: NewConnection) -> Arc<Self> {
        let id = random_id();
        let token = if new.token_is_id { id.clone() } else { random_id() };
        let now_ms = hub.now_ms();
        hub.budget.connections.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self {
            id: id.into(),
            token: token.into(),
            expires_at: AtomicU64::new(expiry_seconds(&new.user)),
            user: new.user,
            headers: new.headers.into(),
            query: new.query.into(),
            attachment: Mutex::new(attachment::Attachment::new(now_ms)),
            outbound: outbound::Outbound::new(hub.budget.clone(), hub.options.send_buffer_bytes),
            inbound: tokio::sync::Mutex::default(),
            calls: Mutex::default(),
            turn: Notify::new(),
            groups: Mutex::default(),
            protocol: AtomicU8::new(0),
            stateful_reconnect: AtomicBool::new(new.stateful_reconnect),
            ended: CancellationToken::new(),
            announced: AtomicBool::new(false),
            created_at_ms: now_ms,
            received_at_ms: AtomicU64::new(now_ms),
            ended_at_ms: AtomicU64::new(0),
            has_pinged: AtomicBool::new(false),
            is_processing: AtomicBool::new(false),
            received: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            hub,
        })
    }

    pub(crate) fn id(&self) -> &Arc<str> {
        &self.id
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    pub(crate) fn user(&self) -> &User {
        &self.user
    }

    pub(crate) fn hub(&self) -> &Arc<HubInner> {
        &self.hub
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// The protocol, after the handshake.
    pub(crate) fn protocol(&self) -> Option<Protocol> {
        let index = usize::from(self.protocol.load(Ordering::Acquire)).checked_sub(1)?;
        Protocol::ALL.get(index).copied()
    }

    fn set_protocol(&self, protocol: Protocol) {
        let index = Protocol::ALL.iter().position(|known| *known == protocol).unwrap_or(0);
        self.protocol.store(index as u8 + 1, Ordering::Release);
    }

    pub(crate) fn info(&self) -> ConnectionInfo {
        ConnectionInfo {
            id: self.id.clone(),
            user_id: self.user.id.clone(),
            protocol: self.protocol().unwrap_or(Protocol::Json),
        }
    }

    /// Cancelled when the connection has ended.
    pub(crate) fn ended(&self) -> &CancellationToken {
        &self.ended
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended_at_ms.load(Ordering::Acquire) != 0
    }

    /// A later request came with a fresh credential of the same user.
    pub(crate) fn extend_expiry(&self, user: &User) {
        self.expires_at.store(expiry_seconds(user), Ordering::Relaxed);
    }

    pub(crate) fn note_received(&self) {
        self.received_at_ms.store(self.hub.now_ms(), Ordering::Relaxed);
    }

    /// False if the connection is in `max` groups already.
    pub(crate) fn note_group(&self, group: &str, max: usize) -> bool {
        let mut groups = self.groups.lock();
        if groups.contains(group) {
            return true;
        }
        groups.len() < max && groups.insert(group.to_owned())
    }

    pub(crate) fn forget_group(&self, group: &str) {
        self.groups.lock().remove(group);
    }

    pub(crate) fn take_groups(&self) -> Vec<String> {
        self.groups.lock().drain().collect()
    }

    pub(crate) fn calls(&self) -> &Mutex<Calls> {
        &self.calls
    }

    /// Lets whoever waits for room among the waiting calls look again.
    pub(crate) fn turn_taken(&self) {
        self.turn.notify_waiters();
    }

    /// Sends a call in the client's protocol; false if it is not (any more) there. Never waits.
    pub(crate) fn send_invocation(self: &Arc<Self>, invocation: &SerializedInvocation) -> bool {
        match self.protocol() {
            Some(protocol) => self.send(invocation.frame(protocol).clone()),
            None => false,
        }
    }

    /// Encodes and sends a message of the server's own.
    pub(crate) fn send_message(self: &Arc<Self>, message: &Message) -> bool {
        let protocol = self.protocol().unwrap_or(Protocol::Json);
        match protocol.encode(message) {
            Ok(frame) => self.send(frame),
            Err(error) => {
                tracing::error!(connection = %self.id, %error, "a message could not be encoded");
                false
            }
        }
    }

    /// Adds a message to what waits for the client. A client whose buffer is full is cut.
    fn send(self: &Arc<Self>, frame: Frame) -> bool {
        if self.has_ended() {
            return false;
        }
        let sent = self.outbound.push(frame, self.hub.now_ms()).is_ok();
        if !sent {
            self.cut(EndReason::SlowClient);
        }
        sent
    }

    /// Waits until little enough waits for the client for a stream to go on.
    pub(crate) async fn room(&self) {
        self.outbound.room().await;
    }

    /// Answers a ping of the WebSocket itself.
    pub(crate) fn pong(&self, payload: &[u8]) {
        self.outbound.pong(Frame::pong(payload));
    }

    pub(crate) fn poll_next(&self, context: &mut Context<'_>, attachment: u32) -> Poll<Option<Frame>> {
        self.outbound.poll_next(context, attachment, self.hub.now_ms())
    }

    /// Registers somebody who waits for a client's answer; `None` if the connection has ended.
    pub(crate) fn await_answer<'a>(
        &'a self,
        invocation_id: &'a str,
        reply: oneshot::Sender<ClientAnswer>,
    ) -> Option<ForgetAnswer<'a>> {
        let mut calls = self.calls.lock();
        if self.has_ended() {
            return None;
        }
        calls.await_answer(invocation_id, reply);
        Some(ForgetAnswer { connection: self, invocation_id })
    }

    /// Ends the connection with a Close message behind what already waits.
    pub(crate) fn close(self: &Arc<Self>, reason: EndReason, error: Option<String>, allow_reconnect: bool) {
        let close = Message::Close { error, allow_reconnect };
        let last = self.protocol().and_then(|protocol| protocol.encode(&close).ok());
        self.end_after(last, reason);
    }

    /// Ends the connection; `last` still goes out behind what already waits.
    fn end_after(self: &Arc<Self>, last: Option<Frame>, reason: EndReason) {
        self.outbound.push_last(last, self.hub.now_ms());
        self.end(reason);
    }

    /// Ends the connection; nothing more goes out.
    pub(crate) fn cut(self: &Arc<Self>, reason: EndReason) {
        self.outbound.end();
        self.end(reason);
    }

    /// The first call ends the connection for the hub: its calls are cancelled, its hooks run.
    fn end(self: &Arc<Self>, reason: EndReason) {
        let now_ms = self.hub.now_ms().max(1);
        if self.ended_at_ms.compare_exchange(0, now_ms, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return;
        }
        self.hub.budget.connections.fetch_sub(1, Ordering::Relaxed);
        tracing::debug!(connection = %self.id, ?reason, "connection ended");
        self.hub.spawn(self.clone().finish(reason));
    }

    async fn finish(self: Arc<Self>, reason: EndReason) {
        self.ended.cancel();
        self.turn.notify_waiters();
        let unanswered = self.calls.lock().end();
        for (id, reply) in unanswered {
            let _ = reply.send(ClientAnswer::error(&id, "Connection disconnected."));
        }
        // Whoever handles a message or runs the connected hook is done first.
        let _inbound = self.inbound.lock().await;
        let groups = self.hub.local.remove(&self);
        if self.announced.load(Ordering::Acquire) {
            self.hub.scale_out.disconnected(&self.info(), &groups).await;
            self.hub.disconnected(&self, reason).await;
        }
    }

    /// Whether nothing of it is left but its memory. A client between two polls still has something to fetch.
    pub(crate) fn is_gone(&self) -> bool {
        self.has_ended() && self.is_detached() && self.outbound.is_empty()
    }

    /// What time demands; called about once a second. True when nothing of the connection is left.
    pub(crate) fn tick(self: &Arc<Self>, now_ms: u64) -> bool {
        let options = &self.hub.options;
        let (attached_ms, detached_ms) = self.attachment_times(now_ms);
        let milliseconds = |duration: std::time::Duration| duration.as_millis() as u64;
        if self.has_ended() {
            let since_end_ms = now_ms.saturating_sub(self.ended_at_ms.load(Ordering::Acquire));
            let gone = detached_ms.is_some_and(|ms| ms >= milliseconds(options.disconnect_timeout));
            let overdue = attached_ms.is_some() && since_end_ms >= milliseconds(options.close_timeout);
            if overdue || gone {
                self.outbound.end();
            }
            return gone || overdue || (detached_ms.is_some() && !self.is_long_polling());
        }
        if detached_ms.is_some_and(|ms| ms >= milliseconds(options.disconnect_timeout)) {
            self.cut(EndReason::TransportLost);
            return true;
        }
        let Some(protocol) = self.protocol() else {
            let limit_ms = milliseconds(options.handshake_timeout);
            // Each poll is a new transport: that alone must not put the handshake off for ever.
            let created_ms = now_ms.saturating_sub(self.created_at_ms);
            let overdue = created_ms >= limit_ms + milliseconds(options.disconnect_timeout);
            if overdue || attached_ms.is_some_and(|ms| ms >= limit_ms) {
                self.refuse_handshake("Handshake was canceled.");
            }
            return false;
        };
        if attached_ms.is_some() && self.outbound.stalled_ms(now_ms) >= milliseconds(options.send_timeout) {
            self.cut(EndReason::SlowClient);
            return false;
        }
        if !self.is_long_polling() {
            self.outbound.ping_if_quiet(protocol, now_ms, milliseconds(options.keep_alive_interval));
        }
        self.check_silence(now_ms, milliseconds(options.client_timeout));
        self.check_expiry();
        self.acknowledge();
        false
    }

    fn check_silence(self: &Arc<Self>, now_ms: u64, limit_ms: u64) {
        let silent_ms = now_ms.saturating_sub(self.received_at_ms.load(Ordering::Relaxed));
        let busy = self.is_processing.load(Ordering::Relaxed) || self.is_detached();
        if self.has_pinged.load(Ordering::Relaxed) && !busy && silent_ms >= limit_ms {
            let error = "Client hasn't sent a message/ping within the configured ClientTimeoutInterval.";
            self.close(EndReason::ClientTimeout, Some(error.to_owned()), false);
        }
    }

    fn check_expiry(self: &Arc<Self>) {
        let expires_at = self.expires_at.load(Ordering::Relaxed);
        if expires_at == u64::MAX || !self.hub.options.close_on_expiry {
            return;
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if now >= expires_at {
            // A client that reconnects by itself asks for a fresh token first.
            self.close(EndReason::Expired, Some("The access token has expired.".to_owned()), true);
        }
    }

    fn acknowledge(&self) {
        let received = self.received.load(Ordering::Acquire);
        if self.acknowledged.swap(received, Ordering::AcqRel) != received {
            self.outbound.acknowledge(received);
        }
    }
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn expiry_seconds(user: &User) -> u64 {
    user.expires.map_or(u64::MAX, |expires| {
        expires.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
    })
}

/// Forgets an awaited answer when whoever waits for it gives up.
pub(crate) struct ForgetAnswer<'a> {
    connection: &'a Connection,
    invocation_id: &'a str,
}

impl Drop for ForgetAnswer<'_> {
    fn drop(&mut self) {
        drop(self.connection.calls.lock().take_answer(self.invocation_id));
    }
}
