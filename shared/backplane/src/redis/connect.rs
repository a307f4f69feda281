//! One connection to Redis: who is the primary, TCP, TLS, log-in. The `redis` crate is the codec and the pipeline above a stream
//! that is ours, so that the certificate's name, the time-outs and the end of a connection are ours too.

use std::sync::Arc;

use redis::aio::{AsyncPushSender, MultiplexedConnection};
use redis::{AsyncConnectionConfig, ErrorKind, ProtocolVersion, PushInfo, RedisConnectionInfo, RedisError};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sql::CertificateProblem;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::options::{Endpoint, RedisOptions};

/// Why there is no connection. The texts go to logs and health reports; none contains the password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("cannot reach {endpoint}: {source}")]
    Unreachable { endpoint: Endpoint, source: std::io::Error },
    #[error("{endpoint} did not answer within connectTimeout ({timeout_ms} ms)")]
    TimedOut { endpoint: Endpoint, timeout_ms: u128 },
    #[error("TLS with {endpoint} as {name}: {source}")]
    Tls { endpoint: Endpoint, name: String, source: std::io::Error },
    #[error("{endpoint}: {problem}")]
    Certificate { endpoint: Endpoint, problem: CertificateProblem },
    #[error("certificate authorities: {0}")]
    Authorities(String),
    #[error("{endpoint} refused user and password: {reason}")]
    WrongPassword { endpoint: Endpoint, reason: String },
    #[error("{endpoint}: {source}")]
    Refused { endpoint: Endpoint, source: RedisError },
    #[error("{endpoint} is a replica; its messages would reach nobody else")]
    Replica { endpoint: Endpoint },
    #[error("{endpoint}: Sentinel knows no serviceName {service_name}")]
    UnknownService { endpoint: Endpoint, service_name: String },
}

/// Delivers pushed messages. Called by the connection's task: must not block.
pub(crate) type OnPush = Arc<dyn Fn(PushInfo) + Send + Sync>;

struct PushTo(OnPush);

impl AsyncPushSender for PushTo {
    fn send(&self, info: PushInfo) -> Result<(), redis::aio::SendError> {
        (self.0)(info);
        Ok(())
    }
}

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Peer {
    /// The server that carries the messages.
    Server,
    /// One that knows where that is. Not every Sentinel has users of its own.
    Sentinel { with_password: bool },
}

/// Connects to the first endpoint that answers; its driver runs in `drivers` until the connection ends.
pub(crate) struct Connector {
    options: RedisOptions,
    tls: Option<Arc<ClientConfig>>,
}

impl Connector {
    /// Reads the certificate authorities, if TLS is asked for.
    pub(crate) async fn new(options: RedisOptions) -> Result<Self, ConnectError> {
        if !options.tls {
            return Ok(Self { options, tls: None });
        }
        let file = options.tls_authorities.clone();
        let config = tokio::task::spawn_blocking(move || tls_config(file.as_deref()))
            .await
            .map_err(|error| ConnectError::Authorities(error.to_string()))??;
        Ok(Self { options, tls: Some(Arc::new(config)) })
    }

    /// A connection to `endpoint`, logged in.
    pub(crate) async fn connect(
        &self,
        endpoint: &Endpoint,
        on_push: Option<OnPush>,
        drivers: &mut JoinSet<()>,
    ) -> Result<MultiplexedConnection, ConnectError> {
        let connect = self.connect_unbounded(endpoint, Peer::Server, on_push, drivers);
        self.limited(endpoint, connect).await
    }

    async fn limited<T>(
        &self,
        endpoint: &Endpoint,
        work: impl Future<Output = Result<T, ConnectError>>,
    ) -> Result<T, ConnectError> {
        let timeout = self.options.connect_timeout;
        let timed_out =
            || ConnectError::TimedOut { endpoint: endpoint.clone(), timeout_ms: timeout.as_millis() };
        tokio::time::timeout(timeout, work).await.unwrap_or_else(|_| Err(timed_out()))
    }

    /// Where the server may be, in the order in which to try: the endpoints, or what the first Sentinel that answers
    /// says.
    pub(crate) async fn candidates(&self) -> Result<Vec<Endpoint>, ConnectError> {
        let Some(service_name) = &self.options.service_name else {
            return Ok(self.options.endpoints.clone());
        };
        let mut last = None;
        for sentinel in &self.options.endpoints {
            let mut answer = self.limited(sentinel, self.ask_sentinel(sentinel, service_name, true)).await;
            if matches!(answer, Err(ConnectError::WrongPassword { .. })) {
                answer = self.limited(sentinel, self.ask_sentinel(sentinel, service_name, false)).await;
            }
            match answer {
                Ok(primary) => return Ok(vec![primary]),
                Err(error) => last = Some(error),
            }
        }
        // There is at least one endpoint.
        last.map_or(Ok(Vec::new()), Err)
    }

    async fn ask_sentinel(
        &self,
        sentinel: &Endpoint,
        service_name: &str,
        with_password: bool,
    ) -> Result<Endpoint, ConnectError> {
        let mut drivers = JoinSet::new();
        let peer = Peer::Sentinel { with_password };
        let mut connection = self.connect_unbounded(sentinel, peer, None, &mut drivers).await?;
        let mut question = redis::cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(service_name);
        let answer: Option<(String, u16)> =
            question.query_async(&mut connection).await.map_err(|source| refusal(sentinel, source))?;
        let unknown = || ConnectError::UnknownService {
            endpoint: sentinel.clone(),
            service_name: service_name.to_owned(),
        };
        answer.map(|(host, port)| Endpoint { host, port }).ok_or_else(unknown)
    }

