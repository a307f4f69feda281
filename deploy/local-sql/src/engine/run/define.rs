//! DDL: each statement changes SQLite and the catalog in one SQLite transaction. ALTER TABLE is in `alter`.

use std::sync::Arc;

use super::super::ast::{CreateIndex, ObjectName, StatementKind, TableDefinition};
use super::super::catalog::{
    Catalog, DEFAULT_SCHEMA, Key, KeyKind, TEMPORARY, Table, create_table, indexes_of, key_columns,
    same_name, stored_definition, table_of,
};
use super::super::change::sqlite_error;
use super::super::error::{Result, SqlError};
use super::super::interface::ResultSink;
use super::Session;
use super::transaction::Scope;

impl Session {
    pub(super) fn define(&mut self, statement: &StatementKind, sink: &mut dyn ResultSink) -> Result<()> {
        self.row_count = 0;
        self.check_definition(statement)?;
        self.connection.interrupts.hold(true);
        let defined = self.run_definition(statement, sink);
        self.connection.interrupts.hold(false);
        defined
    }

    fn run_definition(&mut self, statement: &StatementKind, sink: &mut dyn ResultSink) -> Result<()> {
        match statement {
            StatementKind::CreateTable(name, definition) if name.object().starts_with('#') => {
                self.create_temporary(name.object(), definition, sink)
            }
            StatementKind::CreateTable(name, definition) => {
                self.in_catalog(sink, |s, c| s.create_table(c, name, definition))
            }
            StatementKind::DropTable { names, if_exists } => self.drop_tables(names, *if_exists, sink),
            StatementKind::Truncate(name) => self.truncate(name, sink),
            StatementKind::CreateIndex(index) => self.create_index(index, sink),
            StatementKind::DropIndex { name, table, if_exists } => {
                self.altering(table, sink, |session, _, table| session.drop_index(table, name, *if_exists))
            }
            StatementKind::AlterTable(name, change) => {
                self.altering(name, sink, |session, catalog, table| session.alter(catalog, table, change))
            }
            StatementKind::CreateSchema(name) => self.in_catalog(sink, |session, catalog| {
                let id = catalog.add_schema(name)?;
                let user = session.user(catalog);
                catalog.security.set_owner(id, user);
                session.keep_security(catalog)?;
                session.execute(
                    "INSERT INTO \"$catalog\" (id, kind, definition) VALUES (?1, 'schema', ?2)",
                    (id, name),
                )
            }),
            StatementKind::DropSchema { name, if_exists } => {
                self.in_catalog(sink, |session, catalog| match catalog.drop_schema(name)? {
                    Some(id) => {
                        session.keep_security(catalog)?;
                        session.execute("DELETE FROM \"$catalog\" WHERE id = ?1", [id])
                    }
                    None if *if_exists => Ok(()),
                    None => Err(missing("schema", name)),
                })
            }
            StatementKind::CreateDatabase(name) => self.create_database(name),
            StatementKind::DropDatabase { names, if_exists } => self.drop_databases(names, *if_exists),
            StatementKind::AlterDatabase(_) => Ok(()),
            StatementKind::Security(statement) => self.secure(statement, sink),
            _ => Err(SqlError::unsupported("this statement")),
        }
    }

    pub(super) fn execute(&self, sql: &str, parameters: impl rusqlite::Params) -> Result<()> {
        self.connection.connection.execute(sql, parameters).map(drop).map_err(|error| sqlite_error(&error))
    }

    pub(super) fn run_sql(&self, sql: &str) -> Result<()> {
        self.connection.connection.execute_batch(sql).map_err(|error| sqlite_error(&error))
    }

    pub(super) fn finds_a_row(&self, sql: &str) -> Result<bool> {
        let found = self.connection.connection.prepare(sql).and_then(|mut statement| statement.exists([]));
        found.map_err(|error| sqlite_error(&error))
    }

    /// Runs DDL on a copy of the catalog, which takes effect with the transaction.
    pub(super) fn in_catalog(
        &mut self,
        sink: &mut dyn ResultSink,
        change: impl FnOnce(&mut Self, &mut Catalog) -> Result<()>,
    ) -> Result<()> {
        self.atomically(Scope::Database, sink, |session, _| {
            let mut catalog = session.catalog().changed();
            change(session, &mut catalog)?;
            session.put_catalog(catalog);
            Ok(())
        })
    }

    /// Runs DDL on a copy of a table and keeps its new definition.
    fn altering(
        &mut self,
        name: &ObjectName,
        sink: &mut dyn ResultSink,
        change: impl FnOnce(&mut Self, &mut Catalog, &mut Table) -> Result<()>,
    ) -> Result<()> {
        if name.object().starts_with(['#', '@']) {
            return Err(SqlError::unsupported_at(
                "changes to the definition of a temporary table",
                name.position,
            ));
        }
        self.in_catalog(sink, |session, catalog| {
            let mut table =
                catalog.require_table(name).map_err(|error| absent_for_alter(name, error))?.as_ref().clone();
            change(session, catalog, &mut table)?;
            let definition = stored_definition(&table)?;
            session
                .execute("UPDATE \"$catalog\" SET definition = ?2 WHERE id = ?1", (table.id, definition))?;
            catalog.put_table(Arc::new(table));
            Ok(())
        })
    }

