//! DDL: each statement changes SQLite and the catalog in one SQLite transaction.
//!
//! SQLite cannot alter much, but it keeps a table's definition as text and its rows do not depend on
//! constraints. So ALTER TABLE changes our definition, writes SQLite's text anew from it and puts it in
//! place.

use std::sync::Arc;

use rusqlite::types::Value as Stored;

use super::super::ast::{
    AlterTable, ColumnDefinition, CreateIndex, ObjectName, StatementKind, TableDefinition,
};
use super::super::bind::quoted_name;
use super::super::catalog::{
    self, Catalog, DEFAULT_SCHEMA, Key, KeyKind, TEMPORARY, Table, added_columns, create_table,
    defined_constraint, indexes_of, key_columns, same_name, stored_definition, table_of, violation_query,
};
use super::super::change::sqlite_error;
use super::super::error::{Result, SqlError};
use super::super::interface::ResultSink;
use super::super::types::SqlType;
use super::failure::{checked_column, shown_key};
use super::transaction::Scope;
use super::{Session, bound_table};

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

    fn run_sql(&self, sql: &str) -> Result<()> {
        self.connection.connection.execute_batch(sql).map_err(|error| sqlite_error(&error))
    }

    fn finds_a_row(&self, sql: &str) -> Result<bool> {
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
        if name.starts_with("##") {
            return Err(SqlError::unsupported("global temporary tables"));
        }
        if self.temporary.contains_key(&name.to_lowercase()) {
            return Err(SqlError::new(
                2714,
                format!("There is already an object named '{name}' in the database."),
            ));
        }
        self.temporary_id -= 1;
        let table = table_of(&Catalog::default(), self.temporary_id, (TEMPORARY, name), definition)?;
        let scope = if self.transaction.count() > 0 { Scope::Database } else { Scope::Session };
        self.atomically(scope, sink, |session, _| session.make_temporary(&table, false))?;
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

    // --- ALTER TABLE -------------------------------------------------------------------------------------

    fn alter(&mut self, catalog: &mut Catalog, table: &mut Table, change: &AlterTable) -> Result<()> {
        match change {
            AlterTable::Add(definition) => self.add(catalog, table, definition),
            AlterTable::DropConstraint { names, if_exists } => {
                names.iter().try_for_each(|name| self.drop_constraint(catalog, table, name, *if_exists))?;
                self.rewrite(catalog, table)
            }
            AlterTable::DropColumn { names, if_exists } => {
                names.iter().try_for_each(|name| self.drop_column(catalog, table, name, *if_exists))
            }
            AlterTable::AlterColumn(column) => {
                self.alter_column(table, column)?;
                self.rewrite(catalog, table)
            }
        }
    }

    fn add(&mut self, catalog: &Catalog, table: &mut Table, definition: &TableDefinition) -> Result<()> {
        for column in &definition.columns {
            self.add_column(table, column)?;
        }
        let inline = definition.columns.iter().flat_map(|column| &column.constraints);
        let (keys, checks, foreign) = (table.keys.len(), table.checks.len(), table.foreign_keys.len());
        for constraint in inline.chain(&definition.constraints) {
            defined_constraint(catalog, table, constraint)
                .map_err(|error| second_primary_key(table, error))?;
        }
        self.check_no_nulls(table)?;
        for key in table.keys.iter().skip(keys) {
            self.build_key(table, key)?;
        }
        for check in table.checks.iter().skip(checks) {
            if self.finds_a_row(&violation_query(table, check)?)? {
                let column = checked_column(table, &check.name);
                let text = format!(
                    "The ALTER TABLE statement conflicted with the CHECK constraint \"{}\". The conflict \
                        occurred in database \"{}\", table \"{}\"{}.",
                    check.name,
                    self.database.name,
                    table.shown(),
                    column.map(|column| format!(", column '{column}'")).unwrap_or_default()
                );
                return Err(SqlError::new(547, text).with_state(0));
            }
        }
        self.rewrite(catalog, table)?;
        if table.foreign_keys.len() > foreign {
            self.check_foreign_keys(table)?;
        }
        Ok(())
    }

    fn add_column(&mut self, table: &mut Table, column: &ColumnDefinition) -> Result<()> {
        if column.identity.is_some() {
            return Err(SqlError::unsupported_at("ALTER TABLE … ADD of an IDENTITY column", column.position));
        }
        let mut nullable = column.clone();
        nullable.nullable = Some(true);
        added_columns(table, std::slice::from_ref(&nullable))?;
        let index = table.columns.len() - 1;
        let required = column.nullable == Some(false);
        let text = catalog::column_text(table, index);
        self.run_sql(&format!("ALTER TABLE {} ADD COLUMN {text}", table.sql_name()))?;
        if !required {
            return Ok(());
        }
        match &column.default {
            Some(default) => self.fill(table, index, &default.text)?,
            None if self.finds_a_row(&format!("SELECT 1 FROM {} LIMIT 1", table.sql_name()))? => {
                let text = format!(
                    "ALTER TABLE only allows columns to be added that can contain nulls, or have a DEFAULT \
                        definition specified, or the column being added is an identity or timestamp column, \
                        or alternatively if none of the previous conditions are satisfied the table must be \
                        empty to allow addition of this column. Column '{}' cannot be added to non-empty \
                        table '{}' because it does not satisfy these conditions.",
                    column.name, table.name
                );
                return Err(SqlError::new(4901, text));
            }
            None => {}
        }
        if let Some(column) = table.columns.get_mut(index) {
            column.nullable = false;
        }
        Ok(())
    }

    /// Gives existing rows the default of a new column.
    fn fill(&mut self, table: &Table, index: usize, default: &str) -> Result<()> {
        let Some(column) = table.columns.get(index) else { return Ok(()) };
        let program = self.compile("", "")?;
        let value = super::super::parser::parse_expression(default)?;
        let (sql, parameters) = {
            let environment = self.environment(&program, 0);
            let mut binder = super::super::bind::Binder::new(&environment);
            let sql = binder.scalar(&value)?.for_column(&bound_table(table), index)?;
            (sql, std::mem::take(&mut binder.parameters))
        };
        let sql = format!("UPDATE {} SET {} = {sql}", table.sql_name(), quoted_name(&column.name));
        self.execute_with(&sql, &parameters)
    }

    fn check_no_nulls(&self, table: &Table) -> Result<()> {
        for column in table.columns.iter().filter(|column| !column.nullable) {
            let sql = format!(
                "SELECT 1 FROM {} WHERE {} IS NULL LIMIT 1",
                table.sql_name(),
                quoted_name(&column.name)
            );
            if self.finds_a_row(&sql)? {
                let text = format!(
                    "Cannot insert the value NULL into column '{}', table '{}.{}'; column does not allow \
                        nulls. UPDATE fails.",
                    column.name,
                    self.database.name,
                    table.shown()
                );
                return Err(SqlError { state: 2, ..SqlError::new(515, text) });
            }
        }
        Ok(())
    }

    fn build_key(&self, table: &Table, key: &Key) -> Result<()> {
        for index in indexes_of(table, key, false)? {
            self.run_sql(&index.sql).map_err(|error| match error.text.contains("UNIQUE constraint failed") {
                true => {
                    let text = format!(
                        "The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for \
                            the object name '{}' and the index name '{}'. The duplicate key value is {}.",
                        table.shown(),
                        key.name,
                        self.duplicate(table, key)
                    );
                    SqlError::new(1505, text)
                }
                false => error,
            })?;
        }
        Ok(())
    }

    /// The first values that a unique key would have twice.
    fn duplicate(&self, table: &Table, key: &Key) -> String {
        let names = key.columns.iter().filter_map(|(column, _)| table.columns.get(*column));
        let names: Vec<String> = names.map(|column| quoted_name(&column.name)).collect();
        let list = names.join(", ");
        let sql =
            format!("SELECT {list} FROM {} GROUP BY {list} HAVING count(*) > 1 LIMIT 1", table.sql_name());
        let found = self.connection.connection.query_row(&sql, [], |row| {
            (0..names.len()).map(|index| row.get(index)).collect::<rusqlite::Result<Vec<Stored>>>()
        });
        let found = found.unwrap_or_default();
        shown_key(table, key, &|position| {
            let index = key.columns.iter().position(|(column, _)| *column == position);
            index.and_then(|index| found.get(index)).cloned().unwrap_or(Stored::Null)
        })
    }

    fn check_foreign_keys(&self, table: &Table) -> Result<()> {
        let pragma = format!("PRAGMA foreign_key_check({})", quoted_name(&table.stored_name()));
        if !self.finds_a_row(&pragma)? {
            return Ok(());
        }
        let name = table.foreign_keys.last().map_or("", |key| &key.name);
        let text = format!(
            "The ALTER TABLE statement conflicted with the FOREIGN KEY constraint \"{name}\". The conflict \
                occurred in database \"{}\".",
            self.database.name
        );
        Err(SqlError::new(547, text))
    }

    /// Puts SQLite's text of the table in the place of the old one.
    fn rewrite(&self, catalog: &Catalog, table: &Table) -> Result<()> {
        let text = create_table(catalog, table, false)?;
        let version: i64 = self
            .connection
            .connection
            .query_row("PRAGMA main.schema_version", [], |row| row.get(0))
            .map_err(|error| sqlite_error(&error))?;
        self.run_sql("PRAGMA writable_schema = ON")?;
        let put = self
            .execute(
                "UPDATE main.sqlite_schema SET sql = ?1 WHERE type = 'table' AND name = ?2",
                (text, table.stored_name()),
            )
            .and_then(|()| self.run_sql(&format!("PRAGMA main.schema_version = {}", version + 1)));
        // RESET also makes this connection read the new text; the others see the new version.
        let reset = self.run_sql("PRAGMA writable_schema = RESET");
        put.and(reset)
    }

    fn drop_constraint(
        &self,
        catalog: &Catalog,
        table: &mut Table,
        name: &str,
        if_exists: bool,
    ) -> Result<()> {
        if let Some(index) =
            table.keys.iter().position(|key| same_name(&key.name, name) && is_constraint(key))
        {
            let key = table.keys.remove(index);
            let by_row_id = key.kind == KeyKind::Primary && table.row_id.is_some();
            let referenced = catalog.references_to(table.id).next().is_some();
            if by_row_id || referenced {
                return Err(SqlError::unsupported(format!(
                    "dropping the key {name}, which the table or a foreign key is built on"
                )));
            }
            return self.drop_key_indexes(table, &key);
        }
        if let Some(index) = table.checks.iter().position(|check| same_name(&check.name, name)) {
            table.checks.remove(index);
            return Ok(());
        }
        if let Some(index) = table.foreign_keys.iter().position(|key| same_name(&key.name, name)) {
            table.foreign_keys.remove(index);
            return Ok(());
        }
        for column in &mut table.columns {
            if column.default.as_ref().is_some_and(|default| same_name(&default.name, name)) {
                column.default = None;
                return Ok(());
            }
        }
        if if_exists {
            return Ok(());
        }
        Err(SqlError::new(3728, format!("'{name}' is not a constraint.")))
    }

    fn drop_key_indexes(&self, table: &Table, key: &Key) -> Result<()> {
        let indexes = indexes_of(table, key, false)?;
        indexes
            .iter()
            .try_for_each(|index| self.run_sql(&format!("DROP INDEX main.{}", quoted_name(&index.name))))
    }

    fn drop_column(&self, catalog: &Catalog, table: &mut Table, name: &str, if_exists: bool) -> Result<()> {
        let Some(index) = table.column(name) else {
            let text = format!(
                "ALTER TABLE DROP COLUMN failed because column '{name}' does not exist in table '{}'.",
                table.name
            );
            return if if_exists { Ok(()) } else { Err(SqlError::new(4924, text)) };
        };
        let used = table.keys.iter().any(|key| {
            key.columns.iter().any(|(column, _)| *column == index) || key.include.contains(&index)
        }) || table.foreign_keys.iter().any(|key| key.columns.contains(&index))
            || catalog.references_to(table.id).any(|(_, key)| key.parent_columns.contains(&index))
            || table.columns.get(index).is_some_and(|column| column.default.is_some());
        if used || !table.checks.is_empty() || table.keys.iter().any(|key| key.filter.is_some()) {
            let text = format!(
                "ALTER TABLE DROP COLUMN {name} failed because one or more objects access this column."
            );
            return Err(SqlError::new(4922, text));
        }
        self.run_sql(&format!("ALTER TABLE {} DROP COLUMN {}", table.sql_name(), quoted_name(name)))?;
        table.columns.remove(index);
        let moved = |position: &mut usize| *position -= usize::from(*position > index);
        table.keys.iter_mut().for_each(|key| {
            key.columns.iter_mut().for_each(|(column, _)| moved(column));
            key.include.iter_mut().for_each(moved);
        });
        table.foreign_keys.iter_mut().for_each(|key| key.columns.iter_mut().for_each(moved));
        table.row_id.iter_mut().for_each(moved);
        table.identity.iter_mut().for_each(|(column, ..)| moved(column));
        if catalog
            .references_to(table.id)
            .any(|(_, key)| key.parent_columns.iter().any(|column| *column > index))
        {
            return Err(SqlError::unsupported("dropping a column before one that a foreign key refers to"));
        }
        Ok(())
    }

    fn alter_column(&self, table: &mut Table, definition: &ColumnDefinition) -> Result<()> {
        let index = table.column(&definition.name).ok_or_else(|| {
            SqlError::new(
                4924,
                format!(
                    "ALTER TABLE ALTER COLUMN failed because column '{}' does not exist in table '{}'.",
                    definition.name, table.name
                ),
            )
        })?;
        let nullable = definition.nullable.unwrap_or(true);
        let keyed = table.keys.iter().any(|key| key.columns.iter().any(|(column, _)| *column == index));
        let Some(column) = table.columns.get_mut(index) else { return Ok(()) };
        if !grows(column.ty, definition.ty) || definition.collation.is_some() {
            return Err(SqlError::unsupported_at(
                "ALTER COLUMN to a type that is not the same one, longer or wider",
                definition.position,
            ));
        }
        if keyed && nullable != column.nullable {
            let text = format!(
                "ALTER TABLE ALTER COLUMN {} failed because one or more objects access this column.",
                definition.name
            );
            return Err(SqlError::new(4922, text));
        }
        column.ty = definition.ty;
        column.nullable = nullable;
        self.check_no_nulls(table)
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

/// CREATE TABLE has another number for it.
fn second_primary_key(table: &Table, error: SqlError) -> SqlError {
    if error.number != 8110 {
        return error;
    }
    let text = format!("Table '{}' already has a primary key defined on it.", table.name);
    SqlError { number: 1779, text, ..error }
}

fn is_constraint(key: &Key) -> bool {
    matches!(key.kind, KeyKind::Primary | KeyKind::UniqueConstraint)
}

/// Whether every value of one type lies in SQLite as the other would keep it.
fn grows(from: SqlType, to: SqlType) -> bool {
    let longer = |from: Option<u16>, to: Option<u16>| {
        to.is_none() || from.is_some_and(|from| to.is_some_and(|to| from <= to))
    };
    match (from, to) {
        (SqlType::NVarChar(from), SqlType::NVarChar(to))
        | (SqlType::VarChar(from), SqlType::VarChar(to) | SqlType::NVarChar(to))
        | (SqlType::VarBinary(from), SqlType::VarBinary(to)) => longer(from, to),
        (SqlType::TinyInt, SqlType::SmallInt | SqlType::Int | SqlType::BigInt)
        | (SqlType::SmallInt, SqlType::Int | SqlType::BigInt)
        | (SqlType::Int, SqlType::BigInt) => true,
        _ => from == to,
    }
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
