//! Users, roles and permissions of one database, and what follows from them.
//!
//! Part of the catalog, so that CREATE USER, GRANT and the like commit and roll back with everything else. Logins
//! belong to the server: see `engine::logins`. Start at [`Security::allows`].

use std::collections::BTreeSet;

use super::super::ast::Right;
use super::super::error::{Result, SqlError};
use super::{Catalog, Table, same_name};

/// The user who owns the database: `sa`.
pub(in super::super) const DBO: i32 = 1;
/// The user of a login that has none of its own; only `master` lets it in.
const GUEST: i32 = 2;
/// The role that every user has.
const PUBLIC: i32 = 0;
/// Ids of our users and roles begin here.
const FIRST_ID: i32 = 5;

/// A role that exists in every database, with rights that are no rows of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FixedRole {
    Owner,
    DdlAdmin,
    DataReader,
    DataWriter,
}

/// SQL Server's ids of them.
const FIXED_ROLES: [(FixedRole, i32, &str); 4] = [
    (FixedRole::Owner, 16_384, "db_owner"),
    (FixedRole::DdlAdmin, 16_387, "db_ddladmin"),
    (FixedRole::DataReader, 16_390, "db_datareader"),
    (FixedRole::DataWriter, 16_391, "db_datawriter"),
];

/// A user or a role.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(in super::super) struct Principal {
    pub(in super::super) id: i32,
    pub(in super::super) name: String,
    /// The `sid` of a user's login; `None`: a role.
    login: Option<String>,
}

impl Principal {
    pub(in super::super) fn is_role(&self) -> bool {
        self.login.is_none()
    }
}

/// What a permission is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in super::super) enum Securable {
    Database,
    Schema(i32),
    Object(i32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Permission {
    grantee: i32,
    right: Right,
    on: Securable,
    denied: bool,
}

/// Everything about permissions in one database. Kept as one row of `$catalog`.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(in super::super) struct Security {
    principals: Vec<Principal>,
    /// Role and member.
    members: Vec<(i32, i32)>,
    permissions: Vec<Permission>,
    /// Schemas that somebody else than `dbo` made, and who.
    owners: Vec<(i32, i32)>,
}

impl Security {
    // --- who ---------------------------------------------------------------------------------------------

    /// The user that a login has here, by its `sid`; the administrator (`None`) is `dbo`.
    pub(in super::super) fn user_of(&self, login: Option<&str>) -> i32 {
        login.map_or(DBO, |login| self.own_user_of(login).unwrap_or(GUEST))
    }

    fn own_user_of(&self, login: &str) -> Option<i32> {
        let user = self.principals.iter().find(|known| known.login.as_deref() == Some(login));
        user.map(|user| user.id)
    }

    /// Whether a login may enter the database at all.
    pub(in super::super) fn admits(&self, login: Option<&str>) -> bool {
        self.user_of(login) != GUEST
    }

    /// The users and roles that were made here.
    pub(in super::super) fn principals(&self) -> &[Principal] {
        &self.principals
    }

    /// Id and name of the roles and users that every database has.
    pub(in super::super) fn fixed() -> impl Iterator<Item = (i32, &'static str, bool)> {
        let special = [(PUBLIC, "public", true), (DBO, "dbo", false), (GUEST, "guest", false)];
        special.into_iter().chain(FIXED_ROLES.iter().map(|(_, id, name)| (*id, *name, true)))
    }

    fn id_of(&self, name: &str) -> Option<i32> {
        let own = self.principals.iter().find(|known| same_name(&known.name, name)).map(|known| known.id);
        own.or_else(|| Self::fixed().find(|(_, known, _)| same_name(known, name)).map(|(id, ..)| id))
    }

    fn is_role(&self, id: i32) -> bool {
        let own = self.principals.iter().any(|known| known.id == id && known.is_role());
        own || FIXED_ROLES.iter().any(|(_, fixed, _)| *fixed == id)
    }

    /// The principal and every role that it has, through others too.
    fn with_roles(&self, principal: i32) -> BTreeSet<i32> {
        let mut found = BTreeSet::from([principal, PUBLIC]);
        loop {
            let more = self.members.iter().filter(|(_, member)| found.contains(member));
            let more: Vec<i32> = more.map(|(role, _)| *role).filter(|role| !found.contains(role)).collect();
            if more.is_empty() {
                return found;
            }
            found.extend(more);
        }
    }

    /// Whether a user is the other principal, or a member of it.
    pub(in super::super) fn is_member(&self, user: i32, other: i32) -> bool {
        self.with_roles(user).contains(&other)
    }

    fn has(&self, principal: i32, role: FixedRole) -> bool {
        let roles = self.with_roles(principal);
        FIXED_ROLES.iter().any(|(fixed, id, _)| *fixed == role && roles.contains(id))
    }

    // --- what they may do --------------------------------------------------------------------------------

    /// Whether nothing is forbidden to a user.
    pub(in super::super) fn is_owner(&self, user: i32) -> bool {
        user == DBO || self.has(user, FixedRole::Owner)
    }

