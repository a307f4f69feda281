//! The command line: the same flags for each of our processes, and the few commands beside serving.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, ValueEnum};

use crate::Service;
use crate::configuration::{FlagValue, Sources};
use crate::probe::Probe;

/// Flags win over environment variables, those over the file of the environment, that over the first file.
#[derive(Clone, Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
pub struct Arguments {
    /// Does this instead of serving.
    #[arg(value_enum, value_name = "COMMAND")]
    command: Option<Command>,
    /// With migrate: names what is missing, changes nothing, and ends with 4 if something is.
    #[arg(long, requires = "command")]
    list: bool,
    /// With health: asks whether the process should get requests, instead of whether it is alive.
    #[arg(long, requires = "command")]
    ready: bool,
    /// Configuration file (JSON, comments allowed); appsettings.json of this folder if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port to listen on; sets Http:Listen.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Sets any configuration key, e.g. --set Caching:MaxStaleness=00:00:02; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    set: Vec<(String, String)>,
    /// Prints every key with its value and where that comes from, secrets hidden, and exits.
    #[arg(long)]
    pub print_config: bool,
    /// Prints the table of all configuration keys (Markdown) and exits.
    #[arg(long)]
    pub print_config_keys: bool,
}

/// What a process can be asked to do instead of serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Command {
    /// Brings the database's schema up to date and ends: 0 if it is now.
    Migrate,
    /// After a restore of the database: gives the change feed a new identity, so that every local cache begins anew.
    NewLog,
    /// Lets a new key in SQL Server sign access tokens, and signs nobody out.
    RotateSigningKey,
    /// Asks the process that listens on Http:Listen how it is, for container health checks: 0 if well, 1 if not.
    Health,
}

impl Command {
    /// The service that alone has this command.
    fn owner(self) -> Option<Service> {
        match self {
            Self::Migrate | Self::RotateSigningKey => Some(Service::AuthoringApi),
            Self::NewLog => Some(Service::JobWorker),
            Self::Health => None,
        }
    }

    fn is_of(self, service: Service) -> bool {
        self.owner().is_none_or(|owner| owner == service)
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// What the process is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Serve until it is asked to stop.
    Serve,
    /// Bring the schema up to date.
    Migrate,
    /// Name the migrations that are missing.
    ListMigrations,
    /// Give the change feed a new identity.
    NewLog,
    /// Let a new key sign access tokens.
    RotateSigningKey,
    /// Ask the process that serves.
    Health(Probe),
}

impl Arguments {
    /// Reads a command line whose first word is the program's name.
    ///
    /// # Errors
    /// What clap has to say, which includes `--help` and `--version`.
    pub fn read(service: Service, words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut line = Self::command().name(service.name()).bin_name(service.name());
        line = line.mut_arg("command", |arg| arg.value_parser(commands(service)));
        line = line.mut_arg("list", |arg| arg.hide(!Command::Migrate.is_of(service)));
        let arguments = Self::from_arg_matches(&line.try_get_matches_from_mut(words)?)?;
        let Some(command) = arguments.command else { return Ok(arguments) };
        if let Some(owner) = command.owner().filter(|owner| *owner != service) {
            let elsewhere = format!("{} is a command of {owner}", command.name());
            return Err(line.error(ErrorKind::InvalidSubcommand, elsewhere));
        }
        let flags =
            [(arguments.list, "--list", Command::Migrate), (arguments.ready, "--ready", Command::Health)];
        if let Some((_, flag, of)) = flags.iter().find(|(given, _, of)| *given && *of != command) {
            let misplaced = format!("{flag} belongs to {}", of.name());
            return Err(line.error(ErrorKind::ArgumentConflict, misplaced));
        }
        Ok(arguments)
    }

    /// What the process is to do.
    pub fn task(&self) -> Task {
        match self.command {
            None => Task::Serve,
            Some(Command::Migrate) if self.list => Task::ListMigrations,
            Some(Command::Migrate) => Task::Migrate,
            Some(Command::NewLog) => Task::NewLog,
            Some(Command::RotateSigningKey) => Task::RotateSigningKey,
            Some(Command::Health) if self.ready => Task::Health(Probe::Ready),
            Some(Command::Health) => Task::Health(Probe::Live),
        }
    }

    /// The sources of configuration that the command line and the given environment variables name.
    pub fn sources(&self, variables: Vec<(OsString, OsString)>) -> Sources {
        let listen = self.listen.as_ref().map(|value| FlagValue {
            flag: "--listen".to_owned(),
            key: "Http:Listen".to_owned(),
            value: value.clone(),
        });
        let set = self.set.iter().map(|(key, value)| FlagValue {
            flag: "--set".to_owned(),
            key: key.clone(),
            value: value.clone(),
        });
        Sources { file: self.config.clone(), variables, flags: set.chain(listen).collect() }
    }
}

/// Knows every command and shows those of one service: asked for another's, it can say whose it is.
fn commands(service: Service) -> impl clap::builder::TypedValueParser<Value = Command> {
    let known = Command::value_variants()
        .iter()
        .filter_map(|command| Some(command.to_possible_value()?.hide(!command.is_of(service))));
    PossibleValuesParser::new(known).try_map(|name| Command::from_str(&name, false))
}

/// `A:B=value`; `A__B=value` is taken too, as people copy it from environment variables.
fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    if key.trim().is_empty() {
        return Err("expected a key before the `=`".to_owned());
    }
    Ok((key.trim().replace("__", ":"), value.to_owned()))
}
