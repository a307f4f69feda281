//! The command `local-sql`: flags in, a [`Server`] until a signal.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{ArgGroup, Parser};
use local_sql::{Certificate, Fault, Options, Server, Storage};
use tokio::signal::unix::{SignalKind, signal};

/// An embedded SQL Server stand-in for development and tests.
#[derive(Debug, Parser)]
#[command(version, about, group = ArgGroup::new("storage").args(["data", "memory"]).required(true))]
struct Flags {
    /// The address to listen on; loopback only, unless --allow-remote is given. Port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:1433", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Lets other machines connect: for a private network of containers, never for one that others can reach.
    #[arg(long)]
    allow_remote: bool,
    /// Keep the databases in this directory; committed transactions survive a crash.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Keep nothing: the databases are gone when the server ends.
    #[arg(long)]
    memory: bool,
    /// The password of the login sa.
    #[arg(long, env = "LOCAL_SQL_SA_PASSWORD", hide_env_values = true, value_name = "PASSWORD")]
    sa_password: Option<String>,
    /// A file with the password of the login sa, without its last line end.
    #[arg(long, env = "LOCAL_SQL_SA_PASSWORD_FILE", value_name = "FILE", conflicts_with = "sa_password")]
    sa_password_file: Option<PathBuf>,
    /// PEM file of the TLS certificate chain; without it a self-signed one is made at each start.
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// PEM file of the certificate's private key.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// Keep each distinct text that clients send, as a file in this directory.
    #[arg(long, env = "LOCAL_SQL_STATEMENTS", value_name = "DIR")]
    statements: Option<PathBuf>,
    /// Faults on demand: a file with one JSON object a line.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
}

impl Flags {
    fn options(self) -> anyhow::Result<Options> {
        let certificate = match (self.certificate, self.key) {
            (Some(chain), Some(key)) => Certificate::Files { chain, key },
            _ => Certificate::SelfSigned,
        };
        let sa_password = match (self.sa_password, &self.sa_password_file) {
            (Some(password), _) => password,
            (None, Some(file)) => read_password(file)?,
            (None, None) => String::new(),
        };
        Ok(Options {
            listen: self.listen,
            allow_remote: self.allow_remote,
            storage: self.data.map_or(Storage::Memory, Storage::Directory),
            sa_password,
            certificate,
            faults: self.faults.as_deref().map(Fault::read_file).transpose()?.unwrap_or_default(),
            statements: self.statements,
            ..Options::default()
        })
    }
}

fn read_password(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("reading the password of sa from {}", file.display()))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

// One thread moves the bytes of all connections; statements run on threads of their own. More of them would mostly wake
// each other.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("local-sql: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("LOCAL_SQL_LOG").unwrap_or_else(|_| "info".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    let options = Flags::parse().options()?;
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let server = Server::start(options).await?;
    let reach = if server.address().ip().is_loopback() { "loopback only" } else { "open to its network" };
    println!(
        "local-sql is for development and tests only: one write transaction at a time, {reach}.\n\
         listening on {}",
        server.address()
    );
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    server.stop().await;
    Ok(())
}
