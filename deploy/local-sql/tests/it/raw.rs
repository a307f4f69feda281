//! A client that says exactly what a test wants it to say, packet by packet.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::PASSWORD;

pub const BATCH: u8 = 1;
pub const RPC: u8 = 3;
pub const ATTENTION: u8 = 6;
pub const BULK_LOAD: u8 = 7;

/// End of message.
pub const LAST: u8 = 0x01;
/// End of message, to be forgotten.
pub const IGNORED: u8 = 0x03;
/// End of message, after a reset of the session.
pub const RESET: u8 = 0x09;

/// A PRELOGIN that asks for no encryption.
pub const PRELOGIN: [u8; 15] = [18, 1, 0, 15, 0, 0, 1, 0, 1, 0, 6, 0, 1, 0xFF, 2];

pub struct RawClient(TcpStream);

impl RawClient {
    /// Connects and logs in to `Shop`.
    pub async fn log_in(address: SocketAddr) -> Self {
        let mut client = Self(TcpStream::connect(address).await.unwrap());
        client.0.write_all(&PRELOGIN).await.unwrap();
        client.answer().await.unwrap();
        client.packet(16, LAST, &login7()).await;
        let answer = client.answer().await.unwrap();
        assert!(mentions(&answer, "Microsoft SQL Server"), "no LOGINACK");
        client
    }

    pub async fn packet(&mut self, kind: u8, status: u8, payload: &[u8]) {
        let [high, low] = ((payload.len() + 8) as u16).to_be_bytes();
        let packet = [&[kind, status, high, low, 0, 0, 1, 0], payload].concat();
        self.0.write_all(&packet).await.unwrap();
    }

    /// Bytes that need not be a packet.
    pub async fn bytes(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// A SQLBatch in one packet.
    pub async fn batch(&mut self, status: u8, transaction: u64, text: &str) {
        self.packet(BATCH, status, &batch(transaction, text)).await;
    }

    /// The payload of the next message; `None` when the server has closed.
    pub async fn answer(&mut self) -> Option<Vec<u8>> {
        let mut payload = Vec::new();
        loop {
            let mut header = [0; 8];
            self.0.read_exact(&mut header).await.ok()?;
            let length = usize::from(u16::from_be_bytes([header[2], header[3]])) - 8;
            let start = payload.len();
            payload.resize(start + length, 0);
            self.0.read_exact(&mut payload[start..]).await.ok()?;
            if header[1] & LAST != 0 {
                return Some(payload);
            }
        }
    }
}

/// The status of the DONE token that ends an answer.
pub fn last_done(answer: &[u8]) -> u16 {
    let done = &answer[answer.len() - 13..];
    assert!((0xFD..=0xFF).contains(&done[0]), "{answer:?}");
    u16::from_le_bytes([done[1], done[2]])
}

/// Whether text stands somewhere in an answer.
pub fn mentions(answer: &[u8], text: &str) -> bool {
    let units = utf16(text);
    answer.windows(units.len()).any(|window| window == units)
}

/// ALL_HEADERS and the text.
pub fn batch(transaction: u64, text: &str) -> Vec<u8> {
    let mut payload = Vec::new();
    payload.extend(22u32.to_le_bytes());
    payload.extend(18u32.to_le_bytes());
    payload.extend(2u16.to_le_bytes());
    payload.extend(transaction.to_le_bytes());
    payload.extend(1u32.to_le_bytes());
    payload.extend(utf16(text));
    payload
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn login7() -> Vec<u8> {
    let mut fixed = vec![0; 4];
    fixed.extend(0x7400_0004u32.to_le_bytes());
    fixed.extend([0; 28]);
    let mut data = Vec::new();
    for (index, value) in ["host", "sa", PASSWORD, "raw", "", "", "", "", "Shop"].iter().enumerate() {
        let units = utf16(value);
        fixed.extend(((94 + data.len()) as u16).to_le_bytes());
        fixed.extend(((units.len() / 2) as u16).to_le_bytes());
        match index {
            2 => data.extend(units.iter().map(|byte| byte.rotate_left(4) ^ 0xA5)),
            _ => data.extend(units),
        }
    }
    fixed.resize(94, 0);
    fixed.extend(data);
    let length = (fixed.len() as u32).to_le_bytes();
    fixed[..4].copy_from_slice(&length);
    fixed
}
