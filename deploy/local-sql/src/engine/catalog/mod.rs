//! What exists in a database: schemas, tables, their columns, keys and indexes.
//!
//! A catalog is immutable once shared: DDL clones it, changes the clone and publishes it at commit. It is
//! kept in the SQLite table `$catalog` of its database, one row per object, written in the transaction of the
//! DDL. `define` makes tables from the syntax tree, `sqlite` writes their SQLite DDL, `system` answers
//! `sys.…`, OBJECT_ID and the like, `security` who may do what.

mod define;
mod security;
mod sqlite;
mod system;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ast::{Action, ObjectName};
use super::bind::Collation;
use super::error::{Result, SqlError};
use super::types::SqlType;

pub(super) use define::{added_columns, defined_constraint, key_columns, table_of};
pub(super) use security::{DBO, Securable, Security, absent};
pub(super) use sqlite::{column_text, create_table, indexes_of, temporary_table_text, violation_query};
pub(super) use system::{Metadata, register, system_view};

/// The schema of names without one.
pub(super) const DEFAULT_SCHEMA: &str = "dbo";
/// Where table variables and temporary tables live: SQLite's own schema for what is private to a connection.
pub(super) const TEMPORARY: &str = "temp";

/// A column of a table.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct TableColumn {
    pub(super) name: String,
    pub(super) ty: SqlType,
    pub(super) nullable: bool,
    /// Compares by code points instead of ignoring case.
    pub(super) binary: bool,
    pub(super) default: Option<ColumnDefault>,
}

impl TableColumn {
    /// How its strings compare; `None` for what is not a string.
    pub(super) fn collation(&self) -> Option<Collation> {
        let collation = if self.binary { Collation::Binary } else { Collation::Default };
        self.ty.is_text().then_some(collation)
    }
}

/// A DEFAULT, as text: it is parsed again where it is used.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct ColumnDefault {
    pub(super) name: String,
    pub(super) text: String,
}

/// A primary key, a unique constraint or an index. Columns are positions in the table.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) kind: KeyKind,
    pub(super) columns: Vec<(usize, bool)>,
    pub(super) include: Vec<usize>,
    pub(super) filter: Option<String>,
    /// IGNORE_DUP_KEY = ON.
    pub(super) ignore_duplicates: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum KeyKind {
    Primary,
    UniqueConstraint,
    UniqueIndex,
    Index,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct ForeignKey {
    pub(super) name: String,
    pub(super) columns: Vec<usize>,
    /// Object id of the referenced table.
    pub(super) parent: i32,
    pub(super) parent_columns: Vec<usize>,
    pub(super) on_delete: Action,
    pub(super) on_update: Action,
}

/// A CHECK constraint.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) text: String,
}

/// A table. Temporary ones have the schema [`TEMPORARY`].
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Table {
    pub(super) id: i32,
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) columns: Vec<TableColumn>,
    /// The IDENTITY column with seed and increment.
    pub(super) identity: Option<(usize, i64, i64)>,
    /// The column that is SQLite's own row id: a primary key of one integer column, made with the table.
    pub(super) row_id: Option<usize>,
    pub(super) keys: Vec<Key>,
    pub(super) foreign_keys: Vec<ForeignKey>,
    pub(super) checks: Vec<Check>,
}

impl Table {
    pub(super) fn is_temporary(&self) -> bool {
        self.schema == TEMPORARY
    }

    /// `schema.name` as messages show it.
    pub(super) fn shown(&self) -> String {
        if self.is_temporary() { self.name.clone() } else { format!("{}.{}", self.schema, self.name) }
    }

    /// The name of the SQLite table, unquoted.
    pub(super) fn stored_name(&self) -> String {
        if self.is_temporary() { self.name.clone() } else { format!("{}.{}", self.schema, self.name) }
    }

    /// The SQLite text that names the table.
    pub(super) fn sql_name(&self) -> String {
        let schema = if self.is_temporary() { TEMPORARY } else { "main" };
        format!("{schema}.{}", super::bind::quoted_name(&self.stored_name()))
    }

