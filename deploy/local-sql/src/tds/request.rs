//! What a client asks for after login: SQLBatch, RPC, transaction-manager requests.

use super::ProtocolError;
use super::packet::PacketKind;
use super::reader::{Reader, utf16_to_string};
use super::rpc::{self, RpcCall};
use crate::engine::TransactionRequest;

/// One request, decoded whole.
#[derive(Debug)]
pub(crate) struct Request {
    /// The transaction the client believes to be in; 0 = none.
    pub(crate) transaction: u64,
    pub(crate) body: RequestBody,
}

/// What is asked for.
#[derive(Debug)]
pub(crate) enum RequestBody {
    Batch(String),
    /// One message can carry several calls.
    Rpc(Vec<RpcCall>),
    Transaction(TransactionRequest),
    /// Well-formed, but nothing that local-sql does. The client gets an error that names it.
    Refused(&'static str),
}

impl Request {
    pub(crate) fn decode(kind: PacketKind, message: &[u8]) -> Result<Self, ProtocolError> {
        let mut reader = Reader::new(message, "request");
        let read: fn(&mut Reader<'_>) -> Result<RequestBody, ProtocolError> = match kind {
            PacketKind::SqlBatch => batch_text,
            PacketKind::Rpc => rpc::decode,
            PacketKind::TransactionManager => transaction_request,
            PacketKind::BulkLoad => {
                return Ok(Self { transaction: 0, body: RequestBody::Refused("bulk load (INSERT BULK)") });
            }
            PacketKind::Attention
            | PacketKind::Reply
            | PacketKind::FederatedToken
            | PacketKind::Login7
            | PacketKind::Sspi
            | PacketKind::Prelogin => {
                return Err(ProtocolError::invalid("packet type after login", kind as u8));
            }
        };
        let transaction = all_headers(&mut reader)?;
        let body = match read(&mut reader) {
            Err(ProtocolError::UnpairedSurrogate { .. }) => {
                RequestBody::Refused("text with an unpaired surrogate")
            }
            body => body?,
        };
        Ok(Self { transaction, body })
    }
}

/// ALL_HEADERS; of them only the transaction descriptor matters.
fn all_headers(reader: &mut Reader<'_>) -> Result<u64, ProtocolError> {
    const TRANSACTION_DESCRIPTOR: u16 = 2;
    let total =
        (reader.u32()? as usize).checked_sub(4).ok_or(ProtocolError::Truncated { what: "ALL_HEADERS" })?;
    let mut headers = Reader::new(reader.bytes(total)?, "ALL_HEADERS");
    let mut transaction = 0;
    while !headers.is_empty() {
        let length = (headers.u32()? as usize)
            .checked_sub(4)
            .ok_or(ProtocolError::Truncated { what: "header of a request" })?;
        let mut header = Reader::new(headers.bytes(length)?, "header of a request");
        if header.u16()? == TRANSACTION_DESCRIPTOR {
            transaction = header.u64()?;
        }
    }
    Ok(transaction)
}

fn batch_text(reader: &mut Reader<'_>) -> Result<RequestBody, ProtocolError> {
    let bytes = reader.bytes(reader.remaining())?;
    Ok(RequestBody::Batch(utf16_to_string(bytes, "SQLBatch")?))
}

fn transaction_request(reader: &mut Reader<'_>) -> Result<RequestBody, ProtocolError> {
    const BEGIN_NEXT: u8 = 0x01;
    let kind = reader.u16()?;
    let request = match kind {
        5 => {
            let isolation = reader.u8()?;
            let _name = reader.b_varchar()?;
            TransactionRequest::Begin { isolation }
        }
        7 => {
            let _name = reader.b_varchar()?;
            TransactionRequest::Commit { begin: reader.u8()? & BEGIN_NEXT != 0 }
        }
        8 => {
            let name = reader.b_varchar()?;
            TransactionRequest::Rollback { name, begin: reader.u8()? & BEGIN_NEXT != 0 }
        }
        9 => TransactionRequest::Save { name: reader.b_varchar()? },
        0 | 1 | 6 => return Ok(RequestBody::Refused("distributed transactions")),
        other => return Err(ProtocolError::invalid("transaction-manager request", other)),
    };
    Ok(RequestBody::Transaction(request))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(transaction: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(22u32.to_le_bytes());
        bytes.extend(18u32.to_le_bytes());
        bytes.extend(2u16.to_le_bytes());
        bytes.extend(transaction.to_le_bytes());
        bytes.extend(1u32.to_le_bytes());
        bytes
    }

    #[test]
    fn a_batch_is_read_with_its_transaction() {
        let mut message = headers(7);
        message.extend("SELECT 1".encode_utf16().flat_map(u16::to_le_bytes));
        let request = Request::decode(PacketKind::SqlBatch, &message).unwrap();
        assert_eq!(request.transaction, 7);
        assert!(matches!(request.body, RequestBody::Batch(text) if text == "SELECT 1"));
    }

    #[test]
    fn headers_that_lie_about_their_length_are_refused() {
        for total in [0u32, 3, 200, u32::MAX] {
            let mut message = headers(0);
            message[..4].copy_from_slice(&total.to_le_bytes());
            assert!(Request::decode(PacketKind::SqlBatch, &message).is_err(), "{total}");
        }
        let mut message = headers(0);
        message[4..8].copy_from_slice(&2u32.to_le_bytes());
        assert!(Request::decode(PacketKind::SqlBatch, &message).is_err());
    }

    #[test]
    fn a_distributed_transaction_is_refused_by_name() {
        let mut message = headers(0);
        message.extend(1u16.to_le_bytes());
        let request = Request::decode(PacketKind::TransactionManager, &message).unwrap();
        assert!(matches!(request.body, RequestBody::Refused("distributed transactions")));
    }

    #[test]
    fn a_begin_request_names_its_isolation_level() {
        let mut message = headers(0);
        message.extend([5, 0, 2, 0]);
        let request = Request::decode(PacketKind::TransactionManager, &message).unwrap();
        assert!(matches!(request.body, RequestBody::Transaction(TransactionRequest::Begin { isolation: 2 })));
    }

    proptest::proptest! {
        #[test]
        fn no_message_makes_the_reader_panic(
            kind in proptest::sample::select(vec![PacketKind::SqlBatch, PacketKind::Rpc, PacketKind::TransactionManager]),
            tail in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
            by_number in proptest::bool::ANY,
        ) {
            let mut message = headers(0);
            if by_number {
                message.extend([0xFF, 0xFF, 10, 0, 0, 0, 0, 0]);
            }
            message.extend(tail.iter());
            let _ = Request::decode(kind, &message);
            let _ = Request::decode(kind, &tail);
            let _ = crate::tds::login7::Login7::decode(&tail);
            let _ = crate::tds::prelogin::Prelogin::decode(&tail);
        }
    }
}