    /// Whether a user may create tables and schemas, and change those of others.
    pub(in super::super) fn may_define(&self, user: i32) -> bool {
        self.is_owner(user) || self.has(user, FixedRole::DdlAdmin)
    }

    /// Whether a user owns the schema, and with it all that is in it.
    pub(in super::super) fn owns_schema(&self, user: i32, schema: i32) -> bool {
        self.owners.iter().any(|(owned, owner)| *owned == schema && self.with_roles(user).contains(owner))
    }

    /// Whether a user has a right to the rows of a table. A DENY anywhere outweighs every GRANT.
    pub(in super::super) fn allows(&self, user: i32, right: Right, table: i32, schema: i32) -> bool {
        if self.is_owner(user) || self.owns_schema(user, schema) {
            return true;
        }
        let roles = self.with_roles(user);
        let on = [Securable::Database, Securable::Schema(schema), Securable::Object(table)];
        let mut found = self.permissions.iter().filter(|permission| {
            permission.right == right && roles.contains(&permission.grantee) && on.contains(&permission.on)
        });
        if found.clone().any(|permission| permission.denied) {
            return false;
        }
        let by_role = if right == Right::Select { FixedRole::DataReader } else { FixedRole::DataWriter };
        found.next().is_some() || self.has(user, by_role)
    }

    /// Whether a user may know that a table exists: who has any right to it may.
    pub(in super::super) fn sees(&self, user: i32, table: i32, schema: i32) -> bool {
        let rights = [Right::Select, Right::Insert, Right::Update, Right::Delete];
        self.may_define(user) || rights.into_iter().any(|right| self.allows(user, right, table, schema))
    }

    // --- changes -----------------------------------------------------------------------------------------

    fn add(&mut self, name: &str, login: Option<String>) -> Result<()> {
        if self.id_of(name).is_some() {
            let text = format!("User, group, or role '{name}' already exists in the current database.");
            return Err(SqlError::new(15_023, text));
        }
        let id = self.principals.iter().map(|known| known.id + 1).max().unwrap_or(FIRST_ID);
        self.principals.push(Principal { id, name: name.to_owned(), login });
        Ok(())
    }

    /// CREATE USER.
    ///
    /// # Errors
    /// 15023, 15063.
    pub(in super::super) fn add_user(&mut self, name: &str, login: &str) -> Result<()> {
        if self.own_user_of(login).is_some() {
            let text = "The login already has an account under a different user name.";
            return Err(SqlError::new(15_063, text));
        }
        self.add(name, Some(login.to_owned()))
    }

    /// CREATE ROLE.
    ///
    /// # Errors
    /// 15023.
    pub(in super::super) fn add_role(&mut self, name: &str) -> Result<()> {
        self.add(name, None)
    }

    /// DROP USER and DROP ROLE.
    ///
    /// # Errors
    /// 15151, 15138, 15144.
    pub(in super::super) fn drop_principal(
        &mut self,
        name: &str,
        is_role: bool,
        if_exists: bool,
    ) -> Result<()> {
        let kind = if is_role { "role" } else { "user" };
        let found =
            self.principals.iter().find(|known| same_name(&known.name, name) && known.is_role() == is_role);
        let Some(id) = found.map(|known| known.id) else {
            return if if_exists { Ok(()) } else { Err(absent("drop", kind, name)) };
        };
        if self.owners.iter().any(|(_, owner)| *owner == id) {
            let text = "The database principal owns a schema in the database, and cannot be dropped.";
            return Err(SqlError::new(15_138, text));
        }
        if self.members.iter().any(|(role, _)| *role == id) {
            let text = "The role has members. It must be empty before it can be dropped.";
            return Err(SqlError::new(15_144, text));
        }
        self.principals.retain(|known| known.id != id);
        self.members.retain(|(_, member)| *member != id);
        self.permissions.retain(|permission| permission.grantee != id);
        Ok(())
    }

    fn role_and_member(&self, role: &str, member: &str, verb: &str) -> Result<(i32, i32)> {
        let role_id = self.id_of(role).filter(|id| self.is_role(*id));
        let role_id = role_id.ok_or_else(|| absent("alter", "role", role))?;
        let member_id = self.id_of(member).ok_or_else(|| absent(verb, "principal", member))?;
        if member_id < FIRST_ID {
            return Err(special(member));
        }
        Ok((role_id, member_id))
    }

    /// ALTER ROLE … ADD MEMBER.
    ///
    /// # Errors
    /// 15151, 15405, 15413.
    pub(in super::super) fn add_member(&mut self, role: &str, member: &str) -> Result<()> {
        let (role_id, member_id) = self.role_and_member(role, member, "add")?;
        if self.with_roles(role_id).contains(&member_id) {
            return Err(SqlError::new(15_413, "Cannot make a role a member of itself."));
        }
        if !self.members.contains(&(role_id, member_id)) {
            self.members.push((role_id, member_id));
        }
        Ok(())
    }

