//! RPC requests: a procedure by name or by well-known number, and its typed parameters.

use super::ProtocolError;
use super::decode;
use super::reader::Reader;
use super::request::RequestBody;
use super::wire_type::{TypeError, WireType};
use crate::engine::Param;

/// Between two calls in one message.
const NEXT_CALL: u8 = 0xFF;
/// Between two calls of which the first is not to run.
const NEXT_CALL_WITHOUT_EXECUTION: u8 = 0xFE;
/// SQL Server's limit.
const MAX_PARAMETERS: usize = 2_100;

const BY_REFERENCE: u8 = 0x01;
const DEFAULT_VALUE: u8 = 0x02;
const ENCRYPTED: u8 = 0x08;

/// One procedure call.
#[derive(Debug, PartialEq)]
pub(crate) struct RpcCall {
    pub(crate) procedure: String,
    pub(crate) params: Vec<Param>,
}

/// Reads all calls of a message.
pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<RequestBody, ProtocolError> {
    let mut calls = Vec::new();
    loop {
        match call(reader) {
            Ok(call) => calls.push(call),
            Err(TypeError::Malformed(error)) => return Err(error),
            Err(TypeError::Unsupported(what)) => return Ok(RequestBody::Refused(what)),
        }
        match reader.peek() {
            None => return Ok(RequestBody::Rpc(calls)),
            // `call` stops only before a separator.
            Some(_) => reader.u8()?,
        };
        if reader.is_empty() {
            return Ok(RequestBody::Rpc(calls));
        }
    }
}

fn call(reader: &mut Reader<'_>) -> Result<RpcCall, TypeError> {
    const BY_NUMBER: u16 = 0xFFFF;
    let procedure = match reader.u16()? {
        BY_NUMBER => well_known(reader.u16()?)?.to_owned(),
        units => reader.utf16(units.into())?,
    };
    let _options = reader.u16()?;
    let mut params = Vec::new();
    while let Some(next) = reader.peek() {
        match next {
            NEXT_CALL => break,
            NEXT_CALL_WITHOUT_EXECUTION => {
                return Err(TypeError::Unsupported("RPC calls that are not executed"));
            }
            _ if params.len() == MAX_PARAMETERS => {
                return Err(TypeError::Unsupported("more than 2,100 parameters in one call"));
            }
            _ => params.push(parameter(reader)?),
        }
    }
    Ok(RpcCall { procedure, params })
}

fn parameter(reader: &mut Reader<'_>) -> Result<Param, TypeError> {
    let name = reader.b_varchar()?;
    let status = reader.u8()?;
    if status & ENCRYPTED != 0 {
        return Err(TypeError::Unsupported("Always Encrypted parameters"));
    }
    if status & DEFAULT_VALUE != 0 {
        return Err(TypeError::Unsupported("parameters that ask for the procedure's default value"));
    }
    let wire = WireType::decode(reader)?;
    let value = decode::value(wire, reader)?;
    Ok(Param { name, ty: wire.ty, value, output: status & BY_REFERENCE != 0 })
}

/// The procedures that drivers call by number ([MS-TDS] 2.2.6.6).
fn well_known(number: u16) -> Result<&'static str, TypeError> {
    Ok(match number {
        10 => "sp_executesql",
        11 => "sp_prepare",
        12 => "sp_execute",
        13 => "sp_prepexec",
        15 => "sp_unprepare",
        1..=9 => return Err(TypeError::Unsupported("server cursors (sp_cursor and its family)")),
        14 => return Err(TypeError::Unsupported("sp_prepexecrpc")),
        other => return Err(ProtocolError::invalid("procedure number", other).into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{SqlType, Value};
    use crate::tds::wire_type::token;

    fn int_parameter(name: &str, status: u8, value: i32) -> Vec<u8> {
        let mut bytes = vec![name.len() as u8];
        bytes.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
        bytes.extend([status, token::INT_N, 4, 4]);
        bytes.extend(value.to_le_bytes());
        bytes
    }

    fn by_number(number: u16) -> Vec<u8> {
        let mut bytes = vec![0xFF, 0xFF];
        bytes.extend(number.to_le_bytes());
        bytes.extend([0, 0]);
        bytes
    }

    fn calls(message: &[u8]) -> Vec<RpcCall> {
        match decode(&mut Reader::new(message, "test")).unwrap() {
            RequestBody::Rpc(calls) => calls,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_call_by_number_carries_typed_parameters() {
        let message = [by_number(10), int_parameter("@P1", BY_REFERENCE, -5)].concat();
        let expected = Param { name: "@P1".into(), ty: SqlType::Int, value: Value::Int(-5), output: true };
        assert_eq!(calls(&message), [RpcCall { procedure: "sp_executesql".into(), params: vec![expected] }]);
    }

    #[test]
    fn several_calls_in_one_message_are_told_apart() {
        let message = [
            by_number(10),
            int_parameter("@a", 0, 1),
            vec![NEXT_CALL],
            by_number(12),
            int_parameter("", 0, 2),
        ]
        .concat();
        let calls = calls(&message);
        assert_eq!(calls.len(), 2);
        assert_eq!(calls[1].procedure, "sp_execute");
    }

    #[test]
    fn every_truncation_is_an_error_not_a_panic() {
        let message = [by_number(10), int_parameter("@P1", 0, -5)].concat();
        for length in (1..message.len()).filter(|length| *length != 6) {
            assert!(decode(&mut Reader::new(&message[..length], "test")).is_err(), "{length}");
        }
    }

    #[test]
    fn a_table_valued_parameter_is_refused_by_name() {
        let message = [by_number(10), vec![0, 0, token::TABLE]].concat();
        let body = decode(&mut Reader::new(&message, "test")).unwrap();
        assert!(matches!(body, RequestBody::Refused("table-valued parameters")));
    }
}
