//! What the session's user may do.
//!
//! Rights to rows are collected while a statement is bound and checked each time it runs, as a GRANT may have come
//! or gone meanwhile; `define` asks before each DDL statement. `sa` passes everywhere.

use super::super::ast::{ObjectName, Right, StatementKind};
use super::super::bind::Need;
use super::super::catalog::{Catalog, DEFAULT_SCHEMA, Table, absent};
use super::super::error::{Result, SqlError};
use super::Session;
use super::define::{cannot_find, missing};

impl Session {
    pub(super) fn is_administrator(&self) -> bool {
        self.login.sid().is_none()
    }

    /// The session's user in the database.
    pub(super) fn user(&self, catalog: &Catalog) -> i32 {
        catalog.security.user_of(self.login.sid())
    }

    /// 229 for the first right to rows that the user does not have.
    pub(super) fn check_rights(&self, needs: &[Need]) -> Result<()> {
        if self.is_administrator() || needs.is_empty() {
            return Ok(());
        }
        let catalog = self.catalog();
        let user = self.user(&catalog);
        for (right, id) in needs {
            let Some(table) = catalog.table_by_id(*id) else { continue };
            if !catalog.security.allows(user, *right, *id, catalog.schema_of(table)) {
                return Err(self.denied(*right, table));
            }
        }
        Ok(())
    }

    fn denied(&self, right: Right, table: &Table) -> SqlError {
        let right = match right {
            Right::Select => "SELECT",
            Right::Insert => "INSERT",
            Right::Update => "UPDATE",
            Right::Delete => "DELETE",
        };
        let text = format!(
            "The {right} permission was denied on the object '{}', database '{}', schema '{}'.",
            table.name, self.database.name, table.schema
        );
        SqlError { class: 14, state: 5, ..SqlError::new(229, text) }
    }

    /// 262 for a statement on the server or the database.
    fn denied_statement(&self, statement: &str) -> SqlError {
        let text = format!("{statement} permission denied in database '{}'.", self.database.name);
        SqlError { class: 14, ..SqlError::new(262, text) }
    }

    /// Whether the user may run a DDL statement; each is refused in its own words.
    pub(super) fn check_definition(&self, statement: &StatementKind) -> Result<()> {
        if self.is_administrator() {
            return Ok(());
        }
        match statement {
            StatementKind::CreateTable(name, _) if name.object().starts_with('#') => Ok(()),
            StatementKind::DropTable { names, if_exists } => names
                .iter()
                .filter(|name| !if_exists || self.table(name).is_ok())
                .try_for_each(|name| self.require_control(name, || missing("table", &name.shown()))),
            // Without CREATE TABLE not even the owner of a schema may.
            StatementKind::CreateTable(..) | StatementKind::CreateSchema(_) if self.may_define() => Ok(()),
            StatementKind::CreateTable(..) => Err(self.denied_statement("CREATE TABLE")),
            StatementKind::CreateSchema(_) => Err(self.denied_statement("CREATE SCHEMA")),
            StatementKind::DropSchema { name, .. } => self.check_drop_schema(name),
            StatementKind::AlterTable(name, _) | StatementKind::Truncate(name) => {
                self.require_control(name, || cannot_find(name))
            }
            StatementKind::CreateIndex(index) => {
                self.require_control(&index.table, || cannot_find(&index.table))
            }
            StatementKind::DropIndex { name, table, .. } => {
                self.require_control(table, || missing("index", &format!("{}.{name}", table.shown())))
            }
            StatementKind::CreateDatabase(_) => Err(self.denied_statement("CREATE DATABASE")),
            StatementKind::DropDatabase { names, .. } => {
                Err(missing("database", names.first().map_or("", String::as_str)))
            }
            StatementKind::AlterDatabase(_) if self.is_owner() => Ok(()),
            StatementKind::AlterDatabase(_) => {
                let text = format!(
                    "User does not have permission to alter database '{}', the database does not exist, or the \
                        database is not in a state that allows access checks.",
                    self.database.name
                );
                Err(SqlError::new(5011, text))
            }
            _ => Ok(()),
        }
    }

    fn check_drop_schema(&self, name: &str) -> Result<()> {
        let catalog = self.catalog();
        let owns = catalog
            .schema_id(name)
            .is_some_and(|schema| catalog.security.owns_schema(self.user(&catalog), schema));
        if owns || self.may_define() { Ok(()) } else { Err(absent("drop", "schema", name)) }
    }

    /// Whether the user may create and alter objects in every schema.
    fn may_define(&self) -> bool {
        let catalog = self.catalog();
        catalog.security.may_define(self.user(&catalog))
    }

    /// Whether the user may do everything in the database.
    pub(super) fn is_owner(&self) -> bool {
        let catalog = self.catalog();
        catalog.security.is_owner(self.user(&catalog))
    }

    /// The error unless the user may alter a table; SQL Server's words do not tell that from a table that is not
    /// there.
    fn require_control(&self, name: &ObjectName, error: impl FnOnce() -> SqlError) -> Result<()> {
        if name.object().starts_with(['#', '@']) {
            return Ok(());
        }
        let catalog = self.catalog();
        let user = self.user(&catalog);
        let schema = catalog.schema_id(name.schema().unwrap_or(DEFAULT_SCHEMA));
        let owns = schema.is_some_and(|schema| catalog.security.owns_schema(user, schema));
        if owns || catalog.security.may_define(user) { Ok(()) } else { Err(error()) }
    }
}
