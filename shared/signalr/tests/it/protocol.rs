//! Both protocols without a server: published bytes, what is refused, and that no input breaks a parser.

use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;
use signalr::protocol::{
    Completion, Invocation, Message, Outcome, Payload, Protocol, ProtocolError, parse_handshake,
};
use signalr::{Arguments, ByteArray, SerializedInvocation, Timestamp};

fn parse(protocol: Protocol, bytes: &[u8]) -> Result<Option<Message>, ProtocolError> {
    protocol.parse(&mut BytesMut::from(bytes), Some(1 << 20))
}

fn call(protocol: Protocol, id: Option<&str>, arguments: impl Arguments) -> Invocation {
    Invocation {
        invocation_id: id.map(str::to_owned),
        target: "method".to_owned(),
        arguments: arguments.encode(protocol).expect("arguments encode"),
        stream_ids: Vec::new(),
    }
}

fn encoded(protocol: Protocol, message: &Message) -> Bytes {
    protocol.encode(message).expect("the message encodes").payload()
}

#[test]
fn messagepack_bytes_are_those_of_the_specification() {
    let bytes = |message: Message| encoded(Protocol::MessagePack, &message);
    let completion = |outcome| Message::Completion(Completion { invocation_id: "xyz".into(), outcome });
    let forty_two = Payload::encode(Protocol::MessagePack, &42).expect("a number encodes");
    assert_eq!(
        bytes(Message::Invocation(call(Protocol::MessagePack, Some("xyz"), (42,)))),
        &b"\x11\x96\x01\x80\xa3xyz\xa6method\x91\x2a\x90"[..]
    );
    assert_eq!(
        bytes(Message::Invocation(call(Protocol::MessagePack, None, (42,)))),
        &b"\x0e\x96\x01\x80\xc0\xa6method\x91\x2a\x90"[..]
    );
    assert_eq!(bytes(completion(Outcome::Void)), &b"\x08\x94\x03\x80\xa3xyz\x02"[..]);
    assert_eq!(bytes(completion(Outcome::Value(forty_two))), &b"\x09\x95\x03\x80\xa3xyz\x03\x2a"[..]);
    assert_eq!(bytes(completion(Outcome::Error("no".into()))), &b"\x0b\x95\x03\x80\xa3xyz\x01\xa2no"[..]);
    assert_eq!(bytes(Message::Ping), &b"\x02\x91\x06"[..]);
    let close = Message::Close { error: Some("xyz".into()), allow_reconnect: true };
    assert_eq!(bytes(close), &b"\x07\x93\x07\xa3xyz\xc3"[..]);
    assert_eq!(bytes(Message::Ack(36)), &b"\x03\x92\x08\x24"[..]);
    assert_eq!(bytes(Message::Sequence(200)), &b"\x04\x92\x09\xcc\xc8"[..]);
}

#[test]
fn a_broadcast_has_the_published_bytes_in_both_protocols() {
    let invocation = SerializedInvocation::new("notify", ("hi",)).expect("a string encodes");
    let json = &b"{\"type\":1,\"target\":\"notify\",\"arguments\":[\"hi\"]}\x1e"[..];
    let messagepack = &b"\x10\x96\x01\x80\xc0\xa6notify\x91\xa2hi\x90"[..];
    assert_eq!(invocation.blob(Protocol::Json), json);
    assert_eq!(invocation.blob(Protocol::MessagePack), messagepack);
    let translated = SerializedInvocation::from_blobs(Some(json), None, None).expect("JSON is translated");
    assert_eq!(translated.blob(Protocol::MessagePack), messagepack);
    assert!(SerializedInvocation::from_blobs(None, Some(messagepack), None).is_err());
}

#[test]
fn fields_of_json_come_in_any_order_and_unknown_ones_are_ignored() {
    let text =
        b"{\"target\":\"Echo\",\"new\":[1,{}],\"arguments\":[\"hi\"],\"invocationId\":\"0\",\"type\":1}\x1e";
    let Ok(Some(Message::Invocation(invocation))) = parse(Protocol::Json, text) else {
        panic!("no invocation")
    };
    assert_eq!(invocation.target, "Echo");
    assert_eq!(invocation.invocation_id.as_deref(), Some("0"));
    assert_eq!(invocation.arguments[0].bytes(), "\"hi\"");
}

#[test]
fn a_null_result_is_a_result() {
    for (protocol, bytes) in [
        (Protocol::Json, &b"{\"type\":3,\"invocationId\":\"1\",\"result\":null}\x1e"[..]),
        (Protocol::MessagePack, b"\x07\x95\x03\x80\xa11\x03\xc0"),
    ] {
        let Ok(Some(Message::Completion(completion))) = parse(protocol, bytes) else {
            panic!("no completion")
        };
        assert!(matches!(completion.outcome, Outcome::Value(_)), "{protocol:?}");
    }
}

