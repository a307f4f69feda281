//! The tokens of a server's answer, each appended whole to a buffer.

use super::codepage::COLLATION;
use super::encode::{self, Mismatch};
use super::login7::Login7;
use super::prelogin::SERVER_VERSION;
use super::wire_type;
use crate::engine::{Column, Message, SqlType, Value};

const RETURN_STATUS: u8 = 0x79;
const COLUMN_METADATA: u8 = 0x81;
const ERROR: u8 = 0xAA;
const INFO: u8 = 0xAB;
const RETURN_VALUE: u8 = 0xAC;
const LOGIN_ACK: u8 = 0xAD;
const ROW: u8 = 0xD1;
const ENVIRONMENT_CHANGE: u8 = 0xE3;
const DONE: u8 = 0xFD;
const DONE_PROCEDURE: u8 = 0xFE;
const DONE_IN_PROCEDURE: u8 = 0xFF;

/// How the server calls itself in messages.
pub(crate) const SERVER_NAME: &str = "local-sql";
/// The product name of LOGINACK. Some drivers choose their dialect by its first words.
const PRODUCT_NAME: &str = "Microsoft SQL Server stand-in: local-sql";

/// Which of the three DONE tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DoneKind {
    /// A statement of a batch, or the end of an answer.
    Statement,
    /// A statement of a procedure.
    InProcedure,
    /// A procedure.
    Procedure,
}

/// A DONE token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) kind: DoneKind,
    pub(crate) more: bool,
    pub(crate) error: bool,
    pub(crate) attention: bool,
    /// Rows selected or changed, if the statement counts.
    pub(crate) count: Option<u64>,
    pub(crate) select: bool,
}

impl Done {
    /// The end of an answer.
    pub(crate) fn last() -> Self {
        Self {
            kind: DoneKind::Statement,
            more: false,
            error: false,
            attention: false,
            count: None,
            select: false,
        }
    }

    /// The answer to an Attention.
    pub(crate) fn attention() -> Self {
        Self { attention: true, ..Self::last() }
    }

    pub(crate) fn append(self, out: &mut Vec<u8>) {
        const MORE: u16 = 0x0001;
        const FAILED: u16 = 0x0002;
        const COUNT: u16 = 0x0010;
        const ATTENTION: u16 = 0x0020;
        const SELECT_COMMAND: u16 = 0xC1;
        let mut status = 0;
        for (set, bit) in [
            (self.more, MORE),
            (self.error, FAILED),
            (self.count.is_some(), COUNT),
            (self.attention, ATTENTION),
        ] {
            status |= if set { bit } else { 0 };
        }
        out.push(match self.kind {
            DoneKind::Statement => DONE,
            DoneKind::InProcedure => DONE_IN_PROCEDURE,
            DoneKind::Procedure => DONE_PROCEDURE,
        });
        out.extend(status.to_le_bytes());
        out.extend(if self.select { SELECT_COMMAND } else { 0 }.to_le_bytes());
        out.extend(self.count.unwrap_or(0).to_le_bytes());
    }
}

/// COLMETADATA.
pub(crate) fn columns(columns: &[Column], out: &mut Vec<u8>) {
    out.push(COLUMN_METADATA);
    out.extend((columns.len() as u16).to_le_bytes());
    for column in columns {
        type_description(column.ty, column.nullable, out);
        b_varchar(&column.name, out);
    }
}

/// ROW. On an error the buffer is as it was.
pub(crate) fn row(columns: &[Column], values: &[Value], out: &mut Vec<u8>) -> Result<(), Mismatch> {
    let start = out.len();
    out.push(ROW);
    for (column, value) in columns.iter().zip(values) {
        if let Err(error) = encode::value(column.ty, value, out) {
            out.truncate(start);
            return Err(error);
        }
    }
    Ok(())
}

/// ERROR, or INFO for a severity up to 10.
pub(crate) fn message(message: &Message, out: &mut Vec<u8>) {
    /// Longer ones are cut, as by SQL Server.
    const MAX_TEXT_UNITS: usize = 2_047;
    const HIGHEST_INFORMATION: u8 = 10;
    let mut body = Vec::new();
    body.extend(message.number.to_le_bytes());
    body.extend([message.state, message.class]);
    us_varchar(&message.text, MAX_TEXT_UNITS, &mut body);
    b_varchar(SERVER_NAME, &mut body);
    b_varchar(&message.procedure, &mut body);
    body.extend(message.line.to_le_bytes());
    out.push(if message.class > HIGHEST_INFORMATION { ERROR } else { INFO });
    out.extend((body.len() as u16).to_le_bytes());
    out.extend(body);
}

/// RETURNSTATUS.
pub(crate) fn return_status(status: i32, out: &mut Vec<u8>) {
    out.push(RETURN_STATUS);
    out.extend(status.to_le_bytes());
}

/// RETURNVALUE of an output parameter. On an error the buffer is as it was.
pub(crate) fn return_value(
    ordinal: u16,
    name: &str,
    ty: SqlType,
    value: &Value,
    out: &mut Vec<u8>,
) -> Result<(), Mismatch> {
    const OUTPUT_PARAMETER: u8 = 0x01;
    let start = out.len();
    out.push(RETURN_VALUE);
    out.extend(ordinal.to_le_bytes());
    b_varchar(name, out);
    out.push(OUTPUT_PARAMETER);
    type_description(ty, true, out);
    encode::value(ty, value, out).inspect_err(|_| out.truncate(start))
}

