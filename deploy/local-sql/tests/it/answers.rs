//! Answers token by token: packets, DONE flags, changes of the environment, return status, output parameters.

use crate::raw::{ATTENTION, LAST, Login, PRELOGIN, RawClient, parameter};
use crate::support::server;
use crate::tokens::{
    ATTENTION as ATTENTION_FLAG, COUNT, DONE, DONE_IN_PROCEDURE, DONE_PROCEDURE, FAILED, MORE, Token, Value,
    dones, errors, tokens,
};

/// `int` as a parameter: its TYPE_INFO and a value.
fn int(value: i32) -> Vec<u8> {
    [&[0x26, 4, 4][..], &value.to_le_bytes()].concat()
}

fn environment(answer: &[u8]) -> Vec<(u8, Value, Value)> {
    let change = |token| match token {
        Token::Environment { kind, new, old } => Some((kind, new, old)),
        _ => None,
    };
    tokens(answer).into_iter().filter_map(change).collect()
}

fn information(answer: &[u8]) -> Vec<i32> {
    let number = |token| match token {
        Token::Message { is_error: false, number, .. } => Some(number),
        _ => None,
    };
    tokens(answer).into_iter().filter_map(number).collect()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[tokio::test]
async fn a_login_announces_database_collation_language_and_packet_size() {
    let server = server().await;
    let login = Login { packet_bytes: 8_000, ..Login::default() };
    let (_client, answer) = RawClient::log_in_with(server.address(), &PRELOGIN, &login).await;
    let changes = environment(&answer);
    assert!(changes.contains(&(1, text("Shop"), text("master"))), "{changes:?}");
    assert!(changes.contains(&(2, text("us_english"), text(""))), "{changes:?}");
    assert!(changes.contains(&(4, text("8000"), text("4096"))), "{changes:?}");
    let latin1 = Value::Bytes(vec![9, 4, 0xD0, 0, 0x34]);
    assert!(changes.contains(&(7, latin1, Value::Bytes(vec![]))), "{changes:?}");
    assert_eq!(information(&answer), [5_701, 5_703]);
    assert!(tokens(&answer).contains(&Token::LoginAcknowledged));
    assert_eq!(dones(&answer), [(DONE, 0, 0)]);
    server.stop().await;
}

#[tokio::test]
async fn every_packet_of_an_answer_but_the_last_has_the_negotiated_size() {
    let server = server().await;
    for (asked, agreed) in
        [(0, 4_096), (1, 512), (512, 512), (5_000, 5_000), (32_767, 32_767), (99_999, 32_767)]
    {
        let login = Login { packet_bytes: asked, ..Login::default() };
        let (mut client, answer) = RawClient::log_in_with(server.address(), &PRELOGIN, &login).await;
        assert!(environment(&answer).contains(&(4, text(&agreed.to_string()), text("4096"))), "{asked}");
        client.batch(LAST, 0, "SELECT REPLICATE(CAST(N'x' AS nvarchar(max)), 100000)").await;
        let packets = client.answer_in_packets().await.unwrap();
        let (last, full) = packets.split_last().unwrap();
        assert!(full.iter().all(|packet| packet.len() + 8 == agreed), "{asked}");
        assert!(!last.is_empty() && last.len() + 8 <= agreed, "{asked}");
        assert_eq!(tokens(&packets.concat()).len(), 3, "columns, row, DONE: {asked}");
    }
    server.stop().await;
}

#[tokio::test]
async fn done_tokens_tell_of_more_counts_and_errors() {
    let server = server().await;
    let mut client = RawClient::log_in(server.address()).await;
    client.ask("CREATE TABLE T (Id int NOT NULL PRIMARY KEY)").await;
    let answer = client
        .ask("INSERT INTO T (Id) VALUES (1), (2); SELECT Id FROM T; INSERT INTO T (Id) VALUES (1); DELETE FROM T;")
        .await;
    let expected =
        [(DONE, MORE | COUNT, 2), (DONE, MORE | COUNT, 2), (DONE, MORE | FAILED, 0), (DONE, COUNT, 2)];
    assert_eq!(dones(&answer), expected);
    assert_eq!(errors(&answer), [2_627]);
    let nocount = client.ask("SET NOCOUNT ON; SELECT 1 AS a; UPDATE T SET Id = 1").await;
    assert!(dones(&nocount).iter().all(|(_, status, _)| status & COUNT == 0 || *status == MORE | COUNT));
    assert!(errors(&nocount).is_empty());
    let syntax = client.ask("SELECT 1; SELECT 2 + /* not T-SQL */").await;
    assert_eq!((errors(&syntax), dones(&syntax)), (vec![102], vec![(DONE, FAILED, 0)]));
    server.stop().await;
}

#[tokio::test]
async fn an_attention_ends_the_answer_with_its_own_flag() {
    let server = server().await;
    let mut client = RawClient::log_in(server.address()).await;
    client.batch(LAST, 0, "SELECT 1 AS a; WAITFOR DELAY '00:05:00'").await;
    client.packet(ATTENTION, LAST, &[]).await;
    let answer = client.answer().await.unwrap();
    assert_eq!(dones(&answer).last(), Some(&(DONE, ATTENTION_FLAG, 0)));
    assert!(errors(&answer).is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_transaction_announces_its_begin_and_its_end() {
    let server = server().await;
    let mut client = RawClient::log_in(server.address()).await;
    for (end, kind) in [("COMMIT", 9), ("ROLLBACK", 10)] {
        let began = client.ask("BEGIN TRANSACTION").await;
        let none = Value::Bytes(vec![]);
        let [(8, Value::Bytes(descriptor), old)] = &environment(&began)[..] else { panic!("{began:?}") };
        assert_eq!((descriptor.len(), old), (8, &none));
        let transaction = u64::from_le_bytes(descriptor.as_slice().try_into().unwrap());
        client.batch(LAST, transaction, end).await;
        let ended = environment(&client.answer().await.unwrap());
        assert_eq!(ended, [(kind, none, Value::Bytes(descriptor.clone()))]);
    }
    server.stop().await;
}

#[tokio::test]
async fn another_database_is_announced() {
    let server = server().await;
    let mut client = RawClient::log_in(server.address()).await;
    let answer = client.ask("USE master").await;
    assert_eq!(environment(&answer), [(1, text("master"), text("Shop"))]);
    assert_eq!(information(&answer), [5_701]);
    server.stop().await;
}

#[tokio::test]
async fn a_call_answers_rows_status_outputs_and_its_done_in_this_order() {
    let server = server().await;
    let mut client = RawClient::log_in(server.address()).await;
    let parameters =
        [parameter("@n", 0, &int(20)), parameter("@twice", 1, &int(0)), parameter("@none", 1, &int(7))]
            .concat();
    let answer = client
        .execute_sql(
            "SELECT @n AS n; SET @twice = 2 * @n; SET @none = NULL",
            "@n int, @twice int OUTPUT, @none int OUTPUT",
            &parameters,
        )
        .await;
    let found = tokens(&answer);
    assert!(matches!(found[0], Token::Columns(_)) && matches!(found[1], Token::Row(_)), "{found:?}");
    let output = |ordinal, name: &str, value: Option<i32>| Token::ReturnValue {
        ordinal,
        name: name.to_owned(),
        value: value.map(|value| value.to_le_bytes().to_vec()),
    };
    let expected = [
        Token::Done { kind: DONE_IN_PROCEDURE, status: MORE | COUNT, count: 1 },
        Token::ReturnStatus(0),
        output(3, "@twice", Some(40)),
        output(4, "@none", None),
        Token::Done { kind: DONE_PROCEDURE, status: 0, count: 0 },
    ];
    assert_eq!(found[2..], expected);
    // By position: no names, so the ordinals tell the outputs apart.
    let by_position =
        [parameter("", 0, &int(20)), parameter("", 1, &int(0)), parameter("", 1, &int(7))].concat();
    let declarations = "@n int, @twice int OUTPUT, @none int OUTPUT";
    let answer = client.execute_sql("SET @twice = 2 * @n", declarations, &by_position).await;
    let found = tokens(&answer);
    assert!(found.contains(&output(3, "", Some(40))) && found.contains(&output(4, "", Some(7))), "{found:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_call_that_fails_says_so_in_its_done() {
    let server = server().await;
    let mut client = RawClient::log_in(server.address()).await;
    let answer = client.execute_sql("SELECT 1 / @n AS x", "@n int", &parameter("@n", 0, &int(0))).await;
    assert_eq!(errors(&answer), [8_134]);
    let (kind, status, _) = *dones(&answer).last().unwrap();
    assert_eq!((kind, status & FAILED), (DONE_PROCEDURE, FAILED));
    server.stop().await;
}
