//! The listener: accepts connections within limits and ends them all at stop.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::{self, AcceptorCell, Shared};
use crate::engine::{Engine, EngineOptions, SqlError, Storage};
use crate::faults::{Fault, Faults, FaultsFileError};
use crate::statements::Statements;
use crate::tds::tls::{Certificate, CertificateError};

/// A silent peer is probed so often at the end of [`Limits::peer_timeout`], in the last third of it.
const KEEPALIVE_PROBES: u32 = 3;
/// Connections that have not logged in yet, beyond those that have.
const MAX_HANDSHAKES: usize = 64;
/// After a failed accept (no file descriptors left, say) the listener rests for this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The shortest password of sa where other machines can connect.
const REMOTE_PASSWORD_CHARS_MIN: usize = 16;
/// SQL Server's first session number for users.
const FIRST_SPID: u16 = 51;

/// Everything a server needs to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; a loopback address. Port 0 takes any free port. Default `127.0.0.1:0`.
    pub listen: SocketAddr,
    /// Whether it may be another address, for a private network of containers; then the password must be
    /// long. Default false.
    pub allow_remote: bool,
    /// Where the databases live. Default [`Storage::Memory`].
    pub storage: Storage,
    /// The password of `sa`, the administrator. Must be given; an empty one is refused.
    pub sa_password: String,
    /// The certificate for encrypted connections. Default self-signed.
    pub certificate: Certificate,
    /// Faults armed from the start.
    pub faults: Vec<Fault>,
    /// The distinct texts that clients send are kept in this directory. Default none.
    pub statements: Option<PathBuf>,
    /// A session that holds the write lock and does nothing while others wait is cut after this time. Default 5 s.
    pub idle_writer_ms: u64,
    /// Limits on what clients can use up.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            allow_remote: false,
            storage: Storage::Memory,
            sa_password: String::new(),
            certificate: Certificate::SelfSigned,
            faults: Vec::new(),
            statements: None,
            idle_writer_ms: EngineOptions::default().idle_writer_ms,
            limits: Limits::default(),
        }
    }
}

