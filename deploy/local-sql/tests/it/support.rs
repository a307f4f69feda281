//! Servers and clients for tests.

use std::time::Duration;

use local_sql::{Limits, Options, Server};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, Row};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

pub const PASSWORD: &str = "Correct-Horse=1";

pub type Connection = Client<Compat<TcpStream>>;

/// A server in memory that answers a refused login at once.
pub fn options() -> Options {
    Options {
        sa_password: PASSWORD.to_owned(),
        limits: Limits { login_failure_delay: Duration::ZERO, ..Limits::default() },
        statements: std::env::var_os("LOCAL_SQL_STATEMENTS").map(Into::into),
        ..Options::default()
    }
}

pub async fn server() -> Server {
    Server::start(options()).await.unwrap()
}

/// One whose statements are not for the judge of what tests send: many are wrong on purpose.
pub async fn unjudged_server() -> Server {
    Server::start(Options { statements: None, ..options() }).await.unwrap()
}

/// How tiberius is to connect; tests change what they are about.
pub fn config(address: std::net::SocketAddr) -> Config {
    let mut config = Config::new();
    config.host(address.ip().to_string());
    config.port(address.port());
    config.database("Shop");
    config.authentication(AuthMethod::sql_server("sa", PASSWORD));
    config.encryption(EncryptionLevel::NotSupported);
    config.trust_cert();
    config
}

pub async fn connect(server: &Server) -> Connection {
    connect_with(config(server.address())).await.unwrap()
}

pub async fn connect_with(config: Config) -> tiberius::Result<Connection> {
    let socket = TcpStream::connect(config.get_addr()).await?;
    socket.set_nodelay(true)?;
    // Boxed: the future of a login is some 18 KB.
    Box::pin(Client::connect(config, socket.compat_write())).await
}

/// All result sets of a batch without parameters.
pub async fn batch(client: &mut Connection, text: &str) -> tiberius::Result<Vec<Vec<Row>>> {
    client.simple_query(text.to_owned()).await?.into_results().await
}

/// The first column of the first row.
pub async fn scalar<T>(client: &mut Connection, text: &str) -> T
where
    T: for<'a> tiberius::FromSql<'a>,
{
    let results = batch(client, text).await.unwrap();
    results[0][0].get(0).unwrap()
}

/// The number of the server's error.
pub fn error_number<T>(result: tiberius::Result<T>) -> u32 {
    match result.err().expect("an error") {
        tiberius::error::Error::Server(error) => error.code(),
        other => panic!("not an error of the server: {other}"),
    }
}

/// Asks again until the answer is yes; fails after half a minute.
pub async fn until(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while !ask().await {
        assert!(tokio::time::Instant::now() < deadline, "never happened: {what}");
        tokio::task::yield_now().await;
    }
}

/// TLS for the bare socket: any certificate will do, the connection strings of tests say so, too.
pub fn trusting_anybody(protocol: &[u8]) -> tokio_rustls::TlsConnector {
    use std::sync::Arc;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    Arc::new(config).into()
}

#[derive(Debug)]
struct AnyCertificate(std::sync::Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &rustls::pki_types::CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &rustls::pki_types::CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
