//! Bytes from the client: handshake first, then hub messages, in order. Calls are started, everything else is done here.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::BytesMut;
use tokio::sync::mpsc;

use super::{Call, Connection, EndReason, TransportKind, UploadItem};
use crate::hub::invoke;
use crate::protocol::{
    Completion, HandshakeRequest, Invocation, Message, Outcome, Payload, Protocol, ProtocolError,
    handshake_refused, handshake_response, parse_handshake,
};
use crate::scale_out::ClientAnswer;

/// Nothing more is read: the connection has ended, or another transport has taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stopped;

#[derive(Debug, Default)]
pub(super) struct Inbound {
    buffer: BytesMut,
    /// Stateful reconnect, once the handshake has confirmed it.
    sequence: Option<Sequence>,
}

/// The numbers of the messages that a client sends; they are implicit.
#[derive(Debug)]
struct Sequence {
    next: u64,
    latest: u64,
    /// After a reconnect nothing counts before the client has said where it goes on.
    expected: bool,
}

impl Sequence {
    /// Whether the next counted message is new.
    fn count(&mut self) -> bool {
        let number = self.next;
        self.next += 1;
        if number <= self.latest {
            return false;
        }
        self.latest = number;
        true
    }
}

impl Connection {
    /// A WebSocket replaces a broken one: what the old one left half-read is gone.
    pub(crate) async fn resume(&self) {
        let mut inbound = self.inbound.lock().await;
        inbound.buffer = BytesMut::new();
        if let Some(sequence) = &mut inbound.sequence {
            sequence.expected = true;
        }
    }

    /// Takes bytes from the client. Returns when each complete message in them was dealt with or waits its turn.
    pub(crate) async fn receive(self: &Arc<Self>, bytes: &[u8]) -> Result<(), Stopped> {
        let mut inbound = self.inbound.lock().await;
        if self.has_ended() {
            return Err(Stopped);
        }
        self.is_processing.store(true, Ordering::Relaxed);
        self.note_received();
        inbound.buffer.extend_from_slice(bytes);
        let taken = self.take_messages(&mut inbound).await;
        if inbound.buffer.is_empty() {
            // An idle connection holds no room.
            inbound.buffer = BytesMut::new();
        }
        self.is_processing.store(false, Ordering::Relaxed);
        taken
    }

