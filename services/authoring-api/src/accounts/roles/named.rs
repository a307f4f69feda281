//! Roles by their names, as users are given them.

use std::collections::BTreeSet;

use host::auth::Permissions;
use host::problem::FieldError;
use sql::{RowExt, Transaction};

use crate::error::Error;

/// Roles that somebody is to have.
pub(in crate::accounts) struct NamedRoles {
    pub(in crate::accounts) ids: Vec<i64>,
    /// What they permit together.
    pub(in crate::accounts) permissions: Permissions,
}

/// The roles of these names; each has to exist.
pub(in crate::accounts) async fn named(
    tx: &mut Transaction<'_>,
    names: &BTreeSet<String>,
) -> Result<NamedRoles, Error> {
    let lines = Vec::from_iter(names.iter().map(String::as_str)).join("\n");
    let rows = tx.query(include_str!("named.sql"), &[&lines.as_str()]).await?;
    let (mut ids, mut found, mut permissions) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for row in &rows {
        ids.insert(row.read::<i64>("Id")?);
        found.insert(row.read::<&str>("Name")?);
        permissions.extend(row.read_opt::<&str>("Permission")?);
    }
    let unknown: Vec<FieldError> = names
        .iter()
        .filter(|name| !found.contains(name.as_str()))
        .map(|name| FieldError::new("roles", "there is no such role").value(name.as_str()))
        .collect();
    if !unknown.is_empty() {
        return Err(Error::Invalid(unknown));
    }
    Ok(NamedRoles { ids: ids.into_iter().collect(), permissions: Permissions::from_names(permissions) })
}
