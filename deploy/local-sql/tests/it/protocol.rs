//! What the protocol promises and tiberius never asks for.

use std::time::Duration;

use local_sql::{Limits, Options, Server};

use crate::raw::{ATTENTION, BATCH, IGNORED, LAST, RESET, RawClient, batch, last_done, mentions};
use crate::support::{connect, options, scalar, server};

const DONE_ERROR: u16 = 0x02;
const DONE_COUNT: u16 = 0x10;
const DONE_ATTENTION: u16 = 0x20;

#[tokio::test]
async fn a_request_in_many_packets_is_one_request() {
    let server = server().await;
    let mut client = RawClient::log_in(server.address()).await;
    let request = batch(0, "SELECT N'in pieces' AS answer");
    let (last, pieces) = request.as_chunks::<7>().0.split_last().unwrap();
    for piece in pieces {
        client.packet(BATCH, 0, piece).await;
    }
    let rest = request.as_chunks::<7>().1;
    client.packet(BATCH, LAST, &[last, rest].concat()).await;
    let answer = client.answer().await.unwrap();
    assert!(mentions(&answer, "in pieces"));
    assert_eq!(last_done(&answer), DONE_COUNT);
    server.stop().await;
}

#[tokio::test]
async fn an_attention_is_acknowledged_wherever_it_comes() {
    let server = server().await;
    let mut client = RawClient::log_in(server.address()).await;
    // Nothing is running.
    client.packet(ATTENTION, LAST, &[]).await;
    assert_eq!(last_done(&client.answer().await.unwrap()), DONE_ATTENTION);
    // In the middle of a request.
    client.packet(BATCH, 0, &batch(0, "SELECT 1")).await;
    client.packet(ATTENTION, LAST, &[]).await;
    assert_eq!(last_done(&client.answer().await.unwrap()), DONE_ATTENTION);
    // While a statement runs.
    client.batch(LAST, 0, "WAITFOR DELAY '00:05:00'").await;
    client.packet(ATTENTION, LAST, &[]).await;
    assert_eq!(last_done(&client.answer().await.unwrap()), DONE_ATTENTION);
    client.batch(LAST, 0, "SELECT N'still here'").await;
    assert!(mentions(&client.answer().await.unwrap(), "still here"));
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_was_taken_back_does_not_run() {
    let server = server().await;
    let mut client = RawClient::log_in(server.address()).await;
    client.batch(IGNORED, 0, "CREATE TABLE T (Id int NOT NULL)").await;
    assert_eq!(last_done(&client.answer().await.unwrap()), DONE_ERROR);
    let mut other = connect(&server).await;
    assert_eq!(scalar::<i32>(&mut other, "SELECT COUNT(*) FROM sys.tables").await, 0);
    server.stop().await;
}

#[tokio::test]
async fn a_reset_rolls_back_and_is_confirmed_first() {
    let server = server().await;
    let mut client = RawClient::log_in(server.address()).await;
    client.batch(LAST, 0, "CREATE TABLE T (Id int NOT NULL)").await;
    client.answer().await.unwrap();
    client.batch(LAST, 0, "BEGIN TRANSACTION; INSERT INTO T (Id) VALUES (1)").await;
    client.answer().await.unwrap();
    client.batch(RESET, 0, "SELECT N'none' WHERE NOT EXISTS (SELECT 1 FROM T)").await;
    let answer = client.answer().await.unwrap();
    assert!(answer.windows(6).any(|token| token == [0xE3, 3, 0, 18, 0, 0]), "no ENVCHANGE 18");
    assert!(mentions(&answer, "none"));
    server.stop().await;
}

#[tokio::test]
async fn a_request_for_another_transaction_is_error_3989() {
    let server = server().await;
    let mut client = RawClient::log_in(server.address()).await;
    client.batch(LAST, 12_345, "SELECT 1").await;
    let answer = client.answer().await.unwrap();
    assert!(mentions(&answer, "valid transaction descriptor"));
    assert_eq!(last_done(&answer), DONE_ERROR);
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_lies_about_its_lengths_closes_the_connection() {
    let server = server().await;
    for lie in [&[0xFF; 4][..], &[0; 4], &[22, 0, 0, 0, 255, 0, 0, 0]] {
        let mut client = RawClient::log_in(server.address()).await;
        client.packet(BATCH, LAST, lie).await;
        assert_eq!(client.answer().await, None, "{lie:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_is_never_finished_closes_the_connection_and_silence_does_not() {
    let limits = Limits { message_timeout: Duration::from_millis(100), ..options().limits };
    let server = Server::start(Options { limits, ..options() }).await.unwrap();
    let mut silent = connect(&server).await;
    let mut half_a_message = RawClient::log_in(server.address()).await;
    half_a_message.packet(BATCH, 0, &batch(0, "SELECT 1")).await;
    assert_eq!(half_a_message.answer().await, None);
    let mut half_a_packet = RawClient::log_in(server.address()).await;
    half_a_packet.bytes(&[BATCH, LAST, 0]).await;
    assert_eq!(half_a_packet.answer().await, None);
    assert_eq!(scalar::<i32>(&mut silent, "SELECT 1").await, 1);
    server.stop().await;
}
