//! What a statement can name: variables, tables, table variables, temporary tables and system views.

use std::rc::Rc;
use std::sync::Arc;

use super::super::ast::ObjectName;
use super::super::bind::{self, Environment};
use super::super::catalog::{
    Catalog, TEMPORARY, Table, indexes_of, system_view, table_of, temporary_table_text,
};
use super::super::change::sqlite_error;
use super::super::error::{Result, SqlError};
use super::super::types::SqlType;
use super::program::Program;
use super::{MadeTable, Session, bound_table};

/// SQLite tables kept for table variables; beyond that, unused ones are dropped.
const MADE_TABLES: usize = 256;

/// The names in sight of one statement.
pub(super) struct Sight<'a> {
    session: &'a Session,
    program: &'a Program,
    ordinal: usize,
}

impl Session {
    pub(super) fn environment<'a>(&'a self, program: &'a Program, ordinal: usize) -> Sight<'a> {
        Sight { session: self, program, ordinal }
    }

    /// The catalog that this session sees: its own changes, or the last commit.
    pub(super) fn catalog(&self) -> Arc<Catalog> {
        self.transaction.changed_catalog().unwrap_or_else(|| Arc::clone(&self.database.catalog.lock()))
    }

    pub(super) fn catalog_version(&self) -> u64 {
        self.catalog().version
    }

    /// Shows the current catalog to OBJECT_ID and the system views.
    pub(super) fn refresh_catalog(&mut self) {
        let catalog = self.catalog();
        let mut metadata = self.metadata.lock();
        if metadata.catalog.version != catalog.version {
            metadata.catalog = catalog;
        }
    }

    /// A table by name: a table of the database, a temporary table or a table variable.
    pub(super) fn table(&self, name: &ObjectName) -> Result<Arc<Table>> {
        let object = name.object();
        if object.starts_with('@') {
            let found = self.frame().and_then(|frame| frame.tables.get(&object.to_lowercase()));
            return found.cloned().ok_or_else(|| missing_table_variable(name));
        }
        if object.starts_with('#') {
            let found = self.temporary.get(&object.to_lowercase());
            return found.cloned().ok_or_else(|| {
                SqlError::new(208, format!("Invalid object name '{object}'."))
                    .with_state(0)
                    .at(name.position.line)
            });
        }
        self.catalog().require_table(&self.in_this_database(name)).cloned()
    }

    /// `database.schema.table` of the current database is `schema.table`.
    fn in_this_database(&self, name: &ObjectName) -> ObjectName {
        let mut name = name.clone();
        if name.parts.len() == 3
            && name.parts.first().is_some_and(|database| database.eq_ignore_ascii_case(&self.database.name))
        {
            name.parts.remove(0);
            if name.parts.first().is_some_and(String::is_empty) {
                name.parts.remove(0);
            }
        }
        name
    }

    // --- table variables ---------------------------------------------------------------------------------

    /// Makes the table variables of a program, empty.
    pub(super) fn table_variables(&mut self, program: &Program) -> Result<Vec<(String, Arc<Table>)>> {
        let mut tables = Vec::with_capacity(program.batch.tables.len());
        for (name, definition, _) in &program.batch.tables {
            let made = self.made_table(program, name, definition);
            match made {
                Ok(table) => tables.push((name.to_lowercase(), table)),
                Err(error) => {
                    self.free_tables(tables.iter().map(|(_, table)| table));
                    return Err(error);
                }
            }
        }
        Ok(tables)
    }

    fn made_table(
        &mut self,
        program: &Program,
        name: &str,
        definition: &super::super::ast::TableDefinition,
    ) -> Result<Arc<Table>> {
        let key = format!("{}:{:016x}", name.to_lowercase(), program.fingerprint);
        if let Some(made) = self.made_tables.get_mut(&key) {
            if made.in_use {
                return Err(SqlError::unsupported("a batch with table variables that executes itself"));
            }
            made.in_use = true;
            return Ok(Arc::clone(&made.table));
        }
        self.drop_unused_tables()?;
        self.temporary_id -= 1;
        let table = table_of(&Catalog::default(), self.temporary_id, (TEMPORARY, &key), definition)?;
        self.make_temporary(&table, true)?;
        // One that a rollback brought back may have rows.
        let sql = format!("DELETE FROM {}", table.sql_name());
        self.connection.connection.execute_batch(&sql).map_err(|error| sqlite_error(&error))?;
        let table = Arc::new(table);
        self.made_tables.insert(key, MadeTable { table: Arc::clone(&table), in_use: true });
        Ok(table)
    }

    /// Creates the SQLite table and indexes of a temporary table.
    pub(super) fn make_temporary(&self, table: &Table, if_not_exists: bool) -> Result<()> {
        let run =
            |sql: &str| self.connection.connection.execute_batch(sql).map_err(|error| sqlite_error(&error));
        run(&temporary_table_text(table, if_not_exists)?)?;
        for key in &table.keys {
            indexes_of(table, key, if_not_exists)?.iter().try_for_each(|index| run(&index.sql))?;
        }
        Ok(())
    }

