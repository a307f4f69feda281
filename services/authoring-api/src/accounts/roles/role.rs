//! A role: what is stored, how it looks in JSON, and what may be sent to make or change one.

use std::collections::BTreeSet;

use actix_web::HttpResponse;
use actix_web::http::header::ETAG;
use host::auth::Permissions;
use host::problem::FieldError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sql::{Database, Row, RowExt, Transaction};
use utoipa::ToSchema;

use super::NO_ROLE;
use crate::accounts::denied::Denied;
use crate::accounts::fields;
use crate::error::Error;
use crate::timestamp::Timestamp;
use crate::version;

/// Names that begin like this are the system's.
const SYSTEM_PREFIX: &str = "__";

/// A role and what it permits.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Role {
    pub(super) id: i64,
    /// Lower case.
    pub(super) name: String,
    pub(super) description: String,
    /// `resource:action`; `*` is every permission.
    pub(super) permissions: Vec<String>,
    /// A system role stays as it is.
    pub(super) is_system: bool,
    /// Counts the changes of the role.
    pub(super) version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// The body of a request that makes or changes a role.
#[derive(Deserialize, ToSchema)]
#[schema(as = RoleChange)]
pub(crate) struct Body {
    /// Written in lower case; `__` at its beginning is for system roles.
    #[schema(min_length = 1, max_length = 100, example = "price-editor")]
    name: String,
    #[serde(default)]
    #[schema(max_length = 500)]
    description: String,
    /// What it permits: names of `GET /api/platform/security/permissions`.
    #[schema(max_items = 100)]
    permissions: Vec<String>,
}

/// What a role is to be.
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) permissions: BTreeSet<String>,
}

impl Role {
    pub(super) fn granted(&self) -> Permissions {
        Permissions::from_names(self.permissions.iter().map(String::as_str))
    }

    pub(super) fn not_of_the_system(self) -> Result<Self, Error> {
        if self.is_system { Err(Denied::SystemRole(self.name).into()) } else { Ok(self) }
    }

    /// What audit rows tell of it.
    pub(super) fn detail(&self) -> Value {
        json!({ "name": self.name, "description": self.description, "permissions": self.permissions })
    }

    pub(super) fn answer(&self) -> HttpResponse {
        HttpResponse::Ok().insert_header((ETAG, version::etag(self.version))).json(self)
    }
}

impl Body {
    /// The role, or everything that is wrong with it.
    pub(super) fn validate(self) -> Result<Draft, Error> {
        let mut wrong = Vec::new();
        let name = fields::name("name", &self.name, &mut wrong);
        if name.starts_with(SYSTEM_PREFIX) {
            let reason = format!("begins with {SYSTEM_PREFIX}, as only system roles do");
            wrong.push(FieldError::new("name", reason).value(&*name));
        }
        // Names travel to SQL in JSON, and not every server takes its escapes out.
        if name.contains(['"', '\\']) {
            wrong.push(FieldError::new("name", "contains a quotation mark or a backslash").value(&*name));
        }
        let description = fields::line("description", &self.description, fields::DESCRIPTION_MAX, &mut wrong);
        let permissions = fields::permissions("permissions", &self.permissions, &[], &mut wrong);
        fields::all_right(Draft { name, description, permissions }, wrong)
    }
}

impl Draft {
    pub(super) fn granted(&self) -> Permissions {
        Permissions::from_names(self.permissions.iter().map(String::as_str))
    }

    /// Refused because of its name.
    pub(super) fn name_taken(&self) -> Error {
        Denied::NameTaken { what: "role", name: self.name.clone() }.into()
    }
}

/// The role as it is stored now.
pub(super) async fn find(database: &Database, id: i64) -> Result<Role, Error> {
    read(&database.query(include_str!("find.sql"), &[&id]).await?)?.pop().ok_or(NO_ROLE)
}

/// The same inside a change: what that answers with is its own doing.
pub(super) async fn find_in(tx: &mut Transaction<'_>, id: i64) -> Result<Role, Error> {
    read(&tx.query(include_str!("find.sql"), &[&id]).await?)?.pop().ok_or(NO_ROLE)
}

/// Replaces what a role permits.
pub(super) async fn set_permissions(
    tx: &mut Transaction<'_>,
    id: i64,
    permissions: &BTreeSet<String>,
) -> sql::Result<()> {
    let permissions = json!(permissions).to_string();
    tx.execute(include_str!("set_permissions.sql"), &[&id, &permissions.as_str()]).await.map(drop)
}

/// Roles from rows that have one permission each; rows of one role stand together.
pub(super) fn read(rows: &[Row]) -> sql::Result<Vec<Role>> {
    let mut roles: Vec<Role> = Vec::new();
    for row in rows {
        let id = row.read("Id")?;
        if roles.last().is_none_or(|last| last.id != id) {
            roles.push(Role {
                id,
                name: row.read::<&str>("Name")?.to_owned(),
                description: row.read::<&str>("Description")?.to_owned(),
                permissions: Vec::new(),
                is_system: row.read("IsSystem")?,
                version: row.read("Version")?,
                created_at: Timestamp::read(row, "CreatedAt")?,
                updated_at: Timestamp::read(row, "UpdatedAt")?,
            });
        }
        let permission = row.read_opt::<&str>("Permission")?.map(str::to_owned);
        roles.last_mut().into_iter().for_each(|role| role.permissions.extend(permission.clone()));
    }
    Ok(roles)
}
