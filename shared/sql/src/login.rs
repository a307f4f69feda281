//! Makes a connection: address, TCP, TLS, login, redirects, session settings, preconditions.
//!
//! All of it together is bounded by `Connect Timeout`. Start at [`open`].

mod address;
mod prelogin;
mod session;

use std::sync::Arc;
use std::time::Duration;

use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncWriteCompatExt;

use crate::certificate::CertificateProblem;
use crate::connection::Tds;
use crate::connection_string::{ConnectionString, Encryption};
use crate::error::{ConnectFailure, Error, Result, server_error};
pub(crate) use session::Engine;

/// Redirects followed for one login. Azure SQL sends one; more than three is a loop.
const REDIRECTS_MAX: u32 = 3;

/// Opens a connection, logs in, sets the session up and checks that the database can be used.
pub(crate) async fn open(target: &ConnectionString) -> Result<(Tds, Engine)> {
    let limit = Duration::from_secs(target.login_timeout_s);
    match tokio::time::timeout(limit, log_in_and_prepare(target)).await {
        Ok(result) => result,
        Err(_) => Err(failure(target, ConnectFailure::Timeout(target.login_timeout_s * 1_000))),
    }
}

/// Opens a connection and logs in, and no more: for a server's own databases.
#[cfg(feature = "testing")]
pub(crate) async fn open_unchecked(target: &ConnectionString) -> Result<Tds> {
    follow_redirects(target).await
}

async fn log_in_and_prepare(target: &ConnectionString) -> Result<(Tds, Engine)> {
    let mut client = follow_redirects(target).await?;
    let engine = session::prepare(&mut client, target).await?;
    Ok((client, engine))
}

/// Azure SQL answers a login with the address of the node that holds the database.
async fn follow_redirects(target: &ConnectionString) -> Result<Tds> {
    let mut hop = target.clone();
    for _ in 0..=REDIRECTS_MAX {
        match log_in(&hop).await? {
            Login::Done(client) => return Ok(*client),
            // The certificate of the next hop is checked against the name of that hop.
            Login::Redirected { host, port } => {
                tracing::debug!(host, port, "login redirected");
                hop = hop.routed_to(&host, port);
            }
        }
    }
    Err(failure(target, ConnectFailure::TooManyRedirects(REDIRECTS_MAX)))
}

enum Login {
    Done(Box<Tds>),
    Redirected { host: String, port: u16 },
}

async fn log_in(target: &ConnectionString) -> Result<Login> {
    let encryption = match target.encryption {
        Encryption::Mandatory => EncryptionLevel::Required,
        Encryption::Optional if server_has_tls(target).await? => EncryptionLevel::Off,
        Encryption::Optional => EncryptionLevel::NotSupported,
    };
    let stream = dial(target).await?;
    let config = config(target, encryption).await?;
    // Boxed: the login is the largest future of all, and it is made inside of every other.
    match Box::pin(Client::connect(config, stream.compat_write())).await {
        Ok(client) => Ok(Login::Done(Box::new(client))),
        Err(tiberius::error::Error::Routing { host, port }) => Ok(Login::Redirected { host, port }),
        Err(error) => Err(failure(target, login_failure(error))),
    }
}

async fn dial(target: &ConnectionString) -> Result<TcpStream> {
    let dialled = address::dial(target).await.and_then(|s| s.set_nodelay(true).map(|()| s));
    dialled.map_err(|error| failure(target, ConnectFailure::Network(error.to_string())))
}

async fn server_has_tls(target: &ConnectionString) -> Result<bool> {
    let mut stream = dial(target).await?;
    prelogin::server_has_tls(&mut stream)
        .await
        .map_err(|error| failure(target, ConnectFailure::Network(error.to_string())))
}

async fn config(target: &ConnectionString, encryption: EncryptionLevel) -> Result<Config> {
    let mut config = Config::new();
    config.host(target.server());
    config.port(target.port());
    config.database(target.database());
    config.authentication(AuthMethod::sql_server(target.user(), target.password()));
    config.application_name(&target.application_name);
    config.encryption(encryption);
    // Both are bounded by us, over the whole login and over each whole exchange.
    config.handshake_timeout(None);
    config.command_timeout(None);
    if let Some(name) = &target.workstation {
        config.client_name(name);
    }
    if let Some(size) = target.packet_size {
        config.packet_size(size);
    }
    if let Some(name) = &target.host_in_certificate {
        config.hostname_in_certificate(name);
    }
    if let Some(path) = &target.certificate_authority {
        let bundle = tokio::fs::read(path).await.map_err(|error| {
            failure(target, ConnectFailure::Tls(format!("cannot read {}: {error}", path.display())))
        })?;
        config.trust_cert_ca_bundle(bundle);
    } else if target.trust_any_certificate || target.encryption == Encryption::Optional {
        // Without mandatory encryption ADO.NET does not look at the certificate either.
        config.trust_cert();
    }
    Ok(config)
}

fn login_failure(error: tiberius::error::Error) -> ConnectFailure {
    use tiberius::error::Error as Tds;
    match error {
        Tds::Server(token) => ConnectFailure::Refused(server_error("login".into(), &token)),
        Tds::Io { message, .. } => ConnectFailure::Network(message),
        Tds::Tls(message) => CertificateProblem::from_message(&message)
            .map_or(ConnectFailure::Tls(message), ConnectFailure::Certificate),
        other => ConnectFailure::Protocol(other.to_string()),
    }
}

fn failure(target: &ConnectionString, reason: ConnectFailure) -> Error {
    let server = format!("{},{}", target.server(), target.port());
    Error::Connect { server, reason: Arc::new(reason) }
}