    /// ALTER ROLE … DROP MEMBER.
    ///
    /// # Errors
    /// 15151, 15405.
    pub(in super::super) fn drop_member(&mut self, role: &str, member: &str) -> Result<()> {
        let pair = self.role_and_member(role, member, "drop")?;
        self.members.retain(|known| *known != pair);
        Ok(())
    }

    /// GRANT, DENY (`denied` is true) and REVOKE (`None`): what was said before of the same right is replaced.
    ///
    /// # Errors
    /// 15151; 40000 for `dbo` and the fixed roles.
    pub(in super::super) fn permit(
        &mut self,
        denied: Option<bool>,
        right: Right,
        on: Securable,
        to: &str,
    ) -> Result<()> {
        let grantee = self.id_of(to).ok_or_else(|| absent("find", "user", to))?;
        if grantee == DBO || FIXED_ROLES.iter().any(|(_, id, _)| *id == grantee) {
            return Err(SqlError::unsupported(format!("permissions of {to}, whose rights are fixed")));
        }
        let is_same = |known: &Permission| known.grantee == grantee && known.right == right && known.on == on;
        self.permissions.retain(|known| !is_same(known));
        if let Some(denied) = denied {
            self.permissions.push(Permission { grantee, right, on, denied });
        }
        Ok(())
    }

    /// A schema has been made.
    pub(in super::super) fn set_owner(&mut self, schema: i32, user: i32) {
        if user != DBO {
            self.owners.push((schema, user));
        }
    }

    /// Forgets what was said about something that is gone.
    pub(in super::super) fn forget(&mut self, on: Securable) {
        self.permissions.retain(|permission| permission.on != on);
        if let Securable::Schema(schema) = on {
            self.owners.retain(|(owned, _)| *owned != schema);
        }
    }
}

/// 15151.
pub(in super::super) fn absent(verb: &str, kind: &str, name: &str) -> SqlError {
    let text = format!(
        "Cannot {verb} the {kind} '{name}', because it does not exist or you do not have permission."
    );
    SqlError::new(15_151, text)
}

fn special(name: &str) -> SqlError {
    SqlError::new(15_405, format!("Cannot use the special principal '{name}'."))
}

impl Catalog {
    /// The id of the schema that a table is in.
    pub(in super::super) fn schema_of(&self, table: &Table) -> i32 {
        self.schema_id(&table.schema).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: i32 = 7;
    const SCHEMA: i32 = 3;

    fn with_user() -> (Security, i32) {
        let mut security = Security::default();
        security.add_user("u", "sid").unwrap();
        security.add_role("inner").unwrap();
        security.add_role("outer").unwrap();
        (security, FIRST_ID)
    }

    #[test]
    fn a_right_reaches_through_roles_and_from_the_schema_and_a_denial_outweighs_it() {
        let (mut security, user) = with_user();
        let may = |security: &Security| security.allows(user, Right::Update, TABLE, SCHEMA);
        assert!(!may(&security));
        security.permit(Some(false), Right::Update, Securable::Schema(SCHEMA), "outer").unwrap();
        security.add_member("outer", "inner").unwrap();
        assert!(!may(&security));
        security.add_member("inner", "u").unwrap();
        assert!(may(&security));
        assert!(!security.allows(user, Right::Delete, TABLE, SCHEMA));
        security.permit(Some(true), Right::Update, Securable::Object(TABLE), "u").unwrap();
        assert!(!may(&security));
        security.permit(None, Right::Update, Securable::Object(TABLE), "u").unwrap();
        assert!(may(&security));
        security.drop_member("outer", "inner").unwrap();
        assert!(!may(&security));
    }

    #[test]
    fn fixed_roles_have_their_rights() {
        let (mut security, user) = with_user();
        security.add_member("db_datareader", "u").unwrap();
        assert!(security.allows(user, Right::Select, TABLE, SCHEMA));
        assert!(!security.allows(user, Right::Insert, TABLE, SCHEMA));
        security.add_member("db_ddladmin", "u").unwrap();
        assert!(security.may_define(user) && !security.is_owner(user));
        security.add_member("db_owner", "u").unwrap();
        assert!(security.is_owner(user));
    }

    #[test]
    fn principals_are_named_once_and_roles_form_no_circle() {
        let (mut security, _) = with_user();
        let number = |outcome: Result<()>| outcome.unwrap_err().number;
        assert_eq!(number(security.add_role("U")), 15_023);
        assert_eq!(number(security.add_role("dbo")), 15_023);
        assert_eq!(number(security.add_user("other", "sid")), 15_063);
        security.add_member("outer", "inner").unwrap();
        assert_eq!(number(security.add_member("inner", "outer")), 15_413);
        assert_eq!(number(security.add_member("inner", "nobody")), 15_151);
        assert_eq!(number(security.add_member("u", "inner")), 15_151);
        assert_eq!(number(security.add_member("inner", "dbo")), 15_405);
        assert_eq!(number(security.drop_principal("outer", true, false)), 15_144);
        assert_eq!(number(security.drop_principal("outer", false, false)), 15_151);
        security.drop_principal("inner", true, false).unwrap();
        security.drop_principal("outer", true, false).unwrap();
    }
}
