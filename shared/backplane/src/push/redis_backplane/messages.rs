//! What servers tell each other through Redis, byte for byte as ASP.NET Core's StackExchangeRedis package writes it.
//!
//! Four MessagePack arrays: a call of clients, a group command, its acknowledgement, a client's answer. Readers want at
//! least the items that they know and ignore further ones, as those of .NET do; anything else is no message. Facts:
//! `RedisProtocol.cs` of ASP.NET Core and its published test vectors, which the tests below repeat.

use bytes::{BufMut, Bytes, BytesMut};
use rmp::Marker;
use rmp::encode as write;

/// Most excluded connections in a message that is read.
pub const EXCLUDED_MAX: usize = 10_000;
/// Most protocols in a message that is read. There are two.
pub const PROTOCOLS_MAX: usize = 16;

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// It ends before it is complete.
    #[error("it ends too early")]
    TooShort,
    /// There is something else where this should be.
    #[error("there is no {0}")]
    Missing(&'static str),
    /// More of these than any message has.
    #[error("too many {0}")]
    TooMany(&'static str),
}

type Result<T> = std::result::Result<T, MessageError>;

/// A call of clients: the complete hub message in each protocol.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Invocation {
    /// Connections that do not receive it.
    pub excluded: Vec<String>,
    /// By the name of the protocol, `json` and `messagepack`; separator or length prefix included.
    pub messages: Vec<(String, Bytes)>,
    /// The client's answer is wanted.
    pub wanted: Option<WantedAnswer>,
}

/// How a client's answer comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedAnswer {
    /// What the answer carries.
    pub invocation_id: String,
    /// Where it is to be published, without the connection string's channel prefix.
    pub return_channel: String,
}

/// What a group command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupAction {
    /// 1.
    Add,
    /// 2.
    Remove,
}

/// A change of a group for whichever server owns the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupCommand {
    /// What the acknowledgement carries.
    pub id: i32,
    /// Who waits for it.
    pub server_name: String,
    /// What to do.
    pub action: GroupAction,
    /// With which group.
    pub group: String,
    /// And which connection.
    pub connection_id: String,
}

/// A client's answer on its way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnedAnswer {
    /// What the client speaks.
    pub protocol: String,
    /// Its complete Completion message.
    pub message: Bytes,
}

impl Invocation {
    /// The message.
    pub fn encode(&self) -> Bytes {
        encode(|buffer| {
            array(buffer, if self.wanted.is_some() { 4 } else { 2 });
            array(buffer, self.excluded.len());
            for id in &self.excluded {
                text(buffer, id);
            }
            map(buffer, self.messages.len());
            for (protocol, message) in &self.messages {
                text(buffer, protocol);
                binary(buffer, message);
            }
            if let Some(wanted) = &self.wanted {
                text(buffer, &wanted.invocation_id);
                text(buffer, &wanted.return_channel);
            }
        })
    }

    /// Reads a message. An empty or absent invocation id is none.
    ///
    /// # Errors
    /// It is no such message.
    pub fn decode(message: &[u8]) -> Result<Self> {
        let mut reader = Reader(message);
        let items = reader.array("array of an invocation")?;
        at_least(items, 2, "array of an invocation")?;
        let count =
            limited(reader.array("list of excluded connections")?, EXCLUDED_MAX, "excluded connections")?;
        let excluded = (0..count).map(|_| reader.text("excluded connection")).collect::<Result<_>>()?;
        let count = limited(reader.map("map of protocols")?, PROTOCOLS_MAX, "protocols")?;
        let messages = (0..count)
            .map(|_| Ok((reader.text("name of a protocol")?, reader.binary("hub message")?)))
            .collect::<Result<_>>()?;
        let mut wanted = None;
        if items > 3 {
            let invocation_id = reader.text_or_nil("invocation id")?;
            let return_channel = reader.text_or_nil("return channel")?;
            wanted = Some(WantedAnswer { invocation_id, return_channel })
                .filter(|wanted| !wanted.invocation_id.is_empty());
        }
        Ok(Self { excluded, messages, wanted })
    }
}

impl GroupCommand {
    /// The message.
    pub fn encode(&self) -> Bytes {
        encode(|buffer| {
            array(buffer, 5);
            integer(buffer, self.id);
            text(buffer, &self.server_name);
            integer(
                buffer,
                match self.action {
                    GroupAction::Add => 1,
                    GroupAction::Remove => 2,
                },
            );
            text(buffer, &self.group);
            text(buffer, &self.connection_id);
        })
    }

