//! The socket as a sequence of packets and messages.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::ProtocolError;
use super::packet::{DEFAULT_PACKET_BYTES, HEADER_BYTES, PacketHeader, PacketKind, PacketStatus};
use super::tls::Stream;

/// Answers are written to the socket in pieces of about this size.
const WRITE_CHUNK_BYTES: usize = 64 * 1024;

/// One packet as it came.
#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) kind: PacketKind,
    pub(crate) status: PacketStatus,
    pub(crate) payload: Bytes,
}

/// A whole message.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) kind: PacketKind,
    /// Whether its packets ask for a reset of the session first.
    pub(crate) resets: bool,
    /// Taken back by the client before it was complete; the payload is of no use then.
    pub(crate) ignored: bool,
    pub(crate) payload: BytesMut,
}

/// A connection's socket with its buffers. Memory is bounded by one message in and one chunk out.
#[derive(Debug)]
pub(crate) struct Transport {
    stream: Stream,
    inbound: BytesMut,
    outbound: Vec<u8>,
    /// Read but not yet wanted: a request that came while another was running.
    unread: Option<Packet>,
    packet_bytes: usize,
    max_message_bytes: usize,
    message_timeout: Duration,
    spid: u16,
    next_packet: u8,
}

impl Transport {
    pub(crate) fn new(
        stream: Stream,
        spid: u16,
        max_message_bytes: usize,
        message_timeout: Duration,
    ) -> Self {
        Self {
            stream,
            inbound: BytesMut::new(),
            outbound: Vec::new(),
            unread: None,
            packet_bytes: DEFAULT_PACKET_BYTES,
            max_message_bytes,
            message_timeout,
            spid,
            next_packet: 1,
        }
    }

    /// Applies to what is sent from now on.
    pub(crate) fn set_packet_bytes(&mut self, packet_bytes: usize) {
        self.packet_bytes = packet_bytes;
    }

    /// Applies to what is read from now on.
    pub(crate) fn set_max_message_bytes(&mut self, max_message_bytes: usize) {
        self.max_message_bytes = max_message_bytes;
    }

    /// Puts another stream in place (TLS on, TLS off). Bytes read ahead would be lost, so there must be none.
    pub(crate) async fn replace_stream<F>(
        self,
        change: impl FnOnce(Stream) -> F,
    ) -> Result<Self, ProtocolError>
    where
        F: Future<Output = std::io::Result<Stream>>,
    {
        if !self.inbound.is_empty() {
            return Err(ProtocolError::invalid(
                "bytes sent ahead of the handshake",
                self.inbound.len() as u64,
            ));
        }
        let stream = change(self.stream).await?;
        Ok(Self { stream, ..self })
    }

    /// The next packet. Can be dropped while waiting without losing anything.
    pub(crate) async fn next_packet(&mut self) -> Result<Packet, ProtocolError> {
        if let Some(packet) = self.unread.take() {
            return Ok(packet);
        }
        loop {
            if let Some(packet) = self.buffered_packet()? {
                return Ok(packet);
            }
            self.read_some().await?;
        }
    }

    async fn read_some(&mut self) -> Result<(), ProtocolError> {
        match self.stream.read_buf(&mut self.inbound).await {
            Ok(0) => Err(ProtocolError::Closed),
            Ok(_) => Ok(()),
            Err(error) if is_close(&error) => Err(ProtocolError::Closed),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a packet back, to be read again later.
    pub(crate) fn put_back(&mut self, packet: Packet) {
        self.unread = Some(packet);
    }

    /// Whether a packet was put back.
    pub(crate) fn has_unread(&self) -> bool {
        self.unread.is_some()
    }

    fn buffered_packet(&mut self) -> Result<Option<Packet>, ProtocolError> {
        let Some(header) = self.inbound.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let header = PacketHeader::decode(*header)?;
        if self.inbound.len() < header.length {
            self.inbound.reserve(header.length - self.inbound.len());
            return Ok(None);
        }
        let mut packet = self.inbound.split_to(header.length);
        packet.advance(HEADER_BYTES);
        Ok(Some(Packet { kind: header.kind, status: header.status, payload: packet.freeze() }))
    }

    /// The next whole message. An Attention in the middle of one replaces it: the client gave it up. A client may
    /// be silent for as long as it likes, but what it has begun it must finish in time.
    pub(crate) async fn next_message(&mut self) -> Result<Message, ProtocolError> {
        if self.unread.is_none() && self.inbound.is_empty() {
            self.read_some().await?;
        }
        let time = self.message_timeout;
        timeout(time, self.whole_message())
            .await
            .map_err(|_| ProtocolError::TooSlow { what: "a message", seconds: time.as_secs() })?
    }

    async fn whole_message(&mut self) -> Result<Message, ProtocolError> {
        let first = self.next_packet().await?;
        let mut message = Message {
            kind: first.kind,
            resets: first.status.resets(),
            ignored: false,
            payload: BytesMut::new(),
        };
        let mut packet = first;
        loop {
            if packet.kind == PacketKind::Attention {
                return Ok(Message { kind: PacketKind::Attention, payload: BytesMut::new(), ..message });
            }
            if packet.kind != message.kind {
                return Err(ProtocolError::invalid("packet type within a message", packet.kind as u8));
            }
            if message.payload.len() + packet.payload.len() > self.max_message_bytes {
                return Err(ProtocolError::TooLarge { what: "a message", limit: self.max_message_bytes });
            }
            message.payload.extend_from_slice(&packet.payload);
            message.ignored |= packet.status.is_ignored();
            if packet.status.is_last() {
                return Ok(message);
            }
            packet = self.next_packet().await?;
        }
    }

    /// Sends a part of an answer; only the last part may end in the middle of a packet.
    pub(crate) async fn send(&mut self, mut payload: &[u8], last: bool) -> Result<(), ProtocolError> {
        let room = self.packet_bytes - HEADER_BYTES;
        loop {
            let (head, tail) = payload.split_at(payload.len().min(room));
            let ends_message = last && tail.is_empty();
            if head.is_empty() && !ends_message {
                break;
            }
            let header = PacketHeader::encode(
                PacketKind::Reply,
                ends_message,
                head.len(),
                self.spid,
                self.next_packet,
            );
            self.next_packet = self.next_packet.wrapping_add(1);
            self.outbound.extend_from_slice(&header);
            self.outbound.extend_from_slice(head);
            if self.outbound.len() >= WRITE_CHUNK_BYTES {
                self.write_outbound().await?;
            }
            payload = tail;
            if ends_message {
                self.next_packet = 1;
                break;
            }
        }
        if last {
            self.flush().await?;
        }
        Ok(())
    }

    /// Pushes everything sent so far onto the wire.
    pub(crate) async fn flush(&mut self) -> Result<(), ProtocolError> {
        self.write_outbound().await?;
        self.stream.flush().await?;
        Ok(())
    }

    async fn write_outbound(&mut self) -> Result<(), ProtocolError> {
        self.stream.write_all(&self.outbound).await?;
        self.outbound.clear();
        self.outbound.shrink_to(WRITE_CHUNK_BYTES);
        Ok(())
    }

    /// Closes the socket; errors no longer matter.
    pub(crate) async fn close(mut self) {
        let _ = self.stream.shutdown().await;
    }
}

/// Drivers leave without a word in TLS, or with unread answers: no failure worth a log line.
fn is_close(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset)
}
