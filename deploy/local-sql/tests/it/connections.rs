//! Many connections, and what ends them.

use std::time::Duration;

use local_sql::{Limits, Options, Server};

use crate::support::{batch, config, connect, connect_with, error_number, options, scalar, server, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_connections_work_at_once() {
    const CONNECTIONS: i32 = 200;
    const ROWS_EACH: i32 = 2;
    // On a busy machine the last of them waits long for its turn.
    let limits = Limits { login_timeout: Duration::from_secs(600), ..options().limits };
    let server = Server::start(Options { limits, ..options() }).await.unwrap();
    let mut first = connect(&server).await;
    batch(&mut first, "CREATE TABLE T (Id int NOT NULL PRIMARY KEY, Worker int NOT NULL)").await.unwrap();
    let all_are_in = std::sync::Arc::new(tokio::sync::Barrier::new(CONNECTIONS as usize));
    let workers: Vec<_> = (0..CONNECTIONS)
        .map(|worker| {
            let (config, all_are_in) = (config(server.address()), all_are_in.clone());
            tokio::spawn(async move {
                let mut client = connect_with(config).await.unwrap();
                all_are_in.wait().await;
                for number in 0..ROWS_EACH {
                    let id = worker * ROWS_EACH + number;
                    let insert = "INSERT INTO T (Id, Worker) VALUES (@P1, @P2)";
                    client.execute(insert, &[&id, &worker]).await.unwrap();
                }
                let text = format!("SELECT COUNT(*) FROM T WHERE Worker = {worker}");
                scalar::<i32>(&mut client, &text).await
            })
        })
        .collect();
    for worker in workers {
        assert_eq!(worker.await.unwrap(), ROWS_EACH);
    }
    assert_eq!(scalar::<i32>(&mut first, "SELECT COUNT(*) FROM T").await, CONNECTIONS * ROWS_EACH);
    server.stop().await;
}

#[tokio::test]
async fn one_connection_above_the_limit_is_error_17809_until_another_leaves() {
    let limits = Limits { max_sessions: 2, ..options().limits };
    let server = Server::start(Options { limits, ..options() }).await.unwrap();
    let first = connect(&server).await;
    let _second = connect(&server).await;
    assert_eq!(error_number(connect_with(config(server.address())).await), 17_809);
    drop(first);
    until("a free session", || async { connect_with(config(server.address())).await.is_ok() }).await;
    server.stop().await;
}

#[tokio::test]
async fn a_request_above_the_limit_closes_its_connection_only() {
    let limits = Limits { max_message_bytes: 100_000, ..options().limits };
    let server = Server::start(Options { limits, ..options() }).await.unwrap();
    let mut greedy = connect(&server).await;
    let mut modest = connect(&server).await;
    let outcome = batch(&mut greedy, &format!("SELECT N'{}'", "x".repeat(100_000))).await;
    assert!(outcome.is_err());
    assert_eq!(scalar::<i32>(&mut modest, "SELECT 1").await, 1);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_up_nobody() {
    let server = server().await;
    let mut slow = connect(&server).await;
    let mut quick = connect(&server).await;
    let rows = format!("[{}]", vec!["1"; 100_000].join(","));
    let unread =
        slow.query("SELECT REPLICATE(N'x', 1000) AS pad FROM OPENJSON(@P1) AS x", &[&rows]).await.unwrap();
    batch(&mut quick, "CREATE TABLE T (Id int NOT NULL)").await.unwrap();
    assert_eq!(scalar::<i32>(&mut quick, "SELECT COUNT(*) FROM T").await, 0);
    drop(unread);
    server.stop().await;
}