    /// Reads a message.
    ///
    /// # Errors
    /// It is no such message.
    pub fn decode(message: &[u8]) -> Result<Self> {
        let mut reader = Reader(message);
        at_least(reader.array("array of a group command")?, 5, "array of a group command")?;
        Ok(Self {
            id: reader.integer("id of a group command")?,
            server_name: reader.text("server name")?,
            action: match reader.integer("group action")? {
                1 => GroupAction::Add,
                2 => GroupAction::Remove,
                _ => return Err(MessageError::Missing("group action")),
            },
            group: reader.text("group")?,
            connection_id: reader.text("connection id")?,
        })
    }
}

/// The acknowledgement of a group command.
pub fn encode_ack(id: i32) -> Bytes {
    encode(|buffer| {
        array(buffer, 1);
        integer(buffer, id);
    })
}

/// Reads an acknowledgement: the id of the command.
///
/// # Errors
/// It is no such message.
pub fn decode_ack(message: &[u8]) -> Result<i32> {
    let mut reader = Reader(message);
    at_least(reader.array("array of an acknowledgement")?, 1, "array of an acknowledgement")?;
    reader.integer("id of a group command")
}

impl ReturnedAnswer {
    /// The message.
    pub fn encode(&self) -> Bytes {
        encode(|buffer| {
            array(buffer, 2);
            text(buffer, &self.protocol);
            binary(buffer, &self.message);
        })
    }

    /// Reads a message.
    ///
    /// # Errors
    /// It is no such message.
    pub fn decode(message: &[u8]) -> Result<Self> {
        let mut reader = Reader(message);
        at_least(reader.array("array of an answer")?, 2, "array of an answer")?;
        Ok(Self { protocol: reader.text("name of a protocol")?, message: reader.binary("hub message")? })
    }
}

fn at_least(items: usize, wanted: usize, what: &'static str) -> Result<()> {
    if items >= wanted { Ok(()) } else { Err(MessageError::Missing(what)) }
}

fn limited(count: usize, max: usize, what: &'static str) -> Result<usize> {
    if count <= max { Ok(count) } else { Err(MessageError::TooMany(what)) }
}

fn encode(fill: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut buffer = Vec::with_capacity(256);
    fill(&mut buffer);
    Bytes::from(buffer)
}

// Writing into a `Vec` cannot fail, and no message has 2^32 items.

fn array(buffer: &mut Vec<u8>, items: usize) {
    let _ = write::write_array_len(buffer, u32::try_from(items).unwrap_or(u32::MAX));
}

fn map(buffer: &mut Vec<u8>, items: usize) {
    let _ = write::write_map_len(buffer, u32::try_from(items).unwrap_or(u32::MAX));
}

fn text(buffer: &mut Vec<u8>, text: &str) {
    let _ = write::write_str(buffer, text);
}

/// The bin family; .NET reads no other.
fn binary(buffer: &mut Vec<u8>, bytes: &[u8]) {
    let _ = write::write_bin(buffer, bytes);
}

/// The shortest form, unsigned where it can be, as .NET's writer does.
fn integer(buffer: &mut Vec<u8>, number: i32) {
    let _ = write::write_sint(buffer, number.into());
}

