//! Lays the sources over each other: file, file of the environment, environment variables, flags.
//!
//! The later source wins, key by key, as in .NET; arrays merge by index. Nothing here reads the process's
//! surroundings: [`Sources`] carries all of it, so that a test is as real as a start.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::mistake::Mistake;
use super::source::{self, Entry, FILE_BYTES_MAX, Origin};
use super::{aspnetcore, keys, secret_file};

/// Read when no `--config` is given; it need not exist.
pub const DEFAULT_FILE: &str = "appsettings.json";
/// The environment when neither variable names one, as in .NET.
pub const DEFAULT_ENVIRONMENT: &str = "Production";
const ENVIRONMENT_VARIABLES: [&str; 2] = ["STOA_ENVIRONMENT", "ASPNETCORE_ENVIRONMENT"];

/// Everything that a configuration is made from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config`; a file named here must exist.
    pub file: Option<PathBuf>,
    /// The environment variables of the process.
    pub variables: Vec<(OsString, OsString)>,
    /// Flags that set a key, in the order of the command line.
    pub flags: Vec<FlagValue>,
}

/// One value from the command line.
#[derive(Clone, Debug)]
pub struct FlagValue {
    /// The flag as written: `--listen`, `--set`.
    pub flag: String,
    /// The key that it sets.
    pub key: String,
    /// The value as text.
    pub value: String,
}

/// The merged configuration: one entry a key. Keys are found without regard to case.
#[derive(Clone, Debug, Default)]
pub struct Flat {
    entries: BTreeMap<String, Ranked>,
    /// The environment whose file was laid over the first.
    pub environment: String,
    /// The files that were read, in order.
    pub files: Vec<PathBuf>,
}

/// An entry and the rank of its source; a higher rank was laid over a lower one.
#[derive(Clone, Debug)]
pub struct Ranked {
    /// The value and its origin.
    pub entry: Entry,
    /// Rises with precedence.
    pub rank: Rank,
}

/// The kinds of sources; each wins over those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// `appsettings.json` or the file of `--config`.
    File,
    /// The file of the environment.
    EnvironmentFile,
    /// Variables of .NET that stand for one of our keys.
    Aspnetcore,
    /// Environment variables with our keys.
    Variable,
    /// Flags.
    Flag,
}

impl Flat {
    /// Merges all sources.
    ///
    /// # Errors
    /// Every mistake of every file: unreadable, not JSON, a key twice.
    pub fn collect(sources: &Sources) -> Result<Self, Vec<Mistake>> {
        let mut flat = Self { environment: environment(&sources.variables)?, ..Self::default() };
        let mut mistakes = Vec::new();
        let first = sources.file.clone().unwrap_or_else(|| DEFAULT_FILE.into());
        let second = environment_file(&first, &flat.environment);
        for (rank, path) in [(Rank::File, first), (Rank::EnvironmentFile, second)] {
            let must_exist = rank == Rank::File && sources.file.is_some();
            match read_file(&path, must_exist) {
                Ok(None) => {}
                Ok(Some(entries)) => {
                    flat.lay(rank, entries, &mut mistakes);
                    flat.files.push(path);
                }
                Err(more) => mistakes.extend(more),
            }
        }
        flat.lay(
            Rank::Variable,
            sources.variables.iter().filter_map(variable_entry).collect(),
            &mut mistakes,
        );
        flat.lay(Rank::Flag, sources.flags.iter().map(flag_entry).collect(), &mut mistakes);
        flat.lay_aspnetcore(&sources.variables, &mut mistakes);
        if mistakes.is_empty() { Ok(flat) } else { Err(mistakes) }
    }

    fn lay(&mut self, rank: Rank, entries: Vec<Entry>, mistakes: &mut Vec<Mistake>) {
        for entry in secret_file::resolve(entries, mistakes) {
            self.entries.insert(entry.key.to_lowercase(), Ranked { entry, rank });
        }
    }

