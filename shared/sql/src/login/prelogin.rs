//! Asks a server whether it has TLS at all, before a login with `Encrypt=False`.
//!
//! tiberius starts TLS for the login whenever the client can do it, also with a server that just said it has
//! none, and then waits for an answer that never comes. So for `Encrypt=False` one PRELOGIN exchange on a
//! connection of its own finds out. With `Encrypt=True` nothing is asked: such a server is refused.
//! Layout: MS-TDS 2.2.6.5 (PRELOGIN).

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const HEADER_LEN: usize = 8;
const TYPE_PRELOGIN: u8 = 0x12;
const END_OF_MESSAGE: u8 = 0x01;
const TOKEN_VERSION: u8 = 0x00;
const TOKEN_ENCRYPTION: u8 = 0x01;
const TERMINATOR: u8 = 0xFF;
const ENCRYPT_OFF: u8 = 0x00;
const ENCRYPT_NOT_SUPPORTED: u8 = 0x02;

/// Version and encryption, as one packet: option offsets count from the end of the header.
const QUESTION: [u8; 26] = [
    TYPE_PRELOGIN,
    END_OF_MESSAGE,
    0,
    26,
    0,
    0,
    1,
    0, // header: length 26, packet 1
    TOKEN_VERSION,
    0,
    11,
    0,
    6, // at 11, 6 bytes
    TOKEN_ENCRYPTION,
    0,
    17,
    0,
    1, // at 17, 1 byte
    TERMINATOR,
    0,
    0,
    0,
    0,
    0,
    0, // version
    ENCRYPT_OFF,
];

/// Sends the question and reads the answer. The connection is of no use afterwards.
pub(super) async fn server_has_tls(stream: &mut TcpStream) -> io::Result<bool> {
    stream.write_all(&QUESTION).await?;
    let mut header = [0; HEADER_LEN];
    stream.read_exact(&mut header).await?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let mut body = vec![0; length.saturating_sub(HEADER_LEN)];
    stream.read_exact(&mut body).await?;
    let answer = encryption(&body).ok_or_else(|| io::Error::other("the answer to PRELOGIN is malformed"))?;
    Ok(answer != ENCRYPT_NOT_SUPPORTED)
}

fn encryption(body: &[u8]) -> Option<u8> {
    for option in body.chunks_exact(5) {
        match option[0] {
            TERMINATOR => return None,
            TOKEN_ENCRYPTION => {
                let at = usize::from(u16::from_be_bytes([option[1], option[2]]));
                return body.get(at).copied();
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encryption_option_is_found_where_its_offset_says() {
        let body = [0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xFF, 16, 0, 0, 0, 0, 0, 2];
        assert_eq!(encryption(&body), Some(2));
        assert_eq!(encryption(&QUESTION[HEADER_LEN..]), Some(ENCRYPT_OFF));
        assert_eq!(encryption(&[0xFF]), None);
        assert_eq!(encryption(&[1, 0, 200, 0, 1, 0xFF]), None);
    }
}
