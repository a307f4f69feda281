//! Transactions by text and by request.

use tiberius::IsolationLevel;

use crate::support::{batch, connect, error_number, scalar, server};

async fn prepared() -> (local_sql::Server, crate::support::Connection) {
    let server = server().await;
    let mut client = connect(&server).await;
    batch(&mut client, "CREATE TABLE T (Id int NOT NULL PRIMARY KEY)").await.unwrap();
    (server, client)
}

#[tokio::test]
async fn a_transaction_by_text_is_seen_by_others_after_commit_only() {
    let (server, mut client) = prepared().await;
    let mut other = connect(&server).await;
    batch(&mut client, "BEGIN TRANSACTION").await.unwrap();
    batch(&mut client, "INSERT INTO T (Id) VALUES (1)").await.unwrap();
    assert_eq!(scalar::<i32>(&mut client, "SELECT @@TRANCOUNT").await, 1);
    assert_eq!(scalar::<i32>(&mut other, "SELECT COUNT(*) FROM T").await, 0);
    batch(&mut client, "COMMIT TRANSACTION").await.unwrap();
    assert_eq!(scalar::<i32>(&mut other, "SELECT COUNT(*) FROM T").await, 1);
    server.stop().await;
}

#[tokio::test]
async fn a_parameterised_statement_takes_part_in_the_transaction() {
    let (server, mut client) = prepared().await;
    batch(&mut client, "BEGIN TRANSACTION").await.unwrap();
    client.execute("INSERT INTO T (Id) VALUES (@P1)", &[&5i32]).await.unwrap();
    batch(&mut client, "ROLLBACK TRANSACTION").await.unwrap();
    assert_eq!(scalar::<i32>(&mut client, "SELECT COUNT(*) FROM T").await, 0);
    server.stop().await;
}

#[tokio::test]
async fn transactions_by_request_commit_and_roll_back() {
    let (server, mut client) = prepared().await;
    client.begin_transaction_with_isolation(IsolationLevel::ReadCommitted).await.unwrap();
    client.execute("INSERT INTO T (Id) VALUES (1)", &[]).await.unwrap();
    client.commit_transaction().await.unwrap();
    client.begin_transaction().await.unwrap();
    client.execute("INSERT INTO T (Id) VALUES (2)", &[]).await.unwrap();
    client.rollback_transaction().await.unwrap();
    assert_eq!(scalar::<i32>(&mut client, "SELECT SUM(Id) FROM T").await, 1);
    assert_eq!(error_number(client.commit_transaction().await), 3_902);
    server.stop().await;
}

#[tokio::test]
async fn a_lost_connection_rolls_back_and_frees_its_locks() {
    let (server, mut client) = prepared().await;
    let mut lost = connect(&server).await;
    batch(&mut lost, "BEGIN TRANSACTION; INSERT INTO T (Id) VALUES (1)").await.unwrap();
    drop(lost);
    batch(&mut client, "INSERT INTO T (Id) VALUES (1)").await.unwrap();
    assert_eq!(scalar::<i32>(&mut client, "SELECT COUNT(*) FROM T").await, 1);
    server.stop().await;
}

#[tokio::test]
async fn a_savepoint_by_request_can_be_rolled_back_to_by_text() {
    let (server, mut client) = prepared().await;
    client.begin_transaction().await.unwrap();
    batch(&mut client, "INSERT INTO T (Id) VALUES (1)").await.unwrap();
    client.save_transaction("here").await.unwrap();
    batch(&mut client, "INSERT INTO T (Id) VALUES (2)").await.unwrap();
    batch(&mut client, "ROLLBACK TRANSACTION here").await.unwrap();
    client.commit_transaction().await.unwrap();
    assert_eq!(scalar::<i32>(&mut client, "SELECT SUM(Id) FROM T").await, 1);
    server.stop().await;
}

#[tokio::test]
async fn an_idle_writer_is_cut_when_others_wait() {
    let options = local_sql::Options { idle_writer_ms: 100, ..crate::support::options() };
    let server = local_sql::Server::start(options).await.unwrap();
    let mut idle = connect(&server).await;
    let mut waiting = connect(&server).await;
    batch(&mut idle, "CREATE TABLE T (Id int NOT NULL PRIMARY KEY)").await.unwrap();
    batch(&mut idle, "BEGIN TRANSACTION; INSERT INTO T (Id) VALUES (1)").await.unwrap();
    batch(&mut waiting, "INSERT INTO T (Id) VALUES (1)").await.unwrap();
    assert_eq!(scalar::<i32>(&mut waiting, "SELECT COUNT(*) FROM T").await, 1);
    let outcome = batch(&mut idle, "COMMIT TRANSACTION").await;
    assert!(matches!(outcome, Err(tiberius::error::Error::Io { .. })), "{outcome:?}");
    server.stop().await;
}
