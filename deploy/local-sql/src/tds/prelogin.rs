//! PRELOGIN: version and encryption are agreed before anything else.

use super::ProtocolError;
use super::reader::Reader;

const VERSION: u8 = 0;
const ENCRYPTION: u8 = 1;
const INSTANCE: u8 = 2;
const THREAD_ID: u8 = 3;
const MARS: u8 = 4;
const TERMINATOR: u8 = 0xFF;

/// The version in PRELOGIN and LOGINACK: that of the SQL Server whose behaviour we follow (2019).
pub(crate) const SERVER_VERSION: [u8; 4] = [15, 0, 0x07, 0xD0];

/// The encryption byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// Encrypt the login only.
    Off = 0,
    /// Encrypt everything.
    On = 1,
    /// No encryption available.
    NotSupported = 2,
    /// Encrypt everything or do not connect.
    Required = 3,
}

impl Encryption {
    fn from_byte(byte: u8) -> Result<Self, ProtocolError> {
        Ok(match byte {
            0 => Self::Off,
            1 => Self::On,
            2 => Self::NotSupported,
            3 => Self::Required,
            // 0x80 and above ask for a client certificate.
            other => return Err(ProtocolError::invalid("PRELOGIN encryption", other)),
        })
    }

    /// What a server that can encrypt answers: it does what the client asks for.
    pub(crate) fn answer(self) -> Self {
        match self {
            Self::Required => Self::On,
            as_asked => as_asked,
        }
    }
}

/// A client's PRELOGIN, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prelogin {
    pub(crate) encryption: Encryption,
    /// The client wants several requests at once on one connection.
    pub(crate) mars: bool,
}

impl Prelogin {
    pub(crate) fn decode(message: &[u8]) -> Result<Self, ProtocolError> {
        let mut options = Reader::new(message, "PRELOGIN");
        let mut prelogin = Self { encryption: Encryption::NotSupported, mars: false };
        loop {
            let token = options.u8()?;
            if token == TERMINATOR {
                return Ok(prelogin);
            }
            let offset = usize::from(options.u16_be()?);
            let length = usize::from(options.u16_be()?);
            let value = message
                .get(offset..offset + length)
                .ok_or(ProtocolError::Truncated { what: "PRELOGIN option" })?;
            match token {
                ENCRYPTION => {
                    let byte = Reader::new(value, "PRELOGIN encryption").u8()?;
                    prelogin.encryption = Encryption::from_byte(byte)?;
                }
                MARS => prelogin.mars = value.first().is_some_and(|wanted| *wanted != 0),
                _ => {}
            }
        }
    }

    /// The server's answer. MARS is never granted (its login is refused by name); any instance name is ours.
    pub(crate) fn reply(encryption: Encryption) -> Vec<u8> {
        let [major, minor, build_high, build_low] = SERVER_VERSION;
        let values: [(u8, &[u8]); 5] = [
            (VERSION, &[major, minor, build_high, build_low, 0, 0]),
            (ENCRYPTION, &[encryption as u8]),
            (INSTANCE, &[0]),
            (THREAD_ID, &[]),
            (MARS, &[0]),
        ];
        let mut table = Vec::new();
        let mut data = Vec::new();
        let data_start = values.len() * 5 + 1;
        for (token, value) in values {
            table.push(token);
            table.extend_from_slice(&((data_start + data.len()) as u16).to_be_bytes());
            table.extend_from_slice(&(value.len() as u16).to_be_bytes());
            data.extend_from_slice(value);
        }
        table.push(TERMINATOR);
        table.extend_from_slice(&data);
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_reply_reads_back() {
        let reply = Prelogin::reply(Encryption::On);
        let read = Prelogin::decode(&reply).unwrap();
        assert_eq!(read, Prelogin { encryption: Encryption::On, mars: false });
    }

    #[test]
    fn an_option_that_points_outside_is_refused() {
        assert!(Prelogin::decode(&[ENCRYPTION, 0, 200, 0, 1, TERMINATOR]).is_err());
        assert!(Prelogin::decode(&[ENCRYPTION, 0, 6]).is_err());
        assert!(Prelogin::decode(&[]).is_err());
    }
}
