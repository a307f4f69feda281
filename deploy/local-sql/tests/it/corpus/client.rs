//! A small TDS client of its own: it shows types with their precision, every message with its state, and what
//! follows an error, which drivers keep to themselves. It shares no code with the server, so that the two cannot be
//! wrong together. Blocking, without TLS, SQLBatch only.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::value;

/// How long a server may take for one batch.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
const PACKET_BYTES: usize = 4_096;
const LAST_PACKET: u8 = 1;

/// Where to connect and as whom.
#[derive(Debug, Clone)]
pub struct Target {
    pub address: String,
    pub user: String,
    pub password: String,
}

impl Target {
    /// `Server=host,port;User ID=…;Password=…`; everything else is left out of account.
    pub fn parse(text: &str) -> Self {
        let field = |names: &[&str]| {
            text.split(';')
                .filter_map(|part| part.split_once('='))
                .find(|(key, _)| names.contains(&key.trim().to_lowercase().as_str()))
                .map(|(_, value)| value.trim().to_owned())
                .unwrap_or_default()
        };
        let server = field(&["server", "data source"]);
        let server = server.strip_prefix("tcp:").unwrap_or(&server);
        let (host, port) = server.split_once(',').unwrap_or((server, "1433"));
        Self {
            address: format!("{host}:{port}"),
            user: field(&["user id", "uid", "user"]),
            password: field(&["password", "pwd"]),
        }
    }
}

/// One thing that a batch yields, in the order in which it arrives.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A result set: names and types of its columns, rows as text.
    Set { columns: Vec<(String, String)>, rows: Vec<Vec<String>> },
    /// An error or, up to class 10, an information.
    Message { number: i32, state: u8, class: u8, line: u32, text: String },
    /// Rows that a statement other than SELECT touched.
    Affected(u64),
    /// The connection is gone.
    Lost,
}

pub struct Connection {
    socket: TcpStream,
    transaction: u64,
}

impl Connection {
    /// Logs in to a database.
    pub fn open(target: &Target, database: &str) -> Self {
        let address = target.address.to_socket_addrs().unwrap().next().unwrap();
        let socket = TcpStream::connect(address).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(ANSWER_TIMEOUT)).unwrap();
        let mut connection = Self { socket, transaction: 0 };
        connection.send(18, &prelogin());
        let answer = connection.receive();
        assert!(accepts_plain(&answer), "the corpus runner speaks no TLS, and the server insists on it");
        connection.send(16, &login7(target, database));
        let answer = connection.receive();
        let events = connection.events(&answer);
        let refused = events.iter().find(|event| matches!(event, Event::Message { class: 11.., .. }));
        assert!(refused.is_none(), "login refused: {refused:?}");
        connection
    }

    /// Runs a batch. A server that loses the connection yields that.
    pub fn batch(&mut self, text: &str) -> Vec<Event> {
        let mut payload = Vec::new();
        payload.extend(22_u32.to_le_bytes());
        payload.extend(18_u32.to_le_bytes());
        payload.extend(2_u16.to_le_bytes());
        payload.extend(self.transaction.to_le_bytes());
        payload.extend(1_u32.to_le_bytes());
        payload.extend(utf16(text));
        if self.try_send(1, &payload).is_err() {
            return vec![Event::Lost];
        }
        match self.try_receive() {
            Ok(answer) => self.events(&answer),
            Err(_) => vec![Event::Lost],
        }
    }

    fn send(&mut self, kind: u8, payload: &[u8]) {
        self.try_send(kind, payload).unwrap();
    }

    fn receive(&mut self) -> Vec<u8> {
        self.try_receive().expect("the server closed the connection")
    }

    fn try_send(&mut self, kind: u8, payload: &[u8]) -> std::io::Result<()> {
        let mut parts = payload.chunks(PACKET_BYTES - 8).peekable();
        while let Some(part) = parts.next() {
            let [high, low] = u16::try_from(part.len() + 8).unwrap().to_be_bytes();
            let status = if parts.peek().is_none() { LAST_PACKET } else { 0 };
            self.socket.write_all(&[&[kind, status, high, low, 0, 0, 1, 0], part].concat())?;
        }
        Ok(())
    }

    fn try_receive(&mut self) -> std::io::Result<Vec<u8>> {
        let mut payload = Vec::new();
        loop {
            let mut header = [0; 8];
            self.socket.read_exact(&mut header)?;
            let length = usize::from(u16::from_be_bytes([header[2], header[3]])) - 8;
            let start = payload.len();
            payload.resize(start + length, 0);
            self.socket.read_exact(&mut payload[start..])?;
            if header[1] & LAST_PACKET != 0 {
                return Ok(payload);
            }
        }
    }

    fn events(&mut self, answer: &[u8]) -> Vec<Event> {
        let mut bytes = Bytes(answer);
        let mut events = Vec::new();
        let mut types = Vec::new();
        while !bytes.0.is_empty() {
            match bytes.u8() {
                0x81 => {
                    types = columns(&mut bytes);
                    let columns = types.iter().map(|(name, ty)| (name.clone(), ty.to_string())).collect();
                    events.push(Event::Set { columns, rows: Vec::new() });
                }
                token @ (0xD1 | 0xD2) => {
                    let row = row(&mut bytes, &types, token == 0xD2);
                    let Some(Event::Set { rows, .. }) = events.last_mut() else {
                        panic!("a row without columns")
                    };
                    rows.push(row);
                }
                0xAA | 0xAB => events.push(message(&mut bytes)),
                0xE3 => self.environment(&mut bytes),
                // ORDER, LOGINACK, TABNAME, COLINFO
                0xA9 | 0xAD | 0xA4 | 0xA5 => {
                    let length = bytes.u16();
                    bytes.take(length.into());
                }
                0xAE => {
                    while bytes.u8() != 0xFF {
                        let length = bytes.u32();
                        bytes.take(length as usize);
                    }
                }
                0x79 => drop(bytes.u32()),
                0xFD..=0xFF => {
                    const COUNT: u16 = 0x10;
                    const SELECT: u16 = 0xC1;
                    let (status, command, count) = (bytes.u16(), bytes.u16(), bytes.u64());
                    // Only some servers say that a count belongs to a SELECT; a result set before it tells the rest.
                    let of_set =
                        matches!(events.last(), Some(Event::Set { rows, .. }) if rows.len() as u64 == count);
                    if status & COUNT != 0 && command != SELECT && !of_set {
                        events.push(Event::Affected(count));
                    }
                }
                token => panic!("token {token:#04X} before {} bytes", bytes.0.len()),
            }
        }
        events
    }

    /// The transaction descriptor has to stand in every request.
    fn environment(&mut self, bytes: &mut Bytes<'_>) {
        let length = bytes.u16();
        let change = bytes.take(length.into());
        match change {
            [8, 8, new @ ..] => self.transaction = u64::from_le_bytes(new[..8].try_into().unwrap()),
            [9 | 10, ..] => self.transaction = 0,
            _ => {}
        }
    }
}

