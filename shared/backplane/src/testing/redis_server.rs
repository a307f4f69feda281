//! A redis-server process of one test: own port, own directory, optional password and TLS; killed, paused,
//! continued and restarted at will; gone when dropped.
//!
//! The binary is `STOA_REDIS_SERVER`, else `target/tools/bin/redis-server` (put there by `make tools`), else
//! `redis-server` on the PATH.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use test_ca::Certificates;

/// The longest wait for a server to answer.
const START_LIMIT: Duration = Duration::from_secs(20);
/// Attempts to find a port that nobody else takes meanwhile.
const START_ATTEMPTS: u32 = 5;

/// What kind of server.
#[derive(Debug, Clone, Default)]
pub struct RedisServerOptions {
    /// Asked for at log-in.
    pub password: Option<String>,
    /// TLS only, with this certificate.
    pub tls: Option<test_ca::Kind>,
}

/// A running (or killed, or paused) redis-server.
pub struct RedisServer {
    options: RedisServerOptions,
    directory: TempDir,
    port: u16,
    child: Option<Child>,
}

impl RedisServer {
    /// A server without password and TLS.
    pub async fn start() -> Self {
        Self::start_with(RedisServerOptions::default()).await
    }

    /// A server with these options, answering.
    pub async fn start_with(options: RedisServerOptions) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let mut server = Self { options, directory, port: 0, child: None };
        for _ in 0..START_ATTEMPTS {
            server.port = free_port();
            if server.run().await {
                return server;
            }
        }
        panic!("redis-server did not start; its log: {}", server.log());
    }

    /// A StackExchange.Redis string for this server.
    pub fn connection_string(&self) -> String {
        let host = if self.options.tls.is_some() { "localhost" } else { "127.0.0.1" };
        let mut text = format!("{host}:{},abortConnect=False", self.port);
        if let Some(password) = &self.options.password {
            text.push_str(&format!(",password={password}"));
        }
        if self.options.tls.is_some() {
            text.push_str(",ssl=True");
        }
        text
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// SIGKILL: gone without a word, and with everything it knew.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// A new, empty process on the same port.
    pub async fn restart(&mut self) {
        self.kill();
        assert!(self.run().await, "redis-server did not restart; its log: {}", self.log());
    }

    /// SIGSTOP: connections stay open and nobody answers.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("a running redis-server");
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("a signal to a process of one's own");
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Starts the process and waits until it accepts connections; false if it ended instead.
    async fn run(&mut self) -> bool {
        let binary = binary();
        let child = self.command(&binary).spawn();
        let mut child =
            child.unwrap_or_else(|error| panic!("{}: {error}; run `make tools`", binary.display()));
        let deadline = tokio::time::Instant::now() + START_LIMIT;
        while tokio::time::Instant::now() < deadline {
            if child.try_wait().expect("the state of a child").is_some() {
                return false;
            }
            if self.log().contains("Ready to accept connections") {
                self.child = Some(child);
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let _ = child.kill();
        let _ = child.wait();
        false
    }

    fn command(&self, binary: &Path) -> Command {
        let directory = self.directory.path();
        let _ = fs::remove_file(directory.join("log"));
        let port = self.port.to_string();
        let mut command = Command::new(binary);
        command.current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--logfile", "log"]);
        if let Some(kind) = self.options.tls {
            let certificates = Certificates::ready().expect("the certificates of the tests");
            command.args(["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"]);
            command.arg("--tls-cert-file").arg(certificates.chain(kind));
            command.arg("--tls-key-file").arg(certificates.key(kind));
            command.arg("--tls-ca-cert-file").arg(certificates.authority());
        } else {
            command.args(["--port", &port]);
        }
        if let Some(password) = &self.options.password {
            command.args(["--requirepass", password]);
        }
        command
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("the address of a listener").port()
}

fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("STOA_REDIS_SERVER") {
        return named.into();
    }
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin/redis-server");
    if unpacked.exists() { unpacked } else { "redis-server".into() }
}
