//! TLS as the connection string asks for it. Always against local-sql: its certificate is ours to choose.

use std::path::{Path, PathBuf};

use sql::{ConnectFailure, ConnectionString, Database, Error, Options};

const PASSWORD: &str = "pass;word='1'";

/// A server with a certificate for `localhost` from an authority of its own, and that authority's file.
async fn server(directory: &Path) -> (local_sql::Server, PathBuf) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (chain, key) = (directory.join("server.pem"), directory.join("server.key"));
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let options = local_sql::Options {
        sa_password: PASSWORD.to_owned(),
        certificate: local_sql::Certificate::Files { chain: chain.clone(), key },
        ..local_sql::Options::default()
    };
    (local_sql::Server::start(options).await.unwrap(), chain)
}

async fn connect(server: &local_sql::Server, host: &str, pairs: &str) -> Result<Database, Error> {
    let port = server.address().port();
    let quoted = format!("\"{PASSWORD}\"");
    let text = format!("Server={host},{port};Database=tls;UID=sa;PWD={quoted};{pairs}");
    Database::connect(&ConnectionString::parse(&text).unwrap(), Options::default()).await
}

fn is_about_tls(result: Result<Database, Error>) -> bool {
    match result.map(drop).unwrap_err() {
        Error::Connect { reason, .. } => matches!(*reason, ConnectFailure::Tls(_)),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn encryption_is_used_as_asked_for_and_certificates_are_checked() {
    let directory = tempfile::tempdir().unwrap();
    let (server, authority) = server(directory.path()).await;
    let authority = format!("TrustServerCertificateCA={}", authority.display());
    let good = [
        "Encrypt=False".to_owned(),
        "Encrypt=True;TrustServerCertificate=True".to_owned(),
        authority.clone(),
        format!("{authority};HostNameInCertificate=localhost"),
    ];
    for pairs in &good {
        let database = connect(&server, "localhost", pairs).await.unwrap_or_else(|e| panic!("{pairs}: {e}"));
        database.query("SELECT 1 AS A", &[]).await.unwrap();
        database.close().await;
    }
    // Nobody vouches for it; its name is another; the authority cannot be read.
    assert!(is_about_tls(connect(&server, "localhost", "").await));
    assert!(is_about_tls(connect(&server, "127.0.0.1", &authority).await));
    assert!(is_about_tls(connect(&server, "localhost", "TrustServerCertificateCA=/nowhere.pem").await));
    connect(&server, "127.0.0.1", &format!("{authority};HostNameInCertificate=localhost")).await.unwrap();
    server.stop().await;
}
