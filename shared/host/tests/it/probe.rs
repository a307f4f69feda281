//! The command `health`, asked of real processes.

use tokio::net::TcpListener;

use crate::process::{Process, free_port, silent_database};

/// Runs `health` with these further words to its end: exit code and standard error.
async fn health(settings: &str, words: &[&str]) -> (i32, String) {
    let words: Vec<&str> = ["health"].iter().chain(words).copied().collect();
    Process::start(settings, &words).end().await
}

#[tokio::test]
async fn health_tells_alive_from_ready() {
    let (silent, settings) = silent_database().await;
    drop(silent);
    let listen = format!("127.0.0.1:{}", free_port().await);
    let mut process = Process::start(&settings, &["--listen", &listen]);
    process.line("waiting for the database").await;

    let mut alive = Process::start(&settings, &["health", "--listen", &listen]);
    assert!(alive.line("/health/").await.ends_with("/health/live: live"));
    assert_eq!(alive.end().await.0, 0);
    let (code, reason) = health(&settings, &["--ready", "--listen", &listen]).await;
    let expected = format!("/health/ready: {listen} answers 503: SQL Server has not been reached yet\n");
    assert_eq!((code, reason), (1, expected));

    process.signal("TERM");
    assert_eq!(process.end().await.0, 0);
    let (code, reason) = health(&settings, &["--listen", &listen]).await;
    assert!(code == 1 && reason.contains("Connection refused"), "{code}: {reason}");
}

#[tokio::test]
async fn health_asks_on_loopback_where_a_process_listens_everywhere() {
    let (silent, settings) = silent_database().await;
    drop(silent);
    let listen = format!("127.0.0.1:{}", free_port().await);
    let mut process = Process::start(&settings, &["--listen", &listen]);
    process.line("waiting for the database").await;
    let everywhere = listen.replace("127.0.0.1", "0.0.0.0");
    assert_eq!(health(&settings, &["--listen", &everywhere]).await, (0, String::new()));
    process.signal("TERM");
    assert_eq!(process.end().await.0, 0);
}

#[tokio::test]
async fn health_does_not_wait_for_a_process_that_hangs() {
    // It accepts connections and says nothing.
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = hanging.local_addr().unwrap().to_string();
    let (_silent, settings) = silent_database().await;
    let (code, reason) = health(&settings, &["--listen", &listen]).await;
    assert_eq!((code, reason), (1, format!("/health/live: {listen}: no complete answer within 3 s\n")));
}

#[tokio::test]
async fn health_needs_a_port_and_a_configuration_without_mistakes() {
    let (_silent, settings) = silent_database().await;
    let (code, reason) = health(&settings, &["--listen", "127.0.0.1:0"]).await;
    assert!(code == 1 && reason.contains("Http:Listen has port 0"), "{code}: {reason}");
    let (code, reason) = health("{}", &[]).await;
    assert!(code == 1 && reason.contains("ConnectionStrings:VirtoCommerce: is not set"), "{code}: {reason}");
}
