//! Command lines and settings of the services.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use serde_json::json;
use test_ca::Certificates;

use super::backing::{SA_PASSWORD, Target};
use super::deployment::{self, OWN_PASSWORD};
use super::{Instance, Layout, Service, Trust, binary};
use crate::Process;

/// The first user of every world.
pub const ADMIN: &str = "admin";
/// Their password.
pub const ADMIN_PASSWORD: &str = "for-desks-and-tests-only";
/// What every service shows to the collector.
pub const COLLECTOR_TOKEN: &str = "a-token-of-the-collector";

/// Where processes run, and who may interrupt them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Placement {
    /// Pins frontends to the first processor and everything else to the second (benchmarks).
    pub processors: Option<(&'static str, &'static str)>,
    /// Keeps a terminal's Ctrl-C from the processes: whoever started the world stops them, in order.
    pub shielded: bool,
}

impl Placement {
    pub(super) fn command(self, program: &Path, is_front: bool) -> Command {
        let processor = self.processors.map(|(front, back)| if is_front { front } else { back });
        let mut command = match processor {
            Some(processor) => {
                let mut command = Command::new("taskset");
                command.args(["--cpu-list", processor]).arg(program);
                command
            }
            None => Command::new(program),
        };
        if self.shielded {
            command.process_group(0);
        }
        command
    }
}

/// What a process is, in the order in which a world starts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Authoring,
    Frontend,
    Worker,
}

impl Role {
    pub(super) fn of(instance: Instance) -> Self {
        match instance {
            Instance::Frontend(_) => Self::Frontend,
            Instance::Authoring(_) => Self::Authoring,
            Instance::Worker(_) => Self::Worker,
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::Authoring => "authoring-api",
            Self::Frontend => "frontend-api",
            Self::Worker => "job-worker",
        }
    }
}

/// What every service's command line and settings are made of.
#[derive(Clone)]
pub(super) struct Launch {
    pub(super) directory: PathBuf,
    pub(super) sql: Target,
    pub(super) redis: Option<u16>,
    pub(super) layout: Layout,
}

impl Launch {
    /// Starts a process on a free port.
    pub(super) async fn start(&self, instance: Instance) -> Result<Service> {
        let (process, address) = self.start_at(instance, "127.0.0.1:0").await?;
        Ok(Service { instance, address, process: Some(process) })
    }

    /// Starts a process, waits until it listens and says where.
    pub(super) async fn start_at(&self, instance: Instance, listen: &str) -> Result<(Process, String)> {
        let mut command = self.command(instance, &["--listen", listen])?;
        let log = self.directory.join(format!("{instance}.log"));
        let mut process = Process::start(&instance.to_string(), &mut command, &log)?;
        let address = process.listening().await?;
        Ok((process, address))
    }

    /// Starts a process that is expected to end by itself.
    pub(super) async fn try_to_start(
        &self,
        instance: Instance,
        words: &[&str],
    ) -> Result<(Option<i32>, String)> {
        let mut command = self.command(instance, &["--listen", "127.0.0.1:0"])?;
        command.args(words);
        let log = self.directory.join(format!("{instance}.refused.log"));
        let mut process = Process::start(&instance.to_string(), &mut command, &log)?;
        let status = process.ended().await?;
        Ok((status.code(), process.log()?))
    }

    /// The command line of a service; `words` come before those of the layout.
    pub(super) fn command(&self, instance: Instance, words: &[&str]) -> Result<Command> {
        let role = Role::of(instance);
        let mut command = self.layout.placement.command(&binary(role.program())?, role == Role::Frontend);
        command.args(words);
        if self.layout.article_settings {
            self.use_article_settings(role, &mut command);
        } else {
            let settings = self.directory.join(format!("{instance}.appsettings.json"));
            std::fs::write(&settings, serde_json::to_vec_pretty(&self.settings(role))?)?;
            command.arg("--config").arg(&settings);
        }
        if role == Role::Authoring {
            command.env("STOA_BOOTSTRAP_PASSWORD", ADMIN_PASSWORD);
        }
        for key_and_value in self.layout.set {
            command.args(["--set", key_and_value]);
        }
        if self.layout.own_logins {
            command.args(["--set", "Sql:Migrate=Never"]);
        }
        if self.layout.tls {
            self.trust(&mut command)?;
        }
        command.envs(self.layout.variables.iter().copied());
        if let Some(collector) = self.layout.collector {
            command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"));
            command.env("OTEL_EXPORTER_OTLP_HEADERS", format!("authorization=Bearer%20{COLLECTOR_TOKEN}"));
        }
        Ok(command)
    }

    fn trust(&self, command: &mut Command) -> Result<()> {
        let authority = Certificates::ready()?.authority();
        match self.layout.trust {
            Trust::Setting => {
                command.args(["--set", &format!("Tls:CertificateAuthorities={}", authority.display())])
            }
            Trust::Environment => command.env("SSL_CERT_FILE", authority),
            Trust::Nothing => command,
        };
        Ok(())
    }

    /// The connection string of a service.
    pub(super) fn connection_string(&self, role: Role) -> String {
        match self.layout.own_logins {
            true => self.sql.connection_string(deployment::login_of(role), OWN_PASSWORD),
            false => self.sql.connection_string("sa", SA_PASSWORD),
        }
    }

    fn use_article_settings(&self, role: Role, command: &mut Command) {
        let topology = if role == Role::Frontend { "commerce" } else { "authoring" };
        let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/settings");
        command.arg("--config").arg(files.join(format!("{topology}.appsettings.json")));
        command.env("ConnectionStrings__VirtoCommerce", self.connection_string(role));
        if let Some(redis) = self.redis_string() {
            command.env("ConnectionStrings__RedisConnectionString", redis);
        }
    }

    fn redis_string(&self) -> Option<String> {
        let (host, ssl) = if self.layout.tls { ("localhost", "True") } else { ("127.0.0.1", "False") };
        self.redis.map(|port| format!("{host}:{port},ssl={ssl},abortConnect=False"))
    }

    fn settings(&self, role: Role) -> serde_json::Value {
        let mut strings = json!({ "VirtoCommerce": self.connection_string(role) });
        if let Some(redis) = self.redis_string() {
            strings["RedisConnectionString"] = json!(redis);
        }
        let runs_jobs = match role {
            Role::Worker => true,
            Role::Authoring => self.layout.authoring_runs_jobs,
            Role::Frontend => false,
        };
        json!({
            "ConnectionStrings": strings,
            "VirtoCommerce": { "Hangfire": { "JobStorageType": "SqlServer", "UseHangfireServer": runs_jobs } },
        })
    }
}
