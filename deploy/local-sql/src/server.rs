//! The listener: accepts connections within limits and ends them all at stop.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
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
use crate::tds::tls::{Certificate, CertificateError};

/// A connection that is silent for this long is probed; one that does not answer three probes is closed.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
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
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_sessions: 250,
            login_timeout: Duration::from_secs(15),
            login_failure_delay: Duration::from_millis(300),
            max_message_bytes: 64 << 20,
            message_timeout: Duration::from_secs(60),
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
    #[error("cannot open the databases in {directory}", directory = .directory.display())]
    Storage {
        /// Where they were to be.
        directory: PathBuf,
        /// Why.
        source: SqlError,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The faults file cannot be used.
    #[error(transparent)]
    Faults(#[from] FaultsFileError),
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
            faults: Arc::new(Faults::new(options.faults)),
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
        keep_alive(&socket);
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

/// Half-open connections hold locks; the kernel finds them.
fn keep_alive(socket: &TcpStream) {
    let keep_alive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    if let Err(error) = SockRef::from(socket).set_tcp_keepalive(&keep_alive) {
        tracing::debug!(%error, "setting TCP keep-alive");
    }
}
