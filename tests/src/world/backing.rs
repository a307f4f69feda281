//! The two servers behind the services: local-sql and redis-server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Placement;
use super::binary;
use crate::{Process, eventually};

/// The password of the database's login.
pub const SA_PASSWORD: &str = "Desk-only-1!";
const REDIS_START_LIMIT: Duration = Duration::from_secs(20);

/// A local-sql process.
pub(super) struct Sql {
    process: Option<Process>,
    address: String,
    directory: PathBuf,
    is_durable: bool,
    placement: Placement,
}

impl Sql {
    /// Starts it on a free port, in memory or with its data below `directory`.
    pub(super) async fn start(directory: &Path, is_durable: bool, placement: Placement) -> Result<Self> {
        let address = "127.0.0.1:0".to_owned();
        let mut sql = Self { process: None, address, directory: directory.to_owned(), is_durable, placement };
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
        let mut command = self.placement.command(&binary("local-sql")?, false);
        command.args(["--listen", &self.address]).env("LOCAL_SQL_SA_PASSWORD", SA_PASSWORD);
        if self.is_durable {
            command.arg("--data").arg(self.directory.join("sql"));
        } else {
            command.arg("--memory");
        }
        let mut process = Process::start("local-sql", &mut command, &self.directory.join("local-sql.log"))?;
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

    pub(super) fn connection_string(&self) -> String {
        format!(
            "Data Source=tcp:{};Initial Catalog=stoa;User ID=sa;Password={SA_PASSWORD};\
             MultipleActiveResultSets=True;Connection Timeout=30;Trusted_Connection=False;Encrypt=False;",
            self.address.replace(':', ",")
        )
    }
}

/// A redis-server process.
pub(super) struct Redis {
    process: Option<Process>,
    port: u16,
}

impl Redis {
    /// Starts it, empty, and waits until it accepts connections.
    pub(super) async fn start(directory: &Path, port: Option<u16>, placement: Placement) -> Result<Self> {
        let port = match port {
            Some(port) => port,
            None => std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port(),
        };
        let mut command = placement.command(&redis_server(), false);
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--port", &port.to_string(), "--dir"]).arg(directory);
        let process = Process::start("redis-server", &mut command, &directory.join("redis-server.log"))?;
        eventually("redis-server accepts connections", REDIS_START_LIMIT, async || {
            Ok(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok())
        })
        .await?;
        Ok(Self { process: Some(process), port })
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
