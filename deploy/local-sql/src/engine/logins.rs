//! The logins of a server besides `sa`: names, passwords, and who is logged in.
//!
//! They are kept in `master`, outside every transaction. What a login may do in a database is up to the user that
//! stands for it there (`catalog::security`).

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;
use sha2::{Digest, Sha512};

use super::catalog::absent;
use super::change::sqlite_error;
use super::error::{Result, SqlError};

/// The administrator, whom nobody has to make.
pub const ADMINISTRATOR: &str = "sa";
const SALT_BYTES: usize = 16;

/// Who a session belongs to.
#[derive(Debug, PartialEq, Eq)]
pub struct Login {
    name: String,
    /// Tells a login from a later one of the same name; `None`: the administrator.
    sid: Option<String>,
}

impl Login {
    /// `sa`, who may do everything.
    #[must_use]
    pub fn administrator() -> Arc<Self> {
        Arc::new(Self { name: ADMINISTRATOR.to_owned(), sid: None })
    }

    /// As it was made.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }
}

#[derive(Debug)]
struct Entry {
    /// Held by each session too: a login in use cannot be dropped.
    login: Arc<Login>,
    password: String,
}

/// The logins, and the connection to `master` that keeps them.
#[derive(Debug)]
pub(super) struct Logins {
    store: Mutex<Connection>,
    entries: Mutex<BTreeMap<String, Entry>>,
}

impl Logins {
    /// Reads what is there.
    pub(super) fn load(store: Connection) -> Result<Self> {
        let read = || -> rusqlite::Result<Vec<(String, String, String)>> {
            store.execute_batch(
                "CREATE TABLE IF NOT EXISTS \"$login\" (name TEXT PRIMARY KEY, sid TEXT NOT NULL, \
                 password TEXT NOT NULL) STRICT;",
            )?;
            let mut statement = store.prepare("SELECT name, sid, password FROM \"$login\"")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect()
        };
        let rows = read().map_err(|error| SqlError::new(5180, error.to_string()))?;
        let entries = rows.into_iter().map(|(name, sid, password)| {
            (folded(&name), Entry { login: Arc::new(Login { name, sid: Some(sid) }), password })
        });
        let entries = Mutex::new(entries.collect());
        Ok(Self { store: Mutex::new(store), entries })
    }

    /// The login with this name and password, if they belong together.
    pub(super) fn authenticate(&self, name: &str, password: &str) -> Option<Arc<Login>> {
        let entries = self.entries.lock();
        let entry = entries.get(&folded(name))?;
        is_hash_of(&entry.password, password).then(|| Arc::clone(&entry.login))
    }

    /// The login with this name.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Login>> {
        self.entries.lock().get(&folded(name)).map(|entry| Arc::clone(&entry.login))
    }

    /// CREATE LOGIN.
    ///
    /// # Errors
    /// 15025 if there is one.
    pub(super) fn create(&self, name: &str, password: &str) -> Result<()> {
        let mut entries = self.entries.lock();
        if entries.contains_key(&folded(name)) || folded(name) == ADMINISTRATOR {
            return Err(SqlError::new(15_025, format!("The server principal '{name}' already exists.")));
        }
        let (sid, password) = (random_hex(SALT_BYTES), hashed(password));
        self.execute(
            "INSERT INTO \"$login\" (name, sid, password) VALUES (?1, ?2, ?3)",
            (name, &sid, &password),
        )?;
        let login = Arc::new(Login { name: name.to_owned(), sid: Some(sid) });
        entries.insert(folded(name), Entry { login, password });
        Ok(())
    }

    /// ALTER LOGIN … WITH PASSWORD. Sessions that are open stay so.
    ///
    /// # Errors
    /// 15151 if there is none.
    pub(super) fn set_password(&self, name: &str, password: &str) -> Result<()> {
        let mut entries = self.entries.lock();
        let entry = entries.get_mut(&folded(name)).ok_or_else(|| absent("alter", "login", name))?;
        let password = hashed(password);
        self.execute("UPDATE \"$login\" SET password = ?2 WHERE name = ?1", (&entry.login.name, &password))?;
        entry.password = password;
        Ok(())
    }

    /// DROP LOGIN. Its users stay, as in SQL Server, and belong to nobody.
    ///
    /// # Errors
    /// 15151 if there is none, 15434 while it is logged in.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        let mut entries = self.entries.lock();
        let entry = entries.get(&folded(name)).ok_or_else(|| absent("drop", "login", name))?;
        if Arc::strong_count(&entry.login) > 1 {
            let text = format!("Could not drop login '{name}' as the user is currently logged in.");
            return Err(SqlError::new(15_434, text));
        }
        self.execute("DELETE FROM \"$login\" WHERE name = ?1", [&entry.login.name])?;
        entries.remove(&folded(name));
        Ok(())
    }

    fn execute(&self, sql: &str, parameters: impl rusqlite::Params) -> Result<()> {
        self.store.lock().execute(sql, parameters).map(drop).map_err(|error| sqlite_error(&error))
    }
}

fn folded(name: &str) -> String {
    name.to_lowercase()
}

fn random_hex(bytes: usize) -> String {
    (0..bytes).map(|_| format!("{:02x}", rand::random::<u8>())).collect()
}

/// Salt and SHA-512, as SQL Server keeps passwords.
fn hashed(password: &str) -> String {
    let salt = random_hex(SALT_BYTES);
    let digest = digest(&salt, password);
    format!("{salt}:{digest}")
}

fn is_hash_of(stored: &str, password: &str) -> bool {
    stored.split_once(':').is_some_and(|(salt, known)| digest(salt, password) == known)
}

fn digest(salt: &str, password: &str) -> String {
    let digest = Sha512::new().chain_update(salt).chain_update(password).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
