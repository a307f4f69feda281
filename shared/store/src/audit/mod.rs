//! The audit log: who did what to which entity. Append-only, and written in the transaction of the change itself,
//! so it can neither miss a change nor report one that did not happen.

use crate::{Error, Result};
use serde::Serialize;
use std::borrow::Cow;

/// One thing that was done.
#[derive(Debug, Clone, Serialize)]
pub struct Entry<'a> {
    /// `product.updated`: entity and past participle.
    pub action: &'static str,
    /// `product`.
    pub entity: &'static str,
    /// The entity's id.
    pub entity_id: Cow<'a, str>,
    /// What a reader of the log wants to know besides; a JSON object.
    pub detail: serde_json::Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    ordinal: usize,
    action: &'a str,
    entity: &'a str,
    entity_id: &'a str,
    detail: &'a serde_json::Value,
}

/// Writes the entries in their order, with one statement. `actor` is who did it: a user, an API key, an import;
/// at most 255 characters.
pub async fn record(tx: &mut sql::Transaction<'_>, actor: &str, entries: &[Entry<'_>]) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let rows: Vec<Row<'_>> = entries
        .iter()
        .enumerate()
        .map(|(ordinal, entry)| Row {
            ordinal,
            action: entry.action,
            entity: entry.entity,
            entity_id: &entry.entity_id,
            detail: &entry.detail,
        })
        .collect();
    let rows = serde_json::to_string(&rows).map_err(Error::json("the audit entries"))?;
    tx.execute(include_str!("record.sql"), &[&actor, &rows.as_str()]).await?;
    Ok(())
}
