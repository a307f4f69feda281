//! Packet headers: eight bytes before every piece of a message.

use super::ProtocolError;

/// Length of a packet's header.
pub(crate) const HEADER_BYTES: usize = 8;
/// The largest packet TDS allows.
pub(crate) const MAX_PACKET_BYTES: usize = 32_767;
/// The smallest packet size that can be negotiated.
pub(crate) const MIN_PACKET_BYTES: usize = 512;
/// The packet size before login, and the default after it.
pub(crate) const DEFAULT_PACKET_BYTES: usize = 4_096;

/// What a message is (the first byte of each of its packets).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PacketKind {
    SqlBatch = 1,
    Rpc = 3,
    Reply = 4,
    Attention = 6,
    BulkLoad = 7,
    FederatedToken = 8,
    TransactionManager = 14,
    Login7 = 16,
    Sspi = 17,
    Prelogin = 18,
}

impl PacketKind {
    fn from_byte(byte: u8) -> Result<Self, ProtocolError> {
        Ok(match byte {
            1 => Self::SqlBatch,
            3 => Self::Rpc,
            4 => Self::Reply,
            6 => Self::Attention,
            7 => Self::BulkLoad,
            8 => Self::FederatedToken,
            14 => Self::TransactionManager,
            16 => Self::Login7,
            17 => Self::Sspi,
            18 => Self::Prelogin,
            other => return Err(ProtocolError::invalid("packet type", other)),
        })
    }
}

/// The status bits of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PacketStatus(pub(crate) u8);

impl PacketStatus {
    pub(crate) const END_OF_MESSAGE: u8 = 0x01;
    const IGNORE: u8 = 0x02;
    const RESET_CONNECTION: u8 = 0x08;
    const RESET_CONNECTION_SKIP_TRANSACTION: u8 = 0x10;

    /// The last packet of its message.
    pub(crate) fn is_last(self) -> bool {
        self.0 & Self::END_OF_MESSAGE != 0
    }

    /// The client takes the message back before it was complete.
    pub(crate) fn is_ignored(self) -> bool {
        self.0 & Self::IGNORE != 0
    }

    /// Restore the state of a fresh login before running the request.
    pub(crate) fn resets(self) -> bool {
        self.0 & (Self::RESET_CONNECTION | Self::RESET_CONNECTION_SKIP_TRANSACTION) != 0
    }
}

/// One packet's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PacketHeader {
    pub(crate) kind: PacketKind,
    pub(crate) status: PacketStatus,
    /// With the header itself.
    pub(crate) length: usize,
}

impl PacketHeader {
    /// Reads a client's header; its session and packet numbers carry nothing that we need.
    pub(crate) fn decode(bytes: [u8; HEADER_BYTES]) -> Result<Self, ProtocolError> {
        let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
        if !(HEADER_BYTES..=MAX_PACKET_BYTES).contains(&length) {
            return Err(ProtocolError::invalid("packet length", length as u64));
        }
        Ok(Self { kind: PacketKind::from_byte(bytes[0])?, status: PacketStatus(bytes[1]), length })
    }

    /// A server's header. `payload` must fit a packet.
    pub(crate) fn encode(
        kind: PacketKind,
        last: bool,
        payload: usize,
        spid: u16,
        id: u8,
    ) -> [u8; HEADER_BYTES] {
        debug_assert!(payload + HEADER_BYTES <= MAX_PACKET_BYTES, "the caller splits messages");
        let [length_high, length_low] = ((payload + HEADER_BYTES) as u16).to_be_bytes();
        let [spid_high, spid_low] = spid.to_be_bytes();
        let status = if last { PacketStatus::END_OF_MESSAGE } else { 0 };
        [kind as u8, status, length_high, length_low, spid_high, spid_low, id, 0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_the_round_trip() {
        let header = PacketHeader::decode(PacketHeader::encode(PacketKind::Reply, true, 4, 51, 1)).unwrap();
        assert_eq!(header.kind, PacketKind::Reply);
        assert_eq!(header.length, 12);
        assert!(header.status.is_last());
    }

    #[test]
    fn lengths_below_the_header_and_above_the_maximum_are_refused() {
        for length in [0u16, 7, 32_768, u16::MAX] {
            let [high, low] = length.to_be_bytes();
            assert!(PacketHeader::decode([1, 1, high, low, 0, 0, 0, 0]).is_err(), "{length}");
        }
    }
}
