//! The two servers behind the services: local-sql and redis-server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use test_ca::{Certificates, Kind};

use super::Placement;
use super::binary;
use crate::{Process, eventually};

/// The password of the database's login.
pub const SA_PASSWORD: &str = "Desk-only-1!";
const REDIS_START_LIMIT: Duration = Duration::from_secs(20);

/// Where a database is, and how it is spoken to.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) port: u16,
    pub(super) is_encrypted: bool,
}

impl Target {
    /// The ADO.NET connection string of a login.
    pub(super) fn connection_string(&self, login: &str, password: &str) -> String {
        // The certificates of the tests are for `localhost`; without encryption no name has to be looked up.
        let (host, encrypt) = if self.is_encrypted { ("localhost", "True") } else { ("127.0.0.1", "False") };
        format!(
            "Data Source=tcp:{host},{};Initial Catalog=stoa;User ID={login};Password={password};\
             MultipleActiveResultSets=True;Connection Timeout=30;Trusted_Connection=False;Encrypt={encrypt};",
            self.port
        )
    }
}

/// What a server behind the services is started with.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) directory: PathBuf,
    pub(super) placement: Placement,
    /// Speaks TLS only, with a certificate by the authority of the tests.
    pub(super) tls: bool,
}

/// A local-sql process.
pub(super) struct Sql {
    process: Option<Process>,
    address: String,
    setting: Setting,
    is_durable: bool,
}

impl Sql {
    /// Starts it on a free port, in memory or with its data below the directory.
    pub(super) async fn start(setting: Setting, is_durable: bool) -> Result<Self> {
        let mut sql = Self { process: None, address: "127.0.0.1:0".to_owned(), setting, is_durable };
        sql.launch().await?;
        Ok(sql)
    }

    /// Starts it where it was, with what was committed.
    pub(super) async fn start_again(&mut self) -> Result<()> {
        ensure!(self.process.is_none(), "local-sql runs");
        ensure!(self.is_durable, "this world's SQL keeps nothing");
        self.launch().await
    }

    async fn launch(&mut self) -> Result<()> {
        let Setting { directory, placement, tls } = &self.setting;
        let mut command = placement.command(&binary("local-sql")?, false);
        command.args(["--listen", &self.address]).env("LOCAL_SQL_SA_PASSWORD", SA_PASSWORD);
        if self.is_durable {
            command.arg("--data").arg(directory.join("sql"));
        } else {
            command.arg("--memory");
        }
        if *tls {
            let certificates = Certificates::ready()?;
            command.arg("--certificate").arg(certificates.chain(Kind::Good));
            command.arg("--key").arg(certificates.key(Kind::Good));
        }
        let mut process = Process::start("local-sql", &mut command, &directory.join("local-sql.log"))?;
        self.address = process.listening().await?;
        self.process = Some(process);
        Ok(())
    }

    pub(super) fn kill(&mut self) -> Result<()> {
        self.process.take().context("local-sql is stopped already")?.kill()
    }

    pub(super) fn freeze(&self, frozen: bool) -> Result<()> {
        freeze(self.process.as_ref(), frozen)
    }

    pub(super) fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    pub(super) fn target(&self) -> Target {
        let port = self.address.rsplit(':').next().and_then(|port| port.parse().ok());
        Target { port: port.unwrap_or_default(), is_encrypted: self.setting.tls }
    }
}

/// A redis-server process.
pub(super) struct Redis {
    process: Option<Process>,
    port: u16,
    setting: Setting,
}

impl Redis {
    /// Starts it, empty, and waits until it accepts connections.
    pub(super) async fn start(setting: Setting) -> Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut redis = Self { process: None, port, setting };
        redis.launch().await?;
        Ok(redis)
    }

    /// Starts it where it was, empty.
    pub(super) async fn start_again(&mut self) -> Result<()> {
        ensure!(self.process.is_none(), "redis-server runs");
        self.launch().await
    }

    async fn launch(&mut self) -> Result<()> {
        let (port, Setting { directory, placement, tls }) = (self.port, &self.setting);
        let mut command = placement.command(&redis_server(), false);
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"]).arg(directory);
        if *tls {
            let certificates = Certificates::ready()?;
            command.args(["--port", "0", "--tls-port", &port.to_string(), "--tls-auth-clients", "no"]);
            command.arg("--tls-cert-file").arg(certificates.chain(Kind::Good));
            command.arg("--tls-key-file").arg(certificates.key(Kind::Good));
            command.arg("--tls-ca-cert-file").arg(certificates.authority());
        } else {
            command.args(["--port", &port.to_string()]);
        }
        let process = Process::start("redis-server", &mut command, &directory.join("redis-server.log"))?;
        self.process = Some(process);
        eventually("redis-server accepts connections", REDIS_START_LIMIT, async || {
            Ok(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok())
        })
        .await?;
        Ok(())
    }

    pub(super) fn kill(&mut self) -> Result<()> {
        self.process.take().context("Redis is stopped already")?.kill()
    }

    pub(super) fn freeze(&self, frozen: bool) -> Result<()> {
        freeze(self.process.as_ref(), frozen)
    }

    pub(super) fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

fn freeze(process: Option<&Process>, frozen: bool) -> Result<()> {
    process.context("it does not run")?.signal(if frozen { "STOP" } else { "CONT" })
}

/// The redis-server that `make tools` provides, else the one on the PATH.
fn redis_server() -> PathBuf {
    let provided = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/bin/redis-server");
    if provided.exists() { provided } else { PathBuf::from("redis-server") }
}