    /// Whether only a primary will do: alone, a server is what it is.
    fn needs_primary(&self) -> bool {
        self.options.endpoints.len() > 1 || self.options.service_name.is_some()
    }

    /// A sign of life; where there are several servers, one that shows that this is still the one to talk to.
    pub(crate) async fn is_alive(&self, connection: &mut MultiplexedConnection) -> Result<bool, RedisError> {
        if self.needs_primary() {
            return is_primary(connection).await;
        }
        redis::cmd("PING").query_async::<()>(connection).await.map(|()| true)
    }

    async fn connect_unbounded(
        &self,
        endpoint: &Endpoint,
        peer: Peer,
        on_push: Option<OnPush>,
        drivers: &mut JoinSet<()>,
    ) -> Result<MultiplexedConnection, ConnectError> {
        let unreachable = |source| ConnectError::Unreachable { endpoint: endpoint.clone(), source };
        let stream =
            TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await.map_err(unreachable)?;
        // Hints are small and urgent.
        stream.set_nodelay(true).map_err(unreachable)?;
        let Some(tls) = &self.tls else { return self.log_in(endpoint, peer, stream, on_push, drivers).await };
        let name = self.options.tls_host.as_deref().unwrap_or(&endpoint.host).to_owned();
        let failed = |source| ConnectError::Tls { endpoint: endpoint.clone(), name: name.clone(), source };
        let server_name = ServerName::try_from(name.clone())
            .map_err(|error| failed(std::io::Error::new(std::io::ErrorKind::InvalidInput, error)))?;
        let stream = tokio_rustls::TlsConnector::from(tls.clone())
            .connect(server_name, stream)
            .await
            .map_err(|error| match CertificateProblem::from_message(&error.to_string()) {
                Some(problem) => ConnectError::Certificate { endpoint: endpoint.clone(), problem },
                None => failed(error),
            })?;
        self.log_in(endpoint, peer, stream, on_push, drivers).await
    }

    async fn log_in<S>(
        &self,
        endpoint: &Endpoint,
        peer: Peer,
        stream: S,
        on_push: Option<OnPush>,
        drivers: &mut JoinSet<()>,
    ) -> Result<MultiplexedConnection, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let refused = |source| refusal(endpoint, source);
        let info = self.introduction(peer);
        let mut config =
            AsyncConnectionConfig::new().set_response_timeout(Some(self.options.command_timeout));
        if let Some(on_push) = on_push {
            config = config.set_push_sender(PushTo(on_push));
        }
        let (mut connection, driver) =
            MultiplexedConnection::new_with_config(&info, stream, config).await.map_err(refused)?;
        drivers.spawn(driver);
        if peer != Peer::Server {
            return Ok(connection);
        }
        if let Some(name) = &self.options.client_name {
            let mut command = redis::cmd("CLIENT");
            command.arg("SETNAME").arg(name);
            command.query_async::<()>(&mut connection).await.map_err(refused)?;
        }
        if self.needs_primary() && !is_primary(&mut connection).await.map_err(refused)? {
            return Err(ConnectError::Replica { endpoint: endpoint.clone() });
        }
        Ok(connection)
    }

    fn introduction(&self, peer: Peer) -> RedisConnectionInfo {
        let mut info =
            RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
        if peer == Peer::Server {
            info = info.set_db(self.options.database.into());
        }
        if peer == (Peer::Sentinel { with_password: false }) {
            return info;
        }
        if let Some(user) = &self.options.user {
            info = info.set_username(user);
        }
        if let Some(password) = &self.options.password {
            info = info.set_password(password);
        }
        info
    }
}

/// Whether what is published here reaches everybody. In a cluster it does from every node, replica or not.
async fn is_primary(connection: &mut MultiplexedConnection) -> Result<bool, RedisError> {
    let role: Vec<redis::Value> = redis::cmd("ROLE").query_async(connection).await?;
    let is_replica =
        matches!(role.first(), Some(redis::Value::BulkString(role)) if role.as_slice() == b"slave");
    if !is_replica {
        return Ok(true);
    }
    let cluster: String = redis::cmd("INFO").arg("cluster").query_async(connection).await?;
    Ok(cluster.contains("cluster_enabled:1"))
}

fn refusal(endpoint: &Endpoint, source: RedisError) -> ConnectError {
    let endpoint = endpoint.clone();
    match source.kind() {
        ErrorKind::AuthenticationFailed => {
            ConnectError::WrongPassword { endpoint, reason: source.to_string() }
        }
        _ if matches!(source.code(), Some("WRONGPASS" | "NOAUTH")) => {
            ConnectError::WrongPassword { endpoint, reason: source.to_string() }
        }
        _ => ConnectError::Refused { endpoint, source },
    }
}

fn tls_config(authorities: Option<&std::path::Path>) -> Result<ClientConfig, ConnectError> {
    let failed = |error: String| ConnectError::Authorities(error);
    let mut roots = RootCertStore::empty();
    // Single unreadable certificates of the system are its business as long as some are left.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = authorities {
        let unusable = |error: &dyn std::fmt::Display| failed(format!("{}: {error}", file.display()));
        for certificate in CertificateDer::pem_file_iter(file).map_err(|error| unusable(&error))? {
            let certificate = certificate.map_err(|error| unusable(&error))?;
            roots.add(certificate).map_err(|error| unusable(&error))?;
        }
    }
    if roots.is_empty() {
        return Err(failed("none found; name a PEM file".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