/// What is left of a message. Lengths are checked against it before anything is copied.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn marker(&mut self) -> Result<Marker> {
        Ok(Marker::from_u8(self.take(1)?[0]))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(MessageError::TooShort)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A big-endian number of so many bytes.
    fn unsigned(&mut self, bytes: usize) -> Result<usize> {
        let read = self.take(bytes)?.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        usize::try_from(read).map_err(|_| MessageError::TooShort)
    }

    fn array(&mut self, what: &'static str) -> Result<usize> {
        match self.marker()? {
            Marker::FixArray(items) => Ok(items.into()),
            Marker::Array16 => self.unsigned(2),
            Marker::Array32 => self.unsigned(4),
            _ => Err(MessageError::Missing(what)),
        }
    }

    fn map(&mut self, what: &'static str) -> Result<usize> {
        match self.marker()? {
            Marker::FixMap(items) => Ok(items.into()),
            Marker::Map16 => self.unsigned(2),
            Marker::Map32 => self.unsigned(4),
            _ => Err(MessageError::Missing(what)),
        }
    }

    fn text(&mut self, what: &'static str) -> Result<String> {
        let marker = self.marker()?;
        self.text_after(marker, what)
    }

    /// Nil reads as empty.
    fn text_or_nil(&mut self, what: &'static str) -> Result<String> {
        match self.marker()? {
            Marker::Null => Ok(String::new()),
            marker => self.text_after(marker, what),
        }
    }

    fn text_after(&mut self, marker: Marker, what: &'static str) -> Result<String> {
        let bytes = match marker {
            Marker::FixStr(bytes) => bytes.into(),
            Marker::Str8 => self.unsigned(1)?,
            Marker::Str16 => self.unsigned(2)?,
            Marker::Str32 => self.unsigned(4)?,
            _ => return Err(MessageError::Missing(what)),
        };
        let text = str::from_utf8(self.take(bytes)?).map_err(|_| MessageError::Missing(what))?;
        Ok(text.to_owned())
    }

    fn binary(&mut self, what: &'static str) -> Result<Bytes> {
        let bytes = match self.marker()? {
            Marker::Bin8 => self.unsigned(1)?,
            Marker::Bin16 => self.unsigned(2)?,
            Marker::Bin32 => self.unsigned(4)?,
            _ => return Err(MessageError::Missing(what)),
        };
        let mut copied = BytesMut::with_capacity(bytes.min(self.0.len()));
        copied.put_slice(self.take(bytes)?);
        Ok(copied.freeze())
    }

    fn integer(&mut self, what: &'static str) -> Result<i32> {
        let number = match self.marker()? {
            Marker::FixPos(number) => number.into(),
            Marker::FixNeg(number) => number.into(),
            Marker::U8 => self.signed(1)?,
            Marker::U16 => self.signed(2)?,
            Marker::U32 => self.signed(4)?,
            Marker::U64 | Marker::I64 => self.signed(8)?,
            Marker::I8 => i64::from(self.signed(1)? as i8),
            Marker::I16 => i64::from(self.signed(2)? as i16),
            Marker::I32 => i64::from(self.signed(4)? as i32),
            _ => return Err(MessageError::Missing(what)),
        };
        i32::try_from(number).map_err(|_| MessageError::Missing(what))
    }

    /// Big-endian bits of so many bytes; those of 8 as they are.
    fn signed(&mut self, bytes: usize) -> Result<i64> {
        let bits = self.take(bytes)?.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        Ok(bits.cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(hex: &str) -> Vec<u8> {
        hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("two digits")).collect()
    }

    fn invocation(excluded: &[&str]) -> Invocation {
        let message = Bytes::from_static(&[0x2a]);
        Invocation {
            excluded: excluded.iter().map(|id| (*id).to_owned()).collect(),
            messages: vec![("p1".to_owned(), message.clone()), ("p2".to_owned(), message)],
            wanted: None,
        }
    }

    #[test]
    fn the_published_vectors_are_written_and_read() {
        let plain = invocation(&[]);
        let vector = bytes("92 90 82 a2 70 31 c4 01 2a a2 70 32 c4 01 2a");
        assert_eq!(plain.encode(), vector);
        assert_eq!(Invocation::decode(&vector), Ok(plain));

        let excluding = invocation(&["a"]);
        let vector = bytes("92 91 a1 61 82 a2 70 31 c4 01 2a a2 70 32 c4 01 2a");
        assert_eq!(excluding.encode(), vector);
        assert_eq!(Invocation::decode(&vector), Ok(excluding));

        let command = GroupCommand {
            id: 42,
            server_name: "S".to_owned(),
            action: GroupAction::Add,
            group: "G".to_owned(),
            connection_id: "C".to_owned(),
        };
        let vector = bytes("95 2a a1 53 01 a1 47 a1 43");
        assert_eq!(command.encode(), vector);
        assert_eq!(GroupCommand::decode(&vector), Ok(command));

        for (id, vector) in
            [(0, "91 00"), (180, "91 cc b4"), (384, "91 cd 01 80"), (70_000, "91 ce 00 01 11 70")]
        {
            assert_eq!(encode_ack(id), bytes(vector));
            assert_eq!(decode_ack(&bytes(vector)), Ok(id));
        }
    }

    #[test]
    fn a_call_in_both_protocols_is_the_89_bytes_that_dotnet_publishes() {
        let json = "{\"type\":1,\"target\":\"notify\",\"arguments\":[\"hi\"]}\u{1e}";
        let messagepack = bytes("10 96 01 80 c0 a6 6e 6f 74 69 66 79 91 a2 68 69 90");
        let call = Invocation {
            excluded: Vec::new(),
            messages: vec![
                ("json".to_owned(), Bytes::from(json)),
                ("messagepack".to_owned(), Bytes::from(messagepack.clone())),
            ],
            wanted: None,
        };
        let mut vector = bytes("92 90 82 a4 6a 73 6f 6e c4 30");
        vector.extend(json.as_bytes());
        vector.extend(bytes("ab 6d 65 73 73 61 67 65 70 61 63 6b c4 11"));
        vector.extend(&messagepack);
        assert_eq!(vector.len(), 89);
        assert_eq!(call.encode(), vector);
    }

    #[test]
    fn an_answer_is_wanted_when_four_items_say_so_and_further_items_are_ignored() {
        let wanted = WantedAnswer { invocation_id: "i".to_owned(), return_channel: "r".to_owned() };
        let call = Invocation { wanted: Some(wanted), ..Invocation::default() };
        assert_eq!(call.encode(), bytes("94 90 80 a1 69 a1 72"));
        assert_eq!(Invocation::decode(&bytes("95 90 80 a1 69 a1 72 c0")), Ok(call));
        for none in ["94 90 80 c0 c0", "94 90 80 a0 a0", "93 90 80 c0"] {
            assert_eq!(Invocation::decode(&bytes(none)), Ok(Invocation::default()), "{none}");
        }
        let answer = ReturnedAnswer {
            protocol: "json".to_owned(),
            message: Bytes::from_static(b"{\"type\":3,\"invocationId\":\"s1\",\"result\":6}\x1e"),
        };
        let mut vector = bytes("92 a4 6a 73 6f 6e c4 2a");
        vector.extend(&answer.message);
        assert_eq!(answer.encode(), vector);
        assert_eq!(ReturnedAnswer::decode(&vector), Ok(answer));
    }

    #[test]
    fn what_is_no_message_is_refused_with_what_is_missing() {
        use MessageError::{Missing, TooMany, TooShort};
        for (vector, error) in [
            ("", TooShort),
            ("92", TooShort),
            ("80", Missing("array of an invocation")),
            ("91 90", Missing("array of an invocation")),
            ("92 a1 61", Missing("list of excluded connections")),
            ("92 dd ff ff ff ff", TooMany("excluded connections")),
            ("92 90 df 00 00 00 11", TooMany("protocols")),
            ("92 90 81 a1 61 a1 62", Missing("hub message")),
            ("92 90 81 a1 61 c6 ff ff ff ff 00", TooShort),
            ("92 91 a1 ff 80", Missing("excluded connection")),
        ] {
            assert_eq!(Invocation::decode(&bytes(vector)), Err(error), "{vector}");
        }
        let unknown = bytes("95 2a a1 53 03 a1 47 a1 43");
        assert_eq!(GroupCommand::decode(&unknown), Err(Missing("group action")));
        assert_eq!(
            decode_ack(&bytes("91 cf 00 00 00 01 00 00 00 00")),
            Err(Missing("id of a group command"))
        );
        assert_eq!(decode_ack(&bytes("91 d0 ff")), Ok(-1));
    }

    proptest! {
        #[test]
        fn every_message_reads_back(
            excluded in prop::collection::vec(".{0,40}", 0..40),
            messages in prop::collection::vec(("[a-z]{1,12}", prop::collection::vec(any::<u8>(), 0..400)), 0..4),
            wanted in prop::option::of((".{1,40}", ".{0,300}")),
            (id, server_name, group, connection_id) in (any::<i32>(), ".{0,80}", ".{0,300}", ".{0,40}"),
            is_add in any::<bool>(),
        ) {
            let messages = messages.into_iter().map(|(name, bytes)| (name, Bytes::from(bytes))).collect();
            let wanted = wanted
                .map(|(invocation_id, return_channel)| WantedAnswer { invocation_id, return_channel });
            let call = Invocation { excluded, messages, wanted };
            prop_assert_eq!(Invocation::decode(&call.encode()), Ok(call));
            let action = if is_add { GroupAction::Add } else { GroupAction::Remove };
            let command = GroupCommand { id, server_name, action, group, connection_id };
            prop_assert_eq!(GroupCommand::decode(&command.encode()), Ok(command));
            prop_assert_eq!(decode_ack(&encode_ack(id)), Ok(id));
        }

        #[test]
        fn no_bytes_make_a_reader_fail_and_a_cut_message_is_none(
            noise in prop::collection::vec(any::<u8>(), 0..300),
            cut in 0_usize..1_000,
        ) {
            let _ = (Invocation::decode(&noise), GroupCommand::decode(&noise));
            let _ = (decode_ack(&noise), ReturnedAnswer::decode(&noise));
            let whole = invocation(&["a", "b"]).encode();
            let cut = cut % whole.len();
            prop_assert!(Invocation::decode(&whole[..cut]).is_err());
        }
    }
}