    /// The position of a column.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| same_name(&column.name, name))
    }

    /// The position of a column, or 207.
    pub(super) fn require_column(&self, name: &str) -> Result<usize> {
        self.column(name).ok_or_else(|| SqlError::new(207, format!("Invalid column name '{name}'.")))
    }

    pub(super) fn primary_key(&self) -> Option<&Key> {
        self.keys.iter().find(|key| key.kind == KeyKind::Primary)
    }
}

/// Whether two names are the same object: the catalog compares as the default collation does.
pub(super) fn same_name(left: &str, right: &str) -> bool {
    super::functions::compare_ci(left, right).is_eq()
}

fn folded(name: &str) -> String {
    name.trim_end_matches(' ').to_lowercase()
}

/// The objects of one database.
#[derive(Debug, Clone)]
pub(super) struct Catalog {
    /// Tells catalogs apart: statements bound with another one are bound again.
    pub(super) version: u64,
    next_id: i32,
    schemas: BTreeMap<String, (i32, String)>,
    tables: BTreeMap<(String, String), Arc<Table>>,
    pub(super) security: Security,
}

/// Object ids of users begin here, as a reader of OBJECT_ID would expect: positive, not small.
const FIRST_ID: i32 = 100_000_000;

fn next_version() -> u64 {
    static VERSION: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    VERSION.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

impl Default for Catalog {
    fn default() -> Self {
        let schemas = [(1, "dbo"), (3, "INFORMATION_SCHEMA"), (4, "sys")];
        let schemas = schemas.into_iter().map(|(id, name)| (folded(name), (id, name.to_owned()))).collect();
        let (tables, security) = (BTreeMap::new(), Security::default());
        Self { version: next_version(), next_id: FIRST_ID, schemas, tables, security }
    }
}

impl Catalog {
    /// A copy to change, with its own version.
    pub(super) fn changed(&self) -> Self {
        Self { version: next_version(), ..self.clone() }
    }

    pub(super) fn new_id(&mut self) -> i32 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn schema_id(&self, name: &str) -> Option<i32> {
        self.schemas.get(&folded(name)).map(|(id, _)| *id)
    }

    /// The schemas: id and name.
    pub(super) fn schemas(&self) -> impl Iterator<Item = &(i32, String)> {
        self.schemas.values()
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.tables.values()
    }

    pub(super) fn table(&self, schema: Option<&str>, name: &str) -> Option<&Arc<Table>> {
        self.tables.get(&(folded(schema.unwrap_or(DEFAULT_SCHEMA)), folded(name)))
    }

    pub(super) fn table_by_id(&self, id: i32) -> Option<&Arc<Table>> {
        self.tables.values().find(|table| table.id == id)
    }

    /// The table with this name, or 208.
    pub(super) fn require_table(&self, name: &ObjectName) -> Result<&Arc<Table>> {
        if name.parts.len() > 2 {
            return Err(SqlError::unsupported_at(
                format!("the cross-database name {}", name.shown()),
                name.position,
            ));
        }
        self.table(name.schema(), name.object()).ok_or_else(|| {
            SqlError::new(208, format!("Invalid object name '{}'.", name.shown())).at(name.position.line)
        })
    }

    /// Adds a schema and returns its id.
    ///
    /// # Errors
    /// 2714 if the name is taken.
    pub(super) fn add_schema(&mut self, name: &str) -> Result<i32> {
        if self.schema_id(name).is_some() {
            return Err(already_named(name));
        }
        let id = self.new_id();
        self.schemas.insert(folded(name), (id, name.to_owned()));
        Ok(id)
    }

    /// Removes an empty schema and returns its id.
    ///
    /// # Errors
    /// 3729 while it holds tables.
    pub(super) fn drop_schema(&mut self, name: &str) -> Result<Option<i32>> {
        if let Some(table) = self.tables.values().find(|table| same_name(&table.schema, name)) {
            let shown = &table.name;
            let message =
                format!("Cannot drop schema '{name}' because it is being referenced by object '{shown}'.");
            return Err(SqlError::new(3729, message));
        }
        let dropped = self.schemas.remove(&folded(name)).map(|(id, _)| id);
        if let Some(id) = dropped {
            self.security.forget(Securable::Schema(id));
        }
        Ok(dropped)
    }

    /// Puts a table in or replaces the one of the same name.
    pub(super) fn put_table(&mut self, table: Arc<Table>) {
        self.next_id = self.next_id.max(table.id);
        self.tables.insert((folded(&table.schema), folded(&table.name)), table);
    }

    pub(super) fn drop_table(&mut self, table: &Table) {
        self.tables.remove(&(folded(&table.schema), folded(&table.name)));
        self.security.forget(Securable::Object(table.id));
    }

    /// 2714 if a table, key, foreign key, check or default of the schema has the name already.
    pub(super) fn check_free(&self, schema: &str, name: &str) -> Result<()> {
        let taken = self.tables.values().filter(|table| same_name(&table.schema, schema)).any(|table| {
            let constraints = table
                .keys
                .iter()
                .filter(|key| matches!(key.kind, KeyKind::Primary | KeyKind::UniqueConstraint));
            same_name(&table.name, name)
                || constraints.map(|key| &key.name).any(|known| same_name(known, name))
                || table.foreign_keys.iter().any(|key| same_name(&key.name, name))
                || table.checks.iter().any(|check| same_name(&check.name, name))
                || table
                    .columns
                    .iter()
                    .filter_map(|column| column.default.as_ref())
                    .any(|known| same_name(&known.name, name))
        });
        if taken { Err(already_named(name)) } else { Ok(()) }
    }

    /// Tables with a foreign key to this one, and the key; the table's own keys included.
    pub(super) fn references_to(&self, parent: i32) -> impl Iterator<Item = (&Arc<Table>, &ForeignKey)> {
        self.tables.values().flat_map(move |table| {
            table.foreign_keys.iter().filter(move |key| key.parent == parent).map(move |key| (table, key))
        })
    }

    // --- persistence -------------------------------------------------------------------------------------

    /// Creates the tables of the catalog in a fresh database and reads what is there.
    pub(super) fn load(connection: &rusqlite::Connection) -> Result<Self> {
        let read = || -> rusqlite::Result<Vec<(i32, String, String)>> {
            connection.execute_batch(
                "CREATE TABLE IF NOT EXISTS \"$catalog\" (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, definition TEXT NOT NULL) STRICT;
                 CREATE TABLE IF NOT EXISTS \"$identity\" (id INTEGER PRIMARY KEY, last INTEGER NOT NULL) \
                     STRICT;",
            )?;
            let mut statement =
                connection.prepare("SELECT id, kind, definition FROM \"$catalog\" ORDER BY id")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect()
        };
        let mut catalog = Self::default();
        for (id, kind, definition) in read().map_err(|error| SqlError::new(5180, error.to_string()))? {
            catalog.next_id = catalog.next_id.max(id);
            let unreadable = |error: serde_json::Error| {
                SqlError::new(5180, format!("Catalog row {id} cannot be read: {error}."))
            };
            match kind.as_str() {
                "schema" => drop(catalog.schemas.insert(folded(&definition), (id, definition))),
                "security" => catalog.security = serde_json::from_str(&definition).map_err(unreadable)?,
                _ => catalog.put_table(Arc::new(serde_json::from_str(&definition).map_err(unreadable)?)),
            }
        }
        Ok(catalog)
    }
}

/// The row of `$catalog` for users, roles and permissions.
pub(super) const SECURITY_ROW: i32 = 0;

/// The definition in a row of `$catalog`: of a table, or of all security.
pub(super) fn stored_definition(definition: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(definition).map_err(SqlError::unsupported)
}

fn already_named(name: &str) -> SqlError {
    SqlError::new(2714, format!("There is already an object named '{name}' in the database.")).with_state(6)
}
