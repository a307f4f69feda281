//! What a driver sees of each fault on demand.

use local_sql::{Action, Fault, Options, Server};
use tiberius::error::Error;

use crate::support::{batch, config, connect, connect_with, error_number, options, scalar, server};

async fn with(fault: Fault) -> (Server, crate::support::Connection) {
    let server = Server::start(Options { faults: vec![fault], ..options() }).await.unwrap();
    let mut client = connect(&server).await;
    batch(&mut client, "CREATE TABLE T (Id int NOT NULL)").await.unwrap();
    (server, client)
}

async fn rows(server: &Server) -> i32 {
    scalar(&mut connect(server).await, "SELECT COUNT(*) FROM T").await
}

#[tokio::test]
async fn a_deadlock_on_demand_rolls_back_and_leaves_the_connection_usable() {
    let (server, mut client) = with(Fault::new(Action::Deadlock).pattern("VALUES (2)").times(1)).await;
    batch(&mut client, "BEGIN TRANSACTION; INSERT INTO T (Id) VALUES (1)").await.unwrap();
    assert_eq!(error_number(batch(&mut client, "INSERT INTO T (Id) VALUES (2)").await), 1_205);
    assert_eq!(scalar::<i32>(&mut client, "SELECT @@TRANCOUNT").await, 0);
    assert_eq!(rows(&server).await, 0);
    batch(&mut client, "INSERT INTO T (Id) VALUES (2)").await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_connection_cut_before_commit_leaves_nothing_and_one_cut_after_it_leaves_all() {
    for (action, left) in [(Action::CutBefore, 0), (Action::CutAfter, 1)] {
        let (server, mut client) = with(Fault::new(action).pattern("COMMIT")).await;
        batch(&mut client, "BEGIN TRANSACTION; INSERT INTO T (Id) VALUES (1)").await.unwrap();
        let outcome = batch(&mut client, "COMMIT TRANSACTION").await;
        assert!(matches!(outcome, Err(Error::Io { .. })), "{action:?}");
        assert_eq!(rows(&server).await, left, "{action:?}");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_commit_by_request_is_cut_too() {
    let (server, mut client) = with(Fault::new(Action::CutAfter).pattern("COMMIT")).await;
    client.begin_transaction().await.unwrap();
    batch(&mut client, "INSERT INTO T (Id) VALUES (1)").await.unwrap();
    assert!(client.commit_transaction().await.is_err());
    assert_eq!(rows(&server).await, 1);
    server.stop().await;
}

#[tokio::test]
async fn a_result_cut_half_way_delivers_its_first_rows_and_an_error() {
    let (server, mut client) = with(Fault::new(Action::CutResult).pattern("FROM T").rows(2).times(1)).await;
    batch(&mut client, "INSERT INTO T (Id) VALUES (1), (2), (3)").await.unwrap();
    let outcome = batch(&mut client, "SELECT Id FROM T").await;
    assert!(matches!(outcome, Err(Error::Io { .. })), "{outcome:?}");
    server.stop().await;
}

#[tokio::test]
async fn an_unavailable_database_is_error_40613_and_the_end_of_the_connection() {
    let (server, mut client) = with(Fault::new(Action::Unavailable).pattern("SELECT 1")).await;
    assert_eq!(error_number(batch(&mut client, "SELECT 1").await), 40_613);
    assert!(batch(&mut client, "SELECT 2").await.is_err());
    server.stop().await;
}

#[tokio::test]
async fn logins_are_refused_on_demand() {
    let (server, _client) = with(Fault::new(Action::RefuseLogin).skip(1).number(40_613).times(1)).await;
    let login = || connect_with(config(server.address()));
    assert_eq!(error_number(login().await), 40_613);
    assert!(login().await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn a_login_is_routed_to_another_server() {
    let server = Server::start(Options {
        faults: vec![Fault::new(Action::Route).to("elsewhere.test", 11_433)],
        ..options()
    })
    .await
    .unwrap();
    match connect_with(config(server.address())).await {
        Err(Error::Routing { host, port }) => assert_eq!((host.as_str(), port), ("elsewhere.test", 11_433)),
        other => panic!("not routed: {:?}", other.err()),
    }
    server.stop().await;
}

#[tokio::test]
async fn faults_are_armed_and_disarmed_by_statement() {
    let server = server().await;
    let mut client = connect(&server).await;
    batch(&mut client, "EXEC local_sql.fault @action = N'error', @pattern = N'SELECT 1', @number = 1222")
        .await
        .unwrap();
    assert_eq!(error_number(batch(&mut client, "SELECT 1").await), 1_222);
    batch(&mut client, "EXEC local_sql.fault @action = N'clear'").await.unwrap();
    assert_eq!(scalar::<i32>(&mut client, "SELECT 1").await, 1);
    assert_eq!(error_number(batch(&mut client, "EXEC local_sql.fault @action = N'nonsense'").await), 40_000);
    server.stop().await;
}
