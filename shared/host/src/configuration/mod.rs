//! Configuration: the `appsettings.json` that users bring, its overrides, and typed [`Settings`].
//!
//! Start at [`Configuration::load`]. `source` reads one file, `merge` lays the sources over each other, `keys` is
//! the one table of what exists, `settings` is what the rest of the program sees. Nothing is read lazily: a
//! process that has started has no mistake in its configuration.

mod aspnetcore;
mod form;
mod keys;
mod merge;
mod mistake;
mod print;
mod reader;
mod secret;
mod secret_file;
mod settings;
mod source;
mod syntax;
mod time_span;
mod unknown;

pub use merge::{DEFAULT_ENVIRONMENT, DEFAULT_FILE, FlagValue, Sources};
pub use mistake::{ConfigurationError, Mistake};
pub use print::table as keys_table;
pub use secret::Secret;
pub use settings::{
    AccessLog, AllowedOrigins, Authorization, Caching, Compression, Cors, Hangfire, Http, Imports, Lockout,
    Migrate, Push, Scalability, Settings, Sql,
};
pub use source::Origin;
pub(crate) use time_span::milliseconds;
pub use time_span::{format as format_time_span, parse as parse_time_span};

use std::path::PathBuf;

use crate::Service;
use merge::Flat;

/// A configuration without mistakes, with what is worth telling about it. Debug output shows no value as it was
/// written: among them are secrets.
pub struct Configuration {
    /// What the program reads.
    pub settings: Settings,
    /// One line for each key without effect; logged once telemetry runs.
    pub warnings: Vec<String>,
    flat: Flat,
}

impl std::fmt::Debug for Configuration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Configuration").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Configuration {
    /// Reads, merges and checks all sources for one service.
    ///
    /// # Errors
    /// Every mistake of the configuration at once; first those that make a file unreadable.
    pub fn load(sources: &Sources, service: Service) -> Result<Self, ConfigurationError> {
        let flat = Flat::collect(sources)?;
        let settings = Settings::read(&flat, service)?;
        let warnings = unknown::warnings(&flat).into_iter().chain(settings.remarks()).collect();
        Ok(Self { settings, warnings, flat })
    }

    /// The files that were read.
    pub fn files(&self) -> &[PathBuf] {
        &self.flat.files
    }

    /// Why the job server is on or off.
    pub(crate) fn why_job_server(&self) -> String {
        print::one(&self.flat, &keys::USE_HANGFIRE_SERVER, self.settings.service)
    }

    /// Every key with its value and origin, secrets hidden.
    pub fn print(&self) -> String {
        print::values(&self.flat, self.settings.service)
    }
}
