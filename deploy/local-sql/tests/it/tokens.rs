//! An answer taken apart, token by token: a reading of [MS-TDS] of its own, so that the server's is checked by another.

/// What a test asks about an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Columns(Vec<Column>),
    Row(Vec<Option<Vec<u8>>>),
    Message {
        is_error: bool,
        number: i32,
        text: String,
    },
    /// New and old value; text where the kind has text.
    Environment {
        kind: u8,
        new: Value,
        old: Value,
    },
    LoginAcknowledged,
    ReturnStatus(i32),
    ReturnValue {
        ordinal: u16,
        name: String,
        value: Option<Vec<u8>>,
    },
    Done {
        kind: u8,
        status: u16,
        count: u64,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Text(String),
    Bytes(Vec<u8>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub name: String,
    pub nullable: bool,
    /// The type's token and what follows it.
    pub ty: Vec<u8>,
}

pub const DONE: u8 = 0xFD;
pub const DONE_PROCEDURE: u8 = 0xFE;
pub const DONE_IN_PROCEDURE: u8 = 0xFF;

pub const MORE: u16 = 0x01;
pub const FAILED: u16 = 0x02;
pub const COUNT: u16 = 0x10;
pub const ATTENTION: u16 = 0x20;

/// Panics where the answer is not what the specification allows.
pub fn tokens(answer: &[u8]) -> Vec<Token> {
    let mut reader = Reader(answer);
    let mut columns = Vec::new();
    let mut tokens = Vec::new();
    while !reader.0.is_empty() {
        let token = match reader.u8() {
            0x81 => {
                columns = (0..reader.u16()).map(|_| reader.column()).collect();
                Token::Columns(columns.clone())
            }
            0xD1 => Token::Row(columns.iter().map(|column: &Column| reader.value(&column.ty)).collect()),
            kind @ (0xAA | 0xAB) => reader.message(kind == 0xAA),
            0xE3 => reader.environment(),
            0xAD => {
                let length = reader.u16();
                reader.take(length.into());
                Token::LoginAcknowledged
            }
            0x79 => Token::ReturnStatus(i32::from_le_bytes(reader.array())),
            0xAC => {
                let ordinal = reader.u16();
                let name = reader.b_text();
                let _status = reader.u8();
                let ty = reader.type_description().1;
                Token::ReturnValue { ordinal, name, value: reader.value(&ty) }
            }
            kind @ (DONE | DONE_PROCEDURE | DONE_IN_PROCEDURE) => {
                let status = reader.u16();
                let _command = reader.u16();
                Token::Done { kind, status, count: u64::from_le_bytes(reader.array()) }
            }
            other => panic!("no token begins with {other:#x}: {tokens:?}"),
        };
        tokens.push(token);
    }
    tokens
}

/// Kind, status and count of each DONE token.
pub fn dones(answer: &[u8]) -> Vec<(u8, u16, u64)> {
    let done = |token| match token {
        Token::Done { kind, status, count } => Some((kind, status, count)),
        _ => None,
    };
    tokens(answer).into_iter().filter_map(done).collect()
}

/// The numbers of the errors in an answer.
pub fn errors(answer: &[u8]) -> Vec<i32> {
    let number = |token| match token {
        Token::Message { is_error: true, number, .. } => Some(number),
        _ => None,
    };
    tokens(answer).into_iter().filter_map(number).collect()
}

/// The bytes of the only value of the only row.
pub fn only_value(answer: &[u8]) -> Option<Vec<u8>> {
    let rows: Vec<_> = tokens(answer)
        .into_iter()
        .filter_map(|token| if let Token::Row(values) = token { Some(values) } else { None })
        .collect();
    match <[_; 1]>::try_from(rows).map(|[row]| <[_; 1]>::try_from(row)) {
        Ok(Ok([value])) => value,
        _ => panic!("not one value: {:?}", tokens(answer)),
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (head, tail) = self.0.split_at(length);
        self.0 = tail;
        head
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).try_into().unwrap()
    }

    fn u8(&mut self) -> u8 {
        self.take(1)[0]
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    fn text(&mut self, units: usize) -> String {
        let (pairs, _) = self.take(units * 2).as_chunks::<2>();
        String::from_utf16(&pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect::<Vec<_>>()).unwrap()
    }

    fn b_text(&mut self) -> String {
        let units = self.u8();
        self.text(units.into())
    }

    fn message(&mut self, is_error: bool) -> Token {
        let length = self.u16();
        let mut body = Reader(self.take(length.into()));
        let number = i32::from_le_bytes(body.array());
        let _state_and_class = body.u16();
        let units = body.u16();
        let text = body.text(units.into());
        let (_server, _procedure) = (body.b_text(), body.b_text());
        let _line: [u8; 4] = body.array();
        assert!(body.0.is_empty(), "a message with a tail");
        Token::Message { is_error, number, text }
    }

    fn environment(&mut self) -> Token {
        let length = self.u16();
        let mut body = Reader(self.take(length.into()));
        let kind = body.u8();
        let mut value = || match kind {
            1..=4 => Value::Text(body.b_text()),
            _ => {
                let length = body.u8();
                Value::Bytes(body.take(length.into()).to_vec())
            }
        };
        let (new, old) = (value(), value());
        assert!(body.0.is_empty(), "an ENVCHANGE with a tail");
        Token::Environment { kind, new, old }
    }

    fn column(&mut self) -> Column {
        let (nullable, ty) = self.type_description();
        Column { name: self.b_text(), nullable, ty }
    }

    fn type_description(&mut self) -> (bool, Vec<u8>) {
        let _user_type: [u8; 4] = self.array();
        let nullable = self.u16() & 1 != 0;
        let detail = match self.0[0] {
            0x26 | 0x68 | 0x6D | 0x6E | 0x6F | 0x24 | 0x29..=0x2B => 1,
            0x28 => 0,
            0x6A | 0x6C => 3,
            0xA5 | 0xAD => 2,
            0xA7 | 0xAF | 0xE7 | 0xEF => 7,
            other => panic!("type {other:#x} of a column"),
        };
        (nullable, self.take(1 + detail).to_vec())
    }

    fn value(&mut self, ty: &[u8]) -> Option<Vec<u8>> {
        match ty[0] {
            0xA5 | 0xA7 | 0xE7 if ty[1..3] == [0xFF, 0xFF] => self.chunks(),
            0xA5 | 0xA7 | 0xAD | 0xAF | 0xE7 | 0xEF => match self.u16() {
                0xFFFF => None,
                length => Some(self.take(length.into()).to_vec()),
            },
            _ => match self.u8() {
                0 => None,
                length => Some(self.take(length.into()).to_vec()),
            },
        }
    }

    fn chunks(&mut self) -> Option<Vec<u8>> {
        let total = u64::from_le_bytes(self.array());
        if total == u64::MAX {
            return None;
        }
        let mut whole = Vec::new();
        loop {
            match u32::from_le_bytes(self.array()) {
                0 => break,
                length => whole.extend_from_slice(self.take(length as usize)),
            }
        }
        assert_eq!(whole.len() as u64, total, "chunks that are not the total");
        Some(whole)
    }
}