    fn drop_unused_tables(&mut self) -> Result<()> {
        if self.made_tables.len() < MADE_TABLES {
            return Ok(());
        }
        let unused: Vec<String> =
            self.made_tables.iter().filter(|(_, made)| !made.in_use).map(|(key, _)| key.clone()).collect();
        for key in unused {
            if let Some(made) = self.made_tables.remove(&key) {
                let sql = format!("DROP TABLE IF EXISTS {}", made.table.sql_name());
                self.connection.connection.execute_batch(&sql).map_err(|error| sqlite_error(&error))?;
            }
        }
        Ok(())
    }

    /// Empties table variables whose batch has ended.
    pub(super) fn free_tables<'t>(&mut self, tables: impl Iterator<Item = &'t Arc<Table>>) {
        self.connection.interrupts.hold(true);
        for table in tables {
            let sql = format!("DELETE FROM {}", table.sql_name());
            let emptied = self
                .connection
                .connection
                .prepare_cached(&sql)
                .and_then(|mut statement| statement.execute([]));
            self.temporary_identities.remove(&table.id);
            match self.made_tables.get_mut(&table.name) {
                // What cannot be emptied is forgotten, and made again under `IF NOT EXISTS`: it must not come
                // back full.
                Some(_) if emptied.is_err() => {
                    self.made_tables.remove(&table.name);
                    let _ = self
                        .connection
                        .connection
                        .execute_batch(&format!("DROP TABLE IF EXISTS {}", table.sql_name()));
                }
                Some(made) => made.in_use = false,
                None => {}
            }
        }
        self.connection.interrupts.hold(false);
    }

    /// Drops the `#tables` that a text has made and left: they end with it.
    pub(super) fn drop_temporary_tables_but(&mut self, kept: &[i32]) {
        let made: Vec<String> = self
            .temporary
            .iter()
            .filter(|(_, table)| !kept.contains(&table.id))
            .map(|(name, _)| name.clone())
            .collect();
        if made.is_empty() {
            return;
        }
        self.connection.interrupts.hold(true);
        for table in made.iter().filter_map(|name| self.temporary.remove(name)) {
            let sql = format!("DROP TABLE IF EXISTS {}", table.sql_name());
            if let Err(error) = self.connection.connection.execute_batch(&sql) {
                tracing::warn!(%error, table = table.name, "a temporary table could not be dropped");
            }
            self.temporary_identities.remove(&table.id);
        }
        self.connection.interrupts.hold(false);
        self.temporary_changed();
    }

    /// Drops the `#tables` of the session.
    pub(super) fn drop_temporary_tables(&mut self) {
        for table in std::mem::take(&mut self.temporary).into_values() {
            let _ = self
                .connection
                .connection
                .execute_batch(&format!("DROP TABLE IF EXISTS {}", table.sql_name()));
        }
        self.made_tables.clear();
        self.temporary_changed();
    }

    pub(super) fn temporary_changed(&mut self) {
        self.temporary_version += 1;
        self.metadata.lock().temporary = self.temporary.values().cloned().collect();
    }
}

fn missing_table_variable(name: &ObjectName) -> SqlError {
    SqlError::syntax(1087, format!("Must declare the table variable \"{}\".", name.object()))
        .with_state(2)
        .at(name.position.line)
}

impl Environment for Sight<'_> {
    fn variable(&self, name: &str) -> Option<SqlType> {
        self.program.variable(name, self.ordinal)
    }

    fn table(&self, name: &ObjectName) -> Result<Rc<bind::Table>> {
        let object = name.object();
        if object.starts_with('@') {
            let key = object.to_lowercase();
            let declared = self
                .program
                .batch
                .tables
                .iter()
                .any(|(known, _, at)| *at <= self.ordinal && known.to_lowercase() == key);
            if !declared {
                return Err(missing_table_variable(name));
            }
            let table = self.session.table(name)?;
            return Ok(Rc::new(bind::Table {
                name: object.to_owned(),
                ..bound_table(&table).as_ref().clone()
            }));
        }
        if let Some(schema) = name.schema().filter(|schema| is_system(schema)) {
            return view(schema, object).ok_or_else(|| {
                SqlError::unsupported_at(format!("the system view {schema}.{object}"), name.position)
            });
        }
        self.session.table(name).map(|table| bound_table(&table))
    }
}

fn is_system(schema: &str) -> bool {
    schema.eq_ignore_ascii_case("sys") || schema.eq_ignore_ascii_case("INFORMATION_SCHEMA")
}

/// A system view as a table: a subquery over the JSON that the catalog's function returns.
fn view(schema: &str, name: &str) -> Option<Rc<bind::Table>> {
    let view = system_view(schema, name)?;
    let list: Vec<String> = view
        .columns
        .iter()
        .enumerate()
        .map(|(index, (name, _))| format!("value ->> {index} AS {}", bind::quoted_name(name)))
        .collect();
    let columns = view.columns.iter().map(|(name, ty)| bind::TableColumn {
        name: (*name).to_owned(),
        ty: *ty,
        nullable: true,
        collation: ty.is_text().then_some(bind::Collation::Default),
        identity: false,
        default: None,
    });
    Some(Rc::new(bind::Table {
        sqlite: format!("(SELECT {} FROM json_each(ts_system_view('{}')))", list.join(", "), view.name),
        id: 0,
        name: name.to_owned(),
        schema: Some(schema.to_owned()),
        columns: columns.collect(),
        ignore_duplicates: false,
        unique_columns: Vec::new(),
        row_id: None,
    }))
}
