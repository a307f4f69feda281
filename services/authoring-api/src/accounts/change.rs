//! One change of users or roles at a time, by somebody who may make it.
//!
//! Begun first in the transaction, it takes the row that all such changes take, so that none is judged by what another
//! is about to take away; and it reads again who is asking and what they may do now, since an access token is up to
//! its lifetime old. Finished last, it writes the audit row, and lets no change through that would leave nobody who
//! may do everything.
//!
//! Nobody gives or takes what they do not hold: neither a permission, nor anything of a user who holds more.

use host::auth::{Permissions, Principal, Subject};
use sql::{RowExt, Transaction};
use store::audit::{self, Entry};

use super::denied::Denied;
use super::{permissions_of_api_key, permissions_of_user};
use crate::error::Error;

/// A change that has begun.
#[must_use = "a change that is not finished has no audit row"]
pub(super) struct Change {
    actor: String,
    user_id: i64,
    permissions: Permissions,
    had_administrator: bool,
}

impl Change {
    /// Waits for its turn and finds out who is asking.
    pub(super) async fn begin(tx: &mut Transaction<'_>, principal: &Principal) -> Result<Self, Error> {
        tx.execute(include_str!("take_turn.sql"), &[]).await?;
        let (user_id, permissions) = permissions_now(tx, principal.subject).await?;
        let had_administrator = has_administrator(tx).await?;
        Ok(Self { actor: principal.name.clone(), user_id, permissions, had_administrator })
    }

    /// The user who asks, or whose API key does.
    pub(super) fn user_id(&self) -> i64 {
        self.user_id
    }

    /// Goes on only if the actor still has the permission of the route.
    pub(super) fn demand(self, permission: &'static str) -> Result<Self, Error> {
        if self.permissions.holds(permission) { Ok(self) } else { Err(Denied::Forbidden(permission).into()) }
    }

    /// Goes on only if the actor holds all of `permissions`: those that are given, or those of whoever is changed.
    pub(super) fn demand_cover(&self, permissions: &Permissions) -> Result<(), Error> {
        if self.permissions.cover(permissions) { Ok(()) } else { Err(Denied::ExceedsOwn.into()) }
    }

    /// Writes who did it. Nothing may follow but the commit.
    pub(super) async fn finish(self, tx: &mut Transaction<'_>, entry: Entry<'_>) -> Result<(), Error> {
        if self.had_administrator && !has_administrator(tx).await? {
            return Err(Denied::LastAdministrator.into());
        }
        audit::record(tx, &self.actor, &[entry]).await?;
        Ok(())
    }
}

/// The user behind the actor, and what the actor may do now, whatever the token says.
async fn permissions_now(tx: &mut Transaction<'_>, actor: Subject) -> Result<(i64, Permissions), Error> {
    let (statement, id) = match actor {
        Subject::User { id } => (include_str!("acting_user.sql"), id),
        Subject::ApiKey { id } => (include_str!("acting_api_key.sql"), id),
    };
    let rows = tx.query(statement, &[&id]).await?;
    let user_id = rows.first().ok_or(Denied::AccountGone)?.read("UserId")?;
    let permissions = match actor {
        Subject::User { .. } => permissions_of_user(tx, user_id).await?,
        Subject::ApiKey { id } => permissions_of_api_key(tx, id, user_id).await?,
    };
    Ok((user_id, permissions))
}

async fn has_administrator(tx: &mut Transaction<'_>) -> sql::Result<bool> {
    Ok(!tx.query(include_str!("any_administrator.sql"), &[]).await?.is_empty())
}