    // --- tables ------------------------------------------------------------------------------------------

    fn create_table(
        &mut self,
        catalog: &mut Catalog,
        name: &ObjectName,
        definition: &TableDefinition,
    ) -> Result<()> {
        if name.parts.len() > 2 {
            return Err(SqlError::unsupported_at(
                format!("the cross-database name {}", name.shown()),
                name.position,
            ));
        }
        let schema = self.existing_schema(catalog, name.schema().unwrap_or(DEFAULT_SCHEMA))?;
        catalog.check_free(&schema, name.object())?;
        let id = catalog.new_id();
        let table = table_of(catalog, id, (&schema, name.object()), definition)?;
        self.run_sql(&create_table(catalog, &table, false)?)?;
        for key in &table.keys {
            indexes_of(&table, key, false)?.iter().try_for_each(|index| self.run_sql(&index.sql))?;
        }
        let definition = stored_definition(&table)?;
        self.execute(
            "INSERT INTO \"$catalog\" (id, kind, definition) VALUES (?1, 'table', ?2)",
            (id, definition),
        )?;
        self.reset_identity(id)?;
        catalog.put_table(Arc::new(table));
        Ok(())
    }

    /// The schema as it is written in the catalog.
    fn existing_schema(&self, catalog: &Catalog, name: &str) -> Result<String> {
        let system = name.eq_ignore_ascii_case("sys") || name.eq_ignore_ascii_case("INFORMATION_SCHEMA");
        let found = catalog.schemas().find(|(_, known)| same_name(known, name)).filter(|_| !system);
        found.map(|(_, known)| known.clone()).ok_or_else(|| {
            let text = format!(
                "The specified schema name \"{name}\" either does not exist or you do not \
                have permission to use it."
            );
            SqlError::new(2760, text)
        })
    }

    fn create_temporary(
        &mut self,
        name: &str,
        definition: &TableDefinition,
        sink: &mut dyn ResultSink,
    ) -> Result<()> {
        if self.temporary.contains_key(&name.to_lowercase()) {
            return Err(SqlError::new(
                2714,
                format!("There is already an object named '{name}' in the database."),
            ));
        }
        self.temporary_id -= 1;
        let table = table_of(&Catalog::default(), self.temporary_id, (TEMPORARY, name), definition)?;
        let scope = if self.transaction.count() > 0 { Scope::Database } else { Scope::Session };
        self.atomically(scope, sink, |session, _| {
            // A rollback may have brought back one that was dropped.
            session.run_sql(&format!("DROP TABLE IF EXISTS {}", table.sql_name()))?;
            session.make_temporary(&table, false)
        })?;
        self.temporary.insert(name.to_lowercase(), Arc::new(table));
        self.temporary_changed();
        Ok(())
    }

    fn drop_tables(
        &mut self,
        names: &[ObjectName],
        if_exists: bool,
        sink: &mut dyn ResultSink,
    ) -> Result<()> {
        for name in names {
            if name.object().starts_with('#') {
                self.drop_temporary(name.object(), if_exists, sink)?;
                continue;
            }
            self.in_catalog(sink, |session, catalog| {
                let table = match catalog.require_table(name) {
                    Ok(table) => Arc::clone(table),
                    Err(error) if error.number == 208 && if_exists => return Ok(()),
                    Err(error) if error.number == 208 => return Err(missing("table", &name.shown())),
                    Err(error) => return Err(error),
                };
                if catalog.references_to(table.id).any(|(child, _)| child.id != table.id) {
                    let text = format!(
                        "Could not drop object '{}' because it is referenced by a FOREIGN KEY constraint.",
                        name.shown()
                    );
                    return Err(SqlError::new(3726, text));
                }
                session.run_sql(&format!("DROP TABLE {}", table.sql_name()))?;
                session.execute("DELETE FROM \"$catalog\" WHERE id = ?1", [table.id])?;
                session.reset_identity(table.id)?;
                catalog.drop_table(&table);
                session.keep_security(catalog)
            })?;
        }
        Ok(())
    }

    fn drop_temporary(&mut self, name: &str, if_exists: bool, sink: &mut dyn ResultSink) -> Result<()> {
        let Some(table) = self.temporary.get(&name.to_lowercase()).cloned() else {
            return if if_exists { Ok(()) } else { Err(missing("table", name)) };
        };
        if self.transaction.count() > 0 {
            return Err(SqlError::unsupported("DROP TABLE of a temporary table in a transaction"));
        }
        let sql = format!("DROP TABLE {}", table.sql_name());
        self.atomically(Scope::Session, sink, |session, _| session.run_sql(&sql))?;
        self.temporary.remove(&name.to_lowercase());
        self.temporary_identities.remove(&table.id);
        self.temporary_changed();
        Ok(())
    }