/// The answer to a login that succeeded, up to its DONE.
pub(crate) fn login_accepted(login: &Login7, database: &str, out: &mut Vec<u8>) {
    database_change("master", database, out);
    message(&information(5701, format!("Changed database context to '{database}'.")), out);
    environment_change(7, &b_bytes(&COLLATION), &[0], out);
    environment_change(2, &b_text("us_english"), &b_text(""), out);
    message(&information(5703, "Changed language setting to us_english.".to_owned()), out);
    login_acknowledged(login.tds_version, out);
    let packet_bytes = b_text(&login.packet_bytes.to_string());
    environment_change(4, &packet_bytes, &b_text("4096"), out);
}

/// LOGINACK: T-SQL over the negotiated version.
pub(crate) fn login_acknowledged(tds_version: u32, out: &mut Vec<u8>) {
    const T_SQL: u8 = 1;
    let mut body = vec![T_SQL];
    body.extend(tds_version.to_be_bytes());
    b_varchar(PRODUCT_NAME, &mut body);
    body.extend(SERVER_VERSION);
    out.push(LOGIN_ACK);
    out.extend((body.len() as u16).to_le_bytes());
    out.extend(body);
}

pub(crate) fn database_change(old: &str, new: &str, out: &mut Vec<u8>) {
    environment_change(1, &b_text(new), &b_text(old), out);
}

pub(crate) fn transaction_began(descriptor: u64, out: &mut Vec<u8>) {
    environment_change(8, &b_bytes(&descriptor.to_le_bytes()), &[0], out);
}

pub(crate) fn transaction_committed(descriptor: u64, out: &mut Vec<u8>) {
    environment_change(9, &[0], &b_bytes(&descriptor.to_le_bytes()), out);
}

pub(crate) fn transaction_rolled_back(descriptor: u64, out: &mut Vec<u8>) {
    environment_change(10, &[0], &b_bytes(&descriptor.to_le_bytes()), out);
}

/// The connection was reset as asked.
pub(crate) fn connection_reset(out: &mut Vec<u8>) {
    environment_change(18, &[0], &[0], out);
}

/// The client is to connect to another server instead.
pub(crate) fn routing(host: &str, port: u16, out: &mut Vec<u8>) {
    const TCP: u8 = 0;
    let mut route = vec![TCP];
    route.extend(port.to_le_bytes());
    us_varchar(host, 1_024, &mut route);
    let mut new = (route.len() as u16).to_le_bytes().to_vec();
    new.extend(route);
    environment_change(20, &new, &[0, 0], out);
}

fn environment_change(kind: u8, new: &[u8], old: &[u8], out: &mut Vec<u8>) {
    out.push(ENVIRONMENT_CHANGE);
    out.extend(((1 + new.len() + old.len()) as u16).to_le_bytes());
    out.push(kind);
    out.extend_from_slice(new);
    out.extend_from_slice(old);
}

fn information(number: i32, text: String) -> Message {
    Message { number, state: 1, class: 10, text, line: 1, procedure: String::new() }
}

/// User type, flags and TYPE_INFO, as columns and output parameters share them.
fn type_description(ty: SqlType, nullable: bool, out: &mut Vec<u8>) {
    out.extend(0u32.to_le_bytes());
    out.extend(u16::from(nullable).to_le_bytes());
    wire_type::encode(ty, out);
}

fn b_bytes(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![bytes.len() as u8];
    out.extend_from_slice(bytes);
    out
}

fn b_text(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    b_varchar(text, &mut out);
    out
}

/// Names are at most 128 characters in SQL Server; the wire allows 255.
fn b_varchar(text: &str, out: &mut Vec<u8>) {
    let units = utf16_up_to(text, usize::from(u8::MAX));
    out.push(units.len() as u8);
    out.extend(units.into_iter().flat_map(u16::to_le_bytes));
}

fn us_varchar(text: &str, max_units: usize, out: &mut Vec<u8>) {
    let units = utf16_up_to(text, max_units);
    out.extend((units.len() as u16).to_le_bytes());
    out.extend(units.into_iter().flat_map(u16::to_le_bytes));
}

/// Cuts between characters, never through a surrogate pair.
fn utf16_up_to(text: &str, max_units: usize) -> Vec<u16> {
    let mut units = Vec::new();
    for character in text.chars() {
        if units.len() + character.len_utf16() > max_units {
            break;
        }
        units.extend_from_slice(character.encode_utf16(&mut [0; 2]));
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let mut out = Vec::new();
        message(&information(50_000, "😀".repeat(5_000)), &mut out);
        let declared = usize::from(u16::from_le_bytes([out[1], out[2]]));
        assert_eq!(out.len(), declared + 3);
        assert_eq!(u16::from_le_bytes([out[9], out[10]]), 2_046);
    }

    #[test]
    fn a_row_that_cannot_be_written_leaves_no_trace() {
        let column = Column { name: "a".into(), ty: SqlType::Int, nullable: true };
        let mut out = vec![1, 2, 3];
        assert!(row(&[column.clone(), column], &[Value::Int(1), Value::Text("x".into())], &mut out).is_err());
        assert_eq!(out, [1, 2, 3]);
    }

    #[test]
    fn done_carries_its_bits() {
        let mut out = Vec::new();
        Done { more: true, error: true, count: Some(7), ..Done::last() }.append(&mut out);
        assert_eq!(out, [DONE, 0x13, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
    }
}
