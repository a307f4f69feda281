//! What a driver sees of each fault on demand.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use local_sql::{Action, Fault, Options, Server};
use tiberius::Command;
use tiberius::error::Error;
use tokio::time::timeout;

use crate::binary::Binary;
use crate::support::{PASSWORD, batch, config, connect, connect_with, error_number, options, scalar, server};

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
    let mut rows = client.simple_query("SELECT Id FROM T ORDER BY Id").await.unwrap().into_row_stream();
    assert_eq!(rows.try_next().await.unwrap().and_then(|row| row.get::<i32, _>(0)), Some(1));
    assert_eq!(rows.try_next().await.unwrap().and_then(|row| row.get::<i32, _>(0)), Some(2));
    let outcome = rows.try_next().await;
    assert!(matches!(outcome, Err(Error::Io { .. })), "{outcome:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_delayed_statement_answers_later_and_a_cancel_ends_the_wait() {
    let delay = Duration::from_millis(150);
    let (server, mut client) =
        with(Fault::new(Action::Delay).pattern("SELECT 1").milliseconds(150).times(1)).await;
    let began = std::time::Instant::now();
    assert_eq!(scalar::<i32>(&mut client, "SELECT 1").await, 1);
    assert!(began.elapsed() >= delay);
    batch(
        &mut client,
        "EXEC local_sql.fault @action = N'delay', @pattern = N'SELECT 2', @milliseconds = 300000",
    )
    .await
    .unwrap();
    assert!(timeout(Duration::from_millis(50), client.simple_query("SELECT 2")).await.is_err());
    client.cancel_query().await.unwrap();
    assert_eq!(scalar::<i32>(&mut client, "SELECT 3").await, 3);
    server.stop().await;
}

#[tokio::test]
async fn an_error_on_demand_leaves_the_transaction_open() {
    let fault = Fault { message: Some("Busy with something else.".to_owned()), ..Fault::new(Action::Error) };
    let (server, mut client) = with(fault.pattern("VALUES (2)").number(8_645).times(1)).await;
    batch(&mut client, "BEGIN TRANSACTION; INSERT INTO T (Id) VALUES (1)").await.unwrap();
    match batch(&mut client, "INSERT INTO T (Id) VALUES (2)").await {
        Err(Error::Server(error)) => {
            assert_eq!((error.code(), error.message()), (8_645, "Busy with something else."));
        }
        other => panic!("no error of the server: {other:?}"),
    }
    batch(&mut client, "COMMIT TRANSACTION").await.unwrap();
    assert_eq!(rows(&server).await, 1);
    server.stop().await;
}

#[tokio::test]
async fn every_third_statement_after_the_first_fails_twice() {
    let fault = Fault::new(Action::Error).pattern("INSERT INTO T").skip(1).every(3).times(2).number(1_222);
    let (server, mut client) = with(fault).await;
    let mut failed = Vec::new();
    for id in 0..13 {
        let outcome = client.execute("INSERT INTO T (Id) VALUES (@P1)", &[&id]).await;
        if outcome.is_err() {
            assert_eq!(error_number(outcome), 1_222);
            failed.push(id);
        }
    }
    assert_eq!(failed, [3, 6]);
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
async fn a_login_refused_without_a_number_is_18456_and_only_to_the_database_that_matches() {
    let (server, _client) = with(Fault::new(Action::RefuseLogin).pattern("other")).await;
    let mut other = config(server.address());
    other.database("Another");
    assert_eq!(error_number(connect_with(other).await), 18_456);
    assert!(connect_with(config(server.address())).await.is_ok());
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

#[tokio::test]
async fn faults_are_armed_by_a_procedure_call_too() {
    let server = server().await;
    let mut client = connect(&server).await;
    let mut call = Command::new("local_sql.fault");
    call.bind_param("@action", "error");
    call.bind_param("@pattern", "SELECT 1");
    call.bind_param("@number", 1_222i32);
    call.bind_param("@times", 1i64);
    call.exec(&mut client).await.unwrap().into_command_result().await.unwrap();
    assert_eq!(error_number(client.query("SELECT 1", &[]).await.map(|_| ())), 1_222);
    assert_eq!(scalar::<i32>(&mut client, "SELECT 1").await, 1);
    server.stop().await;
}

#[tokio::test]
async fn the_binary_arms_the_faults_of_a_file_and_refuses_one_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faults.jsonl");
    std::fs::write(
        &file,
        "# two faults\n{\"action\":\"error\",\"pattern\":\"SELECT 1\",\"number\":1222,\"times\":1}\n\n\
         {\"action\":\"cut_after\",\"pattern\":\"COMMIT\"}\n",
    )
    .unwrap();
    let binary = Binary::start_with(["--memory".as_ref(), "--faults".as_ref(), file.as_os_str()]);
    let mut client = connect_with(config(binary.address)).await.unwrap();
    assert_eq!(error_number(batch(&mut client, "SELECT 1").await), 1_222);
    batch(&mut client, "CREATE TABLE T (Id int NOT NULL)").await.unwrap();
    batch(&mut client, "BEGIN TRANSACTION; INSERT INTO T (Id) VALUES (1)").await.unwrap();
    assert!(matches!(batch(&mut client, "COMMIT TRANSACTION").await, Err(Error::Io { .. })));
    let mut client = connect_with(config(binary.address)).await.unwrap();
    assert_eq!(scalar::<i32>(&mut client, "SELECT COUNT(*) FROM T").await, 1);

    for (mistake, named) in [
        ("{\"action\":\"deadlok\"}", "line 1"),
        ("\n{\"action\":\"route\",\"host\":\"x\"}", "route needs host and port"),
    ] {
        std::fs::write(&file, mistake).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_local-sql"));
        command
            .args(["--memory", "--listen", "127.0.0.1:0", "--sa-password", PASSWORD, "--faults"])
            .arg(&file);
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && said.contains(named), "{said}");
    }
}