    fn truncate(&mut self, name: &ObjectName, sink: &mut dyn ResultSink) -> Result<()> {
        let table = self.table(name).map_err(|error| match error.number {
            208 => SqlError {
                number: 4701,
                text: format!(
                    "Cannot find the object \"{}\" because it does not exist or you do not have permissions.",
                    name.shown()
                ),
                ..error
            },
            _ => error,
        })?;
        if self.catalog().references_to(table.id).next().is_some() {
            let text = format!(
                "Cannot truncate table '{}' because it is being referenced by a FOREIGN KEY constraint.",
                name.shown()
            );
            return Err(SqlError::new(4712, text));
        }
        let scope = if table.is_temporary() && self.transaction.count() == 0 {
            Scope::Session
        } else {
            Scope::Database
        };
        self.atomically(scope, sink, |session, _| {
            session.run_sql(&format!("DELETE FROM {}", table.sql_name()))?;
            if table.is_temporary() {
                session.temporary_identities.remove(&table.id);
                return Ok(());
            }
            session.reset_identity(table.id)
        })
    }

    /// The identity of a table begins anew.
    fn reset_identity(&mut self, table: i32) -> Result<()> {
        self.execute("DELETE FROM \"$identity\" WHERE id = ?1", [table])?;
        self.database.identities.lock().remove(&table);
        self.transaction.reset_identities.push(table);
        Ok(())
    }

    // --- indexes -----------------------------------------------------------------------------------------

    fn create_index(&mut self, definition: &CreateIndex, sink: &mut dyn ResultSink) -> Result<()> {
        self.altering(&definition.table, sink, |session, _, table| {
            if table.keys.iter().any(|key| same_name(&key.name, &definition.name)) {
                let text = format!(
                    "The operation failed because an index or statistics with name '{}' \
                    already exists on table '{}'.",
                    definition.name,
                    table.shown()
                );
                return Err(SqlError::new(1913, text));
            }
            let include =
                definition.include.iter().map(|name| table.require_column(name)).collect::<Result<_>>()?;
            let key = Key {
                name: definition.name.clone(),
                kind: if definition.unique { KeyKind::UniqueIndex } else { KeyKind::Index },
                columns: key_columns(table, &definition.columns)?,
                include,
                filter: definition.filter.as_ref().map(|(_, text)| text.clone()),
                ignore_duplicates: definition.ignore_duplicates,
            };
            session.build_key(table, &key)?;
            table.keys.push(key);
            Ok(())
        })
        .map_err(|error| if error.number == 4902 { SqlError { number: 1088, ..error } } else { error })
    }

    fn drop_index(&self, table: &mut Table, name: &str, if_exists: bool) -> Result<()> {
        let Some(index) = table.keys.iter().position(|key| same_name(&key.name, name)) else {
            return if if_exists {
                Ok(())
            } else {
                Err(missing("index", &format!("{}.{name}", table.shown())).with_state(7))
            };
        };
        if table.keys.get(index).is_some_and(is_constraint) {
            let text = format!(
                "An explicit DROP INDEX is not allowed on index '{}.{name}'. It is being used for PRIMARY \
                    KEY constraint enforcement.",
                table.shown()
            );
            return Err(SqlError::new(3723, text));
        }
        let key = table.keys.remove(index);
        self.drop_key_indexes(table, &key)
    }

    // --- databases ---------------------------------------------------------------------------------------

    fn create_database(&mut self, name: &str) -> Result<()> {
        self.outside_transactions("CREATE DATABASE")?;
        if self.engine.databases.find(name).is_some() {
            let text = format!("Database '{name}' already exists. Choose a different database name.");
            return Err(SqlError::new(1801, text));
        }
        self.engine.databases.open_or_create(name)?;
        self.metadata.lock().databases = self.engine.databases.names();
        Ok(())
    }

    fn drop_databases(&mut self, names: &[String], if_exists: bool) -> Result<()> {
        self.outside_transactions("DROP DATABASE")?;
        for name in names {
            match self.engine.databases.drop_database(name) {
                Err(error) if error.number == 3701 && if_exists => {}
                other => other?,
            }
        }
        self.metadata.lock().databases = self.engine.databases.names();
        Ok(())
    }

    fn outside_transactions(&self, statement: &str) -> Result<()> {
        if self.transaction.count() > 0 {
            return Err(SqlError::new(
                226,
                format!("{statement} statement not allowed within multi-statement transaction."),
            ));
        }
        Ok(())
    }
}

pub(super) fn is_constraint(key: &Key) -> bool {
    matches!(key.kind, KeyKind::Primary | KeyKind::UniqueConstraint)
}

pub(super) fn missing(kind: &str, name: &str) -> SqlError {
    let text =
        format!("Cannot drop the {kind} '{name}', because it does not exist or you do not have permission.");
    SqlError { class: 11, state: 5, ..SqlError::new(3701, text) }
}

fn absent_for_alter(name: &ObjectName, error: SqlError) -> SqlError {
    if error.number == 208 { SqlError { number: 4902, line: error.line, ..cannot_find(name) } } else { error }
}

/// 1088.
pub(super) fn cannot_find(name: &ObjectName) -> SqlError {
    let text = format!(
        "Cannot find the object \"{}\" because it does not exist or you do not have permissions.",
        name.shown()
    );
    SqlError::new(1088, text)
}