/// Limits on what clients can use up.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Logged-in connections; one more gets error 17809. Default 250.
    pub max_sessions: usize,
    /// PRELOGIN to LOGIN7 take at most this long, or the connection is closed. Default 15 s.
    pub login_timeout: Duration,
    /// A refused login is answered after this time. Default 300 ms.
    pub login_failure_delay: Duration,
    /// A longer request closes the connection. Default 64 MiB.
    pub max_message_bytes: usize,
    /// A request that was begun and is not complete after this time closes the connection. Default 60 s.
    pub message_timeout: Duration,
    /// A peer that has not answered for this long, neither data nor probes, is gone: its connection is closed and
    /// its transaction rolled back. Whole seconds, from 9 on. Default 90 s.
    pub peer_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_sessions: 250,
            login_timeout: Duration::from_secs(15),
            login_failure_delay: Duration::from_millis(300),
            max_message_bytes: 64 << 20,
            message_timeout: Duration::from_secs(60),
            peer_timeout: Duration::from_secs(90),
        }
    }
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// local-sql is not hardened: it serves the machine it runs on.
    #[error(
        "local-sql listens on loopback addresses only, not on {0}: it is for one machine. In a private network of \
         containers --allow-remote lets it"
    )]
    NotLoopback(SocketAddr),
    /// There is no default password.
    #[error("the password of sa is empty: give --sa-password, LOCAL_SQL_SA_PASSWORD or --sa-password-file")]
    NoPassword,
    /// Whoever reaches the port may guess.
    #[error(
        "with --allow-remote the password of sa needs {REMOTE_PASSWORD_CHARS_MIN} characters or more, all of them \
         unguessable: `openssl rand -hex 24` makes one"
    )]
    WeakPassword,
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The data directory cannot be used.
    #[error("cannot open the databases in {directory}: {text}", directory = .directory.display(), text = .source.text)]
    Storage {
        /// Where they were to be.
        directory: PathBuf,
        /// Why.
        source: SqlError,
    },
    /// The log of statements cannot be kept.
    #[error("cannot keep statements in {directory}", directory = .directory.display())]
    Statements {
        /// Where they were to be.
        directory: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The faults file cannot be used.
    #[error(transparent)]
    Faults(#[from] FaultsFileError),
    /// A fault cannot happen as it is described.
    #[error("{}", .0.text)]
    Fault(SqlError),
}

/// A running server. Dropping it without [`Self::stop`] ends its connections without waiting for them.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Server {
    /// Opens the storage and listens. The server serves from here on, until [`Self::stop`].
    pub async fn start(options: Options) -> Result<Self, Error> {
        check_reach(&options)?;
        let acceptor = AcceptorCell(options.certificate.acceptor()?);
        let faults = Faults::new(options.faults.clone()).map_err(Error::Fault)?;
        let statements = open_statements(options.statements.as_deref())?;
        let engine = open_engine(&options).await?;
        let listen_error = |source| Error::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            engine,
            acceptor,
            sa_password: options.sa_password,
            sessions: Arc::new(Semaphore::new(options.limits.max_sessions)),
            limits: options.limits,
            faults: Arc::new(faults),
            statements,
            stop: stop.clone(),
        });
        let tasks = TaskTracker::new();
        tasks.spawn(accept(listener, shared, tasks.clone()));
        Ok(Self { address, stop, tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening, cancels what runs, rolls back what is open, and returns when every session has ended.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Who can reach the port, and whether the password is up to that.
fn check_reach(options: &Options) -> Result<(), Error> {
    if options.sa_password.is_empty() {
        return Err(Error::NoPassword);
    }
    if options.listen.ip().is_loopback() {
        return Ok(());
    }
    if !options.allow_remote {
        return Err(Error::NotLoopback(options.listen));
    }
    if options.sa_password.chars().count() < REMOTE_PASSWORD_CHARS_MIN {
        return Err(Error::WeakPassword);
    }
    Ok(())
}

fn open_statements(directory: Option<&Path>) -> Result<Option<Arc<Statements>>, Error> {
    let open = |directory: &Path| {
        let error = |source| Error::Statements { directory: directory.to_owned(), source };
        Statements::open(directory).map(Arc::new).map_err(error)
    };
    directory.map(open).transpose()
}

async fn open_engine(options: &Options) -> Result<Arc<Engine>, Error> {
    let engine_options =
        EngineOptions { storage: options.storage.clone(), idle_writer_ms: options.idle_writer_ms };
    let directory = match &options.storage {
        Storage::Memory => PathBuf::from("memory"),
        Storage::Directory(directory) => directory.clone(),
    };
    // Opening may recover a write-ahead log: not for a thread of the runtime.
    let opened = tokio::task::spawn_blocking(move || Engine::open(engine_options)).await;
    let opened =
        opened.unwrap_or_else(|_| Err(SqlError::new(40000, "opening the databases ended in a panic")));
    opened.map_err(|source| Error::Storage { directory, source })
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, tasks: TaskTracker) {
    let slots = Arc::new(Semaphore::new(shared.limits.max_sessions + MAX_HANDSHAKES));
    let spids = AtomicU16::new(FIRST_SPID);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.stop.cancelled() => return,
        };
        let socket = match accepted {
            Ok((socket, _)) => socket,
            Err(error) => {
                tracing::warn!(%error, "accepting a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(slot) = slots.clone().try_acquire_owned() else {
            tracing::warn!("too many connections at once: closed one before its login");
            continue;
        };
        // Answers are written whole: there is nothing to gather.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "setting TCP_NODELAY");
        }
        reap_when_dead(&socket, shared.limits.peer_timeout);
        let connection = connection::serve(socket, shared.clone(), next_spid(&spids));
        tasks.spawn(async move {
            connection.await;
            drop(slot);
        });
    }
}

fn next_spid(spids: &AtomicU16) -> u16 {
    let spid = spids.fetch_add(1, Ordering::Relaxed);
    if spid == u16::MAX {
        spids.store(FIRST_SPID, Ordering::Relaxed);
    }
    spid
}

/// Half-open connections hold locks; the kernel finds them, whether they owe us an answer or we them data.
fn reap_when_dead(socket: &TcpStream, peer_timeout: Duration) {
    let third = (peer_timeout / 3).max(Duration::from_secs(1));
    let keep_alive = TcpKeepalive::new()
        .with_time(2 * third)
        .with_interval((third / KEEPALIVE_PROBES).max(Duration::from_secs(1)))
        .with_retries(KEEPALIVE_PROBES);
    let socket = SockRef::from(socket);
    let set = socket.set_tcp_keepalive(&keep_alive);
    #[cfg(target_os = "linux")]
    let set = set.and_then(|()| socket.set_tcp_user_timeout(Some(peer_timeout)));
    if let Err(error) = set {
        tracing::warn!(%error, "a dead peer of this connection will not be noticed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dead_peer_is_noticed_within_the_limit() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        reap_when_dead(&socket, Limits::default().peer_timeout);
        let socket = SockRef::from(&socket);
        assert!(socket.keepalive().unwrap());
        let seconds = Duration::from_secs;
        assert_eq!(socket.tcp_keepalive_time().unwrap(), seconds(60));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), seconds(10));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(seconds(90)));
    }
}