    async fn take_messages(self: &Arc<Self>, inbound: &mut Inbound) -> Result<(), Stopped> {
        let max_bytes = self.hub.options.max_message_bytes;
        if self.protocol().is_none() {
            match parse_handshake(&mut inbound.buffer, max_bytes) {
                Ok(None) => return Ok(()),
                Ok(Some(request)) => self.shake_hands(inbound, &request).await?,
                Err(ProtocolError::TooLarge(_)) => {
                    self.refuse_handshake("Handshake was canceled.");
                    return Err(Stopped);
                }
                Err(_) => {
                    self.refuse_handshake("An unexpected error occurred during connection handshake.");
                    return Err(Stopped);
                }
            }
        }
        let protocol = self.protocol().ok_or(Stopped)?;
        loop {
            match protocol.parse(&mut inbound.buffer, max_bytes) {
                Ok(Some(message)) => self.take(inbound, message).await?,
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.violated(&error);
                    return Err(Stopped);
                }
            }
            if self.has_ended() {
                return Err(Stopped);
            }
        }
    }

    /// What is no message of the protocol ends this connection and no other.
    fn violated(self: &Arc<Self>, error: &ProtocolError) {
        let detail = match error {
            ProtocolError::TooLarge(_) => Some(error.to_string()),
            _ if self.hub.options.detailed_errors => Some(error.to_string()),
            _ => None,
        };
        let text = detail.map_or_else(
            || "Connection closed with an error.".to_owned(),
            |detail| format!("Connection closed with an error. InvalidDataException: {detail}"),
        );
        self.close(EndReason::ProtocolViolation, Some(text), false);
    }

    pub(super) fn refuse_handshake(self: &Arc<Self>, error: &str) {
        self.end_after(Some(handshake_refused(error)), EndReason::HandshakeFailed);
    }

    async fn shake_hands(
        self: &Arc<Self>,
        inbound: &mut Inbound,
        request: &HandshakeRequest,
    ) -> Result<(), Stopped> {
        let protocol = match self.agree(request) {
            Ok(protocol) => protocol,
            Err(error) => {
                self.refuse_handshake(&error);
                return Err(Stopped);
            }
        };
        // Before version 2 a client knows no sequence numbers, whatever it asked for.
        if self.stateful_reconnect.load(Ordering::Acquire) && request.version >= 2 {
            self.outbound.enable_replay(protocol, self.hub.options.reconnect_buffer_bytes);
            inbound.sequence = Some(Sequence { next: 1, latest: 0, expected: false });
        } else {
            self.stateful_reconnect.store(false, Ordering::Release);
        }
        // The answer is the first thing that the client sees; nothing is sent to it before it has a protocol.
        self.send(handshake_response(protocol));
        self.set_protocol(protocol);
        // Should it end at this moment: what removes it waits until this message is dealt with.
        self.hub.local.insert(self);
        self.announce().await
    }

    async fn announce(self: &Arc<Self>) -> Result<(), Stopped> {
        self.announced.store(true, Ordering::Release);
        if let Err(error) = self.hub.scale_out.connected(&self.info()).await {
            tracing::warn!(connection = %self.id, %error, "the scale-out refused a connection");
            self.close(EndReason::Refused, Some("Connection closed with an error.".to_owned()), true);
            return Err(Stopped);
        }
        if let Err(error) = self.hub.connected(self).await {
            tracing::warn!(connection = %self.id, %error, "the connected hook failed");
            let text = error.for_close(self.hub.options.detailed_errors);
            self.close(EndReason::Refused, Some(text), false);
            return Err(Stopped);
        }
        if self.has_ended() { Err(Stopped) } else { Ok(()) }
    }

    /// The protocol that the client wants, or why it cannot have it.
    fn agree(&self, request: &HandshakeRequest) -> Result<Protocol, String> {
        let name = &request.protocol;
        let protocol =
            Protocol::from_name(name).ok_or_else(|| format!("The protocol '{name}' is not supported."))?;
        if !(0..=2).contains(&request.version) {
            let version = request.version;
            return Err(format!("The server does not support version {version} of the '{name}' protocol."));
        }
        if protocol == Protocol::MessagePack && self.transport() == Some(TransportKind::ServerSentEvents) {
            return Err(format!(
                "Cannot use the '{name}' protocol on the current transport. \
                 The transport does not support 'Binary' transfer format."
            ));
        }
        Ok(protocol)
    }

    async fn take(self: &Arc<Self>, inbound: &mut Inbound, message: Message) -> Result<(), Stopped> {
        if let Some(sequence) = &mut inbound.sequence {
            if sequence.expected && !matches!(message, Message::Sequence(_) | Message::Close { .. }) {
                return Ok(());
            }
            if message.is_counted() {
                let is_new = sequence.count();
                self.received.store(sequence.latest, Ordering::Release);
                if !is_new {
                    return Ok(());
                }
            }
        }
        match message {
            Message::Invocation(invocation) => self.start(invocation, false).await?,
            Message::StreamInvocation(invocation) => self.start(invocation, true).await?,
            Message::StreamItem { invocation_id, item } => self.take_item(&invocation_id, item).await,
            Message::Completion(completion) => self.take_completion(completion).await,
            Message::CancelInvocation { invocation_id } => self.calls.lock().cancel_stream(&invocation_id),
            Message::Ping => self.has_pinged.store(true, Ordering::Relaxed),
            Message::Close { .. } => {
                self.cut(EndReason::ClientClosed);
                return Err(Stopped);
            }
            Message::Ack(id) => self.outbound.acknowledged(id),
            Message::Sequence(id) => self.go_on(inbound, id)?,
            Message::Unknown(kind) => tracing::debug!(connection = %self.id, kind, "unknown message type"),
        }
        Ok(())
    }

    fn go_on(self: &Arc<Self>, inbound: &mut Inbound, id: u64) -> Result<(), Stopped> {
        let Some(sequence) = &mut inbound.sequence else { return Ok(()) };
        if id == 0 || id > sequence.latest + 1 {
            let error = "Sequence ID greater than amount of messages we've received.";
            self.close(EndReason::ProtocolViolation, Some(error.to_owned()), false);
            return Err(Stopped);
        }
        sequence.next = id;
        sequence.expected = false;
        Ok(())
    }

    async fn start(self: &Arc<Self>, invocation: Invocation, is_stream: bool) -> Result<(), Stopped> {
        let uploads = match self.open_uploads(&invocation) {
            Ok(uploads) => uploads,
            Err(error) => {
                self.fail(&invocation, error);
                return Ok(());
            }
        };
        let call = Call { invocation, uploads };
        if is_stream {
            invoke::start_stream(self, call);
            return Ok(());
        }
        self.wait_for_room().await?;
        let ready = self.calls.lock().start_or_wait(call, self.hub.options.parallel_invocations);
        if let Some(call) = ready {
            self.hub.spawn(invoke::run_calls(self.clone(), call));
        }
        Ok(())
    }

    /// Answers a call that never runs, if an answer is wanted.
    pub(crate) fn fail(self: &Arc<Self>, invocation: &Invocation, error: String) {
        if let Some(invocation_id) = invocation.invocation_id.clone() {
            let outcome = Outcome::Error(error);
            self.send_message(&Message::Completion(Completion { invocation_id, outcome }));
        }
    }

    /// The client is not read while too many of its calls wait.
    async fn wait_for_room(&self) -> Result<(), Stopped> {
        loop {
            let told = self.turn.notified();
            tokio::pin!(told);
            told.as_mut().enable();
            if self.has_ended() {
                return Err(Stopped);
            }
            if self.calls.lock().waiting() < self.hub.options.waiting_invocations.max(1) {
                return Ok(());
            }
            told.await;
        }
    }

    /// Makes a place for each announced upload before the first item can come.
    fn open_uploads(&self, invocation: &Invocation) -> Result<Vec<mpsc::Receiver<UploadItem>>, String> {
        if invocation.stream_ids.is_empty() {
            return Ok(Vec::new());
        }
        let options = &self.hub.options;
        let mut calls = self.calls.lock();
        if calls.stream_count() + invocation.stream_ids.len() > options.max_streams {
            return Err(format!("A connection may have {} streams at most.", options.max_streams));
        }
        let mut receivers = Vec::new();
        for (opened, id) in invocation.stream_ids.iter().enumerate() {
            let (sender, receiver) = mpsc::channel(options.stream_buffer_items.max(1));
            if !calls.add_upload(id, sender) {
                calls.end_uploads(&invocation.stream_ids[..opened]);
                return Err(format!("A stream with the id '{id}' is under way already."));
            }
            receivers.push(receiver);
        }
        Ok(receivers)
    }

    /// Hands an item to the hub method; one for an unknown stream is ignored. A full buffer stops the reading.
    async fn take_item(&self, stream_id: &str, item: Payload) {
        let Some(upload) = self.calls.lock().upload(stream_id) else { return };
        tokio::select! {
            _ = upload.send(UploadItem::Item(item)) => {}
            () = self.ended.cancelled() => {}
        }
    }

    /// The end of an upload, or the answer to a call of the client; any other is ignored.
    async fn take_completion(&self, completion: Completion) {
        let id = &completion.invocation_id;
        let upload = self.calls.lock().upload(id);
        if let Some(upload) = upload {
            if let Outcome::Error(error) = &completion.outcome {
                tokio::select! {
                    _ = upload.send(UploadItem::Failed(error.clone())) => {}
                    () = self.ended.cancelled() => {}
                }
            }
            self.calls.lock().end_uploads([id]);
            return;
        }
        let reply = self.calls.lock().take_answer(id);
        if let (Some(reply), Some(protocol)) = (reply, self.protocol()) {
            // Whoever waited may have given up.
            let _ = reply.send(ClientAnswer::encode(completion, protocol));
        }
    }
}
