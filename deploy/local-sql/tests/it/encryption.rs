//! TLS inside the login.

use tiberius::EncryptionLevel;

use crate::support::{config, connect_with, scalar, server};

#[tokio::test]
async fn every_level_of_encryption_that_a_client_asks_for_is_granted() {
    let server = server().await;
    let levels =
        [EncryptionLevel::NotSupported, EncryptionLevel::Off, EncryptionLevel::On, EncryptionLevel::Required];
    for level in levels {
        let mut config = config(server.address());
        config.encryption(level);
        let mut client = connect_with(config).await.unwrap_or_else(|error| panic!("{level:?}: {error}"));
        assert_eq!(scalar::<i32>(&mut client, "SELECT 42").await, 42, "{level:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_connection_string_of_a_production_client_works() {
    let server = server().await;
    let address = server.address();
    let text = format!(
        "Server=tcp:{},{};Database=Shop;User Id=sa;Password={};Encrypt=True;TrustServerCertificate=True",
        address.ip(),
        address.port(),
        crate::support::PASSWORD
    );
    let mut client = connect_with(tiberius::Config::from_ado_string(&text).unwrap()).await.unwrap();
    let text = "x".repeat(100_000);
    let row = client.query("SELECT @P1", &[&text]).await.unwrap().into_row().await.unwrap().unwrap();
    assert_eq!(row.get::<&str, _>(0).map(str::len), Some(100_000));
    server.stop().await;
}

#[tokio::test]
async fn a_certificate_from_files_is_the_one_that_clients_see() {
    let directory = tempfile::tempdir().unwrap();
    let authority = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (chain, key) = (directory.path().join("chain.pem"), directory.path().join("key.pem"));
    std::fs::write(&chain, authority.cert.pem()).unwrap();
    std::fs::write(&key, authority.signing_key.serialize_pem()).unwrap();
    let certificate = local_sql::Certificate::Files { chain: chain.clone(), key };
    let options = local_sql::Options { certificate, ..crate::support::options() };
    let server = local_sql::Server::start(options).await.unwrap();

    let mut trusting = tiberius::Config::new();
    trusting.host("localhost");
    trusting.port(server.address().port());
    trusting.authentication(tiberius::AuthMethod::sql_server("sa", crate::support::PASSWORD));
    trusting.encryption(EncryptionLevel::Required);
    let mut suspicious = trusting.clone();
    trusting.trust_cert_ca(chain.display().to_string());
    assert!(connect_with(trusting).await.is_ok());
    suspicious.trust_cert_ca(self_signed_elsewhere(directory.path()));
    assert!(connect_with(suspicious).await.is_err());
    server.stop().await;
}

fn self_signed_elsewhere(directory: &std::path::Path) -> String {
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let path = directory.join("other.pem");
    std::fs::write(&path, other.cert.pem()).unwrap();
    path.display().to_string()
}
