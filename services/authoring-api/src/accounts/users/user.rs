//! A user: what is stored, how it looks in JSON, and what may be sent to make or change one.

use std::collections::BTreeSet;

use actix_web::HttpResponse;
use actix_web::http::header::ETAG;
use host::problem::FieldError;
use serde::Serialize;
use serde_json::{Value, json};
use sql::{Database, Row, RowExt, Transaction};
use utoipa::ToSchema;

use super::NO_USER;
use crate::accounts::change::Change;
use crate::accounts::{fields, permissions_of_user};
use crate::error::Error;
use crate::timestamp::Timestamp;
use crate::version;

/// A user and the roles that they have.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::accounts) struct User {
    pub(super) id: i64,
    /// What the user signs in with; lower case, stays.
    pub(in crate::accounts) user_name: String,
    pub(in crate::accounts) display_name: String,
    pub(in crate::accounts) email: Option<String>,
    /// Names of roles.
    pub(in crate::accounts) roles: Vec<String>,
    is_enabled: bool,
    /// Whether the user cannot sign in now, because of wrong passwords or because somebody locked the account.
    is_locked: bool,
    /// When a lock ends by itself.
    locked_until: Option<Timestamp>,
    last_signed_in_at: Option<Timestamp>,
    password_changed_at: Timestamp,
    /// Counts the changes of the user; signing in is none.
    pub(super) version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What administrators decide about a user.
pub(super) struct Profile {
    pub(super) display_name: String,
    pub(super) email: Option<String>,
    pub(super) roles: BTreeSet<String>,
    pub(super) is_enabled: bool,
}

impl User {
    /// What audit rows tell of them.
    pub(super) fn detail(&self) -> Value {
        json!({
            "userName": self.user_name, "displayName": self.display_name, "email": self.email, "roles": self.roles,
            "isEnabled": self.is_enabled,
        })
    }

    pub(super) fn answer(&self) -> HttpResponse {
        HttpResponse::Ok().insert_header((ETAG, version::etag(self.version))).json(self)
    }
}

impl Profile {
    pub(super) fn parse(
        display_name: &str,
        email: Option<&str>,
        roles: &[String],
        is_enabled: bool,
        wrong: &mut Vec<FieldError>,
    ) -> Self {
        Self {
            display_name: fields::line("displayName", display_name, fields::DISPLAY_NAME_MAX, wrong),
            email: fields::email("email", email, wrong),
            roles: fields::names("roles", roles, wrong),
            is_enabled,
        }
    }
}

/// The user as stored now.
pub(in crate::accounts) async fn find(database: &Database, id: i64) -> Result<User, Error> {
    read(&database.query(include_str!("find.sql"), &[&id]).await?)?.pop().ok_or(NO_USER)
}

/// The user inside a change, if the actor may change them. Their row stays locked until the transaction ends, so that
/// nobody signs in between what is read and what is written.
pub(in crate::accounts) async fn find_to_change(
    tx: &mut Transaction<'_>,
    change: &Change,
    id: i64,
) -> Result<User, Error> {
    tx.execute(include_str!("take_row.sql"), &[&id]).await?;
    let user = find_in(tx, id).await?;
    change.demand_cover(&permissions_of_user(tx, id).await?)?;
    Ok(user)
}

/// The user as a change has left them, read inside it: what it answers with is its own doing.
pub(super) async fn find_in(tx: &mut Transaction<'_>, id: i64) -> Result<User, Error> {
    read(&tx.query(include_str!("find.sql"), &[&id]).await?)?.pop().ok_or(NO_USER)
}

/// Replaces the roles of a user.
pub(super) async fn set_roles(tx: &mut Transaction<'_>, id: i64, roles: &[i64]) -> sql::Result<()> {
    let roles = json!(roles).to_string();
    tx.execute(include_str!("set_roles.sql"), &[&id, &roles.as_str()]).await.map(drop)
}

/// Users from rows that have one role each; rows of one user stand together.
pub(super) fn read(rows: &[Row]) -> sql::Result<Vec<User>> {
    let mut users: Vec<User> = Vec::new();
    for row in rows {
        let id = row.read("Id")?;
        if users.last().is_none_or(|last| last.id != id) {
            users.push(read_one(row, id)?);
        }
        let role = row.read_opt::<&str>("Role")?;
        if let (Some(user), Some(role)) = (users.last_mut(), role) {
            user.roles.push(role.to_owned());
        }
    }
    Ok(users)
}

fn read_one(row: &Row, id: i64) -> sql::Result<User> {
    Ok(User {
        id,
        user_name: row.read::<&str>("UserName")?.to_owned(),
        display_name: row.read::<&str>("DisplayName")?.to_owned(),
        email: row.read_opt::<&str>("Email")?.map(str::to_owned),
        roles: Vec::new(),
        is_enabled: row.read("IsEnabled")?,
        is_locked: row.read::<i32>("IsLocked")? == 1,
        locked_until: Timestamp::read_opt(row, "LockedUntil")?,
        last_signed_in_at: Timestamp::read_opt(row, "LastSignedInAt")?,
        password_changed_at: Timestamp::read(row, "PasswordChangedAt")?,
        version: row.read("Version")?,
        created_at: Timestamp::read(row, "CreatedAt")?,
        updated_at: Timestamp::read(row, "UpdatedAt")?,
    })
}
