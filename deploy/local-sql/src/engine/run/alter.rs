//! ALTER TABLE. SQLite cannot alter much, but it keeps a table's definition as text and its rows do not depend on
//! constraints: so our definition changes, SQLite's text is written anew from it and put in place.
//!
//! Start at [`Session::alter`]; `define` has begun the transaction and keeps the new definition.

use rusqlite::types::Value as Stored;

use super::super::ast::{AlterTable, ColumnDefinition, TableDefinition};
use super::super::bind::{self, check_implicit, quoted_name};
use super::super::catalog::{
    self, Catalog, Key, KeyKind, Table, added_columns, create_table, defined_constraint, indexes_of,
    same_name, violation_query,
};
use super::super::change::sqlite_error;
use super::super::error::{Result, SqlError};
use super::super::types::SqlType;
use super::define::is_constraint;
use super::failure::{checked_column, shown_key};
use super::{Session, bound_table};

impl Session {
    pub(super) fn alter(
        &mut self,
        catalog: &mut Catalog,
        table: &mut Table,
        change: &AlterTable,
    ) -> Result<()> {
        match change {
            AlterTable::Add(definition) => self.add(catalog, table, definition),
            AlterTable::DropConstraint { names, if_exists } => {
                names.iter().try_for_each(|name| self.drop_constraint(catalog, table, name, *if_exists))?;
                self.rewrite(catalog, table)
            }
            AlterTable::DropColumn { names, if_exists } => {
                names.iter().try_for_each(|name| self.drop_column(catalog, table, name, *if_exists))
            }
            AlterTable::AlterColumn(column) => self.alter_column(catalog, table, column),
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

    pub(super) fn build_key(&self, table: &Table, key: &Key) -> Result<()> {
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
        self.put_definition(table, &create_table(catalog, table, false)?)
    }

    fn put_definition(&self, table: &Table, text: &str) -> Result<()> {
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

    pub(super) fn drop_key_indexes(&self, table: &Table, key: &Key) -> Result<()> {
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
        let has_default = table.columns.get(index).is_some_and(|column| column.default.is_some());
        if has_default || is_used(catalog, table, index) {
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

    fn alter_column(
        &self,
        catalog: &Catalog,
        table: &mut Table,
        definition: &ColumnDefinition,
    ) -> Result<()> {
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
        let Some(column) = table.columns.get(index).cloned() else { return Ok(()) };
        if definition.collation.is_some() {
            return Err(SqlError::unsupported_at("ALTER COLUMN with a collation", definition.position));
        }
        if table.identity.is_some_and(|(identity, ..)| identity == index) && column.ty != definition.ty {
            return Err(SqlError::unsupported_at("ALTER COLUMN of an IDENTITY column", definition.position));
        }
        let stays = grows(column.ty, definition.ty);
        if (!stays || nullable != column.nullable) && is_used(catalog, table, index) {
            let text = format!(
                "ALTER TABLE ALTER COLUMN {} failed because one or more objects access this column.",
                definition.name
            );
            return Err(SqlError::new(4922, text).with_state(9));
        }
        if let Some(column) = table.columns.get_mut(index) {
            column.ty = definition.ty;
            column.nullable = nullable;
        }
        // Before SQLite is told: it would not look for NULL where none may be.
        self.check_no_nulls(table)?;
        if stays {
            return self.rewrite(catalog, table);
        }
        check_implicit(column.ty, definition.ty)?;
        self.convert_column(catalog, table, index, column.ty)
    }

    /// Converts the values of a column to its new type: while they are of both, SQLite must not look at the type.
    fn convert_column(&self, catalog: &Catalog, table: &Table, index: usize, from: SqlType) -> Result<()> {
        let Some(column) = table.columns.get(index) else { return Ok(()) };
        let name = quoted_name(&column.name);
        let text = create_table(catalog, table, false)?;
        let any = text.replacen(&catalog::column_text(table, index), &format!("{name} ANY"), 1);
        self.put_definition(table, &any)?;
        let old = bind::Scalar::new(name.clone(), from);
        let value = old.for_column(&bound_table(table), index)?;
        self.run_sql(&format!("UPDATE {} SET {name} = {value}", table.sql_name()))
            .map_err(|error| self.with_database(error))?;
        self.put_definition(table, &text)
    }
}

/// Whether a key, an index, a foreign key or (for all that is known) a check or filter is built on a column.
fn is_used(catalog: &Catalog, table: &Table, index: usize) -> bool {
    let by_key = |key: &Key| {
        key.columns.iter().any(|(column, _)| *column == index)
            || key.include.contains(&index)
            || key.filter.is_some()
    };
    table.keys.iter().any(by_key)
        || !table.checks.is_empty()
        || table.foreign_keys.iter().any(|key| key.columns.contains(&index))
        || catalog.references_to(table.id).any(|(_, key)| key.parent_columns.contains(&index))
}

/// CREATE TABLE has another number for it.
fn second_primary_key(table: &Table, error: SqlError) -> SqlError {
    if error.number != 8110 {
        return error;
    }
    let text = format!("Table '{}' already has a primary key defined on it.", table.name);
    SqlError { number: 1779, text, ..error }
}

/// Whether every value of one type lies in SQLite as the other would keep it.
fn grows(from: SqlType, to: SqlType) -> bool {
    let longer = |from: Option<u16>, to: Option<u16>| {
        to.is_none() || from.is_some_and(|from| to.is_some_and(|to| from <= to))
    };
    match (from, to) {
        (SqlType::Decimal(from, scale), SqlType::Decimal(to, other)) => from <= to && scale == other,
        (SqlType::NVarChar(from), SqlType::NVarChar(to))
        | (SqlType::VarChar(from), SqlType::VarChar(to) | SqlType::NVarChar(to))
        | (SqlType::VarBinary(from), SqlType::VarBinary(to)) => longer(from, to),
        (SqlType::TinyInt, SqlType::SmallInt | SqlType::Int | SqlType::BigInt)
        | (SqlType::SmallInt, SqlType::Int | SqlType::BigInt)
        | (SqlType::Int, SqlType::BigInt) => true,
        _ => from == to,
    }
}