#[test]
fn malformed_messages_are_refused() {
    let refused = |text: &str| parse(Protocol::Json, format!("{text}\u{1e}").as_bytes()).is_err();
    assert!(refused("{"));
    assert!(refused("[]"));
    assert!(refused("{}"));
    assert!(refused(r#"{"type":1,"arguments":[]}"#), "no target");
    assert!(refused(r#"{"type":1,"target":"x"}"#), "no arguments");
    assert!(refused(r#"{"type":1,"target":"x","arguments":[],"invocationId":""}"#), "an empty id");
    assert!(refused(r#"{"type":4,"target":"x","arguments":[]}"#), "a stream without id");
    assert!(refused(r#"{"type":3,"invocationId":"1","result":1,"error":"x"}"#), "both");
    assert!(refused(r#"{"type":2,"invocationId":"1"}"#), "no item");
    assert!(refused(r#"{"type":8,"sequenceId":-1}"#));
    for bytes in [
        &b"\x01\xc0"[..],
        b"\x01\x90",
        b"\x02\x91\xc0",
        b"\x04\x96\x01\x80\xc0",
        b"\x03\x92\x08\xff",
        b"\xff\xff\xff\xff\xff",
        // Claims four thousand million arguments.
        b"\x0d\x96\x01\x80\xc0\xa1m\xdd\xff\xff\xff\xff\x90\x90",
        // A string that is no UTF-8.
        b"\x08\x96\x01\x80\xc0\xa1\xff\x90\x90",
    ] {
        assert!(parse(Protocol::MessagePack, bytes).is_err(), "{bytes:x?}");
    }
}

#[test]
fn a_message_over_the_limit_is_refused_before_it_is_complete() {
    let endless = BytesMut::from(&[b' '; 64][..]);
    assert_eq!(Protocol::Json.parse(&mut endless.clone(), Some(64)), Err(ProtocolError::TooLarge(64)));
    assert_eq!(Protocol::Json.parse(&mut endless.clone(), Some(65)), Ok(None));
    let mut announced = BytesMut::from(&b"\xff\x7f"[..]);
    assert_eq!(Protocol::MessagePack.parse(&mut announced, Some(64)), Err(ProtocolError::TooLarge(64)));
    assert_eq!(parse_handshake(&mut endless.clone(), Some(63)), Err(ProtocolError::TooLarge(63)));
}

#[test]
fn invocations_of_five_and_of_more_items_are_read() {
    for bytes in
        [&b"\x0e\x95\x01\x80\xa10\xa4Echo\x91\xa2hi"[..], b"\x10\x97\x01\x80\xa10\xa4Echo\x91\xa2hi\x90\x2a"]
    {
        let Ok(Some(Message::Invocation(invocation))) = parse(Protocol::MessagePack, bytes) else {
            panic!("no invocation")
        };
        assert_eq!(invocation.arguments[0].decode::<String>().expect("a string"), "hi");
    }
}

#[test]
fn deep_nesting_costs_no_stack() {
    let mut body = b"\x95\x01\x80\xc0\xa1m\x91".to_vec();
    body.extend(vec![0x91; 200_000]);
    body.push(0xc0);
    let mut bytes = vec![
        0x80 | (body.len() & 0x7f) as u8,
        0x80 | ((body.len() >> 7) & 0x7f) as u8,
        (body.len() >> 14) as u8,
    ];
    bytes.extend(body);
    let Ok(Some(Message::Invocation(invocation))) = parse(Protocol::MessagePack, &bytes) else {
        panic!("no invocation")
    };
    assert!(invocation.arguments[0].decode::<serde_json::Value>().is_err());
    let nested = format!(
        "{{\"type\":1,\"target\":\"m\",\"arguments\":[{}1{}]}}\u{1e}",
        "[".repeat(9000),
        "]".repeat(9000)
    );
    // Whether it is read or refused: it comes back.
    let _ = parse(Protocol::Json, nested.as_bytes());
}

#[test]
fn bytes_and_timestamps_survive_both_protocols() {
    let times = [0_i64, 1, 1_700_000_000, 4_294_967_296, 20_000_000_000, -1, -62_135_596_800];
    for protocol in Protocol::ALL {
        let bytes = ByteArray(vec![0, 255, 10, 13]);
        let payload = Payload::encode(protocol, &bytes).expect("bytes encode");
        assert_eq!(payload.decode::<ByteArray>().expect("bytes"), bytes);
        for (seconds, nanosecond) in times.iter().zip([0, 1, 999_999_999, 0, 7, 0, 500]) {
            let time = time::OffsetDateTime::from_unix_timestamp(*seconds).expect("in range");
            let time = Timestamp(time.replace_nanosecond(nanosecond).expect("in range"));
            let payload = Payload::encode(protocol, &time).expect("a timestamp encodes");
            assert_eq!(payload.decode::<Timestamp>().expect("a timestamp"), time, "{protocol:?}");
        }
    }
    // As a `Date` of JavaScript arrives.
    let payload =
        call(Protocol::MessagePack, None, (Timestamp(time::macros::datetime!(2026-01-02 03:04:05 UTC)),));
    assert_eq!(payload.arguments[0].bytes()[..2], [0xd6, 0xff]);
}

fn any_text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 äöü\u{1e}\n\"\\\\]{1,12}"
}

fn any_payload(protocol: Protocol) -> impl Strategy<Value = Payload> {
    let value = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any_text().prop_map(Into::into),
        vec(any::<u16>(), 0..20).prop_map(Into::into),
        (any_text(), any::<i32>()).prop_map(|(key, value)| serde_json::json!({ key: value })),
    ];
    value.prop_map(move |value| Payload::encode(protocol, &value).expect("JSON values encode"))
}

fn any_message(protocol: Protocol) -> impl Strategy<Value = Message> {
    let invocation =
        (any::<Option<u32>>(), any_text(), vec(any_payload(protocol), 0..20), vec(any_text(), 0..3));
    let invocation = invocation.prop_map(|(id, target, arguments, stream_ids)| Invocation {
        invocation_id: id.map(|id| id.to_string()),
        target,
        arguments,
        stream_ids,
    });
    let invocation = invocation.boxed();
    let outcome = prop_oneof![
        Just(Outcome::Void),
        any_text().prop_map(Outcome::Error),
        any_payload(protocol).prop_map(Outcome::Value),
    ];
    prop_oneof![
        invocation.clone().prop_map(Message::Invocation),
        invocation.prop_map(|mut invocation| {
            invocation.invocation_id.get_or_insert("7".into());
            Message::StreamInvocation(invocation)
        }),
        (any_text(), any_payload(protocol))
            .prop_map(|(invocation_id, item)| Message::StreamItem { invocation_id, item }),
        (any_text(), outcome)
            .prop_map(|(invocation_id, outcome)| Message::Completion(Completion { invocation_id, outcome })),
        any_text().prop_map(|invocation_id| Message::CancelInvocation { invocation_id }),
        Just(Message::Ping),
        (any::<Option<bool>>(), any::<bool>()).prop_map(|(error, allow_reconnect)| Message::Close {
            error: error.map(|error| error.to_string()),
            allow_reconnect
        }),
        any::<u64>().prop_map(Message::Ack),
        any::<u64>().prop_map(Message::Sequence),
    ]
}

fn any_messages() -> impl Strategy<Value = (Protocol, Vec<Message>)> {
    proptest::sample::select(&Protocol::ALL[..])
        .prop_flat_map(|protocol| (Just(protocol), vec(any_message(protocol), 1..6)))
}

proptest! {
    #[test]
    fn what_is_written_is_read_wherever_the_bytes_are_cut(
        (protocol, messages) in any_messages(),
        cuts in vec(1_usize..40, 1..20),
    ) {
        let wire: Vec<u8> = messages.iter().flat_map(|message| encoded(protocol, message).to_vec()).collect();
        let (mut buffer, mut read, mut rest) = (BytesMut::new(), Vec::new(), &wire[..]);
        for cut in cuts.iter().cycle() {
            let (part, left) = rest.split_at((*cut).min(rest.len()));
            buffer.extend_from_slice(part);
            rest = left;
            while let Some(message) = protocol.parse(&mut buffer, None).expect("own messages are read") {
                read.push(message);
            }
            if rest.is_empty() { break }
        }
        prop_assert_eq!(read, messages);
        prop_assert!(buffer.is_empty());
    }

    #[test]
    fn no_bytes_break_a_parser(
        protocol in proptest::sample::select(&Protocol::ALL[..]),
        bytes in vec(any::<u8>(), 0..300),
    ) {
        let mut buffer = BytesMut::from(&bytes[..]);
        // Each message takes bytes away, so this ends.
        while let Ok(Some(message)) = protocol.parse(&mut buffer, Some(256)) {
            if let Message::Invocation(invocation) = message {
                for argument in invocation.arguments {
                    let _ = argument.decode::<serde_json::Value>();
                }
            }
        }
        let _ = parse_handshake(&mut BytesMut::from(&bytes[..]), Some(256));
    }

    #[test]
    fn a_flipped_byte_breaks_no_parser(
        (protocol, messages) in any_messages(),
        at in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let mut wire: Vec<u8> = messages.iter().flat_map(|message| encoded(protocol, message).to_vec()).collect();
        let at = at.index(wire.len());
        wire[at] = value;
        let mut buffer = BytesMut::from(&wire[..]);
        while let Ok(Some(message)) = protocol.parse(&mut buffer, None) {
            if let Message::StreamItem { item, .. } = message {
                let _ = item.decode::<serde_json::Value>();
                let _ = item.decode::<Timestamp>();
            }
        }
    }
}
