//! A redis-server process of one test: own port, own directory, optional password and TLS; killed, paused,
//! continued and restarted at will; gone when dropped. Alone, a replica of another, a node of a cluster, or a Sentinel.
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
    /// What it is among others.
    pub role: RedisRole,
    /// Further settings, as on the command line: `--client-output-buffer-limit`, `pubsub 1mb 0 0`.
    pub settings: Vec<String>,
}

/// What a server is among others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RedisRole {
    /// A server of its own.
    #[default]
    Alone,
    /// Follows the server on this port.
    ReplicaOf(u16),
    /// A node of a cluster; [`RedisServer::meet`] joins them.
    ClusterNode,
    /// Watches the server on this port under [`RedisServer::SERVICE_NAME`], and fails over on its own.
    SentinelOf(u16),
}

/// A running (or killed, or paused) redis-server.
pub struct RedisServer {
    options: RedisServerOptions,
    directory: TempDir,
    port: u16,
    /// Of the cluster's own conversation.
    bus_port: u16,
    child: Option<Child>,
}

impl RedisServer {
    /// What a Sentinel of the tests calls the primary.
    pub const SERVICE_NAME: &str = "stoa-tests";

    /// A server without password and TLS.
    pub async fn start() -> Self {
        Self::start_with(RedisServerOptions::default()).await
    }

    /// A server with these options, answering.
    pub async fn start_with(options: RedisServerOptions) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let mut server = Self { options, directory, port: 0, bus_port: 0, child: None };
        for _ in 0..START_ATTEMPTS {
            (server.port, server.bus_port) = (free_port(), free_port());
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

    /// Runs a command on a server without TLS.
    pub async fn command(&self, command: &[&str]) -> redis::RedisResult<redis::Value> {
        let password =
            self.options.password.as_ref().map_or(String::new(), |password| format!(":{password}@"));
        let client = redis::Client::open(format!("redis://{password}{}/", self.address()))?;
        let config = redis::AsyncConnectionConfig::new()
            .set_connection_timeout(Some(START_LIMIT))
            .set_response_timeout(Some(START_LIMIT));
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let (name, arguments) = command.split_first().expect("a command");
        redis::cmd(name).arg(arguments).query_async(&mut connection).await
    }

    /// Joins another node to this one's cluster.
    pub async fn meet(&self, other: &Self) {
        let (port, bus) = (other.port.to_string(), other.bus_port.to_string());
        self.command(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]).await.expect("CLUSTER MEET");
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

    /// What it has logged since it was started.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Starts the process and waits until it accepts connections; false if it ended instead.
    async fn run(&mut self) -> bool {
        let binary = binary();
        let child = self.process(&binary).spawn();
        let mut child =
            child.unwrap_or_else(|error| panic!("{}: {error}; run `make tools`", binary.display()));
        let deadline = tokio::time::Instant::now() + START_LIMIT;
        while tokio::time::Instant::now() < deadline {
            if child.try_wait().expect("the state of a child").is_some() {
                return false;
            }
            let log = self.log();
            if log.contains("Ready to accept connections") || log.contains("Sentinel ID is") {
                self.child = Some(child);
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let _ = child.kill();
        let _ = child.wait();
        false
    }

    fn process(&self, binary: &Path) -> Command {
        let directory = self.directory.path();
        let _ = fs::remove_file(directory.join("log"));
        let mut command = Command::new(binary);
        command.current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let RedisRole::SentinelOf(primary) = self.options.role {
            // A Sentinel writes what it learns into its file.
            let name = Self::SERVICE_NAME;
            let text = format!(
                "port {}\nbind 127.0.0.1\nlogfile log\nsentinel monitor {name} 127.0.0.1 {primary} 1\n\
                 sentinel down-after-milliseconds {name} 500\nsentinel failover-timeout {name} 2000\n",
                self.port
            );
            fs::write(directory.join("sentinel.conf"), text).expect("a file in a directory of one's own");
            command.args(["sentinel.conf", "--sentinel"]);
            return command;
        }
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--logfile", "log"]);
        let port = self.port.to_string();
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
        match self.options.role {
            RedisRole::ReplicaOf(primary) => {
                command.args(["--replicaof", "127.0.0.1", &primary.to_string()]);
            }
            RedisRole::ClusterNode => {
                command.args(["--cluster-enabled", "yes", "--cluster-port", &self.bus_port.to_string()]);
            }
            RedisRole::Alone | RedisRole::SentinelOf(_) => {}
        }
        command.args(&self.options.settings);
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
