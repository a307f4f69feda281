//! Cancelling a running statement.

use std::time::Duration;

use local_sql::Action;
use tokio::time::timeout;

use crate::support::{Connection, batch, connect, scalar, server};

/// A statement that would run for minutes.
const ENDLESS: &str = "WAITFOR DELAY '00:05:00'";

/// Sends the statement and stops waiting for it; the request is on its way, its answer is not.
async fn abandon(client: &mut Connection, text: &str) {
    assert!(timeout(Duration::from_millis(50), client.simple_query(text.to_owned())).await.is_err());
}

#[tokio::test]
async fn a_cancelled_statement_ends_at_once_and_the_connection_goes_on() {
    let server = server().await;
    let mut client = connect(&server).await;
    abandon(&mut client, ENDLESS).await;
    client.cancel_query().await.unwrap();
    assert_eq!(scalar::<i32>(&mut client, "SELECT 3").await, 3);
    server.stop().await;
}

#[tokio::test]
async fn a_statement_that_waits_for_a_lock_can_be_cancelled() {
    let server = server().await;
    let mut holder = connect(&server).await;
    let mut client = connect(&server).await;
    batch(&mut holder, "CREATE TABLE T (Id int NOT NULL)").await.unwrap();
    batch(&mut holder, "BEGIN TRANSACTION; INSERT INTO T (Id) VALUES (1)").await.unwrap();
    abandon(&mut client, "INSERT INTO T (Id) VALUES (2)").await;
    client.cancel_query().await.unwrap();
    batch(&mut holder, "COMMIT TRANSACTION").await.unwrap();
    assert_eq!(scalar::<i32>(&mut client, "SELECT SUM(Id) FROM T").await, 1);
    server.stop().await;
}

#[tokio::test]
async fn an_attention_after_the_answer_is_acknowledged_too() {
    let server = server().await;
    let mut client = connect(&server).await;
    for number in 0..20 {
        // Dropping the stream leaves the answer unread; whether it was sent already is open.
        drop(client.simple_query(format!("SELECT {number}")).await.unwrap());
        let _ = timeout(Duration::from_secs(5), client.cancel_query()).await.expect("an acknowledgement");
        client = connect(&server).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_lost_client_stops_its_statement() {
    let server = server().await;
    let mut client = connect(&server).await;
    abandon(&mut client, ENDLESS).await;
    drop(client);
    // Stopping waits for every session: it would hang if the statement went on.
    timeout(Duration::from_secs(10), server.stop()).await.expect("the statement stopped");
}

#[tokio::test]
async fn stopping_the_server_stops_its_statements() {
    let options = local_sql::Options {
        faults: vec![local_sql::Fault::new(Action::Delay).pattern("SELECT 1").milliseconds(300_000)],
        ..crate::support::options()
    };
    let server = local_sql::Server::start(options).await.unwrap();
    let mut client = connect(&server).await;
    abandon(&mut client, "SELECT 1").await;
    timeout(Duration::from_secs(10), server.stop()).await.expect("the statement stopped");
}
