//! Marking as read. A change like any other: it has a number, so all the user's connections see it.

use sql::RowExt;
use uuid::Uuid;

use super::Push;
use super::error::Result;
use super::notify::take_numbers;
use super::replay::missing_set;

impl Push {
    /// Marks one notification as read; `false`: the user has no such. Marking it twice is no change.
    ///
    /// # Errors
    /// SQL Server.
    pub async fn mark_read(&self, user_id: &str, id: Uuid) -> Result<bool> {
        let marked = self.database.transaction("push.mark_read", |tx| {
            Box::pin(async move {
                let number = take_numbers(tx, user_id, 1).await?;
                let rows = tx.query(include_str!("mark_read.sql"), &[&user_id, &id, &number]).await?;
                let found: i32 = rows.first().ok_or_else(missing_set)?.read("Found")?;
                if found > 0 {
                    self.announce_after_commit(tx, user_id, number);
                }
                Ok::<_, super::Error>(found > 0)
            })
        });
        marked.await
    }

    /// Marks all of a user's notifications as read.
    ///
    /// # Errors
    /// SQL Server.
    pub async fn mark_all_read(&self, user_id: &str) -> Result<()> {
        let marked = self.database.transaction("push.mark_all_read", |tx| {
            Box::pin(async move {
                let before = take_numbers(tx, user_id, 0).await?;
                let rows = tx.query(include_str!("mark_all_read.sql"), &[&user_id, &before]).await?;
                let head: i64 = rows.first().ok_or_else(missing_set)?.read("Head")?;
                if head > before {
                    self.announce_after_commit(tx, user_id, head);
                }
                Ok::<_, super::Error>(())
            })
        });
        marked.await
    }
}
