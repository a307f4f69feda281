//! Who may log in.

use std::net::SocketAddr;
use std::time::Duration;

use local_sql::{Error, Limits, Options, Server};
use tiberius::AuthMethod;

use crate::raw::{Login, PRELOGIN, RawClient, mentions};
use crate::support::{batch, config, connect, connect_with, error_number, options, scalar, server};

#[tokio::test]
async fn the_database_of_a_login_exists_from_then_on() {
    let server = server().await;
    let mut client = connect(&server).await;
    let results = batch(&mut client, "SELECT DB_NAME()").await.unwrap();
    assert_eq!(results[0][0].get::<&str, _>(0), Some("Shop"));
    batch(&mut client, "CREATE TABLE T (Id int NOT NULL)").await.unwrap();
    let mut second = connect(&server).await;
    batch(&mut second, "INSERT INTO T (Id) VALUES (1)").await.unwrap();
    assert_eq!(scalar::<i32>(&mut client, "SELECT COUNT(*) FROM T").await, 1);
    server.stop().await;
}

#[tokio::test]
async fn a_session_knows_what_its_client_says_about_itself() {
    let server = server().await;
    let mut config = config(server.address());
    config.application_name("checkout");
    let mut client = connect_with(config).await.unwrap();
    assert_eq!(scalar_text(&mut client, "SELECT APP_NAME()").await, "checkout");
    let (mut raw, _) = RawClient::log_in_with(server.address(), &PRELOGIN, &Login::default()).await;
    assert!(mentions(&raw.ask("SELECT HOST_NAME() + N'/' + APP_NAME()").await, "host/raw"));
    server.stop().await;
}

/// The first column of the first row, as text.
async fn scalar_text(client: &mut crate::support::Connection, text: &str) -> String {
    batch(client, text).await.unwrap()[0][0].get::<&str, _>(0).unwrap().to_owned()
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_login_are_error_18456() {
    let server = server().await;
    for (user, password) in [("sa", "wrong"), ("sa", ""), ("admin", crate::support::PASSWORD)] {
        let mut config = config(server.address());
        config.authentication(AuthMethod::sql_server(user, password));
        assert_eq!(error_number(connect_with(config).await), 18_456, "{user}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_refused_login_is_answered_late() {
    let delay = Duration::from_millis(200);
    let limits = Limits { login_failure_delay: delay, ..Limits::default() };
    let server = Server::start(Options { limits, ..options() }).await.unwrap();
    let mut config = config(server.address());
    config.authentication(AuthMethod::sql_server("sa", "wrong"));
    let began = std::time::Instant::now();
    assert_eq!(error_number(connect_with(config).await), 18_456);
    assert!(began.elapsed() >= delay);
    server.stop().await;
}

#[tokio::test]
async fn the_packet_size_is_negotiated() {
    let server = server().await;
    for packet_size in [512, 4_096, 32_767] {
        let mut config = config(server.address());
        config.packet_size(packet_size);
        let mut client = connect_with(config).await.unwrap();
        let text = "x".repeat(100_000);
        let row = client.query("SELECT @P1", &[&text]).await.unwrap().into_row().await.unwrap().unwrap();
        assert_eq!(row.get::<&str, _>(0), Some(text.as_str()));
    }
    server.stop().await;
}

#[tokio::test]
async fn only_loopback_addresses_and_a_password_are_accepted() {
    let listen: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let outcome = Server::start(Options { listen, ..options() }).await;
    assert!(matches!(outcome, Err(Error::NotLoopback(_))));
    let outcome = Server::start(Options { sa_password: String::new(), ..options() }).await;
    assert!(matches!(outcome, Err(Error::NoPassword)));
}

#[tokio::test]
async fn other_machines_are_let_in_only_by_name_and_with_a_long_password() {
    let listen: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let remote = Options { listen, allow_remote: true, ..options() };
    let outcome = Server::start(remote.clone()).await;
    assert!(matches!(outcome, Err(Error::WeakPassword)));

    let sa_password = format!("{}-and-more", crate::support::PASSWORD);
    let server = Server::start(Options { sa_password: sa_password.clone(), ..remote }).await.unwrap();
    let mut config = config(([127, 0, 0, 1], server.address().port()).into());
    config.authentication(AuthMethod::sql_server("sa", sa_password));
    let mut client = connect_with(config).await.unwrap();
    assert_eq!(scalar::<i32>(&mut client, "SELECT 7").await, 7);
    server.stop().await;
}

#[tokio::test]
async fn the_binary_takes_its_password_from_a_file_and_refuses_remote_clients_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, format!("{}\n", crate::support::PASSWORD)).unwrap();
    let run = |words: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_local-sql"));
        let output =
            command.arg("--memory").args(words).arg("--sa-password-file").arg(&file).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let refused = run(&["--listen", "0.0.0.0:0"]);
    assert!(refused.contains("listens on loopback addresses only, not on 0.0.0.0:0"), "{refused}");
    // The password was read, and is one character short.
    let refused = run(&["--listen", "0.0.0.0:0", "--allow-remote"]);
    assert!(refused.contains("the password of sa needs 16 characters or more"), "{refused}");
    std::fs::remove_file(&file).unwrap();
    let refused = run(&["--listen", "127.0.0.1:0"]);
    assert!(refused.contains("reading the password of sa from"), "{refused}");
}