/// The rest of an answer.
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    pub fn u8(&mut self) -> u8 {
        self.take(1)[0]
    }

    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take(2).try_into().unwrap())
    }

    pub fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().unwrap())
    }

    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take(8).try_into().unwrap())
    }

    fn text(&mut self, units: usize) -> String {
        value::utf16(self.take(units * 2))
    }
}

fn columns(bytes: &mut Bytes<'_>) -> Vec<(String, value::Type)> {
    let count = bytes.u16();
    if count == u16::MAX {
        return Vec::new();
    }
    let column = |_| {
        let (_user_type, _flags) = (bytes.u32(), bytes.u16());
        let ty = value::Type::read(bytes);
        let units = bytes.u8();
        (bytes.text(units.into()), ty)
    };
    (0..count).map(column).collect()
}

/// With `bitmap` (NBCROW) a bit before the row says which values are NULL and left out.
fn row(bytes: &mut Bytes<'_>, types: &[(String, value::Type)], bitmap: bool) -> Vec<String> {
    let nulls = if bitmap { bytes.take(types.len().div_ceil(8)) } else { &[] };
    let is_null = |index: usize| nulls.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1);
    let cell = |(index, (_, ty)): (usize, &(String, value::Type))| {
        if is_null(index) { "NULL".to_owned() } else { ty.value(bytes) }
    };
    types.iter().enumerate().map(cell).collect()
}

fn message(bytes: &mut Bytes<'_>) -> Event {
    let _length = bytes.u16();
    let number = i32::from_le_bytes(bytes.take(4).try_into().unwrap());
    let (state, class) = (bytes.u8(), bytes.u8());
    let units = bytes.u16();
    let text = bytes.text(units.into());
    for _ in ["server", "procedure"] {
        let units = bytes.u8();
        bytes.text(units.into());
    }
    Event::Message { number, state, class, line: bytes.u32(), text }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// VERSION and ENCRYPTION (not supported).
fn prelogin() -> Vec<u8> {
    vec![0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xFF, 15, 0, 0, 0, 0, 0, 2]
}

/// Whether the server's ENCRYPTION option leaves the connection in the clear.
fn accepts_plain(answer: &[u8]) -> bool {
    let options = answer.chunks(5).take_while(|option| option[0] != 0xFF);
    let mut encryption = options.filter(|option| option[0] == 1);
    encryption.next().is_none_or(|option| {
        let at = usize::from(u16::from_be_bytes([option[1], option[2]]));
        answer.get(at) == Some(&2)
    })
}

fn login7(target: &Target, database: &str) -> Vec<u8> {
    const FIXED: usize = 94;
    let mut fixed = vec![0; 4];
    fixed.extend(0x7400_0004_u32.to_le_bytes());
    fixed.extend(u32::try_from(PACKET_BYTES).unwrap().to_le_bytes());
    fixed.extend([0; 12]);
    // USE and SET LANGUAGE notices; then "ODBC", which sets the ANSI options as every driver does.
    fixed.extend([0xE0, 0x03, 0, 0]);
    fixed.extend([0; 8]);
    let mut data = Vec::new();
    let texts = ["corpus", &target.user, &target.password, "corpus", "", "", "", "", database];
    for (index, text) in texts.into_iter().enumerate() {
        let units = utf16(text);
        fixed.extend(u16::try_from(FIXED + data.len()).unwrap().to_le_bytes());
        fixed.extend(u16::try_from(units.len() / 2).unwrap().to_le_bytes());
        let is_password = index == 2;
        data.extend(units.iter().map(|byte| if is_password { byte.rotate_left(4) ^ 0xA5 } else { *byte }));
    }
    fixed.resize(FIXED, 0);
    fixed.extend(data);
    let length = u32::try_from(fixed.len()).unwrap().to_le_bytes();
    fixed[..4].copy_from_slice(&length);
    fixed
}
