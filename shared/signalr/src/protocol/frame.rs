//! One encoded message with its WebSocket header in front: a frame of a server is not masked, so it is made once and
//! shared by every socket that it goes to.

use bytes::{BufMut, Bytes, BytesMut};

use super::Protocol;

/// An encoded hub message. Cloning shares the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    framed: Bytes,
    header: u8,
    counted: bool,
}

const FINAL: u8 = 0x80;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const PONG: u8 = 10;

impl Frame {
    /// Puts the header in front of a complete hub message. `counted` is whether stateful reconnect numbers it.
    pub(crate) fn new(protocol: Protocol, message: &[u8], counted: bool) -> Self {
        match protocol {
            Protocol::Json => Self::with_opcode(TEXT, message, counted),
            Protocol::MessagePack => Self::with_opcode(BINARY, message, counted),
        }
    }

    /// The answer to a ping of the WebSocket itself.
    pub(crate) fn pong(payload: &[u8]) -> Self {
        Self::with_opcode(PONG, payload, false)
    }

    fn with_opcode(opcode: u8, message: &[u8], counted: bool) -> Self {
        let mut framed = BytesMut::with_capacity(message.len() + 10);
        framed.put_u8(FINAL | opcode);
        match message.len() {
            length @ 0..126 => framed.put_u8(length as u8),
            length @ 126..0x1_0000 => {
                framed.put_u8(126);
                framed.put_u16(length as u16);
            }
            length => {
                framed.put_u8(127);
                framed.put_u64(length as u64);
            }
        }
        let header = framed.len() as u8;
        framed.extend_from_slice(message);
        Self { framed: framed.freeze(), header, counted }
    }

    /// The message with its WebSocket header.
    pub fn framed(&self) -> Bytes {
        self.framed.clone()
    }

    /// The message alone, as the other transports and the backplane carry it.
    pub fn payload(&self) -> Bytes {
        self.framed.slice(usize::from(self.header)..)
    }

    /// Bytes of the message, without the header.
    pub fn len(&self) -> usize {
        self.framed.len() - usize::from(self.header)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether stateful reconnect numbers it.
    pub fn is_counted(&self) -> bool {
        self.counted
    }
}
