//! The command line: the same flags for each of our processes; authoring-api knows one command beside serving.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, ValueEnum};

use crate::Service;
use crate::configuration::{FlagValue, Sources};

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
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Command {
    /// Brings the database's schema up to date and ends: 0 if it is now.
    Migrate,
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
}

impl Arguments {
    /// Reads a command line whose first word is the program's name.
    ///
    /// # Errors
    /// What clap has to say, which includes `--help` and `--version`.
    pub fn read(service: Service, words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut command = Self::command().name(service.name()).bin_name(service.name());
        let migrates = service == Service::AuthoringApi;
        if !migrates {
            command = command.mut_args(|arg| {
                let hidden = matches!(arg.get_id().as_str(), "command" | "list");
                arg.hide(hidden)
            });
        }
        let arguments = Self::from_arg_matches(&command.try_get_matches_from_mut(words)?)?;
        if arguments.command.is_some() && !migrates {
            let elsewhere = "migrate is a command of authoring-api";
            return Err(command.error(ErrorKind::InvalidSubcommand, elsewhere));
        }
        Ok(arguments)
    }

    /// What the process is to do.
    pub fn task(&self) -> Task {
        match self.command {
            None => Task::Serve,
            Some(Command::Migrate) if self.list => Task::ListMigrations,
            Some(Command::Migrate) => Task::Migrate,
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

/// `A:B=value`; `A__B=value` is taken too, as people copy it from environment variables.
fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    if key.trim().is_empty() {
        return Err("expected a key before the `=`".to_owned());
    }
    Ok((key.trim().replace("__", ":"), value.to_owned()))
}
