//! LOGIN7: who wants in, to which database, and with which packet size.

use std::fmt;

use super::ProtocolError;
use super::packet::{DEFAULT_PACKET_BYTES, MAX_PACKET_BYTES, MIN_PACKET_BYTES};
use super::reader::{Reader, utf16_to_string};

/// TDS 7.3 revision A, the oldest we speak: date types and 8-byte row counts exist from there on.
const OLDEST_VERSION: u32 = 0x730A_0003;
/// TDS 7.4.
const NEWEST_VERSION: u32 = 0x7400_0004;

const INTEGRATED_SECURITY: u8 = 0x80;
const CHANGE_PASSWORD: u8 = 0x01;
const EXTENSION_USED: u8 = 0x10;
const FEATURE_FEDERATED_AUTHENTICATION: u8 = 0x02;
const FEATURE_TERMINATOR: u8 = 0xFF;

/// A login request. Its `Debug` form hides the password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login7 {
    /// The version both sides speak from here on.
    pub(crate) tds_version: u32,
    /// As negotiated, within what TDS allows.
    pub(crate) packet_bytes: usize,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) application: String,
    pub(crate) client_host: String,
    /// Empty for the login's default.
    pub(crate) database: String,
    /// What the client wants and we do not have, by name.
    pub(crate) refused: Option<&'static str>,
}

impl fmt::Debug for Login7 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Login7")
            .field("user", &self.user)
            .field("application", &self.application)
            .field("client_host", &self.client_host)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl Login7 {
    pub(crate) fn decode(message: &[u8]) -> Result<Self, ProtocolError> {
        let mut fixed = Reader::new(message, "LOGIN7");
        let _length = fixed.u32()?;
        let asked_version = fixed.u32()?;
        let asked_packet = fixed.u32()?;
        let _versions_and_process = fixed.bytes(12)?;
        let [_options_1, options_2, _types, options_3] = fixed.array()?;
        let _zone_and_language = fixed.bytes(8)?;

        let client_host = text(message, &mut fixed)?;
        let user = text(message, &mut fixed)?;
        let password = password(message, &mut fixed)?;
        let application = text(message, &mut fixed)?;
        let _server = text(message, &mut fixed)?;
        let extension_offset = usize::from(fixed.u16()?);
        let _extension_length = fixed.u16()?;
        let _library = text(message, &mut fixed)?;
        let _language = text(message, &mut fixed)?;
        let database = text(message, &mut fixed)?;

        let refused = if asked_version < OLDEST_VERSION {
            Some("TDS before version 7.3")
        } else if options_2 & INTEGRATED_SECURITY != 0 {
            Some("integrated (Windows) authentication")
        } else if options_3 & CHANGE_PASSWORD != 0 {
            Some("changing the password at login")
        } else if options_3 & EXTENSION_USED != 0 && asks_federated(message, extension_offset)? {
            Some("federated (Microsoft Entra) authentication")
        } else {
            None
        };
        Ok(Self {
            tds_version: asked_version.clamp(OLDEST_VERSION, NEWEST_VERSION),
            packet_bytes: negotiated_packet(asked_packet),
            user,
            password,
            application,
            client_host,
            database,
            refused,
        })
    }
}

/// Zero asks for the server's default; anything else is brought into range.
fn negotiated_packet(asked: u32) -> usize {
    match asked as usize {
        0 => DEFAULT_PACKET_BYTES,
        asked => asked.clamp(MIN_PACKET_BYTES, MAX_PACKET_BYTES),
    }
}

/// Follows an (offset, length in characters) pair.
fn field<'a>(message: &'a [u8], fixed: &mut Reader<'_>) -> Result<&'a [u8], ProtocolError> {
    let offset = usize::from(fixed.u16()?);
    let length = usize::from(fixed.u16()?) * 2;
    if length == 0 {
        return Ok(&[]);
    }
    message.get(offset..offset + length).ok_or(ProtocolError::Truncated { what: "LOGIN7 field" })
}

fn text(message: &[u8], fixed: &mut Reader<'_>) -> Result<String, ProtocolError> {
    utf16_to_string(field(message, fixed)?, "LOGIN7 field")
}

/// The password is obfuscated: nibbles swapped, then XOR 0xA5.
fn password(message: &[u8], fixed: &mut Reader<'_>) -> Result<String, ProtocolError> {
    let clear: Vec<u8> = field(message, fixed)?.iter().map(|byte| (byte ^ 0xA5).rotate_left(4)).collect();
    utf16_to_string(&clear, "LOGIN7 password")
}

fn asks_federated(message: &[u8], extension_offset: usize) -> Result<bool, ProtocolError> {
    const WHAT: &str = "LOGIN7 feature extension";
    let from = |offset: usize| message.get(offset..).ok_or(ProtocolError::Truncated { what: WHAT });
    let list_offset = Reader::new(from(extension_offset)?, WHAT).u32()? as usize;
    let mut list = Reader::new(from(list_offset)?, WHAT);
    loop {
        match list.u8()? {
            FEATURE_TERMINATOR => return Ok(false),
            FEATURE_FEDERATED_AUTHENTICATION => return Ok(true),
            _other => {
                let length = list.u32()? as usize;
                list.bytes(length)?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A LOGIN7 with these fields, as tiberius lays it out.
    fn message(user: &str, password: &str, database: &str, flags_2: u8) -> Vec<u8> {
        let mut fixed = vec![0; 4];
        fixed.extend_from_slice(&NEWEST_VERSION.to_le_bytes());
        fixed.extend_from_slice(&8_000u32.to_le_bytes());
        fixed.extend_from_slice(&[0; 12]);
        fixed.extend_from_slice(&[0, flags_2, 0, 0]);
        fixed.extend_from_slice(&[0; 8]);
        let mut data = Vec::new();
        for (index, value) in
            ["host", user, password, "app", "server", "", "", "", database].iter().enumerate()
        {
            let units: Vec<u8> = value.encode_utf16().flat_map(u16::to_le_bytes).collect();
            fixed.extend_from_slice(&((94 + data.len()) as u16).to_le_bytes());
            fixed.extend_from_slice(&((units.len() / 2) as u16).to_le_bytes());
            match index {
                2 => data.extend(units.iter().map(|byte| byte.rotate_left(4) ^ 0xA5)),
                _ => data.extend_from_slice(&units),
            }
        }
        fixed.resize(94, 0);
        fixed.extend_from_slice(&data);
        fixed
    }

    #[test]
    fn a_login_is_read_with_its_password_in_the_clear_and_never_printed() {
        let login = Login7::decode(&message("sa", "Pässword=1😀", "Shop", 0)).unwrap();
        assert_eq!((login.user.as_str(), login.database.as_str()), ("sa", "Shop"));
        assert_eq!(login.password, "Pässword=1😀");
        assert_eq!(login.packet_bytes, 8_000);
        assert_eq!(login.refused, None);
        assert!(!format!("{login:?}").contains("ssword"));
    }

    #[test]
    fn integrated_login_is_refused_by_name() {
        let login = Login7::decode(&message("", "", "", INTEGRATED_SECURITY)).unwrap();
        assert_eq!(login.refused, Some("integrated (Windows) authentication"));
    }

    #[test]
    fn every_truncation_is_an_error_not_a_panic() {
        let whole = message("sa", "secret", "Shop", 0);
        for length in 0..whole.len() - 1 {
            assert!(Login7::decode(&whole[..length]).is_err(), "{length}");
        }
    }
}
