//! Logins, users, roles and permissions: CREATE, ALTER, DROP, GRANT, DENY, REVOKE.
//!
//! All but the logins are part of the database's catalog and of the transaction. Only the administrator changes
//! logins, only an owner of the database the rest.

use super::super::ast::{PermitVerb, Right, Security as Written, WrittenSecurable};
use super::super::catalog::{Catalog, DEFAULT_SCHEMA, SECURITY_ROW, Securable, absent, stored_definition};
use super::super::error::{Result, SqlError};
use super::super::interface::ResultSink;
use super::Session;

impl Session {
    pub(super) fn secure(&mut self, statement: &Written, sink: &mut dyn ResultSink) -> Result<()> {
        match statement {
            Written::CreateLogin { .. } | Written::AlterLogin { .. } | Written::DropLogin(_) => {
                self.change_logins(statement)
            }
            _ => {
                if !self.is_owner() && !self.owns_what_is_permitted(statement) {
                    return Err(refused(statement));
                }
                self.in_catalog(sink, |session, catalog| {
                    session.change_security(catalog, statement)?;
                    session.keep_security(catalog)
                })
            }
        }
    }

    /// Whether it is a permission on a schema, or on something in a schema, that the user owns.
    fn owns_what_is_permitted(&self, statement: &Written) -> bool {
        let schema = match statement {
            Written::Permit { on: WrittenSecurable::Schema(name), .. } => name.as_str(),
            Written::Permit { on: WrittenSecurable::Object(name), .. } => {
                name.schema().unwrap_or(DEFAULT_SCHEMA)
            }
            _ => return false,
        };
        let catalog = self.catalog();
        let owns = |schema| catalog.security.owns_schema(self.user(&catalog), schema);
        catalog.schema_id(schema).is_some_and(owns)
    }

    fn change_logins(&mut self, statement: &Written) -> Result<()> {
        if !self.is_administrator() {
            // A login changes its own password by naming the old one, which the parser refuses by name.
            return Err(refused(statement));
        }
        if self.transaction.count() > 0 {
            return Err(SqlError::unsupported("changes to logins in a transaction"));
        }
        let logins = &self.engine.logins;
        match statement {
            Written::CreateLogin { name, password } => logins.create(name, password)?,
            Written::AlterLogin { name, password } => logins.set_password(name, password)?,
            Written::DropLogin(name) => logins.remove(name)?,
            _ => {}
        }
        Ok(())
    }

    fn change_security(&self, catalog: &mut Catalog, statement: &Written) -> Result<()> {
        let security = &mut catalog.security;
        match statement {
            Written::CreateUser { name, login } => {
                let known = self.engine.logins.find(login);
                let sid = known.as_ref().and_then(|login| login.sid()).ok_or_else(|| {
                    let text = format!("'{login}' is not a valid login or you do not have permission.");
                    SqlError::new(15_007, text)
                })?;
                security.add_user(name, sid)
            }
            Written::DropUser { name, if_exists } => security.drop_principal(name, false, *if_exists),
            Written::CreateRole(name) => security.add_role(name),
            Written::DropRole { name, if_exists } => security.drop_principal(name, true, *if_exists),
            Written::AddMember { role, member } => security.add_member(role, member),
            Written::DropMember { role, member } => security.drop_member(role, member),
            Written::Permit { verb, rights, on, to } => self.permit(catalog, *verb, rights, on, to),
            Written::CreateLogin { .. } | Written::AlterLogin { .. } | Written::DropLogin(_) => Ok(()),
        }
    }

    fn permit(
        &self,
        catalog: &mut Catalog,
        verb: PermitVerb,
        rights: &[Right],
        on: &WrittenSecurable,
        to: &[String],
    ) -> Result<()> {
        let on = match on {
            WrittenSecurable::Database => Securable::Database,
            WrittenSecurable::Schema(name) => {
                Securable::Schema(catalog.schema_id(name).ok_or_else(|| absent("find", "schema", name))?)
            }
            WrittenSecurable::Object(name) => {
                let table = self.table(name).map_err(|error| match error.number {
                    208 => absent("find", "object", name.object()),
                    _ => error,
                })?;
                Securable::Object(table.id)
            }
        };
        let denied = match verb {
            PermitVerb::Grant => Some(false),
            PermitVerb::Deny => Some(true),
            PermitVerb::Revoke => None,
        };
        for name in to {
            rights.iter().try_for_each(|right| catalog.security.permit(denied, *right, on, name))?;
        }
        Ok(())
    }

    /// Writes down who may do what.
    pub(super) fn keep_security(&self, catalog: &Catalog) -> Result<()> {
        let definition = stored_definition(&catalog.security)?;
        self.execute(
            "INSERT OR REPLACE INTO \"$catalog\" (id, kind, definition) VALUES (?1, 'security', ?2)",
            (SECURITY_ROW, definition),
        )
    }
}

/// What SQL Server says to somebody who may not.
fn refused(statement: &Written) -> SqlError {
    match statement {
        Written::AlterLogin { name, .. } => absent("alter", "login", name),
        Written::DropLogin(name) => absent("drop", "login", name),
        Written::DropUser { name, .. } => absent("drop", "user", name),
        Written::DropRole { name, .. } => absent("drop", "role", name),
        Written::AddMember { role, .. } | Written::DropMember { role, .. } => absent("alter", "role", role),
        Written::Permit { on: WrittenSecurable::Schema(name), .. } => absent("find", "schema", name),
        Written::Permit { on: WrittenSecurable::Object(name), .. } => absent("find", "object", name.object()),
        Written::Permit { on: WrittenSecurable::Database, .. } => {
            SqlError::new(4613, "Grantor does not have GRANT permission.")
        }
        Written::CreateLogin { .. } | Written::CreateUser { .. } | Written::CreateRole(_) => {
            SqlError::new(15_247, "User does not have permission to perform this action.")
        }
    }
}
