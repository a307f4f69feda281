//! The databases of a server: one SQLite file each, in WAL mode, so that readers see the last commit while
//! one writes.
//!
//! Start at [`Databases::open`]. It knows files and connections; transactions and locks are the session's.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::Connection;

use super::catalog::{Catalog, Metadata};
use super::error::{Result, SqlError};
use super::functions::JsonRows;
use super::interface::{CancelFlag, Storage};
use super::logins::Login;
use super::{catalog, functions};

/// The database that always exists.
pub(super) const MASTER: &str = "master";
/// SQLite's own lock waits: only checkpoints meet, writers are ordered by `locks`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// Compiled statements kept per connection.
const STATEMENT_CACHE: usize = 512;
/// How many steps of SQLite's machine pass between two looks at the cancel flag.
const STEPS_BETWEEN_CANCEL_CHECKS: i32 = 2_000;
/// Database names, as in SQL Server.
const MAX_NAME: usize = 128;
const SUFFIX: &str = "sqlite";

/// One database.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) id: i32,
    pub(super) name: String,
    path: PathBuf,
    /// The catalog as of the last commit.
    pub(super) catalog: Mutex<Arc<Catalog>>,
    /// The last identity value of each table by object id. In memory only they rise, whatever is rolled back.
    pub(super) identities: Mutex<HashMap<i32, i64>>,
    sessions: AtomicUsize,
}

impl Database {
    /// Whether a login may use the database: the administrator, and who has a user in it. `master` has a guest.
    pub(super) fn admits(&self, login: &Login) -> bool {
        self.name == MASTER || self.catalog.lock().security.admits(login.sid())
    }
}

/// All databases of a server.
#[derive(Debug)]
pub(super) struct Databases {
    directory: Directory,
    list: Mutex<BTreeMap<String, Arc<Database>>>,
    next_id: std::sync::atomic::AtomicI32,
}

/// The directory; one made for memory storage goes with it.
#[derive(Debug)]
struct Directory {
    path: PathBuf,
    temporary: bool,
    /// Held as long as this process uses the directory; a killed process gives it back, too.
    _lock: Option<File>,
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.temporary {
            // What is left is removed by the next start.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// The directory, for this process alone: another one would have a catalog and locks of its own.
fn own_directory(path: &Path) -> Result<Directory> {
    std::fs::create_dir_all(path).map_err(|error| failure("create", path, error))?;
    let lock = File::create(path.join("lock")).map_err(|error| failure("lock", path, error))?;
    match lock.try_lock() {
        Ok(()) => Ok(Directory { path: path.to_owned(), temporary: false, _lock: Some(lock) }),
        Err(TryLockError::WouldBlock) => Err(failure("use", path, "another local-sql uses it")),
        Err(TryLockError::Error(error)) => Err(failure("lock", path, error)),
    }
}

fn failure(what: &str, path: &Path, error: impl std::fmt::Display) -> SqlError {
    SqlError::new(5120, format!("local-sql cannot {what} {}: {error}.", path.display()))
}

impl Databases {
    /// Opens the directory and the databases in it; `master` is made if absent.
    pub(super) fn open(storage: &Storage) -> Result<Self> {
        let directory = match storage {
            Storage::Memory => memory_directory()?,
            Storage::Directory(path) => own_directory(path)?,
        };
        let databases = Self { directory, list: Mutex::default(), next_id: 1.into() };
        databases.open_or_create(MASTER)?;
        let path = &databases.directory.path;
        let entries = std::fs::read_dir(path).map_err(|error| failure("read", path, error))?;
        let mut names: Vec<String> =
            entries.flatten().filter_map(|entry| name_of_file(&entry.path())).collect();
        names.sort_unstable();
        for name in names {
            databases.open_or_create(&name)?;
        }
        Ok(databases)
    }

    /// The database with this name, made if absent.
    pub(super) fn open_or_create(&self, name: &str) -> Result<Arc<Database>> {
        let mut list = self.list.lock();
        if let Some(database) = list.get(&folded(name)) {
            return Ok(Arc::clone(database));
        }
        if name.is_empty() || name.chars().count() > MAX_NAME || name.contains('\0') {
            return Err(SqlError::new(1036, format!("The database name '{name}' is not valid.")));
        }
        let path = self.directory.path.join(file_name(name));
        let connection = connect(&path, self.directory.temporary)?;
        let catalog = Arc::new(Catalog::load(&connection)?);
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let database = Arc::new(Database {
            id,
            name: name.to_owned(),
            path,
            catalog: Mutex::new(catalog),
            identities: Mutex::default(),
            sessions: AtomicUsize::new(0),
        });
        list.insert(folded(name), Arc::clone(&database));
        Ok(database)
    }

    /// A connection of the server's own to `master`.
    pub(super) fn connect_to_master(&self) -> Result<Connection> {
        connect(&self.directory.path.join(file_name(MASTER)), self.directory.temporary)
    }

    /// The database with this name, if there is one.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Database>> {
        self.list.lock().get(&folded(name)).cloned()
    }

    /// Id and name of each.
    pub(super) fn names(&self) -> Vec<(i32, String)> {
        let mut names: Vec<_> =
            self.list.lock().values().map(|database| (database.id, database.name.clone())).collect();
        names.sort_unstable();
        names
    }

    /// Removes a database and its files.
    ///
    /// # Errors
    /// 3701 if there is none, 3702 while sessions use it, 3708 for `master`.
    pub(super) fn drop_database(&self, name: &str) -> Result<()> {
        let mut list = self.list.lock();
        let Some(database) = list.get(&folded(name)) else {
            let text = format!(
                "Cannot drop the database '{name}', because it does not exist or you do not have permission."
            );
            return Err(SqlError { class: 11, ..SqlError::new(3701, text) });
        };
        if database.name == MASTER {
            return Err(SqlError::new(
                3708,
                "Cannot drop the database 'master' because it is a system database.",
            ));
        }
        if database.sessions.load(Ordering::Acquire) > 0 {
            let text = format!("Cannot drop database \"{name}\" because it is currently in use.");
            return Err(SqlError::new(3702, text));
        }
        for suffix in ["", "-wal", "-shm"] {
            let mut path = database.path.clone().into_os_string();
            path.push(suffix);
            let removed = std::fs::remove_file(&path);
            if let Err(error) = removed.or_else(|error| missing_is_fine(suffix, error)) {
                return Err(failure("remove", Path::new(&path), error));
            }
        }
        list.remove(&folded(name));
        Ok(())
    }

    /// A connection of a session to a database, with T-SQL's functions on it.
    pub(super) fn connect(
        &self,
        database: &Arc<Database>,
        metadata: &Arc<Mutex<Metadata>>,
        cancel: &CancelFlag,
    ) -> Result<SessionConnection> {
        // Counted under the list's lock: a database cannot be dropped between.
        let list = self.list.lock();
        if !list.contains_key(&folded(&database.name)) {
            return Err(SqlError::new(911, format!("Database '{}' does not exist.", database.name)));
        }
        database.sessions.fetch_add(1, Ordering::AcqRel);
        drop(list);
        let guard = InUse(Arc::clone(database));
        let mut connection = connect(&database.path, self.directory.temporary)?;
        let interrupts = Interrupts { cancel: cancel.clone(), held: Arc::default() };
        let looked_at = interrupts.clone();
        let prepared = functions::register(&connection).and_then(|json_rows| {
            catalog::register(&connection, metadata)?;
            connection.progress_handler(STEPS_BETWEEN_CANCEL_CHECKS, Some(move || looked_at.interrupts()))?;
            Ok(json_rows)
        });
        let json_rows = prepared.map_err(|error| failure("prepare", &database.path, error))?;
        connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        Ok(SessionConnection { connection, interrupts, json_rows, _in_use: guard })
    }
}

/// A connection that keeps its database from being dropped. The connection closes first.
#[derive(Debug)]
pub(super) struct SessionConnection {
    pub(super) connection: Connection,
    pub(super) interrupts: Interrupts,
    /// What OPENJSON opened; cleared after each statement.
    pub(super) json_rows: JsonRows,
    _in_use: InUse,
}

/// Whether SQLite is to stop what it does. Not in the middle of a write: it would roll back the whole
/// transaction, where T-SQL rolls back the statement. Writes are many small statements, between which the
/// executor looks itself.
#[derive(Debug, Clone)]
pub(super) struct Interrupts {
    cancel: CancelFlag,
    held: Arc<AtomicBool>,
}

impl Interrupts {
    pub(super) fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Relaxed);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    fn interrupts(&self) -> bool {
        self.cancel.is_cancelled() && !self.held.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct InUse(Arc<Database>);

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.sessions.fetch_sub(1, Ordering::AcqRel);
    }
}