    /// Under our own variables and over the files; not even looked at where it would lose.
    fn lay_aspnetcore(&mut self, variables: &[(OsString, OsString)], mistakes: &mut Vec<Mistake>) {
        let names = std::iter::once(keys::LISTEN.name).chain(keys::LISTEN.aliases.iter().copied());
        if names.filter_map(|name| self.get(name)).any(|found| found.rank >= Rank::Variable) {
            return;
        }
        match aspnetcore::listen(variables) {
            Ok(entry) => self.lay(Rank::Aspnetcore, entry.into_iter().collect(), mistakes),
            Err(mistake) => mistakes.push(mistake),
        }
    }

    /// The winning entry of a key; an empty value counts as not set.
    pub fn get(&self, key: &str) -> Option<&Ranked> {
        self.entries.get(&key.to_lowercase()).filter(|ranked| !ranked.entry.value.trim().is_empty())
    }

    /// The elements of an array in the order of their indexes, empty ones left out.
    pub fn list(&self, key: &str) -> Vec<&Ranked> {
        let prefix = format!("{}:", key.to_lowercase());
        let index = |name: &str| name.strip_prefix(&prefix).and_then(|rest| rest.parse::<u32>().ok());
        let mut found: Vec<_> =
            self.entries.iter().filter_map(|(name, ranked)| Some((index(name)?, ranked))).collect();
        found.sort_by_key(|(index, _)| *index);
        found.into_iter().map(|(_, ranked)| ranked).filter(|r| !r.entry.value.trim().is_empty()).collect()
    }

    /// Every entry, in the order of the keys.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().map(|ranked| &ranked.entry)
    }
}

fn environment(variables: &[(OsString, OsString)]) -> Result<String, Vec<Mistake>> {
    let value = |name: &str| {
        variables.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, value)| value.to_string_lossy())
    };
    let Some((name, environment)) = ENVIRONMENT_VARIABLES.iter().find_map(|n| Some((*n, value(n)?))) else {
        return Ok(DEFAULT_ENVIRONMENT.to_owned());
    };
    let is_name = environment.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'));
    if !is_name {
        let expected = "expected the name of an environment: letters, digits, `-` and `_`";
        let origin = Origin::Environment(name.to_owned());
        return Err(vec![Mistake::new(origin, expected).key(name).value(&environment)]);
    }
    Ok(environment.into_owned())
}

/// `appsettings.json` → `appsettings.Production.json`, in the same folder.
fn environment_file(first: &Path, environment: &str) -> PathBuf {
    let stem = first.file_stem().unwrap_or_default().to_string_lossy();
    first.with_file_name(format!("{stem}.{environment}.json"))
}

fn read_file(path: &Path, must_exist: bool) -> Result<Option<Vec<Entry>>, Vec<Mistake>> {
    let refuse = |what: String| vec![Mistake::of_key(&path.display().to_string(), what)];
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => return Ok(None),
        Err(error) => {
            return Err(refuse(format!("cannot be opened ({error}); expected a configuration file")));
        }
    };
    let mut text = String::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| refuse(format!("cannot be read ({error}); expected JSON in UTF-8")))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(refuse(format!("expected at most {FILE_BYTES_MAX} bytes")));
    }
    source::read_json(path, &text).map(Some)
}

/// Only variables of sections that are ours: the rest of the environment is none of our business.
fn variable_entry((name, value): &(OsString, OsString)) -> Option<Entry> {
    let (name, value) = (name.to_str()?, value.to_str()?);
    let key = name.replace("__", ":");
    let entry = Entry { key, value: value.to_owned(), origin: Origin::Environment(name.to_owned()) };
    (keys::is_ours(&entry.key) || secret_file::is_secret_file(&entry.key)).then_some(entry)
}

fn flag_entry(flag: &FlagValue) -> Entry {
    let origin = Origin::Flag(flag.flag.clone());
    Entry { key: flag.key.clone(), value: flag.value.clone(), origin }
}
