//! A client that says exactly what a test wants it to say, packet by packet.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::PASSWORD;

pub const BATCH: u8 = 1;
pub const RPC: u8 = 3;
pub const ATTENTION: u8 = 6;
pub const BULK_LOAD: u8 = 7;
pub const TRANSACTION: u8 = 14;

/// End of message.
pub const LAST: u8 = 0x01;
/// End of message, to be forgotten.
pub const IGNORED: u8 = 0x03;
/// End of message, after a reset of the session.
pub const RESET: u8 = 0x09;

/// A PRELOGIN that asks for no encryption.
pub const PRELOGIN: [u8; 15] = [18, 1, 0, 15, 0, 0, 1, 0, 1, 0, 6, 0, 1, 0xFF, 2];

/// The same, and MARS is asked for.
pub const PRELOGIN_MARS: [u8; 21] = [18, 1, 0, 21, 0, 0, 1, 0, 1, 0, 11, 0, 1, 4, 0, 12, 0, 1, 0xFF, 2, 1];

/// A LOGIN7 as a test wants it.
#[derive(Debug, Clone)]
pub struct Login {
    pub tds_version: u32,
    pub packet_bytes: u32,
    pub options_2: u8,
    pub options_3: u8,
    pub database: &'static str,
    /// What follows the fields: the feature extensions.
    pub features: Vec<u8>,
}

impl Default for Login {
    fn default() -> Self {
        Self {
            tds_version: 0x7400_0004,
            packet_bytes: 0,
            options_2: 0,
            options_3: 0,
            database: "Shop",
            features: Vec::new(),
        }
    }
}

/// The packet-level client over a socket, encrypted or not.
pub struct RawClient<S = TcpStream>(S);

impl RawClient {
    /// Connects and logs in to `Shop`.
    pub async fn log_in(address: SocketAddr) -> Self {
        let (client, answer) = Self::log_in_with(address, &PRELOGIN, &Login::default()).await;
        assert!(mentions(&answer, "Microsoft SQL Server"), "no LOGINACK");
        client
    }

    /// The client and the answer to its login.
    pub async fn log_in_with(address: SocketAddr, prelogin: &[u8], login: &Login) -> (Self, Vec<u8>) {
        let mut client = Self(TcpStream::connect(address).await.unwrap());
        let answer = client.attempt(prelogin, login).await;
        (client, answer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> RawClient<S> {
    pub fn over(stream: S) -> Self {
        Self(stream)
    }

    /// PRELOGIN and LOGIN7; returns the answer to the latter.
    pub async fn attempt(&mut self, prelogin: &[u8], login: &Login) -> Vec<u8> {
        self.0.write_all(prelogin).await.unwrap();
        self.answer().await.unwrap();
        self.packet(16, LAST, &login.message()).await;
        self.answer().await.unwrap()
    }

    /// A call of `sp_executesql`; `parameters` are whole, with names and types.
    pub async fn execute_sql(&mut self, text: &str, declarations: &str, parameters: &[u8]) -> Vec<u8> {
        self.message(RPC, &[&call(text, declarations), parameters].concat()).await;
        self.answer().await.expect("an answer")
    }

    /// A message in as many packets as it needs.
    pub async fn message(&mut self, kind: u8, payload: &[u8]) {
        let mut packets = payload.chunks(4_000).peekable();
        while let Some(packet) = packets.next() {
            let status = if packets.peek().is_some() { 0 } else { LAST };
            self.packet(kind, status, packet).await;
        }
    }

    /// What a batch answers.
    pub async fn ask(&mut self, text: &str) -> Vec<u8> {
        self.batch(LAST, 0, text).await;
        self.answer().await.expect("an answer")
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

    /// Waits for the first byte of an answer and reads no more.
    pub async fn first_byte(&mut self) -> u8 {
        self.0.read_u8().await.unwrap()
    }

    /// The payload of the next message; `None` when the server has closed.
    pub async fn answer(&mut self) -> Option<Vec<u8>> {
        self.answer_in_packets().await.map(|packets| packets.concat())
    }

    /// The payloads of the packets of the next message.
    pub async fn answer_in_packets(&mut self) -> Option<Vec<Vec<u8>>> {
        let mut packets = Vec::new();
        loop {
            let mut header = [0; 8];
            self.0.read_exact(&mut header).await.ok()?;
            let length = usize::from(u16::from_be_bytes([header[2], header[3]])) - 8;
            let mut payload = vec![0; length];
            self.0.read_exact(&mut payload).await.ok()?;
            packets.push(payload);
            if header[1] & LAST != 0 {
                return Some(packets);
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

pub fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// ALL_HEADERS and `sp_executesql` up to the first value.
pub fn call(text: &str, declarations: &str) -> Vec<u8> {
    [batch(0, ""), vec![0xFF, 0xFF, 10, 0, 0, 0], nvarchar(text), nvarchar(declarations)].concat()
}

/// A nameless `nvarchar(4000)` parameter.
fn nvarchar(text: &str) -> Vec<u8> {
    let units = utf16(text);
    let length = (units.len() as u16).to_le_bytes();
    [&[0, 0, 0xE7, 0x40, 0x1F, 9, 4, 0xD0, 0, 0x34], &length[..], &units].concat()
}

/// A named parameter: its TYPE_INFO and value as they stand on the wire. `status` 1 makes it OUTPUT.
pub fn parameter(name: &str, status: u8, type_and_value: &[u8]) -> Vec<u8> {
    [&[name.len() as u8][..], &utf16(name), &[status], type_and_value].concat()
}

impl Login {
    pub fn message(&self) -> Vec<u8> {
        let mut fixed = vec![0; 4];
        fixed.extend(self.tds_version.to_le_bytes());
        fixed.extend(self.packet_bytes.to_le_bytes());
        fixed.extend([0; 12]);
        fixed.extend([0, self.options_2, 0, self.options_3]);
        fixed.extend([0; 8]);
        let fields = ["host", "sa", PASSWORD, "raw", "", "", "", "", self.database];
        let mut data = Vec::new();
        for (index, value) in fields.iter().enumerate() {
            let units = utf16(value);
            fixed.extend(((94 + data.len()) as u16).to_le_bytes());
            fixed.extend(((units.len() / 2) as u16).to_le_bytes());
            match index {
                2 => data.extend(units.iter().map(|byte| byte.rotate_left(4) ^ 0xA5)),
                _ => data.extend(units),
            }
        }
        if !self.features.is_empty() {
            // The sixth field points to a pointer to the features.
            let pointer = 94 + data.len();
            fixed[56..60].copy_from_slice(&[pointer as u8, (pointer >> 8) as u8, 4, 0]);
            data.extend((pointer as u32 + 4).to_le_bytes());
            data.extend(&self.features);
        }
        fixed.resize(94, 0);
        fixed.extend(data);
        let length = (fixed.len() as u32).to_le_bytes();
        fixed[..4].copy_from_slice(&length);
        fixed
    }
}