fn missing_is_fine(suffix: &str, error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound && !suffix.is_empty() { Ok(()) } else { Err(error) }
}

fn connect(path: &Path, in_memory: bool) -> Result<Connection> {
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // NORMAL: a killed process loses nothing; a power failure may lose the last commits, never the file.
        let synchronous = if in_memory { "OFF" } else { "NORMAL" };
        connection.execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA foreign_keys = ON; \
             PRAGMA temp_store = MEMORY; PRAGMA recursive_triggers = OFF;"
        ))?;
        Ok(connection)
    };
    open().map_err(|error| failure("open", path, error))
}

fn folded(name: &str) -> String {
    name.trim_end_matches(' ').to_lowercase()
}

/// A file name that any file system takes: letters and digits as they are, the rest as `%xx` of UTF-8.
fn file_name(name: &str) -> String {
    let mut file = String::new();
    for byte in folded(name).bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            file.push(char::from(byte));
        } else {
            file.push_str(&format!("%{byte:02x}"));
        }
    }
    format!("{file}.{SUFFIX}")
}

fn name_of_file(path: &Path) -> Option<String> {
    if path.extension()? != SUFFIX {
        return None;
    }
    let stem = path.file_stem()?.to_str()?;
    let mut bytes = Vec::new();
    let mut rest = stem.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// A directory for databases that vanish with the process: in memory where the machine has such a file
/// system. SQLite's own memory databases have no WAL, and without it readers would wait for writers.
fn memory_directory() -> Result<Directory> {
    let shared_memory = Path::new("/dev/shm");
    let base = if shared_memory.is_dir() { shared_memory.to_owned() } else { std::env::temp_dir() };
    remove_abandoned(&base);
    let name = format!("{PREFIX}{}-{:016x}", std::process::id(), rand::random::<u64>());
    let path = base.join(name);
    std::fs::create_dir_all(&path).map_err(|error| failure("create", &path, error))?;
    Ok(Directory { path, temporary: true, _lock: None })
}

const PREFIX: &str = "local-sql-";

/// Removes what killed processes left behind.
fn remove_abandoned(base: &Path) {
    let processes = Path::new("/proc");
    let Ok(entries) = std::fs::read_dir(base) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        if let Some(owner) = owner.filter(|owner| owner.parse::<u32>().is_ok())
            && processes.is_dir()
            && !processes.join(owner).exists()
        {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_database_name_survives_its_file_name() {
        for name in ["shop", "a.b/c", "größe %41", ".."] {
            assert_eq!(name_of_file(Path::new(&file_name(name))).unwrap(), name);
        }
    }
}
